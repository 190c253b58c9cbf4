import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ServerClock, SYNC_INTERVAL_MS, SYNC_ROUND_TRIPS } from "./clock.ts";

const SERVER = 1_900_000_000_000;
const HOUR_MS = 3_600_000;

/** A machine whose monotonic and wall clocks the test moves, and a server that answers after given times. */
class Machine {
  mono = 1000;
  wall = SERVER + HOUR_MS; // an hour wrong
  /** The way there and back of the next round trips, in ms. */
  trips: [number, number][] = [];
  asked = 0;
  /** In this round trip the machine sleeps for an hour, in which performance.now stands still. */
  sleepsAt = 0;
  fails = false;
  /** The server's time minus the monotonic time. */
  ahead = SERVER - 1000;

  readonly clock = new ServerClock({
    mono: () => this.mono,
    wall: () => this.wall,
    ask: async () => {
      this.asked += 1;
      if (this.fails) throw new Error("no answer");
      const [there, back] = this.trips.shift() ?? [10, 10];
      this.pass(there);
      const now = this.serverTime;
      this.pass(back);
      if (this.asked === this.sleepsAt) {
        this.sleep();
        await new Promise((woken) => setTimeout(woken, 1500));
      }
      return now;
    },
  });

  get serverTime(): number {
    return this.mono + this.ahead;
  }

  sleep(): void {
    this.wall += HOUR_MS;
    this.ahead += HOUR_MS;
  }

  pass(ms: number): void {
    this.mono += ms;
    this.wall += ms;
  }

  /** Lets timers run while the clocks go on. */
  async live(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.pass(100);
      await vi.advanceTimersByTimeAsync(100);
    }
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the server's clock", () => {
  it("is right after its first round trip, before the others", async () => {
    const machine = new Machine();
    const changes: [asked: number, error: number][] = [];
    machine.clock.onChange(() => changes.push([machine.asked, machine.clock.now() - machine.serverTime]));
    await machine.clock.sync();
    expect(changes).toEqual([[1, 0]]);
  });

  it("takes the fastest of several round trips", async () => {
    const machine = new Machine();
    machine.trips = [
      [300, 20],
      [5, 400],
      [12, 10],
      [90, 10],
      [10, 200],
    ];
    await machine.clock.sync();
    expect(machine.asked).toBe(SYNC_ROUND_TRIPS);
    expect(Math.abs(machine.clock.now() - machine.serverTime)).toBeLessThanOrEqual(1);
    expect(machine.clock.errorMs()).toBeLessThan(12);
  });

  it("is the wall clock before the first round trip", () => {
    const machine = new Machine();
    expect(machine.clock.now()).toBe(machine.wall);
    expect(machine.clock.errorMs()).toBe(Infinity);
  });

  it("does not follow a wall clock that jumps", async () => {
    const machine = new Machine();
    machine.clock.start();
    await machine.live(3000);
    for (const jump of [HOUR_MS, -2 * HOUR_MS, 5000]) {
      machine.wall += jump;
      expect(Math.abs(machine.clock.now() - machine.serverTime)).toBeLessThan(20);
      await machine.live(3000);
      expect(Math.abs(machine.clock.now() - machine.serverTime)).toBeLessThan(20);
    }
    machine.clock.stop();
  });

  it("does not believe a round trip in which the machine slept, nor those before it", async () => {
    const machine = new Machine();
    machine.sleepsAt = 2;
    machine.trips = [
      [5, 5],
      [1, 1],
    ];
    machine.clock.start();
    await vi.advanceTimersByTimeAsync(0);
    await machine.live(5000);
    expect(Math.abs(machine.clock.now() - machine.serverTime)).toBeLessThan(20);
    machine.clock.stop();
  });

  it("measures anew after a sleep in which the monotonic source stood still", async () => {
    const machine = new Machine();
    const woke = vi.fn();
    machine.clock.onWake(woke);
    machine.clock.start();
    await machine.live(2000);
    machine.wall += HOUR_MS;
    machine.ahead += HOUR_MS; // the server went on, performance.now did not
    machine.trips = Array.from({ length: SYNC_ROUND_TRIPS }, () => [60, 60]); // and the network is slower
    await machine.live(2000);
    expect(woke).toHaveBeenCalled();
    expect(Math.abs(machine.clock.now() - machine.serverTime)).toBeLessThan(60);
    machine.clock.stop();
  });

  it("measures anew after a timer that was late", async () => {
    const machine = new Machine();
    machine.clock.start();
    await machine.live(2000);
    const before = machine.asked;
    machine.pass(60_000); // no timer ran
    await machine.live(1000);
    expect(machine.asked).toBe(before + SYNC_ROUND_TRIPS);
    machine.clock.stop();
  });

  it("measures every few minutes", async () => {
    const machine = new Machine();
    machine.clock.start();
    await machine.live(2 * SYNC_INTERVAL_MS + 5000);
    expect(machine.asked).toBe(3 * SYNC_ROUND_TRIPS);
    machine.clock.stop();
  });

  it("tries again soon when no round trip succeeds, and keeps what it knows", async () => {
    const machine = new Machine();
    await machine.clock.sync();
    machine.fails = true;
    await expect(machine.clock.sync()).rejects.toThrow("no answer");
    expect(Math.abs(machine.clock.now() - machine.serverTime)).toBeLessThan(20);
    const before = machine.asked;
    machine.clock.start();
    await machine.live(12_000);
    expect(machine.asked).toBe(before + 3 * SYNC_ROUND_TRIPS);
    machine.clock.stop();
  });

  it("takes samples of others, and reports changes", async () => {
    const machine = new Machine();
    await machine.clock.sync();
    const changed = vi.fn();
    const stop = machine.clock.onChange(changed);
    const now = machine.mono;
    machine.clock.sample(now - 500, now, SERVER + 7_000_000); // slower than what is known
    expect(changed).not.toHaveBeenCalled();
    machine.clock.sample(now - 2, now, machine.serverTime + 50); // faster
    expect(changed).toHaveBeenCalledOnce();
    expect(machine.clock.now()).toBeCloseTo(machine.serverTime + 51, 0);
    stop();
    machine.clock.sample(now - 1, now, machine.serverTime);
    expect(changed).toHaveBeenCalledOnce();
  });

  it("forgets an old sample as clocks drift", async () => {
    const machine = new Machine();
    await machine.clock.sync(); // error 10 ms
    machine.pass(HOUR_MS);
    expect(machine.clock.errorMs()).toBeCloseTo(10 + HOUR_MS * 0.0001, 0);
    machine.ahead += 40; // 11 ppm
    machine.trips = Array.from({ length: SYNC_ROUND_TRIPS }, () => [30, 30]);
    await machine.clock.sync();
    expect(Math.abs(machine.clock.now() - machine.serverTime)).toBeLessThan(1);
  });
});
