/*
 * Receipts: what the deployment signs for a bidder who asks with "Prefer: receipt": that it took this bid, of this
 * amount, at this moment. A JWS whose key stands, for as long as the deployment does, in /.well-known/jwks.json, so
 * that a dispute can be settled without trusting either side. The claims are bidId, auctionId, bidderId, kind (bid,
 * proxy, buy), amount or, of a proxy bid, maxAmount (none where a buyer takes the price as it is), receivedAt. Pure.
 *
 * Callers: bids, gateway (the key).
 */
#ifndef ROSTRUM_GATEWAY_BID_RECEIPT_H
#define ROSTRUM_GATEWAY_BID_RECEIPT_H

#include "common/protocol/message.h"
#include "gateway/core/jws.h"

enum { RECEIPT_SIZE = 768 }; /* header 100, claims 330, signature 86, with room */

void receipt_key_make(struct jws_key *key, const uint8_t seed[static JWS_SEED_BYTES]);
/* Of the command (a bid, a proxy bid or a purchase) as it was received at `received_ms`. */
void receipt_write(const struct jws_key *key, const struct command *command, int64_t received_ms,
                   char out[static RECEIPT_SIZE]);

#endif
