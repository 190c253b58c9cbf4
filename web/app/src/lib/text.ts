/**
 * The texts of the pages: ids with ICU messages in the text.LANGUAGE.json of each folder, compiled at build time. A language
 * is loaded when it is chosen, and the texts of most features with their pages. text.test.ts compares the languages.
 */
import { i18n, type Messages } from "@lingui/core";
import { useLingui } from "@lingui/react";
import { useCallback } from "react";
import texts from "virtual:messages";
import { readStored, store } from "./storage";
import type { TextId } from "./text-ids";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;
/** Folders of features whose texts are loaded with their pages (messages.ts). */
export type Part = "account" | "admin" | "me" | "sales" | "sell" | "webhooks";
export type Values = Record<string, string | number | Date>;
export type Translate = (id: TextId, values?: Values) => string;

const STORED = "rostrum.language";

function isLanguage(value: string | null | undefined): value is Language {
  return value !== null && value !== undefined && Object.hasOwn(LANGUAGES, value);
}

/** The language that was chosen before, or the first of the browser's that the pages have, or English. */
export function preferredLanguage(): Language {
  const stored = readStored("localStorage", STORED);
  if (isLanguage(stored)) {
    return stored;
  }
  return navigator.languages.map((each) => each.slice(0, 2)).find(isLanguage) ?? "en";
}

function currentLanguage(): Language {
  return isLanguage(i18n.locale) ? i18n.locale : "en";
}

const needed = new Set<Part>(); // those of the pages that were opened

async function load(language: Language, parts: readonly (keyof (typeof texts)[Language])[]): Promise<Messages> {
  const loaded = await Promise.all(parts.map((part) => texts[language][part]()));
  return Object.assign({}, ...loaded.map((each) => each.default)) as Messages;
}

/** What a route does before it is shown: loads texts that are not common, once. */
export function needsTexts(...parts: Part[]) {
  return async () => {
    const missing = parts.filter((part) => !needed.has(part));
    if (missing.length === 0) {
      return;
    }
    const language = currentLanguage();
    i18n.load(language, await load(language, missing));
    missing.forEach((part) => needed.add(part));
    if (currentLanguage() !== language) {
      await activateLanguage(currentLanguage(), false); // chosen meanwhile, without these parts
    }
  };
}

/** Loads the language and shows it. `remember` keeps it for the next visit. */
export async function activateLanguage(language: Language, remember: boolean): Promise<void> {
  i18n.loadAndActivate({ locale: language, messages: await load(language, ["common", ...needed]) });
  document.documentElement.lang = language;
  if (remember) {
    store("localStorage", STORED, language);
  }
}

/** Whether there is a text with this id: for ids that are made of codes of the API, which may gain members. */
export function isTextId(id: string): id is TextId {
  return Object.hasOwn(i18n.messages, id);
}

/** The function that gives a text in the present language. */
export function useText(): Translate {
  const lingui = useLingui();
  return useCallback((id, values) => lingui.i18n._(id, values), [lingui]);
}

export function useLanguage(): Language {
  const { i18n: current } = useLingui();
  return isLanguage(current.locale) ? current.locale : "en";
}
