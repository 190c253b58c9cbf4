/** The time until an instant of the server's clock. A wrong clock of the visitor's machine changes nothing. */
import { useSyncExternalStore } from "react";
import { rostrum } from "../lib/rostrum";
import { useFormats } from "../lib/format";

const TICK_MS = 100;
const MINUTE_MS = 60_000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One timer for all countdowns of the page, and none when there is no countdown. */
function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) {
      each();
    }
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Milliseconds until `at` (server time in ms), not below 0; whole seconds until the last minute, then tenths. */
export function useTimeLeft(at: number): number {
  return useSyncExternalStore(subscribe, () => {
    const left = Math.max(0, at - rostrum.clock.now());
    const step = left >= MINUTE_MS ? 1000 : TICK_MS;
    return Math.floor(left / step) * step;
  });
}

export function TimeLeft({ until }: { until: number }) {
  const formats = useFormats();
  const left = useTimeLeft(until);
  return (
    <time
      dateTime={new Date(until).toISOString()}
      title={formats.dateSeconds(until)}
      role="timer"
      className="tabular-nums"
    >
      {formats.duration(left)}
    </time>
  );
}
