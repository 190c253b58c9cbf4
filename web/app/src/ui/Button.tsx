/** Buttons, and links that look like them. */
import type { ButtonHTMLAttributes, ReactNode } from "react";

const KINDS = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong border-transparent",
  plain: "bg-surface text-ink hover:bg-raised border-edge",
  quiet: "text-ink hover:bg-raised border-transparent",
  danger: "bg-bad-soft text-bad hover:border-bad border-transparent",
} as const;

export type ButtonKind = keyof typeof KINDS;

const BASE =
  "inline-flex min-h-11 items-center justify-center gap-2 rounded-lg border px-4 py-2 text-center font-medium transition-colors disabled:opacity-55 aria-busy:opacity-55";

/** The classes of a button, for a link that looks like one. */
export function buttonClass(kind: ButtonKind = "plain", more = "") {
  return `${BASE} ${KINDS[kind]} ${more}`;
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
  /** Work is under way: the button does nothing and says so to screen readers. It keeps the focus, unlike a disabled one. */
  busy?: boolean;
  children: ReactNode;
}

export function Button({
  kind = "plain",
  busy = false,
  className = "",
  type = "button",
  onClick,
  children,
  ...rest
}: ButtonProps) {
  return (
    <button
      type={type}
      className={buttonClass(kind, className)}
      aria-busy={busy}
      aria-disabled={busy}
      {...rest}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {busy && (
        <span
          aria-hidden="true"
          className="size-4 animate-spin rounded-full border-2 border-current border-r-transparent"
        />
      )}
      {children}
    </button>
  );
}
