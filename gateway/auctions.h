/*
 * /auctions: creating and showing one; listing.c lists them. The columns of an auction and how they become JSON stand
 * here once, for every list that shows auctions.
 */
#ifndef ROSTRUM_GATEWAY_AUCTIONS_H
#define ROSTRUM_GATEWAY_AUCTIONS_H

#include "gateway/images.h"
#include "gateway/request.h"
#include "gateway/router.h"
#include "gateway/statements.h"

/* How far off an endTime may be: a year, leap years included. */
#define AUCTIONS_END_MOST_MS (INT64_C(366) * 86400 * 1000)

extern const struct route auctions_routes[];
extern struct statements auctions_statements;

/* A timestamptz as milliseconds since the epoch. */
#define AUCTIONS_MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

// clang-format off
/* Of a row of auctions named `a`, in the order of enum auctions_column. */
#define AUCTIONS_COLUMNS                                                                      \
    "a.id, a.seller_id, (SELECT u.display_name FROM users u WHERE u.id = a.seller_id),"       \
    " a.title, a.description, a.category, a.currency, a.starting_price, a.reserve_price,"     \
    " a.buy_now_price, a.item_id, a.bid_increment, a.increments, a.current_bid,"              \
    " a.minimum_bid, a.bid_count, a.status, "                                                 \
    AUCTIONS_MS("a.start_time") ", " AUCTIONS_MS("a.end_time") ", "                           \
    AUCTIONS_MS("a.original_end_time") ", a.snipe_window_s, a.snipe_extension_s,"             \
    " a.snipe_max, a.version, " AUCTIONS_MS("a.created_at") ", " AUCTIONS_MS("a.updated_at") \
    ", a.winner_id, a.winning_bid_id, " IMAGES_COLUMN ","                                      \
    " coalesce((SELECT c.watchers FROM watch_counts c WHERE c.auction_id = a.id), 0),"        \
    " CASE WHEN a.winner_id IS NOT NULL THEN"                                                 \
    " (SELECT u.email FROM users u WHERE u.id = a.seller_id) END,"                            \
    " (SELECT u.email FROM users u WHERE u.id = a.winner_id),"                                \
    " (SELECT u.display_name FROM users u WHERE u.id = a.winner_id)"
// clang-format on

enum auctions_column {
    AUCTIONS_ID,
    AUCTIONS_SELLER,
    AUCTIONS_SELLER_NAME,
    AUCTIONS_TITLE,
    AUCTIONS_DESCRIPTION,
    AUCTIONS_CATEGORY,
    AUCTIONS_CURRENCY,
    AUCTIONS_STARTING_PRICE,
    AUCTIONS_RESERVE_PRICE,
    AUCTIONS_BUY_NOW_PRICE,
    AUCTIONS_ITEM,
    AUCTIONS_BID_INCREMENT,
    AUCTIONS_INCREMENTS,
    AUCTIONS_CURRENT_BID,
    AUCTIONS_MINIMUM_BID,
    AUCTIONS_BID_COUNT,
    AUCTIONS_STATUS,
    AUCTIONS_START,
    AUCTIONS_END,
    AUCTIONS_ORIGINAL_END,
    AUCTIONS_SNIPE_WINDOW,
    AUCTIONS_SNIPE_EXTENSION,
    AUCTIONS_SNIPE_MAX,
    AUCTIONS_VERSION,
    AUCTIONS_CREATED,
    AUCTIONS_UPDATED,
    AUCTIONS_WINNER,
    AUCTIONS_WINNING_BID,
    AUCTIONS_IMAGES,
    AUCTIONS_WATCHERS,
    AUCTIONS_SELLER_EMAIL, /* after a sale */
    AUCTIONS_WINNER_EMAIL,
    AUCTIONS_WINNER_NAME,
    AUCTIONS_COLUMN_COUNT /* a statement's own columns follow from here */
};

/*
 * The contract's Auction object, as `request`'s user may see it: the reserve is for the seller and admins, the winner
 * for these and the winner, the contact for seller and winner.
 */
void auctions_write(struct jsonw *json, const struct request *request, const PGresult *result, int row);
/* The same as `user` may see it (all zero: a guest), without serverTime. */
void auctions_write_view(struct jsonw *json, const struct request_user *user, const PGresult *result, int row);
/* There is no row, or it is a draft of someone else than `request`'s user. */
MUST_CHECK bool auctions_hidden(const struct request *request, const PGresult *result);

#endif
