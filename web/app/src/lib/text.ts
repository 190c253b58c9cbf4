/**
 * The texts of the pages: ids with ICU messages in the text.LANGUAGE.json of each folder, compiled at build time. A language
 * is loaded when it is chosen. tests/text.test.ts holds the languages against each other.
 */
import { i18n } from "@lingui/core";
import { useLingui } from "@lingui/react";
import { useCallback } from "react";
import type { TextId } from "./text-ids";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;
export type Values = Record<string, string | number | Date>;
export type Translate = (id: TextId, values?: Values) => string;

const STORED = "rostrum.language";

function isLanguage(value: string | null | undefined): value is Language {
  return value !== null && value !== undefined && Object.hasOwn(LANGUAGES, value);
}

/** The language that was chosen before, or the first of the browser's that the pages have, or English. */
export function preferredLanguage(): Language {
  const stored = localStorage.getItem(STORED);
  if (isLanguage(stored)) {
    return stored;
  }
  return navigator.languages.map((each) => each.slice(0, 2)).find(isLanguage) ?? "en";
}

async function load(language: Language) {
  switch (language) {
    case "en":
      return (await import("virtual:messages/en")).default;
    case "de":
      return (await import("virtual:messages/de")).default;
  }
}

async function loadAdmin(language: Language) {
  switch (language) {
    case "en":
      return (await import("virtual:messages/en/admin")).default;
    case "de":
      return (await import("virtual:messages/de/admin")).default;
  }
}

let withAdmin = false; // whether a page of admins was opened

/** Loads the texts of the admin's pages, which nobody else needs. */
export async function needAdminTexts(): Promise<void> {
  withAdmin = true;
  const language = isLanguage(i18n.locale) ? i18n.locale : preferredLanguage();
  i18n.load(language, await loadAdmin(language));
}

/** Loads the language and shows it. `remember` keeps it for the next visit. */
export async function activateLanguage(language: Language, remember: boolean): Promise<void> {
  const admin = withAdmin ? await loadAdmin(language) : {};
  i18n.loadAndActivate({ locale: language, messages: { ...(await load(language)), ...admin } });
  document.documentElement.lang = language;
  if (remember) {
    localStorage.setItem(STORED, language);
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
