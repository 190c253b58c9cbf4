/** A table that scrolls sideways inside itself on a narrow screen, so that the page never does. */
import type { ReactNode } from "react";

export function Table({ label, head, children }: { label: string; head: ReactNode[]; children: ReactNode }) {
  return (
    // A region that scrolls has to be reachable by keyboard.
    <div
      role="region"
      aria-label={label}
      tabIndex={0}
      className="border-line bg-surface overflow-x-auto rounded-(--radius-card) border"
    >
      <table className="w-full border-collapse text-left wrap-break-word">
        <thead className="bg-raised text-sm">
          <tr>
            {head.map((each, index) => (
              <th key={index} scope="col" className="px-3 py-2 font-medium whitespace-nowrap">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="[&>tr]:border-line [&>tr]:border-t [&_td]:px-3 [&_td]:py-2 [&_td]:align-top">
          {children}
        </tbody>
      </table>
    </div>
  );
}

export function Facts({ items }: { items: [label: string, value: ReactNode][] }) {
  return (
    <dl className="grid gap-x-6 gap-y-2 sm:grid-cols-[auto_1fr]">
      {items.map(([label, value]) => (
        <div key={label} className="contents">
          <dt className="text-muted text-sm sm:text-base">{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
