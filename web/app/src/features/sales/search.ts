/** The address of the list of flash sales: which of them it shows. */
export const GROUPS = { now: "open,active", soon: "upcoming", over: "ended,settled,sold_out,cancelled" } as const;
export type Group = keyof typeof GROUPS;

export function readGroup({ show }: Record<string, unknown>): { show?: Group } {
  return typeof show === "string" && Object.hasOwn(GROUPS, show) ? { show: show as Group } : {};
}
