/** What the seller's steps read and do. */
import { queryOptions } from "@tanstack/react-query";
import { parseAmount, toDecimal, type Auction } from "rostrum-client";
import { rostrum } from "../../lib/rostrum";
import { incrementsOf, toBody, type Form } from "./form";

export function draftQuery(id: string) {
  return queryOptions({
    queryKey: ["draft", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/auctions/{id}", { params: { path: { id } }, signal }),
  });
}

/** The first amounts of the ladder that the form describes. */
export function quoteQuery(form: Form) {
  const starting = parseAmount(form.startingPrice);
  const increments = incrementsOf(form);
  return queryOptions({
    queryKey: ["quote", starting, increments],
    queryFn: () =>
      rostrum.post("/api/v1/auctions/quote", { body: { startingPrice: toDecimal(starting ?? 0), ...increments } }),
    enabled: starting !== null && increments.bidIncrement !== null,
    staleTime: Infinity,
  });
}

/** Makes the draft, or changes the one that there is. */
export async function saveDraft(form: Form, draft: Auction | undefined): Promise<Auction> {
  if (draft === undefined) {
    return rostrum.post("/api/v1/auctions", { body: { ...toBody(form), draft: true } });
  }
  const params = { path: { id: draft.id } };
  await rostrum.put("/api/v1/auctions/{id}", { params, body: { ...toBody(form), version: draft.version } });
  return rostrum.get("/api/v1/auctions/{id}", { params });
}
