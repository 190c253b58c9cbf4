/** Filters with the number of matches of each. On a narrow screen they are folded away. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { readSearch, STATUSES, type Search } from "./search";

const CHOICE =
  "hover:bg-raised flex min-h-11 items-center justify-between gap-3 rounded-lg px-3 aria-[current=true]:font-semibold lg:min-h-9";

interface ChoiceProps {
  search: Search;
  chosen: boolean;
  children: ReactNode;
}

function Choice({ search, chosen, children }: ChoiceProps) {
  return (
    <Link to="/" search={search} aria-current={chosen} className={CHOICE}>
      {children}
    </Link>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h2 className="text-muted px-3 pb-1 text-sm font-medium">{title}</h2>
      {children}
    </section>
  );
}

function Categories({ search, facets }: { search: Search; facets: Schemas["Facets"] }) {
  const t = useText();
  const { number } = useFormats();
  return (
    <Group title={t("browse.category")}>
      {facets.category
        .filter(({ value }) => value !== "")
        .map(({ value, count }) => (
          <Choice
            key={value}
            chosen={search.category === value}
            search={readSearch({ ...search, category: search.category === value ? undefined : value })}
          >
            <span>{value}</span>
            <span className="text-muted text-sm">{number(count)}</span>
          </Choice>
        ))}
    </Group>
  );
}

function Prices({ search, facets }: { search: Search; facets: Schemas["Facets"] }) {
  const t = useText();
  const { money, number } = useFormats();
  return (
    <Group title={t("browse.price")}>
      {facets.price
        .filter(({ count }) => count > 0)
        .map(({ from, to, count }) => {
          const band = {
            minPrice: from.toFixed(2),
            maxPrice: to === null ? undefined : (to - 0.01).toFixed(2),
          };
          const chosen = search.minPrice === band.minPrice && search.maxPrice === band.maxPrice;
          const other = chosen ? { minPrice: undefined, maxPrice: undefined } : band;
          return (
            <Choice key={from} chosen={chosen} search={readSearch({ ...search, ...other })}>
              <span>
                {to === null
                  ? t("browse.priceFrom", { from: money(from * 100) })
                  : t("browse.priceBand", { from: money(from * 100), to: money(to * 100) })}
              </span>
              <span className="text-muted text-sm">{number(count)}</span>
            </Choice>
          );
        })}
    </Group>
  );
}

export function Filters({ search, facets }: { search: Search; facets: Schemas["Facets"] | undefined }) {
  const t = useText();
  return (
    <details
      className="border-line group rounded-(--radius-card) border p-2 lg:border-0 lg:p-0"
      open={matchMedia("(min-width: 64rem)").matches}
    >
      <summary className="min-h-11 px-3 py-2 font-medium lg:hidden">{t("browse.filters")}</summary>
      <div className="grid gap-5">
        <Group title={t("browse.status")}>
          {STATUSES.map((each) => (
            <Choice
              key={each}
              chosen={(search.status ?? "active") === each}
              search={readSearch({ ...search, status: each })}
            >
              {t(`browse.status.${each}`)}
            </Choice>
          ))}
        </Group>
        {Object.keys(search).some((name) => name !== "sort" && name !== "q") && (
          <Choice chosen={false} search={readSearch({ q: search.q, sort: search.sort })}>
            <span className="underline">{t("browse.clear")}</span>
          </Choice>
        )}
        {facets !== undefined && (
          <>
            <Categories search={search} facets={facets} />
            <Prices search={search} facets={facets} />
          </>
        )}
      </div>
    </details>
  );
}
