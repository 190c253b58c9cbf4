/**
 * What the stories have in common: browsers of several people side by side, the deployment that tests/web/*.py names in the
 * environment, and its mails. A story fails for an error in a browser's console, also one of the Content-Security-Policy.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const URL_OF = environment("ROSTRUM_HTTP_URL");
export const PASSWORD = "correct horse battery";
/** For anything that deployment and browser do by themselves. */
export const WAIT_MS = 30_000;
const LOOK_MS = 50;
const API = `${URL_OF}/api/v1`;

export function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set: run tests/run web`);
  }
  return value;
}

/** Waits until `look` gives something else than null, undefined or false. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`in ${String(WAIT_MS)} ms there was not ${what}`);
    }
    await pause(LOOK_MS);
  }
}

/** A person of the API: what a story prepares or does without a browser. */
export interface Account {
  email: string;
  token: string;
  id: string;
  send: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
}

// Answers are checked by the contract tests; stories read a few members of them.
export type Answer = Record<string, unknown> & { id: string; items: Answer[] };

async function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(API + path, {
    method,
    headers: { ...(body !== undefined && { "Content-Type": "application/json" }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) {
    throw new Error(`${method} ${path}: ${String(answer.status)} ${await answer.text()}`);
  }
  return (answer.status === 204 ? {} : await answer.json()) as Answer;
}

async function logIn(email: string): Promise<Account> {
  const { accessToken, user } = (await send("POST", "/auth/login", { email, password: PASSWORD })) as unknown as {
    accessToken: string;
    user: { id: string };
  };
  return {
    email,
    token: accessToken,
    id: user.id,
    send: (method, path, body, headers) =>
      send(method, path, body, { Authorization: `Bearer ${accessToken}`, ...headers }),
  };
}

export async function newAccount(displayName: string): Promise<Account> {
  const email = `${crypto.randomUUID()}@example.org`;
  await send("POST", "/auth/register", { email, password: PASSWORD, displayName });
  return logIn(email);
}

/** Changes what only the database can change. */
export function sql(statement: string): void {
  execFileSync("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", environment("ROSTRUM_PG_URL"), "-c", statement]);
}

/** An account with the role admin, which only the database can give. */
export async function newAdmin(displayName: string): Promise<Account> {
  const account = await newAccount(displayName);
  sql(`UPDATE users SET role = 'admin' WHERE id = '${account.id}'`);
  return logIn(account.email);
}

export interface Terms {
  title?: string;
  startingPrice?: string;
  lastsS?: number;
  [name: string]: unknown;
}

/** An auction of a seller. Returns its id. */
export async function newAuction(seller: Account, { lastsS = 3600, ...terms }: Terms = {}): Promise<string> {
  const endTime = new Date(Date.now() + lastsS * 1000).toISOString();
  return (await seller.send("POST", "/auctions", { title: "A lamp", startingPrice: "10.00", endTime, ...terms })).id;
}

/** Waits until a search finds so many auctions: it may find one only a moment after it was published. */
export async function findable(seller: Account, words: string, count = 1): Promise<void> {
  const path = `/auctions?q=${encodeURIComponent(words)}&limit=100`;
  await until(`${words} in the search`, async () => {
    const { items } = await seller.send("GET", path);
    return items.filter(({ title }) => String(title).startsWith(words)).length === count;
  });
}

/** Bids, and waits for the decision. */
export async function bid(bidder: Account, auction: string, amount: string): Promise<Answer> {
  const path = `/auctions/${auction}/bids`;
  const { bidId } = await bidder.send("POST", path, { amount }, { Prefer: "wait=10" });
  return until("the decision", async () => {
    const placed = await bidder.send("GET", `${path}/${String(bidId)}`);
    return placed.status !== "pending" && placed;
  });
}

/** Ends an auction as an admin does, and waits until that is decided. */
export async function endNow(auction: string): Promise<void> {
  const admin = await newAdmin("Ada");
  await admin.send("PUT", `/admin/auctions/${auction}`, { action: "end", reason: "the story goes on" });
  await until("the end", async () => (await admin.send("GET", `/auctions/${auction}`)).status !== "active");
}

/** Tenths are shown then, and all that a story does in them has this time. */
export const LAST_SECONDS = 55;

/** Moves the end of an auction without bids. Returns it. */
export async function endIn(seconds: number, seller: Account, auction: string): Promise<number> {
  const end = Date.now() + seconds * 1000;
  const { version } = await seller.send("GET", `/auctions/${auction}`);
  await seller.send("PUT", `/auctions/${auction}`, { version, endTime: new Date(end).toISOString() });
  return end;
}

/** The token of the newest mail to an address whose link begins with `path`. */
export async function mailToken(email: string, path: string): Promise<string> {
  const folder = join(environment("ROSTRUM_TEST_SMTP"), "mail");
  return until(`a mail to ${email} with ${path}`, () => {
    const mails = readdirSync(folder).filter((name) => name.startsWith(email) && name.endsWith(".json"));
    const texts = mails
      .sort()
      .map((name) => (JSON.parse(readFileSync(join(folder, name), "utf8")) as { text: string }).text);
    return texts
      .map((text) => new RegExp(`${path}#token=([A-Za-z0-9_-]+)`).exec(text)?.[1])
      .findLast((token) => token !== undefined);
  });
}

/** What has the focus: the id of an element, or the text of one without. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const { id = "", textContent = "" } = document.activeElement ?? {};
    return id === "" ? textContent : id;
  });
}

/** Errors that a story may cause on purpose: the browser logs each answer above 399, and each lost connection. */
const EXPECTED = /Failed to load resource|WebSocket connection to|net::ERR_|ERR_CONNECTION/;

/** A person in front of a browser. */
export class Person {
  readonly page: Page;
  readonly errors: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(WAIT_MS);
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text())) {
        this.errors.push(message.text());
      }
    });
  }

  /** What the page shows as its price, such as "$12.00". */
  price(): Promise<string | null> {
    return this.page.getByTestId("price").textContent();
  }

  /** Waits until the page shows this price. */
  async sees(price: string): Promise<void> {
    await until(`the price ${price}`, async () => (await this.price())?.includes(price));
  }

  async hasState(text: string | RegExp): Promise<void> {
    await this.page.getByTestId("state").getByText(text).waitFor();
  }
}

/** A browser, and the people who use it, each with cookies of their own. */
export class Stage {
  readonly #browser: Browser;
  readonly #people: Person[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async open(): Promise<Stage> {
    const browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-dev-shm-usage"], // tests may run as root; the pages are ours
    });
    return new Stage(browser);
  }

  /** Somebody with a new browser profile, logged in if there is an account. */
  async person(account?: Account, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await this.#browser.newContext({
      baseURL: URL_OF,
      locale: "en-US",
      viewport: { width: 1200, height: 900 },
      ...options,
    });
    if (account !== undefined) {
      const answer = await context.request.post("/api/v1/auth/login", {
        data: { email: account.email, password: PASSWORD },
      });
      if (!answer.ok()) {
        throw new Error(`login: ${String(answer.status())} ${await answer.text()}`);
      }
    }
    const person = new Person(await context.newPage());
    this.#people.push(person);
    return person;
  }

  /** Ends the story: closes all profiles, and fails for what went wrong in them. */
  async end(): Promise<void> {
    const errors = this.#people.flatMap((each) => each.errors);
    await Promise.all(this.#people.splice(0).map(({ page }) => page.context().close()));
    if (errors.length > 0) {
      throw new Error(`errors in the browser:\n${errors.join("\n")}`);
    }
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}
