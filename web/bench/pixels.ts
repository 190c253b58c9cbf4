/** From the POST of a bid in one page to the changed pixels of another, without and with other watchers. */
import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "playwright-core";
import { createRostrum, type Rostrum } from "rostrum-client";
import { newAuction, until, URL_OF, type Stage } from "../stories/stage.ts";
import { percentile, printTable, settingOf } from "./figures.ts";
import type { Scene } from "./scene.ts";

const BIDS = settingOf("BENCH_BIDS", 60);
const WATCHERS = settingOf("BENCH_WATCHERS", 100);
/** Between bids, at random so that they follow no timer. A press sooner after a change would mean the amount before it. */
const PAUSE_MS = { least: 300, most: 450 };
const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

interface Noted {
  /** When the page sent its last bid. */
  posted: number;
  /** When the page had each price: in its document, and in a frame that was drawn. */
  prices: Record<string, { changed: number; drawn: number }>;
}

interface Noting {
  noted: Noted;
}

/** Runs in the page before its scripts. The times of all pages of a browser have one origin, that of the system clock. */
function notePrices() {
  const noted: Noted = { posted: NaN, prices: {} };
  Object.assign(window, { noted });
  const now = () => performance.timeOrigin + performance.now();
  const send = window.fetch.bind(window);
  window.fetch = (input, init) => {
    if (input instanceof Request && input.method === "POST" && input.url.endsWith("/bids")) {
      noted.posted = now();
    }
    return send(input, init);
  };
  let last: string | undefined;
  new MutationObserver(() => {
    const price = document.querySelector("[data-testid=price]")?.textContent;
    if (price === undefined || price === last) {
      return;
    }
    last = price;
    const changed = now();
    // The frame has been drawn when the first task after its callbacks runs.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (noted.prices[price] = { changed, drawn: now() });
      port2.postMessage(null);
    });
  }).observe(document, { childList: true, characterData: true, subtree: true });
}

function noted(page: Page): Promise<Noted> {
  return page.evaluate(() => (window as unknown as Noting).noted);
}

async function watchers(auction: string, count: number): Promise<Rostrum[]> {
  const clients = Array.from({ length: count }, () => createRostrum({ baseUrl: URL_OF }));
  let live = 0;
  for (const client of clients) {
    let counted = false;
    client.live.watchAuction(auction, ({ freshness }) => {
      live += !counted && freshness === "live" ? 1 : 0;
      counted ||= freshness === "live";
    });
  }
  await until("all watchers", () => live === count);
  return clients;
}

/** Two people outbid each other; each bid is timed in the other's page. */
async function duel(stage: Stage, { seller, bidders }: Scene, count: number) {
  const auction = await newAuction(seller);
  const others = await watchers(auction, count);
  const people = [await stage.person(bidders[0]), await stage.person(bidders[1])];
  for (const { page } of people) {
    await page.addInitScript(notePrices);
    await page.goto(`/auctions/${auction}`);
  }
  const took: { changed: number; drawn: number; own: number }[] = [];
  for (let each = 0; each < BIDS; each += 1) {
    const [from, to] = [people[each % 2]?.page, people[(each + 1) % 2]?.page];
    const { minimumBid } = await seller.send("GET", `/auctions/${auction}`);
    const amount = dollars.format(Number(minimumBid));
    if (from === undefined || to === undefined) {
      continue;
    }
    await from.getByRole("button", { name: amount, exact: true }).click();
    const drawn = async (page: Page) => until(amount, async () => (await noted(page)).prices[amount]);
    const [other, own, { posted }] = [await drawn(to), await drawn(from), await noted(from)];
    took.push({ changed: other.changed - posted, drawn: other.drawn - posted, own: own.drawn - posted });
    await pause(PAUSE_MS.least + (PAUSE_MS.most - PAUSE_MS.least) * Math.random());
  }
  for (const each of others) {
    each.close();
  }
  await stage.end();
  return took;
}

export async function measurePixels(stage: Stage, scene: Scene) {
  const rows: string[][] = [];
  for (const count of [0, WATCHERS]) {
    const took = await duel(stage, scene, count);
    const parts = [
      took.map(({ changed }) => changed),
      took.map(({ drawn }) => drawn),
      took.map(({ own }) => own),
    ] as const;
    rows.push([
      `${String(count)} watchers`,
      ...parts.flatMap((values) => [0.5, 0.95].map((part) => percentile(values, part).toFixed(1))),
    ]);
  }
  printTable(
    `From the POST of a bid to another page, in ms, of ${String(BIDS)} bids each`,
    ["beside", "document p50", "p95", "pixels p50", "p95", "own pixels p50", "p95"],
    rows,
  );
}
