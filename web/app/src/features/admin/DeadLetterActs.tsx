/** Sending a dead letter again once its cause is mended, and removing it. */
import { useFormats } from "../../lib/format";
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Act } from "./Act";

interface DeadLetterActsProps {
  letter: Schemas["DeadLetter"];
  onRemoved: () => unknown;
}

export function DeadLetterActs({ letter, onRemoved }: DeadLetterActsProps) {
  const t = useText();
  const { date } = useFormats();
  const path = { id: letter.id };
  const key = letter.routingKey;
  if (letter.requeuedAt !== null) {
    return <p>{t("admin.requeuedAt", { time: date(letter.requeuedAt) })}</p>;
  }
  return (
    <div className="flex flex-wrap gap-3">
      <Act
        text={t("admin.requeue")}
        kind="plain"
        act={(reason) =>
          rostrum.post("/api/v1/admin/dead-letters/{id}/requeue", { params: { path, query: { reason } } })
        }
      >
        {t("admin.requeueExplained", { key })}
      </Act>
      <Act
        text={t("ui.remove")}
        label={t("admin.removeLetter")}
        act={(reason) => rostrum.del("/api/v1/admin/dead-letters/{id}", { params: { path, query: { reason } } })}
        onDone={onRemoved}
      >
        {t("admin.removeLetterExplained", { key })}
      </Act>
    </div>
  );
}
