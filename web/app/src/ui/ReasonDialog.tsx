/** Asks for a reason before an act that cannot be undone, and shows what it will do. */
import { useState, type ReactNode } from "react";
import { useText } from "../lib/text";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { ErrorNotice } from "./ErrorNotice";
import { TextField } from "./Field";

const REASON_MAX = 500; // characters, as the API allows

interface ReasonDialogProps {
  title: string;
  /** What the act will do. */
  children: ReactNode;
  act: string;
  open: boolean;
  busy: boolean;
  error: unknown;
  onClose: () => void;
  onAct: (reason: string) => void;
}

export function ReasonDialog({ title, children, act, open, busy, error, onClose, onAct }: ReasonDialogProps) {
  const t = useText();
  const [reason, setReason] = useState("");
  const given = reason.trim();
  return (
    <Dialog title={title} open={open} onClose={onClose}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          onAct(given);
        }}
      >
        <div>{children}</div>
        <TextField
          label={t("ui.reason")}
          required
          maxLength={REASON_MAX}
          value={reason}
          onChange={(event) => {
            setReason(event.target.value);
          }}
        />
        {error !== null && error !== undefined && <ErrorNotice error={error} />}
        <div className="flex flex-wrap justify-end gap-3">
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button kind="danger" type="submit" busy={busy} disabled={given === ""}>
            {act}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
