/*
 * Creates auctions and users by SQL, in any state, for tests of a single program without the rest of the deployment.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_LISTING_H
#define ROSTRUM_TESTS_SUPPORT_LISTING_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "tests/support/sql.h"

struct listing {
    const char *status;    /* NULL: active */
    int64_t start_ms;      /* 0: an hour ago */
    int64_t end_ms;        /* 0: in an hour */
    const char *price;     /* NULL: no bid yet */
    const char *reserve;   /* NULL: none */
    const char *leader_id; /* NULL: none */
};

/* Creates a user. All calls fail the test if the server refuses. */
void listing_user(struct sql *sql, char id[static UUID_TEXT_SIZE]);
/* Creates an auction of this seller. The leader's bid is not in the ledger. */
void listing_new(struct sql *sql, const struct listing *listing, const char *seller_id, char id[static UUID_TEXT_SIZE]);
/* Adds an accepted bid of `bidder_id` as the next entry of the auction's ledger. */
void listing_bid(struct sql *sql, const char *auction_id, const char *bidder_id, const char *amount);
/* Deletes the rows of all tables, except those that the migration wrote. */
void listing_clear(struct sql *sql);

#endif
