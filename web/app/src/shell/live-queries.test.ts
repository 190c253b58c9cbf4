/** What is read again when something arrives live. */
import { QueryClient } from "@tanstack/react-query";
import type { LiveStatus, UserMessage } from "rostrum-client";
import { beforeEach, expect, test, vi } from "vitest";
import { startLiveQueries } from "./live-queries";

const live = vi.hoisted(() => ({ onUser: vi.fn(), onStatus: vi.fn() }));
vi.mock("../lib/rostrum", () => ({ rostrum: { live } }));

let read: string[];
let tell: (message: Partial<UserMessage>) => void;
let become: (status: LiveStatus) => void;

beforeEach(() => {
  vi.clearAllMocks();
  const queries = new QueryClient();
  read = [];
  vi.spyOn(queries, "invalidateQueries").mockImplementation((filters) => {
    read.push(filters?.queryKey?.join(" ") ?? "");
    return Promise.resolve();
  });
  startLiveQueries(queries);
  tell = live.onUser.mock.calls[0]?.[0] as typeof tell;
  become = live.onStatus.mock.calls[0]?.[0] as typeof become;
});

test("a decision is read at once", () => {
  tell({ type: "bid_result", auctionId: "lamp", bidId: "first" });
  expect(read).toEqual(["bid lamp first", "me"]);
});

test("a notification is counted", () => {
  tell({ type: "notification" });
  expect(read).toEqual(["notifications", "me"]);
});

test("what was missed without a connection is read after it", () => {
  become("connecting");
  become("live");
  expect(read).toEqual([]); // the page has read everything a moment ago
  become("fallback");
  become("live");
  expect(read).toEqual(["notifications", "history", "me"]);
});
