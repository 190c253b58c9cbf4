/** Who is signed in. The answer of GET /users/me is the only source: null for guests. */
import { queryOptions, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { ApiError } from "rostrum-client";
import { rostrum } from "./rostrum";

const FRESH_MS = 60_000;
const ASK_AGAIN_MS = 5_000; // after an error: until it is known who is signed in, most pages can show nothing

async function readSession() {
  try {
    return await rostrum.get("/api/v1/users/me");
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
      return null;
    }
    throw error;
  }
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: readSession,
  staleTime: FRESH_MS,
  refetchInterval: ({ state }) => (state.status === "error" ? ASK_AGAIN_MS : false),
});

/** `user` is undefined until it is known. */
export function useSession() {
  const { data, error } = useQuery(sessionQuery);
  return { user: data, isAdmin: data?.role === "admin", error };
}

async function forget(client: QueryClient) {
  rostrum.live.reconnect();
  await client.resetQueries();
}

const tabs = new BroadcastChannel("rostrum.session");

export function tellOtherTabs(): void {
  tabs.postMessage(null);
}

/**
 * Asks again who is signed in when something else has changed it. All tabs have one cookie: after a login in another tab
 * this one would act for a user whom it does not show. And another device may have ended the session of this one.
 */
export function followSession(client: QueryClient): () => void {
  async function check() {
    const before = client.getQueryData(sessionQuery.queryKey);
    const now = await client.query({ ...sessionQuery, staleTime: 0 });
    if (before?.id !== now?.id) {
      await forget(client);
    }
  }
  function told() {
    check().catch(() => undefined); // without an answer the next request says who is signed in
  }
  tabs.addEventListener("message", told);
  const stop = rostrum.live.onSessionEnded(told);
  return () => {
    stop();
    tabs.removeEventListener("message", told);
  };
}

/** Forgets everything that was read for another user: to be called after login, logout and erasure. */
export function useSessionChanged() {
  const client = useQueryClient();
  return useCallback(async () => {
    tellOtherTabs();
    await forget(client);
  }, [client]);
}
