/** Says what went wrong, in the visitor's language where the code is known, else in the server's sentence. */
import { ApiError } from "rostrum-client";
import { isTextId, useText, type Translate } from "../lib/text";
import { Button } from "./Button";
import { Notice } from "./Notice";

/** The sentence for a code of the API, or `other` for one that the pages do not know. */
export function errorForCode(t: Translate, code: string, other = code): string {
  const id = `error.${code}`;
  return isTextId(id) ? t(id) : other;
}

/** The sentence for an error. */
export function errorSentence(t: Translate, error: unknown): string {
  return error instanceof ApiError ? errorForCode(t, error.code, error.message) : t("error.network");
}

interface ErrorNoticeProps {
  error: unknown;
  onRetry?: () => void;
}

export function ErrorNotice({ error, onRetry }: ErrorNoticeProps) {
  const t = useText();
  return (
    <Notice tone="bad">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <span>{errorSentence(t, error)}</span>
        {onRetry !== undefined && <Button onClick={onRetry}>{t("ui.tryAgain")}</Button>}
      </div>
    </Notice>
  );
}
