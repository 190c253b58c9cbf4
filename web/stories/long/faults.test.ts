/** A duel of two in browsers while gateway workers are killed and Redis restarts: no wrong price is live, no bid is doubled. */
import { execFileSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { newAccount, newAuction, ROOT, Stage, until, type Person } from "../stage.ts";

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

test("a duel goes on while gateway workers are killed and Redis restarts", async () => {
  const seller = await newAccount("Sam");
  const auction = await newAuction(seller);
  const accounts = [await newAccount("Ann"), await newAccount("Ben")];
  const people = [await stage.person(accounts[0]), await stage.person(accounts[1])];
  const guest = await stage.person();
  for (const { page } of [...people, guest]) {
    await page.goto(`/auctions/${auction}`);
    await page.getByTestId("price").waitFor();
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    FAULTS[round]?.();
    const person = people[round % 2];
    if (person !== undefined) {
      await takeLead(person);
    }
  }
  const { items } = await seller.send("GET", `/auctions/${auction}/bids?limit=100`);
  const amounts = items.map((each) => Number(each.amount));
  expect(new Set(amounts).size).toBe(amounts.length); // no two accepted bids have the same amount
  expect([...amounts].sort((a, b) => b - a)).toEqual(amounts);
  await guest.sees(`$${(amounts[0] ?? 0).toFixed(2)}`);
});
