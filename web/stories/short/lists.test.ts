/** Stories of lists: the way back to one, and how those of the own bids and auctions follow what happens. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { bid, findable, newAccount, newAuction, Stage, until } from "../stage.ts";

const CARDS = 30; // more than one page of the list

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

test("the lists of the own bids and auctions follow bids that nobody notifies of", async () => {
  const seller = await newAccount("Sam");
  const ann = await newAccount("Ann");
  const [rival, other] = [await newAccount("Rita"), await newAccount("Otto")];
  const auction = await newAuction(seller);
  await bid(ann, auction, "10.00");
  const { page: bids } = await stage.person(ann);
  const { page: auctions } = await stage.person(seller);
  await bids.goto("/me/bids");
  await auctions.goto("/me/auctions");
  await bids.locator("article").getByText("Leading").waitFor();
  await auctions.getByText("1 bid", { exact: true }).waitFor();
  await bid(rival, auction, "20.00");
  await bids.locator("article").getByText("Outbid").waitFor();
  await bid(other, auction, "30.00"); // she has lost the lead before
  await bids.getByText("Price $30.00").waitFor();
  await auctions.getByText("$30.00").waitFor();
  await auctions.getByText("3 bids").waitFor();
});

test("the way back to a list keeps its search, its length and its place", async () => {
  const seller = await newAccount("Sam");
  const word = `Vase${crypto.randomUUID().slice(0, 8)}`;
  await Promise.all(
    Array.from({ length: CARDS }, (_, each) => newAuction(seller, { title: `${word} ${String(each)}` })),
  );
  const { page } = await stage.person();
  const cards = page.locator("article");
  const place = () => page.evaluate(() => Math.round(scrollY));
  await findable(seller, word, CARDS);
  await page.goto(`/?q=${word}&sort=newest`);
  await page.getByText(`${String(CARDS)} auctions`).waitFor();
  await page.getByRole("button", { name: "Show more" }).click();
  await until("all cards", async () => (await cards.count()) === CARDS);
  await cards.last().scrollIntoViewIfNeeded();
  const before = await place();
  expect(before).toBeGreaterThan(1000);
  const title = (await cards.last().getByRole("heading").textContent()) ?? "";
  await cards.last().getByRole("link").click();
  await page.getByRole("heading", { name: title, level: 1 }).waitFor();

  await page.goBack();
  await until("the place in the list", async () => (await place()) === before);
  expect(await page.getByLabel("Search auctions").inputValue()).toBe(word);
  expect(await page.getByLabel("Order").inputValue()).toBe("newest");
  await until("all cards again", async () => (await cards.count()) === CARDS);
  await page.goForward();
  await page.getByRole("heading", { name: title, level: 1 }).waitFor();
  await until("the top of the page", async () => (await place()) === 0);
});
