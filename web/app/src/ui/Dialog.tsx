/**
 * A modal dialog: the browser's own <dialog>, which keeps the focus inside, closes with Escape and gives the focus back to
 * what opened it. The first field has the focus, if there is one.
 */
import { useEffect, useId, useRef, type ReactNode } from "react";
import { useText } from "../lib/text";

interface DialogProps {
  title: string;
  /** What it is about: also read by screen readers when it opens. */
  explained?: ReactNode;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, explained, open, onClose, children }: DialogProps) {
  const t = useText();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  // A <dialog> is made modal only by a call; there is no attribute for it.
  useEffect(() => {
    if (open && dialog.current?.open === false) {
      dialog.current.showModal();
      dialog.current.querySelector<HTMLElement>("input, textarea, select")?.focus();
    } else if (!open) {
      dialog.current?.close();
    }
  }, [open]);
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      aria-describedby={explained === undefined ? undefined : id}
      onClose={onClose}
      className="bg-surface text-ink border-line m-auto w-[min(32rem,calc(100vw-2rem))] rounded-(--radius-card) border p-0 shadow-xl"
    >
      <header className="border-line flex items-center justify-between gap-4 border-b px-5 py-3">
        <h2 className="min-w-0 text-lg font-semibold">{title}</h2>
        <button
          type="button"
          aria-label={t("ui.close")}
          onClick={onClose}
          className="hover:bg-raised -mr-2 size-11 shrink-0 rounded-lg text-xl"
        >
          ×
        </button>
      </header>
      {open && (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-4 p-5">
          {explained !== undefined && <div id={id}>{explained}</div>}
          {children}
        </div>
      )}
    </dialog>
  );
}
