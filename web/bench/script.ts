/** The compressed scripts and styles that a first visit of a page fetches. */
import type { Account, Stage } from "../stories/stage.ts";
import { printTable } from "./figures.ts";
import type { Scene } from "./scene.ts";

/** The most that the page of an auction may fetch, in bytes. */
const AUCTION_MOST = 130_000;

interface Fetched {
  files: number;
  script: number;
  stylesheet: number;
}

async function visit(stage: Stage, path: string, account?: Account): Promise<Fetched> {
  const { page } = await stage.person(account);
  const fetched: Fetched = { files: 0, script: 0, stylesheet: 0 };
  const reading: Promise<void>[] = [];
  page.on("response", (response) => {
    const type = response.request().resourceType();
    if (type === "script" || type === "stylesheet") {
      fetched.files += 1;
      reading.push(
        response
          .request()
          .sizes()
          .then(({ responseBodySize }) => {
            fetched[type] += responseBodySize;
          }),
      );
    }
  });
  await page.goto(path);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForLoadState("networkidle");
  await Promise.all(reading);
  await stage.end();
  return fetched;
}

/** Prints a row for each page. Returns whether the page of an auction is small enough. */
export async function measureScript(stage: Stage, { admin, bidders, seller, auctions, first, sale }: Scene) {
  const pages: [name: string, path: string, account?: Account][] = [
    ["browse", "/"],
    ["auction, no bids", `/auctions/${auctions[0] ?? ""}`, bidders[0]],
    ["auction", `/auctions/${first}`, bidders[0]],
    ["login", "/login"],
    ["sale", `/sales/${sale}`, bidders[0]],
    ["sell", "/sell", seller],
    ["admin", "/admin", admin],
  ];
  const rows: (string | number)[][] = [];
  let small = true;
  for (const [name, path, account] of pages) {
    const { files, script, stylesheet } = await visit(stage, path, account);
    rows.push([name, files, ...[script, stylesheet, script + stylesheet].map((bytes) => (bytes / 1000).toFixed(1))]);
    small &&= !name.startsWith("auction") || script + stylesheet <= AUCTION_MOST;
  }
  printTable("Compressed script of a first visit, in kB", ["page", "files", "js", "css", "total"], rows);
  process.stdout.write(`  auction: at most ${String(AUCTION_MOST / 1000)} kB: ${small ? "reached" : "NOT reached"}\n`);
  return small;
}
