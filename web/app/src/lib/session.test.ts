/** Tabs of one browser have one session, which another device may end. */
import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "rostrum-client";
import { expect, test, vi } from "vitest";
import { followSession, sessionQuery, tellOtherTabs } from "./session";

const rostrum = vi.hoisted(() => ({
  get: vi.fn(),
  live: { reconnect: vi.fn(), onSessionEnded: vi.fn(() => () => undefined) },
}));
vi.mock("./rostrum", () => ({ rostrum }));

const PATIENCE = { timeout: 30_000 };

test("a tab forgets what it read for a user who logged out in another one, but nothing while the user is the same", async () => {
  const queries = new QueryClient();
  queries.setQueryData(sessionQuery.queryKey, { id: "ann", emailVerified: false } as never);
  queries.setQueryData(["me"], "bids");
  const stop = followSession(queries);
  const other = new BroadcastChannel("rostrum.session");
  rostrum.get.mockResolvedValueOnce({ id: "ann", emailVerified: true });
  other.postMessage(null);
  await vi.waitFor(() => {
    expect(queries.getQueryData(sessionQuery.queryKey)).toMatchObject({ emailVerified: true });
  }, PATIENCE);
  expect(queries.getQueryData(["me"])).toBe("bids");
  expect(rostrum.live.reconnect).not.toHaveBeenCalled();
  rostrum.get.mockResolvedValue({ id: "ben" });
  other.postMessage(null);
  await vi.waitFor(() => {
    expect(queries.getQueryData(["me"])).toBeUndefined();
  }, PATIENCE);
  expect(rostrum.live.reconnect).toHaveBeenCalledOnce();
  stop();
  other.close();
});

test("a session that another device has ended shows nobody", async () => {
  const queries = new QueryClient();
  queries.setQueryData(sessionQuery.queryKey, { id: "ann" } as never);
  queries.setQueryData(["me"], "bids");
  const stop = followSession(queries);
  const [ended] = rostrum.live.onSessionEnded.mock.lastCall as unknown as [() => void];
  rostrum.get.mockRejectedValue(new ApiError(401, { error: "UNAUTHORIZED", message: "no" }, new Headers()));
  ended();
  await vi.waitFor(() => {
    expect(queries.getQueryData(["me"])).toBeUndefined();
  }, PATIENCE);
  stop();
});

test("other tabs are told", async () => {
  const other = new BroadcastChannel("rostrum.session");
  const told = new Promise((resolve) => other.addEventListener("message", resolve));
  tellOtherTabs();
  await told;
  other.close();
});
