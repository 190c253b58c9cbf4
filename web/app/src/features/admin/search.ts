/** The filters of the admin's lists, as they stand in the address. */
const TEXT_MAX = 200; // characters

function text(value: unknown): string | undefined {
  const string = typeof value === "string" ? value.trim().slice(0, TEXT_MAX) : "";
  return string === "" ? undefined : string;
}

function present<T extends Record<string, unknown>>(found: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

export const STATUSES = ["draft", "scheduled", "active", "ended", "sold", "unsold", "cancelled"] as const;
export const ROLES = ["user", "admin"] as const;

export function readAuctionSearch({ q, status }: Record<string, unknown>) {
  return present({ q: text(q), status: STATUSES.find((each) => each === status) });
}

export function readUserSearch({ q, role }: Record<string, unknown>) {
  return present({ q: text(q), role: ROLES.find((each) => each === role) });
}

export function readAuditSearch({ action, subject, actorId }: Record<string, unknown>) {
  return present({ action: text(action), subject: text(subject), actorId: text(actorId) });
}

export type AuctionSearch = ReturnType<typeof readAuctionSearch>;
export type UserSearch = ReturnType<typeof readUserSearch>;
export type AuditSearch = ReturnType<typeof readAuditSearch>;
