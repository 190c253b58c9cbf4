// Delays before another try, and the named bounds of all of them.

/** The first delay and the longest one. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/** Between two tries of a request. */
export const REQUEST_BACKOFF: Backoff = { baseMs: 250, capMs: 4_000 };
/** How often a request is sent at most. */
export const REQUEST_TRIES_MAX = 6;
/** The longest `Retry-After` that a request waits for by itself. */
export const RETRY_AFTER_MAX_MS = 5_000;
/** Between two tries to open the socket. */
export const RECONNECT_BACKOFF: Backoff = { baseMs: 500, capMs: 15_000 };
/** The longest time of a `reconnect in N ms` that is obeyed. */
export const RECONNECT_HINT_MAX_MS = 60_000;

/** The delay after `tries` failed ones: it doubles, and a random half of it spreads the clients. */
export function backoffMs(tries: number, { baseMs, capMs }: Backoff, random: () => number = Math.random): number {
  const whole = Math.min(capMs, baseMs * 2 ** Math.max(0, tries - 1));
  return whole / 2 + (random() * whole) / 2;
}

/** Waits. Rejects with the reason of the signal if that is aborted first. */
export function sleep(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
