/** An act that is asked about first: a button, a dialog that says what it will do, and the act itself. */
import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Button, type ButtonKind } from "./Button";
import { ConfirmDialog } from "./ConfirmDialog";

export interface ConfirmActProps<T> {
  text: string;
  /** For screen readers, where several buttons have the same text; also the title of the dialog. */
  label?: string;
  kind?: ButtonKind;
  /** What it will do. */
  children: ReactNode;
  withReason?: boolean;
  act: (reason: string) => Promise<T>;
  onDone?: (data: T) => unknown;
}

export function ConfirmAct<T>({
  text,
  label = text,
  kind = "danger",
  children,
  withReason = false,
  act,
  onDone,
}: ConfirmActProps<T>) {
  const [asking, setAsking] = useState(false);
  const doing = useMutation({
    mutationFn: act,
    onSuccess: async (data) => {
      setAsking(false);
      await onDone?.(data);
    },
  });
  return (
    <>
      <Button
        kind={kind}
        aria-label={label}
        onClick={() => {
          doing.reset();
          setAsking(true);
        }}
      >
        {text}
      </Button>
      <ConfirmDialog
        title={label}
        act={text}
        kind={kind}
        withReason={withReason}
        open={asking}
        busy={doing.isPending}
        error={doing.error}
        onClose={() => setAsking(false)}
        onAct={(reason) => doing.mutate(reason)}
      >
        {children}
      </ConfirmDialog>
    </>
  );
}
