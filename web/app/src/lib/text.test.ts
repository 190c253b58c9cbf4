/** The languages have the same ids, and each text the same parameters. */
import { compileMessage } from "@lingui/message-utils/compileMessage";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readMessages } from "../../messages.ts";

const SOURCE = fileURLToPath(new URL("..", import.meta.url));
const [en, de] = ["en", "de"].map((language) => readMessages(SOURCE, language));

/** The names of the parameters of a compiled text, at every depth. */
function parameters(message: unknown): string[] {
  if (!Array.isArray(message)) {
    return typeof message === "object" && message !== null ? Object.values(message).flatMap(parameters) : [];
  }
  return message.flatMap((part: unknown) =>
    Array.isArray(part) ? [String(part[0]), ...part.slice(1).flatMap(parameters)] : [],
  );
}

test("every text exists in every language", () => {
  expect([...(de?.keys() ?? [])]).toEqual([...(en?.keys() ?? [])]);
});

test("a text has the same parameters in every language", () => {
  for (const [id, text] of en ?? []) {
    const names = (each: string) => [...new Set(parameters(compileMessage(each)))].sort();
    expect([id, names(de?.get(id) ?? "")]).toEqual([id, names(text)]);
  }
});
