/** The filters of the own lists, as they stand in the address. */
export const STATES = ["leading", "outbid", "won", "lost"] as const;
export type State = (typeof STATES)[number];

export const STATUSES = ["draft", "scheduled", "active", "sold", "unsold", "cancelled"] as const;
export type Status = (typeof STATUSES)[number];

export function readStates({ state }: Record<string, unknown>): { state?: State } {
  const found = STATES.find((each) => each === state);
  return found === undefined ? {} : { state: found };
}

export function readStatuses({ status }: Record<string, unknown>): { status?: Status } {
  const found = STATUSES.find((each) => each === status);
  return found === undefined ? {} : { status: found };
}
