/** The rate of a counter between the last two readings. */
import { useState } from "react";

interface Reading {
  count: number;
  at: number;
}

/** Per second, or null before the second reading. `at` is the time of the reading in ms. */
export function useRate(count: number, at: number): number | null {
  const [{ before, now }, setReadings] = useState<{ before: Reading | null; now: Reading }>({
    before: null,
    now: { count, at },
  });
  if (at > now.at) {
    setReadings({ before: now, now: { count, at } });
  }
  return before === null ? null : Math.round(((now.count - before.count) * 10_000) / (now.at - before.at)) / 10;
}
