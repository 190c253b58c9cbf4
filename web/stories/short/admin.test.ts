/** Stories of admins, and of people who write programs: what is sent to webhooks. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { bid, focused, newAccount, newAdmin, newAuction, sql, Stage, until } from "../stage.ts";

let stage: Stage;
let receiver: Server;
let received: { id: string | undefined; signatures: number }[] = [];
/** What the receiver answers. */
let answer = 204;

beforeAll(async () => {
  stage = await Stage.open();
  receiver = createServer((request, response) => {
    const { "webhook-id": id, "webhook-signature": signature } = request.headers;
    received.push({ id: id?.toString(), signatures: signature?.toString().split(" ").length ?? 0 });
    request.resume();
    response.writeHead(answer).end();
  });
  await new Promise<void>((listening) => receiver.listen(0, "127.0.0.1", listening));
});
afterEach(() => stage.end());
afterAll(async () => {
  receiver.close();
  await stage.close();
});

/** Presses a button, and then the same in the dialog that it opens, after the reason was given if one is asked for. */
async function confirm(page: Page, button: string, act = button, reason?: string): Promise<void> {
  await page.getByRole("button", { name: button, exact: true }).click();
  const dialog = page.getByRole("dialog");
  if (reason !== undefined) {
    await dialog.getByLabel("Reason").fill(reason);
  }
  await dialog.getByRole("button", { name: act, exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
}

async function tellsAllOfAWebhook(page: Page, list: string): Promise<void> {
  const url = `http://127.0.0.1:${String((receiver.address() as AddressInfo).port)}/hook`;
  received = [];
  answer = 204;
  await page.goto(list);
  await page.getByLabel("Address (https)").fill(url);
  await page.getByRole("button", { name: "Create" }).press("Enter");
  await page.getByText("The secret, shown only now:").waitFor();
  await until("the focus on the button", async () => (await focused(page)) === "Create"); // not lost with the form
  const secret = await page.getByText(/^whsec_/).textContent();
  await page.getByRole("link", { name: url }).click();
  await page.getByRole("button", { name: "Send a test" }).waitFor(); // the page of the list stands until this one is loaded
  expect(await page.getByText(/whsec_/).count()).toBe(0);

  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("Delivered").waitFor();
  answer = 500;
  await page.getByRole("button", { name: /^Send again: Test/ }).click();
  await page.getByText("answer 500", { exact: false }).waitFor();
  answer = 204;
  await page.getByText("Delivered").waitFor(); // the worker tries again by itself, and the page follows
  expect(new Set(received.map(({ id }) => id)).size).toBe(1);

  await confirm(page, "New secret");
  await until("the focus on the button", async () => (await focused(page)) === "New secret");
  expect(await page.getByText(/^whsec_/).textContent()).not.toBe(secret);
  await page.getByRole("button", { name: "Send a test" }).click();
  await until("a call with both signatures", () => received.some(({ signatures }) => signatures === 2));

  await page.getByLabel("Description").fill("of a story");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.getByRole("button", { name: "Turn off" }).click();
  await page.getByText("turned off by hand").waitFor();
  await confirm(page, "Remove the webhook", "Remove");
  await page.waitForURL((to) => to.pathname === list);
  await page.getByRole("link", { name: url }).waitFor({ state: "detached" });
}

test("a user makes a webhook, tests it, gets a new secret, sends again, changes and removes it", async () => {
  const { page } = await stage.person(await newAccount("Ann"));
  await tellsAllOfAWebhook(page, "/me/webhooks");
});

test("an admin does the same with a webhook of the deployment", async () => {
  const { page } = await stage.person(await newAdmin("Ada"));
  await tellsAllOfAWebhook(page, "/admin/webhooks");
});

test("an admin changes the terms of a sale before its line opens, then cancels it", async () => {
  const admin = await newAdmin("Ada");
  const product = await admin.send("POST", "/products", { name: "A radio", basePrice: "80.00" });
  const startTime = new Date(Date.now() + 7_200_000).toISOString();
  const sale = await admin.send("POST", "/flash-sales", {
    productId: product.id,
    flashPrice: "49.00",
    quantityAvailable: 5,
    startTime,
    endTime: new Date(Date.now() + 10_800_000).toISOString(),
  });
  const { page } = await stage.person(admin);
  await page.goto(`/admin/sales/${sale.id}`);
  await page.getByLabel("Sale price").fill("45,50");
  await page.getByLabel("Units", { exact: true }).fill("7");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The terms are changed.").waitFor();
  await page.getByText("$45.50").waitFor();
  const changed = await admin.send("GET", `/flash-sales/${sale.id}`);
  expect(changed).toMatchObject({ flashPrice: 45.5, quantityAvailable: 7, startTime });
  await confirm(page, "Cancel the sale", "Cancel the sale", "a story");
  await page.getByText("This sale is over.", { exact: false }).waitFor();
  await until("the focus on the content", async () => (await focused(page)) === "content");
  await page.getByLabel("Sale price").waitFor({ state: "detached" });
});

test("an admin reads a dead letter and removes it", async () => {
  const id = crypto.randomUUID();
  const key = `dead.story-${id.slice(0, 8)}`;
  sql(`INSERT INTO dead_letters (id, routing_key, reason, body, created_at)
    VALUES ('${id}', '${key}', 'cannot be read', '{"amount": "a lot"}', now())`);
  const { page } = await stage.person(await newAdmin("Ada"));
  await page.goto("/admin/dead-letters");
  await page.getByRole("link", { name: key }).click();
  await page.getByText('"amount": "a lot"').waitFor();
  await confirm(page, "Remove the dead letter", "Remove", "a story");
  await page.waitForURL(/\/admin\/dead-letters$/);
  await page.getByRole("heading", { name: "Dead letters", level: 1 }).waitFor();
  await page.getByRole("link", { name: key }).waitFor({ state: "detached" });
});

test("a voided bid stays on the admin's page, marked, and cannot be voided twice", async () => {
  const auction = await newAuction(await newAccount("Sam"));
  await bid(await newAccount("Ann"), auction, "10.00");
  await bid(await newAccount("Ben"), auction, "30.00");
  const { page } = await stage.person(await newAdmin("Ada"));
  await page.goto(`/admin/auctions/${auction}`);
  await confirm(page, "Void the bid of $30.00 by Ben", "Void", "placed by mistake");
  await page.getByRole("row", { name: /\$30\.00.*Ben.*Does not count/ }).waitFor();
  await page.getByRole("button", { name: "Void the bid of $10.00 by Ann" }).waitFor();
  const voids = page.getByRole("button", { name: /^Void the bid/ });
  await until("one bid that can be voided", async () => (await voids.count()) === 1);
});
