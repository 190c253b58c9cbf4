/** The focus of people who use a keyboard or a screen reader, where a page takes away what had it. */
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { focused, newAccount, Stage, until } from "../stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

test("the focus is on the content after a step, after a form that was sent, and after a page that led on", async () => {
  const { page } = await stage.person(await newAccount("Sam"));
  await page.goto("/sell");
  await page.getByLabel("Title").fill("An oak table");
  await page.getByRole("button", { name: "Next" }).press("Enter");
  await page.getByLabel("Starting price").waitFor();
  await until("the focus on the second step", async () => (await focused(page)) === "content");
  await page.goto("/reset");
  await page.getByLabel("Email address").fill("nobody@example.org");
  await page.getByLabel("Email address").press("Enter");
  await page.getByRole("link", { name: "Log in", exact: true }).waitFor();
  await until("the focus beside the answer", async () => (await focused(page)) === "content");
  await page.keyboard.press("Tab");
  await until("the link that leads on", async () => (await focused(page)) === "Log in");
});
