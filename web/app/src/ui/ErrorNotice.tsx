/** Says what went wrong, in the visitor's language where the code is known, else in the server's sentence. */
import { ApiError } from "rostrum-client";
import { useFormats, type Formats } from "../lib/format";
import { isTextId, useText, type Translate } from "../lib/text";
import { Button } from "./Button";
import { Notice } from "./Notice";

/** The sentence for a code of the API, or `other` for one that the pages do not know. */
export function errorForCode(t: Translate, code: string, other = code): string {
  const id = `error.${code}`;
  return isTextId(id) ? t(id) : other;
}

type Fault = ApiError["fields"][number];

/** What is wrong with one of the fields: in the visitor's language if name and code are known, else as the server says it. */
function faultSentence(t: Translate, { date, number }: Formats, { field, code, message, min, max }: Fault): string {
  const [name, what] = [`fault.of.${field}`, `fault.${code}`];
  const shown = (limit: Fault["min"]) => (typeof limit === "number" ? number(limit) : date(limit ?? 0));
  const limits = { ...(min !== undefined && { min: shown(min) }), ...(max !== undefined && { max: shown(max) }) };
  return isTextId(name) && isTextId(what) ? `${t(name)} ${t(what, limits)}` : `${field} ${message}`;
}

/** The sentences for an error. */
function errorSentences(t: Translate, formats: Formats, error: unknown): string[] {
  if (!(error instanceof ApiError)) {
    return [t("error.network")];
  }
  return error.fields.length > 0
    ? error.fields.map((fault) => faultSentence(t, formats, fault))
    : [errorForCode(t, error.code, error.message)];
}

interface ErrorNoticeProps {
  error: unknown;
  onRetry?: () => void;
}

export function ErrorNotice({ error, onRetry }: ErrorNoticeProps) {
  const t = useText();
  const formats = useFormats();
  return (
    <Notice tone="bad">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div>
          {errorSentences(t, formats, error).map((each) => (
            <p key={each}>{each}</p>
          ))}
        </div>
        {onRetry !== undefined && <Button onClick={onRetry}>{t("ui.tryAgain")}</Button>}
      </div>
    </Notice>
  );
}
