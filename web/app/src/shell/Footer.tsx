/** Language, theme, and the documents for those who write programs. */
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { activateLanguage, LANGUAGES, useLanguage, useText, type Language } from "../lib/text";
import { THEMES, useTheme, type Theme } from "../lib/theme";
import { Notice } from "../ui/Notice";

const SELECT = "border-edge bg-surface min-h-11 rounded-lg border px-2";

function Choice({ label, children }: { label: string; children: ReactNode }) {
  return (
    <label className="flex items-center gap-2">
      {label} {children}
    </label>
  );
}

export function Footer() {
  const t = useText();
  const language = useLanguage();
  const { theme, setTheme } = useTheme();
  const choosing = useMutation({ mutationFn: (chosen: Language) => activateLanguage(chosen, true) });
  return (
    <footer className="border-line text-muted border-t text-sm">
      <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-6 gap-y-3 px-4 py-4 sm:px-6">
        <Choice label={t("shell.language")}>
          <select
            className={SELECT}
            value={language}
            onChange={(event) => choosing.mutate(event.target.value as Language)}
          >
            {Object.entries(LANGUAGES).map(([each, name]) => (
              <option key={each} value={each} lang={each}>
                {name}
              </option>
            ))}
          </select>
        </Choice>
        <Choice label={t("shell.theme")}>
          <select
            className={SELECT}
            value={theme}
            onChange={(event) => {
              setTheme(event.target.value as Theme);
            }}
          >
            {THEMES.map((each) => (
              <option key={each} value={each}>
                {t(`shell.theme.${each}`)}
              </option>
            ))}
          </select>
        </Choice>
        <a className="ml-auto flex min-h-11 items-center underline" href="/api/v1/openapi.json">
          {t("shell.api")}
        </a>
        {choosing.isError && (
          <div className="basis-full">
            <Notice tone="bad">{t("shell.languageNotLoaded")}</Notice>
          </div>
        )}
      </div>
    </footer>
  );
}
