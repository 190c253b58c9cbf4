/** What a visitor saw when they decided to press a button: a price may change under the finger. */
import { useEffect, useRef } from "react";

/** Nobody reacts faster to what they see: a press within this time after a change means what was there before. */
const REACTION_MS = 250;

/** A function that gives the value as the visitor saw it. `value` must be the same object until it changes. */
export function useSeen<T>(value: T): () => T {
  const shown = useRef({ before: value, now: value, since: -REACTION_MS });
  // The change counts from when it is on the screen, which is after the rendering.
  useEffect(() => {
    shown.current = { before: shown.current.now, now: value, since: performance.now() };
  }, [value]);
  return () => (performance.now() - shown.current.since < REACTION_MS ? shown.current.before : shown.current.now);
}
