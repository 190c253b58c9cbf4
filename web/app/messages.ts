/**
 * Compiles the texts of the pages at build time. Each folder with pages has text.LANGUAGE.json: ids and ICU messages. The
 * modules "virtual:messages/LANGUAGE" and "virtual:messages/LANGUAGE/admin" hold them, so that the browser needs no parser for ICU messages.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import type { Plugin } from "vite";

const PREFIX = "virtual:messages/";
const ADMIN = join("features", "admin");

/** A part of the texts: those of the admin's pages, which only admins load, or all others. */
type Part = "admin" | "others";

function filesOf(source: string, language: string, part?: Part): string[] {
  const files = globSync(`**/text.${language}.json`, { cwd: source }).sort();
  return part === undefined ? files : files.filter((file) => file.startsWith(ADMIN) === (part === "admin"));
}

/** The texts of a language by id. Fails if two folders have the same id. */
export function readMessages(source: string, language: string, part?: Part): Map<string, string> {
  const all = new Map<string, string>();
  for (const file of filesOf(source, language, part)) {
    const texts = JSON.parse(readFileSync(join(source, file), "utf8")) as Record<string, string>;
    for (const [id, text] of Object.entries(texts)) {
      if (all.has(id)) {
        throw new Error(`${file}: the id ${id} exists in another folder`);
      }
      all.set(id, text);
    }
  }
  return all;
}

export function messages(source: string): Plugin {
  return {
    name: "rostrum-messages",
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : undefined),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) {
        return undefined;
      }
      const [language = "", name] = id.slice(PREFIX.length + 1).split("/");
      const part = name === "admin" ? "admin" : "others";
      for (const file of filesOf(source, language, part)) {
        this.addWatchFile(join(source, file));
      }
      const compiled = [...readMessages(source, language, part)].map(([key, text]) => [key, compileMessage(text)]);
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(Object.fromEntries(compiled)))})`;
    },
  };
}
