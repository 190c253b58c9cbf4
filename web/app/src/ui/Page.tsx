/** The frame of a page: its title in the window and as the heading, and what stands beside the heading. */
import type { ReactNode } from "react";

interface PageProps {
  title: string;
  /** Buttons and links beside the heading. */
  aside?: ReactNode;
  children: ReactNode;
}

export function Page({ title, aside, children }: PageProps) {
  return (
    <div className="grid gap-6">
      <title>{`${title} · Rostrum`}</title>
      <header className="flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
        {aside}
      </header>
      {children}
    </div>
  );
}

export function Card({ title, children, className = "" }: { title?: string; children: ReactNode; className?: string }) {
  return (
    <section
      className={`bg-surface border-line grid content-start gap-4 grid-cols-[minmax(0,1fr)] rounded-(--radius-card) border p-4 sm:p-5 ${className}`}
    >
      {title !== undefined && <h2 className="text-lg font-semibold">{title}</h2>}
      {children}
    </section>
  );
}

/** What a list shows that has nothing in it: why, and where to go from here. */
export function Empty({ children }: { children: ReactNode }) {
  return (
    <div className="border-edge text-muted grid justify-items-center gap-4 rounded-(--radius-card) border border-dashed px-6 py-12 text-center">
      {children}
    </div>
  );
}

export function Skeleton({ className = "h-24" }: { className?: string }) {
  return <div aria-hidden="true" className={`bg-raised animate-pulse rounded-(--radius-card) ${className}`} />;
}
