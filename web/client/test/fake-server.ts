// A server for tests of live updates: sockets and event streams that a test opens, answers and breaks, and REST bodies.
// All times are those of vitest's fake timers.
import { vi } from "vitest";
import { createRostrum, type Rostrum, type RostrumOptions } from "../src/index.ts";
import { AUCTION, body, saleBody, snapshot } from "./examples.ts";

type Json = Record<string, unknown>;

/** A WebSocket whose other end is the test. */
export class FakeSocket extends EventTarget {
  readonly sent: Json[] = [];
  closed = false;
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
    current?.accept(this);
  }

  send(text: string): void {
    const command = JSON.parse(text) as Json;
    this.sent.push(command);
    current?.answer(this, command);
  }

  close(): void {
    this.closed = true;
  }

  open(): void {
    this.dispatchEvent(new Event("open"));
  }

  receive(message: object): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }

  /** The server closes, or the connection breaks with 1006. */
  end(code = 1006, reason = ""): void {
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }

  /** The commands of this type. */
  commands(type: string): Json[] {
    return this.sent.filter((each) => each["type"] === type);
  }
}

/** An EventSource whose other end is the test. */
export class FakeEvents extends EventTarget {
  readyState = 1;
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
    current?.streams.push(this);
  }

  close(): void {
    this.readyState = 2;
  }

  receive(message: object): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }

  fail(): void {
    this.dispatchEvent(new Event("error"));
  }
}

let current: FakeServer | null = null;

/** What the test decides. */
export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  readonly streams: FakeEvents[] = [];
  readonly requests: string[] = [];
  /** Whether sockets open, pings are answered, and REST answers. */
  opens = true;
  pongs = true;
  rest = true;
  /** The version that snapshots and bodies have. */
  version = 5;
  /** Commands with another answer than the usual one; null: none. */
  readonly answers = new Map<string, ((command: Json) => object | null) | null>();

  constructor() {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the global constructors find it here
    current = this;
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket was opened");
    return socket;
  }

  rostrum(options: Partial<RostrumOptions> = {}): Rostrum {
    return createRostrum({
      baseUrl: "http://rostrum.test",
      fetch: (input) => this.#fetch(new Request(input)),
      WebSocket: FakeSocket as unknown as NonNullable<RostrumOptions["WebSocket"]>,
      EventSource: FakeEvents as unknown as NonNullable<RostrumOptions["EventSource"]>,
      ...options,
    });
  }

  accept(socket: FakeSocket): void {
    this.sockets.push(socket);
    if (this.opens)
      setTimeout(() => {
        socket.open();
      }, 10);
    else
      setTimeout(() => {
        socket.end();
      }, 10);
  }

  answer(socket: FakeSocket, command: Json): void {
    const answer = this.answers.has(String(command["type"]))
      ? this.answers.get(String(command["type"]))?.(command)
      : this.#usual(command);
    if (answer !== null && answer !== undefined)
      setTimeout(() => {
        socket.receive(answer);
      }, 5);
  }

  #usual(command: Json): object | null {
    const id = command["id"];
    const serverTime = new Date(Date.now()).toISOString();
    if (command["type"] === "ping") return this.pongs ? { type: "pong", id, serverTime } : null;
    if (command["type"] === "auth") return { type: "authenticated", id, serverTime, userId: "me" };
    if (command["type"] === "subscribe") {
      return snapshot(this.version, { auctionId: String(command["auctionId"]), id: Number(id), serverTime });
    }
    return null;
  }

  async #fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    this.requests.push(pathname + search);
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (!this.rest) throw new TypeError("fetch failed");
    const serverTime = new Date(Date.now()).toISOString();
    if (pathname === "/api/v1/time") return Response.json({ serverTime });
    if (pathname.startsWith("/api/v1/flash-sales/")) return Response.json(saleBody(this.version));
    if (pathname === "/api/v1/auctions") {
      const ids = new URL(request.url).searchParams.get("ids") ?? "";
      return Response.json({
        items: ids.split(",").map((id) => body(this.version, { id, serverTime })),
        nextCursor: null,
      });
    }
    const id = pathname.split("/").at(-1) ?? AUCTION;
    if (id === "missing")
      return Response.json({ error: "NOT_FOUND", message: "none", requestId: "r" }, { status: 404 });
    return Response.json(body(this.version, { id, serverTime }));
  }
}

/** Lets time pass. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}
