/** Who is signed in. The answer of GET /users/me is the only source: null for guests. */
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { ApiError } from "rostrum-client";
import { rostrum } from "./rostrum";

const FRESH_MS = 60_000;

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

export const sessionQuery = queryOptions({ queryKey: ["session"], queryFn: readSession, staleTime: FRESH_MS });

/** `user` is undefined until it is known. */
export function useSession() {
  const { data, isError } = useQuery(sessionQuery);
  return { user: data, isAdmin: data?.role === "admin", failed: isError };
}

/** Forgets everything that was read for another user: to be called after login, logout and erasure. */
export function useSessionChanged() {
  const client = useQueryClient();
  return useCallback(async () => {
    rostrum.live.reconnect();
    await client.resetQueries();
  }, [client]);
}
