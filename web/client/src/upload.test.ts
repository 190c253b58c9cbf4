import { afterEach, describe, expect, it, vi } from "vitest";
import { createRostrum, type ApiError, type NetworkError } from "./index.ts";

const PATH = "/api/v1/auctions/1/images";
const FILE = new Blob(["1234"], { type: "image/png" });

type Outcome = { status: number; body: string } | "lost" | "never";

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
