/** A story of a browser whose connection goes away and comes back. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { bid, newAccount, newAuction, Stage } from "../stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

test("without a connection no price is shown as live and no bid is placed; with it the page is right again", async () => {
  const seller = await newAccount("Sam");
  const rival = await newAccount("Rita");
  const auction = await newAuction(seller);
  const ann = await stage.person(await newAccount("Ann"));
  const { page } = ann;
  const offline = page.getByText("You are offline. What you see may be out of date.");
  const stale = page.getByText("There is no live connection. The price may have changed.");
  await page.goto(`/auctions/${auction}`);
  await bid(rival, auction, "10.00");
  await ann.sees("$10.00");
  await stale.waitFor({ state: "detached" });

  await page.context().setOffline(true);
  await offline.waitFor();
  await stale.waitFor();
  await bid(rival, auction, "30.00");
  const onItsWay = page.getByText("Your bid of $11.00 is on its way.").waitFor(); // looked for from before it is shown
  await Promise.all([onItsWay, page.getByRole("button", { name: "$11.00", exact: true }).click()]);
  await page.getByText("The server could not be reached. Your connection may be down.").waitFor();
  expect(await stale.isVisible()).toBe(true);

  await page.context().setOffline(false);
  await ann.sees("$30.00");
  await stale.waitFor({ state: "detached" });
  await offline.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "$31.00", exact: true }).click();
  await ann.hasState("You lead.");
  const { items } = await seller.send("GET", `/auctions/${auction}/bids`);
  expect(items.map((each) => each.amount)).toEqual([31, 30, 10]);
});
