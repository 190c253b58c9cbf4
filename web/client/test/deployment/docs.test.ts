import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { ADMIN_TOKEN, BASE_URL, closeAll, newAuction, newToken, newUser, open, view, waitFor } from "./deployment.ts";

const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));
const PAGE = readFileSync(new URL("../../../../docs/clients.md", import.meta.url), "utf8");
const LINES_MAX = 25;

afterEach(closeAll);

it("the bot of docs/clients.md bids up to its limit, and ends with the auction", async () => {
  const code = /```js\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? "";
  expect(code.trim().split("\n").length).toBeLessThanOrEqual(LINES_MAX);
  const id = await newAuction();
  const rival = await newUser("Rival");
  const seen = view(rival, id);
  // With --eval there is no name of a script in process.argv.
  const script = code.replace("process.argv.slice(2)", "process.argv.slice(1)");
  const given = [BASE_URL, await newToken("Bot"), id, "13.00"];
  const bot = spawn(process.execPath, ["--input-type=module", "--eval", script, "--", ...given], {
    cwd: PACKAGE,
    env: { ...process.env, LC_ALL: "en_US.UTF-8" },
  });
  let output = "";
  const ended = new Promise<number | null>((resolve) => bot.on("exit", resolve));
  for (const each of [bot.stdout, bot.stderr]) each.on("data", (text: Buffer) => (output += text.toString()));
  try {
    await seen.until((state) => state.currentBid === 1000);
    await rival.bid(id, 1100, { wait: 10 });
    await seen.until((state) => state.currentBid === 1200);
    await rival.bid(id, 1300, { wait: 10 });
    const body = { action: "end" as const, reason: "The test is over" };
    await open({ token: ADMIN_TOKEN }).put("/api/v1/admin/auctions/{id}", { params: { path: { id } }, body });
    expect(await ended).toBe(0);
  } finally {
    bot.kill();
  }
  await waitFor(
    () => output.includes("$12.00: accepted"),
    () => output,
  );
  expect(output.trim().split("\n")).toEqual(["$10.00: accepted", "$12.00: accepted"]);
});
