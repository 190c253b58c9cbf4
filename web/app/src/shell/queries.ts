/** What was read, and when it is read or done again. */
import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "rostrum-client";

const RETRIES_MAX = 2; // of a failed read, after those of the client library
const STATUS_CLIENT_ERROR = 400;
const STATUS_SERVER_ERROR = 500;

function mayRetry(failures: number, error: Error) {
  const refused =
    error instanceof ApiError && error.status >= STATUS_CLIENT_ERROR && error.status < STATUS_SERVER_ERROR;
  return !refused && failures < RETRIES_MAX;
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: { retry: mayRetry, refetchOnWindowFocus: false },
    // An act without a network fails. Kept for later, a bid would be placed long after it was meant.
    mutations: { networkMode: "always" },
  },
});
