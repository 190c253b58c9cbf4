/** What the address of the list holds: every filter, so that a search can be shared and the way back leads to it. */
export const SORTS = ["ending", "newest", "price", "-price", "relevance"] as const;
export type Sort = (typeof SORTS)[number];

export const STATUSES = ["active", "scheduled", "sold", "unsold"] as const;
export type Status = (typeof STATUSES)[number];

export interface Search {
  q?: string;
  category?: string;
  status?: Status;
  minPrice?: string;
  maxPrice?: string;
  sort?: Sort;
}

const TEXT_MAX = 200; // characters of q
const CATEGORY_MAX = 100;
const PRICE = /^\d{1,10}(\.\d{1,2})?$/;

function text(value: unknown, max: number): string | undefined {
  const string = typeof value === "string" || typeof value === "number" ? String(value).trim().slice(0, max) : "";
  return string === "" ? undefined : string;
}

function price(value: unknown): string | undefined {
  const string = text(value, TEXT_MAX);
  return string !== undefined && PRICE.test(string) ? string : undefined;
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown): T | undefined {
  return allowed.find((each) => each === value);
}

/** Reads an address. What it does not know is left out, so that the API is never asked what it would refuse. */
export function readSearch(given: Record<string, unknown>): Search {
  const q = text(given.q, TEXT_MAX);
  const sort = oneOf(SORTS, given.sort);
  const found = {
    q,
    category: text(given.category, CATEGORY_MAX),
    status: oneOf(STATUSES, given.status),
    minPrice: price(given.minPrice),
    maxPrice: price(given.maxPrice),
    sort: sort === "relevance" && q === undefined ? undefined : sort,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
