/** A story without a mouse: everything is reached by Tab, and done by Enter, Space, arrows and typing. */
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { tabTo } from "../keyboard.ts";
import { findable, newAccount, newAuction, PASSWORD, Stage } from "../stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

test("a newcomer registers, searches, sorts, bids and sets a maximum by the keyboard alone", async () => {
  const title = `Clock ${crypto.randomUUID().slice(0, 8)}`;
  const seller = await newAccount("Sam");
  await newAuction(seller, { title });
  await findable(seller, title);
  const ann = await stage.person();
  const { page } = ann;
  const press = async (wanted: Locator, key: string) => {
    await tabTo(page, wanted);
    await page.keyboard.press(key);
  };
  const type = async (label: string, text: string) => {
    await tabTo(page, page.getByLabel(label, { exact: true }));
    await page.keyboard.type(text);
  };
  const link = (name: string) => page.getByRole("link", { name, exact: true });
  const button = (name: string) => page.getByRole("button", { name, exact: true });
  await page.goto("/");
  await press(link("Log in"), "Enter");
  await press(link("No account yet? Register"), "Enter");
  await page.getByRole("heading", { name: "Register", level: 1 }).waitFor();
  await type("Name", "Ann");
  await type("Email address", `${crypto.randomUUID()}@example.org`);
  await type("Password", PASSWORD);
  await page.keyboard.press("Enter");
  await link("Ann").waitFor();
  await press(link("Auctions"), "Enter");
  await page.getByRole("heading", { name: "Auctions", level: 1 }).waitFor();
  await type("Search auctions", title);
  await page.keyboard.press("Enter");
  await page.waitForURL(/[?&]q=/);
  await press(page.getByLabel("Order", { exact: true }), "ArrowUp"); // from "Relevance", the last one
  await page.waitForURL(/[?&]sort=/);
  await press(link(title), "Enter");
  await press(button("$10.00"), "Enter");
  await ann.hasState("You lead.");
  await type("Your amount", "50");
  await press(button("As my maximum"), "Space");
  await ann.hasState("You lead. Your maximum is $50.00.");
});
