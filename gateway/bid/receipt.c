/*
 * See receipt.h. Signing is deterministic: every worker writes the same text for the same bid at any time.
 */
#include "gateway/bid/receipt.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/money.h"

enum { CLAIMS_SIZE = 384, AMOUNT_SIZE = 48 };

void receipt_key_make(struct jws_key *key, const uint8_t seed[static JWS_SEED_BYTES])
{
    jws_key_make(key, seed, "bid-receipt");
}

/* The member followed by a comma; empty for a purchase at the listed price. */
static void write_amount(const struct command *command, char out[static AMOUNT_SIZE])
{
    char money[MONEY_TEXT_SIZE];
    enum command_carries carries = command_kind_carries(command->kind);
    out[0] = '\0';
    if (carries != COMMAND_CARRIES_NOTHING) {
        money_format(command->amount, money);
        (void)snprintf(out, AMOUNT_SIZE, "\"%s\":%s,", carries == COMMAND_CARRIES_MAXIMUM ? "maxAmount" : "amount",
                       money);
    }
}

void receipt_write(const struct jws_key *key, const struct command *command, int64_t received_ms,
                   char out[static RECEIPT_SIZE])
{
    char claims[CLAIMS_SIZE];
    char bid[UUID_TEXT_SIZE];
    char auction[UUID_TEXT_SIZE];
    char bidder[UUID_TEXT_SIZE];
    char amount[AMOUNT_SIZE];
    char received[CLOCK_TEXT_SIZE];
    uuid_format(&command->id, bid);
    uuid_format(&command->auction_id, auction);
    uuid_format(&command->user_id, bidder);
    assert(command_kind_is_bid(command->kind));
    write_amount(command, amount);
    clock_format(received_ms, received);
    int length = snprintf(claims, sizeof claims,
                          "{\"bidId\":\"%s\",\"auctionId\":\"%s\",\"bidderId\":\"%s\",\"kind\":\"%s\",%s"
                          "\"receivedAt\":\"%s\"}",
                          bid, auction, bidder, command_kind_text(command->kind), amount, received);
    assert(length > 0 && (size_t)length < sizeof claims);
    bool fits = jws_sign(key, claims, (size_t)length, out, RECEIPT_SIZE);
    assert(fits);
    (void)fits;
}
