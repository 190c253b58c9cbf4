/**
 * Compiles the texts of the pages at build time, so that the browser needs no parser for ICU messages. Each folder with pages
 * has text.LANGUAGE.json: ids and ICU messages. The module "virtual:messages" is a table of imports by language and part.
 * A part is the name of a folder of features, whose routes load it, or "common": what the first pages of most visitors need.
 */
import { globSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import type { Plugin } from "vite";

const TABLE = "virtual:messages";
const COMMON = "common";
/** Features whose texts are common: the list of auctions and an auction. */
const FIRST = new Set(["auction", "browse"]);
const FILE = /text\.(\w+)\.json$/;

/** The files with texts: their languages and parts are the table's. */
function textFiles(source: string) {
  return globSync("**/text.*.json", { cwd: source })
    .sort()
    .map((file) => {
      const [folder, feature = ""] = file.split(sep);
      const part = folder === "features" && !FIRST.has(feature) ? feature : COMMON;
      return { file, language: FILE.exec(file)?.[1] ?? "", part };
    });
}

/** The texts of a language by id. Fails if two folders have the same id. */
export function readMessages(source: string, language: string, part?: string): Map<string, string> {
  const all = new Map<string, string>();
  for (const each of textFiles(source).filter((file) => file.language === language)) {
    if (part !== undefined && each.part !== part) {
      continue;
    }
    const texts = JSON.parse(readFileSync(join(source, each.file), "utf8")) as Record<string, string>;
    for (const [id, text] of Object.entries(texts)) {
      if (all.has(id)) {
        throw new Error(`${each.file}: the id ${id} exists in another folder`);
      }
      all.set(id, text);
    }
  }
  return all;
}

/** The code of the table: functions that import the texts of a part. */
function table(source: string): string {
  const files = textFiles(source);
  const names = (of: { language: string; part: string }[], key: "language" | "part") =>
    [...new Set(of.map((each) => each[key]))].sort();
  const rows = names(files, "language").map((language) => {
    const parts = names(
      files.filter((each) => each.language === language),
      "part",
    ).map((part) => `${part}: () => import("${TABLE}/${language}/${part}")`);
    return `${language}: { ${parts.join(", ")} }`;
  });
  return `export default { ${rows.join(", ")} }`;
}

export function messages(source: string): Plugin {
  return {
    name: "rostrum-messages",
    resolveId: (id) => (id === TABLE || id.startsWith(`${TABLE}/`) ? `\0${id}` : undefined),
    load(id) {
      if (id === `\0${TABLE}`) {
        return table(source);
      }
      if (!id.startsWith(`\0${TABLE}/`)) {
        return undefined;
      }
      const [language = "", part = ""] = id.slice(TABLE.length + 2).split("/");
      for (const { file } of textFiles(source)) {
        this.addWatchFile(join(source, file));
      }
      const compiled = [...readMessages(source, language, part)].map(([key, text]) => [key, compileMessage(text)]);
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(Object.fromEntries(compiled)))})`;
    },
  };
}
