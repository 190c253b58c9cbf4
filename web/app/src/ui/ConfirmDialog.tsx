/** Asks before an act that cannot be undone: it shows what the act will do, and may ask for a reason. */
import { useState, type ReactNode } from "react";
import { useText } from "../lib/text";
import { Button, type ButtonKind } from "./Button";
import { Dialog } from "./Dialog";
import { ErrorNotice } from "./ErrorNotice";
import { TextField } from "./Field";

const REASON_MAX = 500; // characters, as the API allows

interface ConfirmDialogProps {
  title: string;
  /** What the act will do. */
  children: ReactNode;
  act: string;
  kind: ButtonKind;
  withReason: boolean;
  open: boolean;
  busy: boolean;
  error: unknown;
  onClose: () => void;
  onAct: (reason: string) => void;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, children, act, kind, withReason, open, busy, error, onClose, onAct } = props;
  const t = useText();
  const [reason, setReason] = useState("");
  const given = reason.trim();
  return (
    <Dialog title={title} explained={children} open={open} onClose={onClose}>
      <form
        className="grid grid-cols-[minmax(0,1fr)] gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          onAct(given);
        }}
      >
        {withReason && (
          <TextField
            label={t("ui.reason")}
            required
            maxLength={REASON_MAX}
            value={reason}
            onChange={({ target }) => setReason(target.value)}
          />
        )}
        {error !== null && error !== undefined && <ErrorNotice error={error} />}
        <div className="flex flex-wrap justify-end gap-3">
          <Button onClick={onClose}>{t("ui.close")}</Button>
          <Button kind={kind} type="submit" busy={busy} disabled={withReason && given === ""}>
            {act}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
