/** A flash sale with a line of five: one buys, one lets the turn run out, and the unit goes to the next. */
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { newAccount, newAdmin, sql, Stage, until } from "../stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.end());
afterAll(() => stage.close());

async function newSale(quantity: number, name = "A radio", terms = {}): Promise<string> {
  const admin = await newAdmin("Ada");
  const product = await admin.send("POST", "/products", { name, basePrice: "80.00" });
  const startTime = new Date(Date.now() + 5_000).toISOString();
  const endTime = new Date(Date.now() + 600_000).toISOString();
  const sale = await admin.send("POST", "/flash-sales", {
    productId: product.id,
    flashPrice: "49.00",
    quantityAvailable: quantity,
    turnSeconds: 300,
    reservationSeconds: 120,
    startTime,
    endTime,
    ...terms,
  });
  return sale.id;
}

test("five wait for one unit: a turn runs out, the next one gets it and buys", async () => {
  const sale = await newSale(1);
  const people = [];
  for (const name of ["Ann", "Ben", "Cem", "Dee", "Eve"]) {
    const person = await stage.person(await newAccount(name));
    await person.page.goto(`/sales/${sale}`);
    await person.page.getByRole("button", { name: "Join the line" }).click();
    await person.page
      .getByTestId("step")
      .getByText(/Your place in the line|It is your turn/)
      .waitFor();
    people.push(person.page);
  }
  const [ann, ben, cem] = people;
  if (ann === undefined || ben === undefined || cem === undefined) {
    throw new Error("five people were opened");
  }
  await ann.getByText("It is your turn.").waitFor();
  await until("the third place", async () => (await cem.getByTestId("position").textContent())?.trim() === "2");
  // She does nothing. Her turn ends now, however long the others took to join.
  sql(`UPDATE queue_entries SET turn_expires_at = now() WHERE sale_id = '${sale}' AND status = 'turn'`);
  await ann.getByText("Your turn ran out.").waitFor();
  await ben.getByText("It is your turn.").waitFor();
  await ben.getByRole("button", { name: "Order now" }).click();
  await ben.getByText(/reserved for you/).waitFor();
  await ben.getByRole("button", { name: "Confirm the order" }).click();
  await ben.getByText("You bought 1 unit.").waitFor();
  await cem.getByText("Everything is sold.").waitFor();
  await ben.getByRole("link", { name: "See the order" }).click();
  await ben.getByText("Confirmed").waitFor();
  await ben.getByText("$49.00").first().waitFor();
});

test("a list follows a sale as it starts, and a turn begins with the units that were joined for", async () => {
  const name = `A radio ${crypto.randomUUID().slice(0, 8)}`;
  const sale = await newSale(12, name, { perUserLimit: 12 });
  const { page: list } = await stage.person();
  const { page } = await stage.person(await newAccount("Ann"));
  await list.goto("/sales");
  const card = list.locator("article").filter({ hasText: name });
  await card.waitFor();
  await page.goto(`/sales/${sale}`);
  await page.getByLabel("Units").fill("1.5");
  await page.getByText("Choose a whole number from 1 to 12.").waitFor();
  await page.getByLabel("Units").fill("3");
  await page.getByRole("button", { name: "Join the line" }).click();
  await card.getByText("Open", { exact: true }).waitFor();
  await page.getByText("It is your turn.").waitFor();
  await until("the three units", async () => (await page.getByLabel("Units").inputValue()) === "3");
  await page.getByRole("button", { name: "Order now" }).click();
  await page.getByText("3 units are reserved for you").waitFor();
});
