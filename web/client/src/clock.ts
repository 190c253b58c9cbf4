// The server's time, from a monotonic source: a jump of the machine's wall clock changes nothing.
//
// A sample is the local time before a request and after its answer, and the server's time in it. Its error is at most
// half the round trip, and grows with age because clocks drift. The sample with the least error wins.

/** How many round trips one `sync` makes. */
export const SYNC_ROUND_TRIPS = 5;
/** Time between two syncs. */
export const SYNC_INTERVAL_MS = 180_000;
/** Before another try after a failed sync. */
export const SYNC_RETRY_MS = 5_000;
/** How often the clock looks whether the page was asleep. */
const LOOK_MS = 1_000;
/** A timer that is so late, or wall and monotonic clock that run apart so far, mean that the page was asleep. */
export const SLEEP_MS = 1_500;
/** Assumed drift, in parts: 100 ppm. */
const DRIFT = 0.0001;
/** A change of the offset below it is not reported. */
const REPORT_MS = 1;

/** The parts of the environment that the clock reads. Tests replace them. */
export interface ClockSources {
  /** A monotonic time in ms, such as performance.now. */
  readonly mono: () => number;
  /** The wall clock in ms. It only serves to notice a sleep. */
  readonly wall: () => number;
  /** Asks the server for its time in ms. */
  readonly ask: () => Promise<number>;
}

interface Sample {
  readonly offset: number;
  readonly errorMs: number;
  readonly at: number;
}

/** The server's clock, as its users see it. */
export interface Clock {
  /** Server time minus the monotonic time of this machine. */
  offsetMs(): number;
  /** Server time in ms since 1970. Before the first sync it is the wall clock of this machine. */
  now(): number;
  /** The most by which `now` may be wrong, Infinity before the first sync. */
  errorMs(): number;
  /** Measures the offset by several round trips. Rejects if none succeeded. */
  sync(): Promise<void>;
  /** Calls the listener when the offset has changed. Returns how to stop that. */
  onChange(listener: () => void): () => void;
}

/** See Clock. `start` and `stop` run the timers; `sample` takes round trips of others. */
export class ServerClock implements Clock {
  readonly #sources: ClockSources;
  readonly #listeners = new Set<() => void>();
  readonly #wakeListeners = new Set<() => void>();
  readonly #guess: number;
  #best: Sample | null = null;
  #syncing: Promise<void> | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #nextSync = 0;
  #looked = { mono: 0, wall: 0 };

  constructor(sources: ClockSources) {
    this.#sources = sources;
    this.#guess = sources.wall() - sources.mono();
  }

  offsetMs(): number {
    return this.#best?.offset ?? this.#guess;
  }

  now(): number {
    return this.#sources.mono() + this.offsetMs();
  }

  errorMs(): number {
    return this.#best === null ? Infinity : this.#errorOf(this.#best);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls the listener after the page was asleep. */
  onWake(listener: () => void): () => void {
    this.#wakeListeners.add(listener);
    return () => this.#wakeListeners.delete(listener);
  }

  sync(): Promise<void> {
    this.#syncing ??= this.#measure().finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  /** Takes a round trip: monotonic times before and after, server time in between. */
  sample(sent: number, received: number, serverTime: number): void {
    const sample = { offset: serverTime - (sent + received) / 2, errorMs: (received - sent) / 2, at: received };
    if (this.#best === null || sample.errorMs <= this.#errorOf(this.#best)) this.#take(sample);
  }

  /** Starts to sync every few minutes and after a sleep. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#looked = { mono: this.#sources.mono(), wall: this.#sources.wall() };
    this.#nextSync = this.#looked.mono;
    this.#timer = setInterval(() => {
      this.#look();
    }, LOOK_MS);
    (this.#timer as { unref?: () => void }).unref?.();
    this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #errorOf(sample: Sample): number {
    return sample.errorMs + (this.#sources.mono() - sample.at) * DRIFT;
  }

  #take(sample: Sample): void {
    const before = this.offsetMs();
    this.#best = sample;
    if (Math.abs(this.offsetMs() - before) >= REPORT_MS) for (const each of [...this.#listeners]) each();
  }

  /** Syncs if it is time, or if the page was asleep: the monotonic source may have stopped, so old samples are void. */
  #look(): void {
    const { mono, wall } = { mono: this.#sources.mono(), wall: this.#sources.wall() };
    const passed = { mono: mono - this.#looked.mono, wall: wall - this.#looked.wall };
    this.#looked = { mono, wall };
    const late = passed.mono > LOOK_MS + SLEEP_MS;
    const apart = Math.abs(passed.wall - passed.mono) > SLEEP_MS;
    if (apart && this.#best !== null) this.#best = { ...this.#best, errorMs: Infinity };
    if (late || apart) for (const each of [...this.#wakeListeners]) each();
    if (!late && !apart && mono < this.#nextSync) return;
    this.#nextSync = mono + SYNC_INTERVAL_MS;
    this.sync().catch(() => {
      this.#nextSync = this.#sources.mono() + SYNC_RETRY_MS;
    });
  }

  /** The first answer counts at once: until then the wall clock is shown, and it may be wrong by hours. */
  async #measure(): Promise<void> {
    let failure: unknown;
    let best: Sample | null = null;
    for (let trip = 0; trip < SYNC_ROUND_TRIPS; trip += 1) {
      const sent = this.#sources.mono();
      const apart = this.#sources.wall() - sent;
      try {
        const serverTime = await this.#sources.ask();
        const received = this.#sources.mono();
        if (Math.abs(this.#sources.wall() - received - apart) > SLEEP_MS) {
          best = null; // the machine slept: nothing from before is of use
          throw new Error("the machine slept");
        }
        const errorMs = (received - sent) / 2;
        if (best === null || errorMs < best.errorMs)
          best = { offset: serverTime - (sent + received) / 2, errorMs, at: received };
        if (this.#best === null) this.#take(best);
      } catch (error) {
        failure = error;
      }
    }
    if (best === null) throw failure;
    if (this.#best === null || best.errorMs <= this.#errorOf(this.#best)) this.#take(best);
  }
}
