/** A modal dialog: the browser's own <dialog>, which keeps the focus inside and closes with Escape. */
import { useEffect, useRef, type ReactNode } from "react";
import { useText } from "../lib/text";

interface DialogProps {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, open, onClose, children }: DialogProps) {
  const t = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  // A <dialog> is made modal only by a call; there is no attribute for it.
  useEffect(() => {
    if (open && dialog.current?.open === false) {
      dialog.current.showModal();
    } else if (!open) {
      dialog.current?.close();
    }
  }, [open]);
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onClose={onClose}
      className="bg-surface text-ink border-line m-auto w-[min(32rem,calc(100vw-2rem))] rounded-(--radius-card) border p-0 shadow-xl"
    >
      <header className="border-line flex items-center justify-between gap-4 border-b px-5 py-3">
        <h2 className="text-lg font-semibold">{title}</h2>
        <button
          type="button"
          aria-label={t("ui.close")}
          onClick={onClose}
          className="hover:bg-raised -mr-2 size-11 rounded-lg text-xl"
        >
          ×
        </button>
      </header>
      {open && <div className="grid gap-4 p-5">{children}</div>}
    </dialog>
  );
}
