/** One of several filters, chosen by a link, so that the address holds it. */
import { Link } from "@tanstack/react-router";

const CHIP =
  "border-edge aria-[current=true]:bg-accent aria-[current=true]:text-on-accent flex min-h-11 items-center rounded-full border px-4";

export interface Chip {
  text: string;
  search: Record<string, string>;
  chosen: boolean;
}

export function FilterChips({ label, chips }: { label: string; chips: Chip[] }) {
  return (
    <nav aria-label={label} className="flex flex-wrap gap-2">
      {chips.map(({ text, search, chosen }) => (
        <Link key={text} to="." search={search} aria-current={chosen} className={CHIP}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
