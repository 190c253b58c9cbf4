/**
 * Every page in two widths, two themes and two languages: axe finds nothing, nothing is wider than the screen, the Tab key
 * reaches everything, and the screenshots go to build/web-shots to be looked at.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { walkByTab } from "../keyboard.ts";
import { bid, newAccount, newAdmin, newAuction, ROOT, sql, Stage, type Account } from "../stage.ts";

const SHOTS = join(ROOT, "build/web-shots");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = [
  { name: "phone-dark-de", viewport: { width: 320, height: 700 }, colorScheme: "dark", locale: "de-DE" },
  { name: "phone-light-en", viewport: { width: 320, height: 700 }, colorScheme: "light", locale: "en-US" },
  { name: "desk-light-en", viewport: { width: 1200, height: 900 }, colorScheme: "light", locale: "en-US" },
  { name: "desk-dark-de", viewport: { width: 1200, height: 900 }, colorScheme: "dark", locale: "de-DE" },
] as const;
// Both widths, themes and languages are in two of them; `make check-long` takes all four.
const TAKEN =
  process.env.ROSTRUM_TEST_LONG === "1" ? VIEWS : VIEWS.filter(({ name }) => /phone-dark|desk-light/.test(name));

// Each group is a test of its own, so that none of them takes long.
const GROUPS = ["everyone", "own", "admin"] as const;
type Group = (typeof GROUPS)[number];

let stage: Stage;
let admin: Account;
let pages: Record<Group, Record<string, string>>;

/** A webhook with a delivery. Returns its id. */
async function newWebhook(path: string): Promise<string> {
  const { id } = await admin.send("POST", path, { url: "https://hooks.example/rostrum", events: ["AUCTION_SOLD"] });
  await admin.send("POST", `${path}/${id}/test`);
  return id;
}

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  stage = await Stage.open();
  admin = await newAdmin("Ada");
  const seller = await newAccount("Sam");
  const auction = await newAuction(seller, {
    title: "A chair of oak",
    description: "Four legs.",
    category: "furniture",
    buyNowPrice: "90.00",
  });
  await bid(await newAccount("Ann"), auction, "10.00");
  await bid(admin, auction, "11.00");
  const product = await admin.send("POST", "/products", { name: "A radio", basePrice: "80.00", description: "Small." });
  const newSale = (startMs: number) =>
    admin.send("POST", "/flash-sales", {
      productId: product.id,
      flashPrice: "49.00",
      quantityAvailable: 5,
      startTime: new Date(Date.now() + startMs).toISOString(),
      endTime: new Date(Date.now() + startMs + 3_600_000).toISOString(),
    });
  const [sale, later] = await Promise.all([newSale(5_000), newSale(7_200_000)]); // the terms of the second can be changed
  const [own, deployments] = await Promise.all([newWebhook("/users/me/webhooks"), newWebhook("/admin/webhooks")]);
  const letter = crypto.randomUUID();
  sql(`INSERT INTO dead_letters (id, routing_key, reason, body, created_at)
    VALUES ('${letter}', 'dead.bids', 'cannot be read', '{"amount": "a lot"}', now())`);
  pages = {
    everyone: {
      browse: "/",
      auction: `/auctions/${auction}`,
      login: "/login",
      register: "/register",
      verify: "/verify",
      reset: "/reset",
      sales: "/sales",
      sale: `/sales/${sale.id}`,
      unknown: "/no-such-page",
    },
    own: {
      account: "/account",
      bids: "/me/bids",
      auctions: "/me/auctions",
      watchlist: "/me/watchlist",
      orders: "/me/orders",
      notifications: "/me/notifications",
      receipts: "/me/receipts",
      webhooks: "/me/webhooks",
      webhook: `/me/webhooks/${own}`,
      sell: "/sell",
    },
    admin: {
      admin: "/admin",
      "admin-auctions": "/admin/auctions",
      "admin-auction": `/admin/auctions/${auction}`,
      "admin-users": "/admin/users",
      "admin-user": `/admin/users/${seller.id}`,
      "admin-products": "/admin/products",
      "admin-product": `/admin/products/${product.id}`,
      "admin-sales": "/admin/sales",
      "admin-sale": `/admin/sales/${later.id}`,
      "admin-refunds": "/admin/refunds",
      "admin-audit": "/admin/audit",
      "admin-dead-letters": "/admin/dead-letters",
      "admin-dead-letter": `/admin/dead-letters/${letter}`,
      "admin-webhooks": "/admin/webhooks",
      "admin-webhook": `/admin/webhooks/${deployments}`,
    },
  };
});
afterEach(() => stage.end());
afterAll(() => stage.close());

interface Axe {
  run: () => Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
}

const SCREENS = TAKEN.flatMap((view) => GROUPS.map((group) => ({ ...view, group })));

test.each(SCREENS)("the pages of $group as $name", async ({ name, group, ...view }) => {
  const { page } = await stage.person(admin, { ...view, reducedMotion: "reduce" });
  const wrong: string[] = [];
  for (const [label, path] of Object.entries(pages[group])) {
    await page.goto(path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    // What is loaded when it is on the screen is to be there as well.
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await page.waitForLoadState("networkidle");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) {
      wrong.push(`${label}: ${String(wide)} px wider than the screen`);
    }
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => (window as unknown as { axe: Axe }).axe.run());
    wrong.push(
      ...violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${label}: ${id}: ${html}: ${failureSummary}`),
      ),
    );
    await page.screenshot({ path: join(SHOTS, `${label}-${name}.png`), fullPage: true });
    wrong.push(...(await walkByTab(page)).map((fault) => `${label}: ${fault}`));
  }
  expect(wrong).toEqual([]);
});
