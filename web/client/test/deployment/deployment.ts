// The deployment that tests/browser/web_client_test.py names in the environment, and its users, auctions and faults.
import { execFileSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { EventSource, WebSocket } from "undici";
import {
  createRostrum,
  type AuctionState,
  type components,
  type Rostrum,
  type RostrumOptions,
} from "../../src/index.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const HOUR_MS = 3_600_000;
const PASSWORD = "correct horse battery";
/** For anything that the deployment does by itself. */
export const WAIT_MS = 30_000;
const LOOK_MS = 50;

function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run tests/run web_client_test`);
  return value;
}

export const BASE_URL = environment("ROSTRUM_HTTP_URL");
export const ADMIN_TOKEN = environment("ROSTRUM_TEST_ADMIN_TOKEN");

/** Node's own packages have the constructors of browsers, with types of their own. */
const CONSTRUCTORS = { WebSocket, EventSource } as unknown as Pick<RostrumOptions, "WebSocket" | "EventSource">;

const opened: Rostrum[] = [];

/** A client of the deployment. closeAll() closes it. */
export function open(options: Partial<RostrumOptions> = {}): Rostrum {
  const rostrum = createRostrum({ baseUrl: BASE_URL, ...CONSTRUCTORS, ...options });
  opened.push(rostrum);
  return rostrum;
}

export function closeAll(): void {
  for (const each of opened.splice(0)) each.close();
}

/** The access token of a new user. */
export async function newToken(displayName: string): Promise<string> {
  const guest = open();
  const account = { email: `${crypto.randomUUID()}@example.org`, password: PASSWORD };
  await guest.post("/api/v1/auth/register", { body: { ...account, displayName } });
  const { accessToken } = await guest.post("/api/v1/auth/login", { body: account });
  guest.close();
  return accessToken;
}

/** A client that belongs to a new user. */
export async function newUser(displayName: string): Promise<Rostrum> {
  return open({ token: await newToken(displayName) });
}

type NewAuction = components["schemas"]["NewAuction"];

/** An auction of a new seller that lasts an hour. Returns its id. */
export async function newAuction(terms: Partial<NewAuction> = {}): Promise<string> {
  const seller = await newUser("Seller");
  const endTime = new Date(Date.now() + HOUR_MS).toISOString();
  const body: NewAuction = { title: "A lamp", startingPrice: "10.00", endTime, ...terms };
  const { id } = await seller.post("/api/v1/auctions", { body });
  seller.close();
  return id;
}

/** What a client sees of an auction. */
export interface View {
  readonly rostrum: Rostrum;
  readonly states: AuctionState[];
  readonly state: () => AuctionState;
  /** Waits until the newest state fulfils the condition. */
  until(condition: (state: AuctionState) => boolean): Promise<AuctionState>;
}

export function view(rostrum: Rostrum, id: string): View {
  const states: AuctionState[] = [];
  rostrum.live.watchAuction(id, (state) => {
    states.push(state);
  });
  const state = (): AuctionState => {
    const newest = states.at(-1);
    if (newest === undefined) throw new Error("there is no state yet");
    return newest;
  };
  const until = async (condition: (state: AuctionState) => boolean): Promise<AuctionState> => {
    await waitFor(
      () => states.length > 0 && condition(state()),
      () => JSON.stringify(states.at(-1)),
    );
    return state();
  };
  return { rostrum, states, state, until };
}

/** Waits for a condition. */
export async function waitFor(condition: () => boolean, describe: () => string = () => ""): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (!condition()) {
    await pause(LOOK_MS);
    if (performance.now() > end) throw new Error(`did not happen: ${describe()}`);
  }
}

function deployment(...words: readonly string[]): string {
  return execFileSync("deploy/private", words, { cwd: ROOT, encoding: "utf8" }).trim();
}

/** Kills one of the gateway's workers. */
export function killGatewayWorker(): void {
  process.kill(Number(deployment("pid", "gateway-worker")), "SIGKILL");
}

/** Freezes one of the gateway's workers: its connections stay open and silent. Returns how to thaw it. */
export function freezeGatewayWorker(): () => void {
  const pid = Number(deployment("pid", "gateway-worker"));
  process.kill(pid, "SIGSTOP");
  return () => process.kill(pid, "SIGCONT");
}

/** Stops a service and waits until it has started again. */
export function restart(service: string): void {
  deployment("restart", service);
}
