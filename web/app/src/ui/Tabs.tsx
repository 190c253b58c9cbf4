/** Pages side by side. On a narrow screen the row scrolls sideways, and begins where the present page is seen. */
import type { ReactNode } from "react";

/** The classes of a link in it. */
export const TAB =
  "data-[status=active]:border-accent flex min-h-11 items-center border-b-2 border-transparent px-3 data-[status=active]:font-semibold";

function showActive(row: HTMLElement | null) {
  const active = row?.querySelector<HTMLElement>("[data-status=active]");
  if (row !== null && active !== null && active !== undefined) {
    row.scrollLeft = active.offsetLeft - row.offsetLeft - (row.clientWidth - active.clientWidth) / 2;
  }
}

export function Tabs({ label, children }: { label: string; children: ReactNode }) {
  return (
    <nav
      ref={showActive}
      aria-label={label}
      className="border-line flex gap-x-2 overflow-x-auto border-b whitespace-nowrap"
    >
      {children}
    </nav>
  );
}
