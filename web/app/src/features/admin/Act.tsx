/** An act of an admin: a button, a dialog that says what it will do and asks for the reason, and the act itself. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Button } from "../../ui/Button";
import { ReasonDialog } from "../../ui/ReasonDialog";

interface ActProps {
  text: string;
  /** For screen readers, where several buttons have the same text. */
  label?: string;
  /** What it will do. */
  children: ReactNode;
  act: (reason: string) => Promise<unknown>;
  onDone?: () => void;
}

export function Act({ text, label = text, children, act, onDone }: ActProps) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const doing = useMutation({
    mutationFn: act,
    onSuccess: async () => {
      setAsking(false);
      onDone?.();
      await queries.invalidateQueries({ queryKey: ["admin"] });
    },
  });
  return (
    <>
      <Button
        kind="danger"
        aria-label={label}
        onClick={() => {
          doing.reset();
          setAsking(true);
        }}
      >
        {text}
      </Button>
      <ReasonDialog
        title={label}
        act={text}
        open={asking}
        busy={doing.isPending}
        error={doing.error}
        onClose={() => {
          setAsking(false);
        }}
        onAct={(reason) => {
          doing.mutate(reason);
        }}
      >
        {children}
      </ReasonDialog>
    </>
  );
}
