/** Stories on a narrow screen, in both languages: what an admin does there, and an account that is erased. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { newAccount, newAdmin, PASSWORD, sql, Stage } from "../stage.ts";

const PHONE = { viewport: { width: 360, height: 740 } };

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

/** Presses a button, gives the reason, and presses the same in the dialog. */
async function withReason(page: Page, name: string, reason: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(reason).fill("a story");
  await dialog.getByRole("button", { name, exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
}

test("an admin notes a refund on a phone", async () => {
  const reference = `pay-${crypto.randomUUID().slice(0, 8)}`;
  sql(`INSERT INTO refunds (id, sale_id, order_id, amount, reference, created_at) VALUES
    (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 49.00, '${reference}', now())`);
  const { page } = await stage.person(await newAdmin("Ada"), PHONE);
  await page.goto("/admin");
  await page.getByRole("link", { name: "Refunds", exact: true }).click();
  const row = page.getByRole("row").filter({ hasText: reference });
  await row.getByRole("button", { name: "Mark as refunded" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(`payment ${reference} was returned`, { exact: false }).waitFor();
  await dialog.getByLabel("Reason").fill("a story");
  await dialog.getByRole("button", { name: "Mark as refunded" }).click();
  await dialog.waitFor({ state: "hidden" });
  await row.getByRole("button").waitFor({ state: "detached" });
});

test("an admin makes a user an admin on a phone, in German, and that user has the pages of admins", async () => {
  const account = await newAccount("Berta");
  const options = { ...PHONE, locale: "de-DE" };
  const { page } = await stage.person(await newAdmin("Ada"), options);
  await page.goto("/admin");
  await page.getByRole("link", { name: "Benutzer", exact: true }).click();
  await page.getByRole("searchbox").fill(account.email);
  await page.getByRole("searchbox").press("Enter");
  await page.getByRole("link", { name: "Berta", exact: true }).click();
  await withReason(page, "Zum Administrator machen", "Grund");
  await page.getByRole("button", { name: "Administratorrolle entziehen" }).waitFor();
  const { page: own } = await stage.person(account, options);
  await own.goto("/");
  await own.getByRole("button", { name: "Menü" }).click();
  await own.getByRole("link", { name: "Verwaltung", exact: true }).click();
  await own.getByRole("heading", { level: 1 }).filter({ hasNotText: "Auktionen" }).waitFor();
});

test("a user erases the account on a phone, in German", async () => {
  const account = await newAccount("Carla");
  const { page } = await stage.person(account, { ...PHONE, locale: "de-DE" });
  await page.goto("/");
  await page.getByRole("button", { name: "Menü" }).click();
  await page.getByRole("link", { name: "Carla", exact: true }).click();
  await page.getByRole("button", { name: "Mein Konto löschen" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Passwort", { exact: true }).fill("wrong");
  await dialog.getByRole("button", { name: "Endgültig löschen" }).click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByLabel("Passwort", { exact: true }).fill(PASSWORD);
  await dialog.getByRole("button", { name: "Endgültig löschen" }).click();
  await page.getByText("Ihr Konto ist gelöscht.").waitFor();
  await page.getByRole("main").getByRole("link").first().click(); // there is a way on
  await page.getByRole("heading", { name: "Auktionen", level: 1 }).waitFor();
});
