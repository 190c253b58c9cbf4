/** The languages have the same ids, each text the same parameters, and each page the texts that it names. */
import { compileMessage } from "@lingui/message-utils/compileMessage";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
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

/** The ids that the code of a folder names as a whole. */
function namedIn(folder: string): string[] {
  return globSync(`${folder}/**/*.{ts,tsx}`, { cwd: SOURCE }).flatMap((file) =>
    [...readFileSync(join(SOURCE, file), "utf8").matchAll(/"([\w.]+)"/g)]
      .map(([, id = ""]) => id)
      .filter((id) => en?.has(id) === true),
  );
}

/** The parts of the texts that the routes of a folder load. */
function partsOf(folder: string): string[] {
  const [routes] = globSync(`${folder}/routes.ts`, { cwd: SOURCE });
  const calls =
    routes === undefined ? [] : readFileSync(join(SOURCE, routes), "utf8").matchAll(/needsTexts\(([^)]*)\)/g);
  return [...calls].flatMap(([, parts = ""]) => [...parts.matchAll(/\w+/g)].map(([part]) => part));
}

const FOLDERS = ["shell", "ui", "lib", ...globSync("features/*", { cwd: SOURCE })];

test.each(FOLDERS)("a page of %s has the texts that it names", (folder) => {
  const parts = ["common", ...partsOf(folder)];
  const loaded = new Set(parts.flatMap((part) => [...readMessages(SOURCE, "en", part).keys()]));
  expect(namedIn(folder).filter((id) => !loaded.has(id))).toEqual([]);
});
