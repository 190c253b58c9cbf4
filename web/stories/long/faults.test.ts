/**
 * A duel of two in browsers while gateway workers are killed and Redis restarts. Each page notes all prices that it shows.
 * The ledger then says that none was shown as live which it never had, or which had long been another: no bid is doubled.
 */
import { execFileSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { newAccount, newAuction, ROOT, Stage, until, type Account, type Person } from "../stage.ts";

const ROUNDS = 12;
const FAULTS: Record<number, () => void> = {
  2: () => {
    killWorker();
  },
  5: () => {
    deployment("restart", "redis");
  },
  8: () => {
    killWorker();
  },
};

/**
 * A page without an answer shows its price as live for so long: 5 s of silence, then 1.5 s for the answer to a ping, and
 * its heartbeat looks each 0.5 s (web/client/src/live). The rest is the way from the ledger to a page while Redis restarts.
 */
const LIVE_MS = 7_500 + 2_500;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

function deployment(...words: string[]): string {
  return execFileSync("deploy/private", words, { cwd: ROOT, encoding: "utf8" });
}

/** Kills one process that the gateway's master has forked. */
function killWorker(): void {
  const master = deployment("pid", "gateway").trim();
  const [worker] = execFileSync("pgrep", ["-P", master], { encoding: "utf8" }).trim().split("\n");
  process.kill(Number(worker), "SIGKILL");
}

/** Presses the first amount, and waits for the lead. A fault may make the answer an error: then it is pressed again. */
async function takeLead({ page }: Person): Promise<void> {
  await until("the lead", async () => {
    const state = (await page.getByTestId("state").textContent()) ?? "";
    if (state.includes("You lead.")) {
      return true;
    }
    const first = page.locator("section button").filter({ hasText: /^\$/ }).first();
    if (await first.isEnabled()) {
      await first.click();
    }
    await pause(500);
    return false;
  });
}

/** A price that a page showed, from then on, and whether as live. */
interface Shown {
  at: number;
  price: string;
  live: boolean;
}

/** What a page has noted, and the longest time for which it had no processor: then it could show nothing else either. */
interface Watched {
  shown: Shown[];
  pausedMs: number;
}

/** Runs in the page before its scripts: notes each change of the price and of the note that it is not live. */
function watchPrice() {
  const LOOK_MS = 100;
  const watched: Watched = { shown: [], pausedMs: 0 };
  let looked = Date.now();
  setInterval(() => {
    watched.pausedMs = Math.max(watched.pausedMs, Date.now() - looked - LOOK_MS);
    looked = Date.now();
  }, LOOK_MS);
  new MutationObserver(() => {
    const price = document.querySelector("[data-testid=price]")?.textContent;
    const live = document.querySelector("main")?.textContent.includes("There is no live connection.") !== true;
    const last = watched.shown.at(-1);
    if (price !== undefined && (price !== last?.price || live !== last.live)) {
      watched.shown.push({ at: Date.now(), price, live });
    }
  }).observe(document, { childList: true, characterData: true, subtree: true });
  Object.assign(window, { watched });
}

interface Price {
  text: string;
  from: number;
}

/** The prices of the ledger, oldest first, each from when it was decided. */
async function pricesOf(auction: string, bidders: readonly Account[], bids: readonly string[]): Promise<Price[]> {
  const prices: Price[] = [{ text: "$10.00", from: 0 }]; // the starting price, which the first bid has as well
  for (const [index, id] of bids.entries()) {
    const bid = await bidders[index % bidders.length]?.send("GET", `/auctions/${auction}/bids/${id}`);
    const text = `$${Number(bid?.amount).toFixed(2)}`;
    if (text !== prices.at(-1)?.text) {
      prices.push({ text, from: Date.parse(String(bid?.decidedAt)) });
    }
  }
  return prices;
}

/** What a page showed as live that was not the price, in words. */
function wrongOf({ shown, pausedMs }: Watched, prices: readonly Price[], end: number): string[] {
  return shown.flatMap(({ at, price, live }, index) => {
    const to = shown[index + 1]?.at ?? end;
    const found = prices.findIndex(({ text }) => text === price);
    const [entry, next] = [prices[found], prices[found + 1]];
    if (!live || (entry !== undefined && at >= entry.from && to <= (next?.from ?? Infinity) + LIVE_MS + pausedMs)) {
      return [];
    }
    const known = entry === undefined ? "never" : `from ${String(entry.from)} to ${String(next?.from)}`;
    return [`${price} from ${String(at)} to ${String(to)}; in the ledger ${known}; paused ${String(pausedMs)} ms`];
  });
}

test("a duel goes on while gateway workers are killed and Redis restarts", async () => {
  const seller = await newAccount("Sam");
  const auction = await newAuction(seller);
  const accounts = [await newAccount("Ann"), await newAccount("Ben")];
  const people = [await stage.person(accounts[0]), await stage.person(accounts[1])];
  const guest = await stage.person();
  const watching = [...people, guest];
  for (const { page } of watching) {
    await page.addInitScript(watchPrice);
    await page.goto(`/auctions/${auction}`);
    await page.getByTestId("price").waitFor();
    await page.getByText("There is no live connection.").waitFor({ state: "detached" });
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    FAULTS[round]?.();
    const person = people[round % 2];
    if (person !== undefined) {
      await takeLead(person);
    }
  }
  const { items } = await seller.send("GET", `/auctions/${auction}/bids?limit=100`);
  const bids = items.reverse();
  expect(bids).toHaveLength(ROUNDS); // each took the lead by one bid
  for (const each of watching) {
    await each.sees(`$${Number(bids.at(-1)?.amount).toFixed(2)}`);
  }
  const prices = await pricesOf(
    auction,
    accounts,
    bids.map(({ bidId }) => String(bidId)),
  );
  for (const { page } of watching) {
    const watched = await page.evaluate(() => (window as unknown as { watched: Watched }).watched);
    expect(watched.shown.length).toBeGreaterThan(1);
    expect(wrongOf(watched, prices, Date.now())).toEqual([]);
  }
});
