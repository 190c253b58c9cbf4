// One auction or sale that somebody watches: its state, its listeners, and what is known of its stream. Called by live.ts.
import type { ApiError } from "../errors.ts";
import type { Freshness } from "../types.ts";
import type { Kind } from "./subscriptions.ts";

/** How something is watched. */
export interface WatchOptions {
  /** Whether it is on the screen now. Beyond 100 watched ones, visible ones keep their live updates. Default: always. */
  readonly visible?: () => boolean;
  /** Called if the server knows no such auction or sale. No state follows. */
  readonly onError?: (error: ApiError) => void;
}

/** What all states have. */
interface AnyState {
  readonly version: number;
  readonly freshness: Freshness;
  readonly asOf: number;
  readonly terms: unknown;
  readonly gap?: boolean;
}

type FreshnessInput =
  { readonly kind: "freshness"; readonly freshness: Freshness; readonly asOf: number } | { readonly kind: "user" };

interface Listener<S> {
  readonly call: (state: S) => void;
  readonly options: WatchOptions;
}

/** See above. `I` is the input of the reducer. */
export class Watched<S extends AnyState, I> {
  readonly kind: Kind;
  readonly id: string;
  readonly #reduce: (state: S | null, id: string, input: I | FreshnessInput) => S;
  readonly #listeners = new Set<Listener<S>>();
  state: S | null = null;
  /** Rises with each new listener. */
  order = 0;
  /** The stream over which the state is kept up to date. */
  stream: "socket" | "events" | null = null;
  /** The server knows no such thing. */
  missing = false;
  /** The monotonic time of the first snapshot that was older than the state, or null. */
  doubt: number | null = null;
  /** When a snapshot and when a body was last asked for, apart from the first ones. */
  askedAt = -Infinity;
  bodyAt = -Infinity;
  /** Asks for another snapshot, while one is needed. */
  pursuit: ReturnType<typeof setTimeout> | undefined;
  /** Runs after the last listener has left. */
  linger: ReturnType<typeof setTimeout> | undefined;

  constructor(kind: Kind, id: string, reduce: (state: S | null, id: string, input: I | FreshnessInput) => S) {
    this.kind = kind;
    this.id = id;
    this.#reduce = reduce;
  }

  get visible(): boolean {
    for (const { options } of this.#listeners) if (options.visible?.() ?? true) return true;
    return false;
  }

  /** Whether something is missing in the state. */
  get gap(): boolean {
    return this.state?.gap === true;
  }

  get abandoned(): boolean {
    return this.#listeners.size === 0;
  }

  /** Adds a listener, and calls it with the present state. Returns how to remove it. */
  listen(call: (state: S) => void, options: WatchOptions): () => void {
    const listener: Listener<S> = { call, options };
    this.#listeners.add(listener);
    if (this.state !== null) call(this.state);
    return () => this.#listeners.delete(listener);
  }

  /** Reduces the state and calls the listeners if it has changed. */
  feed(input: I | FreshnessInput): void {
    const before = this.state;
    const after = this.#reduce(before, this.id, input);
    // Before the first values there is nothing to show.
    if (after === before || after.version === 0) return;
    this.state = after;
    for (const each of [...this.#listeners]) each.call(after);
  }

  /** Says whether the state is kept up to date. `asOf` is when it was for certain. */
  setFreshness(freshness: Freshness, asOf: number): void {
    if (this.state === null || this.state.freshness === freshness) return;
    this.feed({ kind: "freshness", freshness, asOf: Math.max(asOf, this.state.asOf) });
  }

  /** Tells the listeners that there is no such thing. */
  fail(error: ApiError): void {
    this.missing = true;
    for (const { options } of [...this.#listeners]) options.onError?.(error);
  }
}
