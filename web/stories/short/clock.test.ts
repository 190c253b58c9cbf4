/** The countdown in a browser whose clock is wrong. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { endIn, LAST_SECONDS, newAccount, newAuction, Stage, until } from "../stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

test("a wrong and jumping clock of the client does not move the countdown", async () => {
  const seller = await newAccount("Sam");
  const auction = await newAuction(seller);
  const { page } = await stage.person();
  await page.addInitScript(watchCountdown);
  await page.goto(`/auctions/${auction}`, { waitUntil: "networkidle" }); // the clock has asked the server
  // The last minute begins when the page is there, however long that took.
  const end = await endIn(LAST_SECONDS, seller, auction);
  await until("tenths of seconds", async () => (await page.getByTestId("time-left").textContent())?.includes("."));
  const drawn = () => page.evaluate(() => (window as unknown as Watched).drawn);
  for (const jump of [0, -7_200_000, 86_400_000]) {
    await page.evaluate((ms) => (window as unknown as Watched).jump(ms), jump);
    await until("enough changes", async () => (await drawn()).length >= CHANGES);
    // A shown tenth stands for all times from itself to the next one. Too little left is shown by a wrong clock alone. Too
    // much is also shown by a page that had no processor for a while, but not at each change.
    const late = (await drawn()).map(({ left, at }) => TENTH_MS - (end - at - left));
    expect(late.filter((ms) => ms <= -CLOCK_ERROR_MS)).toEqual([]);
    expect(Math.min(...late)).toBeLessThan(CLOCK_ERROR_MS / 2);
  }
});

const CLOCK_ERROR_MS = 100;
const TENTH_MS = 100;
const CHANGES = 30; // of the countdown that are looked at after each jump

interface Watched {
  /** What the countdown has shown so far, in ms, and when by the clock of this machine, which is the server's. */
  drawn: { left: number; at: number }[];
  /** Makes the clock of the page wrong by so much more, and looks at what is drawn from then on. */
  jump: (ms: number) => void;
}

/** Runs in the page before its scripts: makes its clock wrong, and notes each change of the countdown. */
function watchCountdown() {
  const { now } = Date;
  let wrong = 3_600_000;
  Date.now = () => now() + wrong;
  const drawn: Watched["drawn"] = [];
  const jump = (ms: number) => {
    wrong += ms;
    drawn.splice(0);
  };
  Object.assign(window, { drawn, jump });
  new MutationObserver(() => {
    const text = document.querySelector("[data-testid=time-left]")?.textContent;
    const left = text === undefined ? NaN : text.includes(".") ? Math.round(Number(text) * 1000) : -1;
    if (text !== undefined && left !== drawn.at(-1)?.left) {
      drawn.push({ left, at: now() });
    }
  }).observe(document, { childList: true, characterData: true, subtree: true });
}
