import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createRostrum, type ApiError, type NetworkError } from "./index.ts";
import { STALL_MS } from "./upload.ts";

const PATH = "/api/v1/auctions/1/images";
const FILE = new Blob(["1234"], { type: "image/png" });

type Outcome = { status: number; body: string } | "lost" | "never" | "slow";

const STEPS = 4; // of a slow upload, each almost as long as a stall
const STEP_MS = STALL_MS - 1;

/** An XMLHttpRequest of a browser, with these outcomes. */
class FakeRequest {
  static outcomes: Outcome[] = [];
  static readonly sent: FakeRequest[] = [];
  readonly headers: Record<string, string> = {};
  readonly upload: { onprogress?: (event: { lengthComputable: boolean; loaded: number; total: number }) => void } = {};
  onload?: () => void;
  onerror?: () => void;
  onloadend?: () => void;
  status = 0;
  responseText = "";
  aborted = false;
  url = "";

  open(_: string, url: string): void {
    this.url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  getResponseHeader(name: string): string | null {
    return name === "Retry-After" ? "2" : null;
  }

  abort(): void {
    this.aborted = true;
  }

  send(file: Blob): void {
    FakeRequest.sent.push(this);
    const outcome = FakeRequest.outcomes.shift() ?? "never";
    if (outcome === "never") return;
    if (outcome === "slow") {
      for (let step = 1; step <= STEPS; step += 1) {
        setTimeout(() => {
          this.upload.onprogress?.({ lengthComputable: true, loaded: step, total: file.size });
        }, step * STEP_MS);
      }
      return;
    }
    setTimeout(() => {
      this.upload.onprogress?.({ lengthComputable: true, loaded: 1, total: file.size });
      if (outcome === "lost") this.onerror?.();
      else {
        Object.assign(this, { status: outcome.status, responseText: outcome.body });
        this.onload?.();
      }
      this.onloadend?.();
    }, 1);
  }
}

function open(): ReturnType<typeof createRostrum> {
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
  const rostrum = createRostrum({
    baseUrl: "http://rostrum.test",
    token: "secret",
    fetch: () => Promise.reject(new Error("not used")),
  });
  rostrum.close();
  return rostrum;
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  FakeRequest.sent.length = 0;
});

describe("an upload in a browser", () => {
  it("reports progress, and is sent again with its key when no answer came", async () => {
    FakeRequest.outcomes = ["lost", { status: 201, body: '{"id":"i","url":"/images/x","order":1}' }];
    const progress: number[] = [];
    const image = await open().upload(PATH, FILE, (part) => progress.push(part));
    expect(image).toEqual({ id: "i", url: "/images/x", order: 1 });
    expect(progress).toEqual([0.25, 0.25]);
    const [first, second] = FakeRequest.sent;
    expect(first?.url).toBe(`http://rostrum.test${PATH}`);
    expect(first?.headers).toMatchObject({ "Content-Type": "image/png", Authorization: "Bearer secret" });
    expect(second?.headers["Idempotency-Key"]).toBe(first?.headers["Idempotency-Key"]);
  });

  it("is refused with the server's error", async () => {
    FakeRequest.outcomes = [{ status: 422, body: '{"error":"INVALID_IMAGE","message":"no","requestId":"r"}' }];
    const error = await open()
      .upload(PATH, FILE)
      .catch((each: unknown) => each as ApiError | NetworkError);
    expect(error).toMatchObject({ status: 422, code: "INVALID_IMAGE", retryAfterMs: 2000 });
  });

  it("ends when the caller says so", async () => {
    FakeRequest.outcomes = ["never"];
    const stop = new AbortController();
    const upload = open()
      .upload(PATH, FILE, undefined, stop.signal)
      .catch((each: unknown) => each);
    await vi.waitFor(() => {
      expect(FakeRequest.sent).toHaveLength(1);
    });
    stop.abort(new Error("enough"));
    expect(await upload).toMatchObject({ message: "enough" });
    expect(FakeRequest.sent[0]?.aborted).toBe(true);
  });
});

/** Lets the time of timers pass until the upload ends. Sockets are real. */
async function ended(upload: Promise<unknown>): Promise<unknown> {
  const settled = { yet: false };
  const outcome = upload
    .catch((each: unknown) => each)
    .finally(() => {
      settled.yet = true;
    });
  while (!settled.yet) {
    await vi.advanceTimersByTimeAsync(STALL_MS / 10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return outcome;
}

describe("an upload that stalls", () => {
  it("ends in a browser when no byte was sent for a while, and is tried again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    FakeRequest.outcomes = ["never", { status: 201, body: '{"id":"i","url":"/images/x","order":1}' }];
    expect(await ended(open().upload(PATH, FILE))).toEqual({ id: "i", url: "/images/x", order: 1 });
    expect(FakeRequest.sent.map((each) => each.aborted)).toEqual([true, false]);
  });

  it("goes on as long as bytes are sent", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    FakeRequest.outcomes = ["slow"];
    const progress: number[] = [];
    const upload = open().upload(PATH, FILE, (part) => progress.push(part));
    upload.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(STEPS * STEP_MS);
    expect(progress).toEqual([0.25, 0.5, 0.75, 1]);
    expect(FakeRequest.sent.map((each) => each.aborted)).toEqual([false]);
    await vi.advanceTimersByTimeAsync(STALL_MS);
    expect(FakeRequest.sent[0]?.aborted).toBe(true);
  });

  it("ends outside a browser, in front of a server that never answers", async () => {
    let requests = 0;
    const server: Server = createServer(() => {
      requests += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const port = String((server.address() as AddressInfo).port);
    const rostrum = createRostrum({ baseUrl: `http://127.0.0.1:${port}`, token: "secret" });
    rostrum.close();
    const error = await ended(rostrum.upload(PATH, FILE));
    server.closeAllConnections();
    server.close();
    expect(error).toMatchObject({ name: "NetworkError", outcomeUnknown: true, message: "The upload stalled" });
    expect(requests).toBeGreaterThan(1);
  });
});
