/** A form that does one thing: its fields, what went wrong or well, and the button. It cannot be sent twice at once. */
import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Button, type ButtonKind } from "./Button";
import { ErrorNotice } from "./ErrorNotice";

interface ActFormProps<T> {
  act: UseMutationResult<T, Error, FormData>;
  /** What the button says. */
  text: string;
  kind?: ButtonKind;
  /** The width of the form on a wide screen, or only of the button's text. */
  wideButton?: boolean;
  /** Whether the fields take their first values again once it is done. */
  emptied?: boolean;
  /** What is shown once it is done. */
  done?: ReactNode;
  /** What can be done instead after an error. */
  instead?: ReactNode;
  children: ReactNode;
}

export function ActForm<T>({
  act,
  text,
  kind = "primary",
  wideButton = true,
  emptied = false,
  done,
  instead,
  children,
}: ActFormProps<T>) {
  return (
    <form
      className="grid grid-cols-[minmax(0,1fr)] gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        act.mutate(new FormData(form), emptied ? { onSuccess: () => form.reset() } : {});
      }}
    >
      {children}
      {act.isError && <ErrorNotice error={act.error} />}
      {act.isError && instead}
      {act.isSuccess && done}
      <Button kind={kind} type="submit" busy={act.isPending} className={wideButton ? "" : "sm:justify-self-start"}>
        {text}
      </Button>
    </form>
  );
}
