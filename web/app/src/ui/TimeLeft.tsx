/** The time until an instant of the server's clock. A wrong clock of the visitor's machine changes nothing. */
import { useMemo, useSyncExternalStore } from "react";
import { rostrum } from "../lib/rostrum";
import { useFormats } from "../lib/format";

const TENTH_MS = 100;
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** What the text counts in: hours beside days, seconds, and tenths in the last minute. */
function stepOf(left: number) {
  return left >= DAY_MS ? HOUR_MS : left >= MINUTE_MS ? SECOND_MS : TENTH_MS;
}

/**
 * Timers that are due in the same millisecond are one, so that what they change is rendered at once. `together` below makes
 * it so for the rows of a list. A timer counts whole milliseconds, and is never early.
 */
const due = new Map<number, Set<() => void>>();

function atTime(ms: number, call: () => void): () => void {
  const time = Math.ceil(performance.now() + ms);
  let calls = due.get(time);
  if (calls === undefined) {
    const made = new Set<() => void>();
    calls = made;
    due.set(time, made);
    setTimeout(
      () => {
        due.delete(time);
        made.forEach((each) => {
          each();
        });
      },
      Math.ceil(time - performance.now()),
    );
  }
  calls.add(call);
  return () => void calls.delete(call);
}

interface Countdown {
  /** When it changes next, in ms from now; null: never again. */
  next: () => number | null;
  /** The time that is left, as it is shown. */
  left: () => number;
}

/** Changes exactly when a step begins: not sooner, and not a part of a step later. */
function exact(at: number): Countdown {
  const left = () => Math.max(0, at - rostrum.clock.now());
  return {
    next: () => (left() > 0 ? left() % stepOf(left()) : null),
    left: () => Math.floor(left() / stepOf(left())) * stepOf(left()),
  };
}

/** The same up to a second later until the last minute: all of them change at the whole seconds of the server's clock. */
function together(at: number): Countdown {
  const near = exact(at);
  const isNear = () => at - rostrum.clock.now() < MINUTE_MS;
  return {
    next: () => (isNear() ? near.next() : SECOND_MS - (rostrum.clock.now() % SECOND_MS)),
    left: () => {
      const left = at - Math.floor(rostrum.clock.now() / SECOND_MS) * SECOND_MS;
      return isNear() ? near.left() : Math.floor(left / stepOf(left)) * stepOf(left);
    },
  };
}

/** Calls its listener when what is shown changes. */
function following(countdown: Countdown) {
  return (listener: () => void) => {
    let stopTimer: () => void = () => undefined;
    function plan() {
      const next = countdown.next();
      stopTimer = next === null ? () => undefined : atTime(next, changed);
    }
    function changed() {
      stopTimer();
      listener();
      plan();
    }
    plan();
    const stop = rostrum.clock.onChange(changed);
    return () => {
      stopTimer();
      stop();
    };
  };
}

/** Milliseconds until `at` (server time in ms), not below 0, as they are shown. */
function useCountdown(at: number, make: (at: number) => Countdown): number {
  const countdown = useMemo(() => make(at), [at, make]);
  const subscribe = useMemo(() => following(countdown), [countdown]);
  return useSyncExternalStore(subscribe, countdown.left);
}

/** Milliseconds in whole steps until `at`: each begins exactly when its time does. */
export function useTimeLeft(at: number): number {
  return useCountdown(at, exact);
}

interface TimeLeftProps {
  until: number;
  /** One of many in a list, which change at once: a screen full of them is drawn once a second, not at each of their times. */
  inList?: boolean;
}

export function TimeLeft({ until, inList = false }: TimeLeftProps) {
  const formats = useFormats();
  const left = useCountdown(until, inList ? together : exact);
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
