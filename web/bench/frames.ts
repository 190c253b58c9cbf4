/** Frames per second of a list with 100 live cards while bids arrive, and how many cards React renders for a bid. */
import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "playwright-core";
import { until, type Account, type Stage } from "../stories/stage.ts";
import { percentile, printTable, settingOf } from "./figures.ts";
import { CARDS, type Scene } from "./scene.ts";

const SECONDS = settingOf("BENCH_S", 8);
const RATE = settingOf("BENCH_RATE", 50); // bids a second, over all cards
const STEP = 10; // dollars by which each bid exceeds the one before
const SLOW = 4; // times slower than this machine's processor
/** All cards are on this screen. It has as many pixels as usual ones. */
const SCREEN = { viewport: { width: 1280, height: 14_000 }, deviceScaleFactor: 0.25 };
const LATE_MS = 50; // a frame that takes longer can be seen to be late

interface Noted {
  frames: number[];
  /** Cards whose price changed, and cards that were rendered. */
  changed: number;
  rendered: number;
}

interface Noting {
  note: (ms: number) => Promise<Noted>;
}

/** Runs in the page before its scripts. */
function noteFrames() {
  /** React gives an element new properties whenever it renders the component that the element belongs to. */
  const propertiesOf = (element: Element) => {
    const key = Object.keys(element).find((name) => name.startsWith("__reactProps$")) ?? "";
    return (element as unknown as Record<string, unknown>)[key];
  };
  const look = () =>
    [...document.querySelectorAll("article")].map((card) => ({
      properties: propertiesOf(card),
      price: card.querySelector(".font-semibold")?.textContent,
    }));
  const note = (ms: number) =>
    new Promise<Noted>((resolve) => {
      const noted: Noted = { frames: [], changed: 0, rendered: 0 };
      let before = look();
      const [began, last] = [performance.now(), { at: performance.now() }];
      const frame = (now: number) => {
        noted.frames.push(now - last.at);
        last.at = now;
        const after = look();
        noted.changed += after.filter(({ price }, index) => price !== before[index]?.price).length;
        noted.rendered += after.filter(({ properties }, index) => properties !== before[index]?.properties).length;
        before = after;
        if (now - began < ms) {
          requestAnimationFrame(frame);
        } else {
          resolve(noted);
        }
      };
      requestAnimationFrame(frame);
    });
  Object.assign(window, { note });
}

async function showAll(page: Page): Promise<void> {
  await page.goto("/");
  const cards = page.locator("article");
  await until(`${String(CARDS)} cards`, async () => {
    const more = page.getByRole("button", { name: "Show more" });
    if ((await cards.count()) < CARDS && (await more.isEnabled())) {
      await more.click();
    }
    return (await cards.count()) >= CARDS;
  });
  await page.waitForLoadState("networkidle");
}

/** Bids on one card after the other, RATE a second, until `stopped`. Returns how many bids it placed. */
async function placeBids(auctions: string[], bidders: Account[], from: number, stopped: () => boolean) {
  const began = performance.now();
  const sending: Promise<unknown>[] = [];
  for (let each = 0; !stopped(); each += 1) {
    const round = from + Math.floor(each / auctions.length);
    const auction = auctions[each % auctions.length] ?? "";
    const body = { amount: `${String(STEP * (round + 3))}.00` };
    sending.push(bidders[round % bidders.length]?.send("POST", `/auctions/${auction}/bids`, body) ?? Promise.resolve());
    await pause(Math.max(0, began + (each * 1000) / RATE - performance.now()));
  }
  await Promise.all(sending);
  return sending.length;
}

export async function measureFrames(stage: Stage, { auctions, bidders }: Scene) {
  const { page } = await stage.person(undefined, SCREEN);
  const devtools = await page.context().newCDPSession(page);
  await page.addInitScript(noteFrames);
  await showAll(page);
  const rows: (string | number)[][] = [];
  const loads = [
    ["no bids", false, 1],
    [`${String(RATE)} bids/s`, true, 1],
    [`${String(RATE)} bids/s, processor ${String(SLOW)} times slower`, true, SLOW],
  ] as const;
  let round = 0;
  for (const [name, bidding, rate] of loads) {
    await devtools.send("Emulation.setCPUThrottlingRate", { rate });
    let stopped = !bidding;
    const placing = placeBids(auctions, bidders, round, () => stopped);
    const noted = await page.evaluate((ms) => (window as unknown as Noting).note(ms), SECONDS * 1000);
    stopped = true;
    const placed = await placing;
    round += Math.ceil(placed / auctions.length);
    const { frames } = noted;
    rows.push([
      name,
      (frames.length / SECONDS).toFixed(1),
      percentile(frames, 0.95).toFixed(1),
      percentile(frames, 1).toFixed(1),
      frames.filter((ms) => ms > LATE_MS).length,
      placed,
      noted.changed,
      noted.rendered,
    ]);
  }
  await stage.end();
  printTable(
    `A list of ${String(CARDS)} live cards for ${String(SECONDS)} s each`,
    [
      "load",
      "frames/s",
      "p95 ms",
      "longest ms",
      `over ${String(LATE_MS)} ms`,
      "bids",
      "cards changed",
      "cards rendered",
    ],
    rows,
  );
}
