/**
 * The way of a bid: sent, queued (the 202), decided. One bid at a time for each page; a double click while one is on its
 * way does nothing. The decision comes over the live connection, or from the bid itself, which is asked each second.
 */
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Bid, PendingBid } from "rostrum-client";
import { keepReceipt } from "../../lib/receipts";
import { rostrum } from "../../lib/rostrum";
import { dropIntent, keepIntent, keptIntent, type Intent } from "./intent";

const ASK_MS = 1_000;

export type Phase = "idle" | "sending" | "queued" | "decided" | "failed";

function send(auctionId: string, { kind, amount, version }: Intent): Promise<Bid | PendingBid> {
  switch (kind) {
    case "bid":
      return rostrum.bid(auctionId, amount, { version, receipt: true });
    case "maximum":
      return rostrum.setMaximum(auctionId, amount, { version, receipt: true });
    case "buy":
      return rostrum.buyNow(auctionId, amount, { version, receipt: true });
  }
}

export function bidQuery(auctionId: string, bidId: string) {
  return queryOptions({
    queryKey: ["bid", auctionId, bidId],
    queryFn: () => rostrum.get("/api/v1/auctions/{id}/bids/{bidId}", { params: { path: { id: auctionId, bidId } } }),
    refetchInterval: ({ state }) => (state.data === undefined || state.data.status === "pending" ? ASK_MS : false),
    staleTime: Infinity,
  });
}

export interface Bidding {
  phase: Phase;
  intent: Intent | undefined;
  bid: Bid | undefined;
  error: Error | null;
  place: (intent: Omit<Intent, "at" | "by">) => void;
}

function phaseOf(status: "idle" | "pending" | "error" | "success", bid: Bid | undefined): Phase {
  if (status === "success") {
    return bid === undefined || bid.status === "pending" ? "queued" : "decided";
  }
  return status === "pending" ? "sending" : status === "error" ? "failed" : "idle";
}

/** `bidder`: the id of the visitor, or null if they may not bid here. */
export function useBidding(auctionId: string, bidder: string | null): Bidding {
  const queries = useQueryClient();
  const sending = useMutation({
    mutationKey: ["place", auctionId],
    mutationFn: (intent: Intent) => send(auctionId, intent),
    onMutate: (intent) => {
      keepIntent(auctionId, intent);
    },
    onSettled: () => {
      dropIntent(auctionId);
    },
    onSuccess: (answer) => {
      if ("receipt" in answer) {
        keepReceipt(answer.receipt);
      }
      if ("auctionId" in answer) {
        queries.setQueryData(bidQuery(auctionId, answer.bidId).queryKey, answer);
      }
    },
  });
  const { mutate, data, status, variables, error } = sending;
  const decision = useQuery({ ...bidQuery(auctionId, data?.bidId ?? ""), enabled: data !== undefined });
  // A request that a reload interrupted is finished: this is no reading of data, which a query would do.
  useEffect(() => {
    const kept = bidder === null ? null : keptIntent(auctionId, bidder, rostrum.clock.now());
    if (kept !== null) {
      mutate(kept);
    }
  }, [auctionId, bidder, mutate]);
  const phase = phaseOf(status, decision.data);
  return {
    phase,
    intent: variables,
    bid: decision.data,
    error,
    place: (intent) => {
      if (bidder !== null && phase !== "sending" && phase !== "queued") {
        mutate({ ...intent, by: bidder, at: Math.round(rostrum.clock.now()) });
      }
    },
  };
}
