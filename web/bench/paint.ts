/** First paint and layout shift of a first visit, on a slow machine behind a slow line. */
import type { Stage } from "../stories/stage.ts";
import { median, printTable, settingOf } from "./figures.ts";
import type { Scene } from "./scene.ts";

const LOADS = settingOf("BENCH_LOADS", 5);
const CPU = 4; // times slower
/** Slow 4G as Chromium's developer tools have it. */
const SLOW_4G = { offline: false, latency: 562.5, downloadThroughput: 188_743, uploadThroughput: 86_400 };
const SETTLED_MS = 1_500; // after the last request, until nothing moves any more
const SCREENS = {
  phone: { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 },
  desk: { viewport: { width: 1200, height: 900 } },
};

interface Painted {
  first: number;
  largest: number;
  shift: number;
}

interface Noting {
  painted: Painted;
}

/** Runs in the page before its scripts. */
function notePaints() {
  const painted = { first: NaN, largest: NaN, shift: 0 };
  Object.assign(window, { painted });
  const note = (type: string, take: (entry: PerformanceEntry) => void) => {
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  };
  note("paint", ({ name, startTime }) => {
    painted.first = name === "first-contentful-paint" ? startTime : painted.first;
  });
  note("largest-contentful-paint", ({ startTime }) => (painted.largest = startTime));
  note("layout-shift", (entry) => (painted.shift += (entry as PerformanceEntry & { value: number }).value));
}

async function load(stage: Stage, path: string, screen: keyof typeof SCREENS): Promise<Painted> {
  const { page } = await stage.person(undefined, SCREENS[screen]);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", SLOW_4G);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: CPU });
  await page.addInitScript(notePaints);
  await page.goto(path);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(SETTLED_MS);
  const painted = await page.evaluate(() => (window as unknown as Noting).painted);
  await stage.end();
  return painted;
}

export async function measurePaint(stage: Stage, { first }: Scene) {
  const rows: string[][] = [];
  for (const [name, path] of [["browse", "/"] as const, ["auction", `/auctions/${first}`] as const]) {
    for (const screen of ["phone", "desk"] as const) {
      const loads: Painted[] = [];
      for (let each = 0; each < LOADS; each += 1) {
        loads.push(await load(stage, path, screen));
      }
      const of = (take: (painted: Painted) => number) => loads.map(take);
      rows.push([
        `${name}, ${screen}`,
        (median(of(({ first }) => first)) / 1000).toFixed(2),
        (median(of(({ largest }) => largest)) / 1000).toFixed(2),
        Math.max(...of(({ shift }) => shift)).toFixed(3),
      ]);
    }
  }
  printTable(
    `First visits with a processor ${String(CPU)} times slower and slow 4G: medians of ${String(LOADS)}, largest shift`,
    ["page", "first paint s", "largest paint s", "layout shift"],
    rows,
  );
}
