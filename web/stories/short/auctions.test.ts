/** Stories of auctions, each with two or three people in front of a browser. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  bid,
  endIn,
  endNow,
  findable,
  LAST_SECONDS,
  mailToken,
  newAccount,
  newAdmin,
  newAuction,
  PASSWORD,
  Stage,
  until,
} from "../stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

test("a newcomer registers, verifies, searches, bids, is outbid, sets a maximum, wins and checks the receipt", async () => {
  const seller = await newAccount("Sam");
  const rival = await newAccount("Rita");
  const title = `Lamp ${crypto.randomUUID().slice(0, 8)}`;
  const auction = await newAuction(seller, { title });
  const email = `${crypto.randomUUID()}@example.org`;
  const { page } = await stage.person();
  await page.goto("/");
  await page.getByRole("link", { name: "Log in" }).click();
  await page.getByRole("link", { name: "No account yet? Register" }).click();
  await page.getByLabel("Name").fill("Ann");
  await page.getByLabel("Email address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("link", { name: "Ann", exact: true }).waitFor();
  await page.goto(`/verify#token=${await mailToken(email, "/verify")}`);
  await page.getByRole("button", { name: "Verify my address" }).click();
  await page.getByText("Your address is verified.").waitFor();
  expect(page.url()).not.toContain("token");
  await page.getByRole("link", { name: "See all auctions" }).click();
  await findable(seller, title);
  await page.getByLabel("Search auctions").fill(title);
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.getByRole("link", { name: title }).click();
  await page.getByRole("button", { name: "$10.00", exact: true }).click();
  await page.getByTestId("state").getByText("You lead.").waitFor();
  await bid(rival, auction, "12.00");
  await page.getByTestId("state").getByText("You are outbid.").waitFor();
  await page.getByLabel("Your amount").fill("11");
  await page.getByText("Too low: at least $13.00 is needed now.").waitFor();
  await page.getByLabel("Your amount").fill("50");
  await page.getByRole("button", { name: "As my maximum" }).click();
  await page.getByTestId("state").getByText("You lead. Your maximum is $50.00.").waitFor();
  await bid(rival, auction, "20.00");
  await page.getByTestId("price").getByText("$21.00").waitFor();
  await endNow(auction);
  await page.getByTestId("state").getByText("You won this auction.").waitFor();
  await page.goto("/me/receipts");
  await until(
    "two valid receipts",
    async () => (await page.locator("[data-testid=receipt][data-result=valid]").count()) === 2,
  );
});

test("a seller writes a draft, publishes it, watches bids arrive and sees it sold with the contact", async () => {
  const seller = await newAccount("Sam");
  const bidder = await newAccount("Bea");
  const sam = await stage.person(seller);
  const { page } = sam;
  await page.goto("/sell");
  await page.getByLabel("Title").fill("An oak table");
  await page.getByLabel("Description").fill("Four legs.");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByLabel("Starting price").fill("10,00");
  await page.getByLabel("Reserve price").fill("50");
  await page.getByLabel("Buy-now price").fill("100");
  await page.getByText("$10.50").waitFor(); // the preview of the ladder
  await page.getByRole("button", { name: "Save the draft" }).click();
  await page
    .locator("input[type=file]")
    .setInputFiles({ name: "table.png", mimeType: "image/png", buffer: await picture(page) });
  await page.getByAltText("Picture 1").waitFor();
  await page.getByRole("button", { name: "Publish" }).click();
  await page.waitForURL(/\/auctions\//);
  const auction = page.url().split("/").at(-1) ?? "";
  await bid(bidder, auction, "10.00");
  await sam.sees("$10.00");
  await bidder.send("POST", `/auctions/${auction}/buy-now`, undefined, { Prefer: "wait=10" });
  await page.getByTestId("state").getByText("This auction is over: sold.").waitFor();
  await page.goto("/me/auctions");
  await page.getByRole("link", { name: "Write to Bea" }).waitFor();
});

test("a seller deletes a draft, changes an auction before the first bid and cancels it", async () => {
  const seller = await newAccount("Sam");
  await newAuction(seller, { title: "A broken draft", draft: true });
  const auction = await newAuction(seller, { title: "A chiar" });
  const { page } = await stage.person(seller);
  await page.goto("/me/auctions");
  await page.getByRole("button", { name: "Delete the draft" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete the draft" }).click();
  await page.getByRole("link", { name: "A broken draft" }).waitFor({ state: "detached" });
  await page.goto(`/auctions/${auction}`);
  await page.getByRole("link", { name: "Change the auction" }).click();
  await page.getByLabel("Title").fill("A chair");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name: "To the auction" }).click();
  await page.getByRole("heading", { name: "A chair", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Cancel the auction" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the auction" }).click();
  await page.getByTestId("state").getByText("This auction was cancelled.").waitFor();
});

test("a maximum is withdrawn; once it is sold the buyer sees the contact and the hash of the ledger", async () => {
  const seller = await newAccount("Sam");
  const auction = await newAuction(seller, { buyNowPrice: "90.00", reservePrice: "80.00" });
  const ann = await stage.person(await newAccount("Ann"));
  const { page } = ann;
  await page.goto(`/auctions/${auction}`);
  await page.getByLabel("Your amount").fill("50");
  await page.getByRole("button", { name: "As my maximum" }).click();
  await ann.hasState(/Your maximum is \$50\.00\./);
  await page.getByRole("button", { name: "Withdraw my maximum" }).click();
  await page.getByRole("button", { name: "Withdraw my maximum" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Buy now for $90.00" }).click();
  await page.getByRole("button", { name: "Buy it" }).click();
  await ann.hasState("You won this auction.");
  await page.getByRole("link", { name: "Sam" }).waitFor();
  await page.getByText("Hash of all decisions").waitFor();
});

test("a bidder takes a bid back while the deployment allows it: price and lead go back", async () => {
  const auction = await newAuction(await newAccount("Sam"));
  const rival = await newAccount("Rita");
  await bid(rival, auction, "10.00");
  const ann = await stage.person(await newAccount("Ann"));
  const { page } = ann;
  await page.goto(`/auctions/${auction}`);
  await page.getByRole("button", { name: "$11.00", exact: true }).click();
  await ann.hasState("You lead.");
  const retract = page.getByRole("button", { name: "Take back my bid of $11.00" });
  await retract.click();
  await page.getByText("Your bid of $11.00 will no longer count", { exact: false }).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Take back my bid of $11.00" }).click();
  await ann.sees("$10.00");
  await retract.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "$11.00", exact: true }).waitFor();
});

/** A picture as the browser encodes it: noise, so that no other upload has the same bytes. */
async function picture(page: import("playwright-core").Page): Promise<Buffer> {
  const text = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const context = canvas.getContext("2d");
    const noise = context?.createImageData(320, 240);
    if (context === null || noise === undefined) {
      return "";
    }
    noise.data.set(noise.data.map(() => Math.random() * 256));
    context.putImageData(noise, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1] ?? "";
  });
  return Buffer.from(text, "base64");
}

test("a bid in the last seconds moves the end for everyone", async () => {
  const seller = await newAccount("Sam");
  const sniper = await newAccount("Sue");
  const auction = await newAuction(seller, { antiSnipe: { windowSeconds: 60, extensionSeconds: 3600 } });
  const people = [await stage.person(), await stage.person(await newAccount("Ann"))];
  for (const { page } of people) {
    await page.goto(`/auctions/${auction}`);
    await page.getByTestId("time-left").waitFor();
  }
  // The last seconds begin when both pages are there, however long that took.
  await endIn(LAST_SECONDS, seller, auction);
  for (const { page } of people) {
    await until("tenths of seconds", async () => (await page.getByTestId("time-left").textContent())?.includes("."));
  }
  await bid(sniper, auction, "10.00");
  for (const { page } of people) {
    await page.getByText("extended by a late bid").waitFor();
    await until("the later end", async () => (await page.getByTestId("time-left").textContent())?.includes(":"));
  }
});

test("of two who buy at once one gets it, and the other is told", async () => {
  const seller = await newAccount("Sam");
  const auction = await newAuction(seller, { buyNowPrice: "100.00" });
  const people = [await stage.person(await newAccount("Ann")), await stage.person(await newAccount("Ben"))];
  for (const { page } of people) {
    await page.goto(`/auctions/${auction}`);
    await page.getByRole("button", { name: "Buy now for $100.00" }).click();
  }
  const buttons = people.map(({ page }) => page.getByRole("button", { name: "Buy it" }));
  await Promise.all(buttons.map((each) => each.waitFor()));
  // Pressed without the driver's checks: the dialog of the slower one closes as soon as the auction is sold.
  await Promise.all(
    buttons.map((each) => each.evaluateAll((found: HTMLElement[]) => found.forEach((one) => one.click()))),
  );
  // What a page says in between, as that the auction is over, is not looked at: both end with one of these two.
  const won = people.map(({ page }) => page.getByTestId("state").getByText("You won this auction."));
  const lost = people.map(({ page }) =>
    page
      .getByText(/was not accepted|has ended|can no longer be bought|You did not win it|This auction is over: sold/)
      .first(),
  );
  const winner = await until("a winner", async () => {
    const seen = await Promise.all(won.map((each) => each.isVisible()));
    return seen.includes(true) && { at: seen.indexOf(true) };
  });
  await lost[1 - winner.at]?.waitFor();
  expect(await won[1 - winner.at]?.isVisible()).toBe(false);
});

test("an admin voids a bid while two watch: price and lead go back", async () => {
  const seller = await newAccount("Sam");
  const [first, second] = [await newAccount("Ann"), await newAccount("Ben")];
  const auction = await newAuction(seller, { title: "A void story" });
  await bid(first, auction, "10.00");
  await bid(second, auction, "30.00");
  const [ann, guest] = [await stage.person(first), await stage.person()];
  const admin = await stage.person(await newAdmin("Ada"));
  for (const each of [ann, guest]) {
    await each.page.goto(`/auctions/${auction}`);
    await each.sees("$30.00");
  }
  await admin.page.goto(`/admin/auctions/${auction}`);
  await admin.page.getByRole("button", { name: "Void the bid of $30.00 by Ben" }).click();
  await admin.page.getByLabel("Reason").fill("placed by mistake");
  await admin.page.getByRole("dialog").getByRole("button", { name: "Void" }).click();
  for (const each of [ann, guest]) {
    await each.sees("$10.00");
  }
  await ann.hasState("You lead.");
  const voided = guest.page.getByText("$30.00");
  await until("a history without the voided bid", async () => (await voided.count()) === 0);
});

test("double clicks, a reload in between and two tabs place one bid", async () => {
  const seller = await newAccount("Sam");
  const auction = await newAuction(seller);
  const account = await newAccount("Ann");
  const ann = await stage.person(account);
  const other = await ann.page.context().newPage();
  await ann.page.goto(`/auctions/${auction}`);
  await other.goto(`/auctions/${auction}`);
  const first = ann.page.getByRole("button", { name: "$10.00", exact: true });
  const second = other.getByRole("button", { name: "$10.00", exact: true });
  await Promise.all([first.waitFor(), second.waitFor()]);
  // Pressed only while they show this amount: the driver may take longer from looking to pressing than a person.
  const press = (button: Element) => {
    for (let times = 0; times < 2 && button.textContent === "$10.00"; times += 1) {
      (button as HTMLButtonElement).click();
    }
  };
  const buttons = [await first.elementHandle(), await second.elementHandle()];
  await Promise.all(buttons.map((each) => each.evaluate(press)));
  await ann.page.reload();
  await ann.hasState("You lead.");
  const { items } = await account.send("GET", `/auctions/${auction}/bids`);
  expect(items, JSON.stringify(items)).toHaveLength(1);
});
