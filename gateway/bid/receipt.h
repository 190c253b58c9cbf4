/*
 * Receipts: a signed proof, for clients that send "Prefer: receipt", that the deployment received this bid at this
 * time. The signature is a JWS. Its public key stays in /.well-known/jwks.json as long as the deployment exists, so
 * that a dispute can be settled without trusting either side.
 *
 * Claims: bidId, auctionId, bidderId, kind (bid, proxy, buy), receivedAt, and amount. A proxy bid has maxAmount
 * instead; a purchase at the listed price has neither. Pure.
 *
 * Callers: bids.c, components.c (the key).
 */
#ifndef ROSTRUM_GATEWAY_BID_RECEIPT_H
#define ROSTRUM_GATEWAY_BID_RECEIPT_H

#include "common/protocol/message.h"
#include "gateway/core/jws.h"

enum { RECEIPT_SIZE = 768 }; /* bytes: header 100, claims 330, signature 86, and spare */

void receipt_key_make(struct jws_key *key, const uint8_t seed[static JWS_SEED_BYTES]);
/* Receipt of a command (bid, proxy bid or purchase) received at `received_ms`. */
void receipt_write(const struct jws_key *key, const struct command *command, int64_t received_ms,
                   char out[static RECEIPT_SIZE]);

#endif
