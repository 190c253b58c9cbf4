/** Stories of an account: what its mails lead to. */
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { mailToken, newAccount, Stage } from "../stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

test("who forgot the password asks for a mail, sets a new one by its link and logs in", async () => {
  const { email } = await newAccount("Ann");
  const { page } = await stage.person(undefined, { viewport: { width: 360, height: 740 } });
  await page.goto("/login");
  await page.getByRole("link", { name: "Forgotten your password?" }).click();
  await page.getByLabel("Email address").fill(email);
  await page.getByRole("button", { name: "Send me a mail" }).click();
  await page.getByText("it gets a mail with a link", { exact: false }).waitFor();
  await page.goto(`/reset#token=${await mailToken(email, "/reset")}`);
  await page.getByLabel("New password").fill("another horse");
  await page.getByRole("button", { name: "Set the new password" }).click();
  await page.getByRole("main").getByRole("link", { name: "Log in" }).click();
  await page.getByLabel("Email address").fill(email);
  await page.getByLabel("Password").fill("another horse");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("link", { name: "Ann" }).waitFor();
});

test("a session that is ended elsewhere shows nobody at once", async () => {
  const account = await newAccount("Ann");
  const { page } = await stage.person(account);
  await page.goto("/");
  await page.getByRole("link", { name: "Ann", exact: true }).waitFor();
  await account.send("DELETE", "/users/me/sessions");
  await page.getByRole("link", { name: "Log in", exact: true }).waitFor();
});

test("a language that cannot be loaded is said, and everything stays in the one before", async () => {
  const { page } = await stage.person();
  await page.goto("/");
  const language = page.getByLabel("Language");
  await language.waitFor();
  await page.context().setOffline(true);
  await language.selectOption("de");
  await page.getByText("The language could not be loaded.", { exact: false }).waitFor();
  await page.context().setOffline(false);
  await page.getByRole("heading", { name: "Auctions", level: 1 }).waitFor();
  await language.selectOption("de");
  await page.getByRole("heading", { name: "Auktionen", level: 1 }).waitFor();
});
