/** The time until an instant of the server's clock. A wrong clock of the visitor's machine changes nothing. */
import { useMemo, useSyncExternalStore } from "react";
import { rostrum } from "../lib/rostrum";
import { useFormats } from "../lib/format";

const TENTH_MS = 100;
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

function stepOf(left: number) {
  return left >= MINUTE_MS ? SECOND_MS : TENTH_MS;
}

/** Calls its listener when what is shown of the time until `at` changes: not sooner, and not a part of a step later. */
function countdown(at: number) {
  return (listener: () => void) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    function plan() {
      const left = at - rostrum.clock.now();
      // A timer counts whole milliseconds, and must not be early.
      timer = left > 0 ? setTimeout(changed, Math.floor(left % stepOf(left)) + 1) : undefined;
    }
    function changed() {
      clearTimeout(timer);
      listener();
      plan();
    }
    plan();
    const stop = rostrum.clock.onChange(changed);
    return () => {
      clearTimeout(timer);
      stop();
    };
  };
}

/** Milliseconds until `at` (server time in ms), not below 0; whole seconds until the last minute, then tenths. */
export function useTimeLeft(at: number): number {
  const subscribe = useMemo(() => countdown(at), [at]);
  return useSyncExternalStore(subscribe, () => {
    const left = Math.max(0, at - rostrum.clock.now());
    const step = stepOf(left);
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
