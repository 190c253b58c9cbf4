/*
 * The representation of an auction: its columns and their JSON, shared by all lists of auctions, and who may see which
 * members.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_VIEW_H
#define ROSTRUM_GATEWAY_AUCTION_VIEW_H

#include "common/base/json.h"
#include "common/io/pg.h"
#include "gateway/http/request.h"
#include "gateway/query/columns.h"
#include "gateway/query/images_column.h"

// clang-format off
/* Columns of a row of auctions named `a`, in the order of enum view_column. */
#define VIEW_COLUMNS                                                                       \
    "a.id, a.seller_id, (SELECT u.display_name FROM users u WHERE u.id = a.seller_id),"    \
    " a.title, a.description, a.category, a.currency, a.starting_price, a.reserve_price,"  \
    " a.buy_now_price, a.item_id, a.bid_increment, a.increments, a.current_bid,"           \
    " a.minimum_bid, a.bid_count, a.status, "                                              \
    COLUMNS_MS("a.start_time") ", " COLUMNS_MS("a.end_time") ", "                          \
    COLUMNS_MS("a.original_end_time") ", a.snipe_window_s, a.snipe_extension_s,"           \
    " a.snipe_max, a.version, " COLUMNS_MS("a.created_at") ", " COLUMNS_MS("a.updated_at") \
    ", a.winner_id, a.winning_bid_id, " IMAGES_COLUMN("images", "auction_id", "a.id") "," \
    " coalesce((SELECT c.watchers FROM watch_counts c WHERE c.auction_id = a.id), 0),"     \
    " CASE WHEN a.winner_id IS NOT NULL THEN"                                              \
    " (SELECT u.email FROM users u WHERE u.id = a.seller_id) END,"                         \
    " (SELECT u.email FROM users u WHERE u.id = a.winner_id),"                             \
    " (SELECT u.display_name FROM users u WHERE u.id = a.winner_id),"                      \
    " a.ledger_hash_seq, encode(a.ledger_hash, 'hex')"
// clang-format on

enum view_column {
    VIEW_ID,
    VIEW_SELLER,
    VIEW_SELLER_NAME,
    VIEW_TITLE,
    VIEW_DESCRIPTION,
    VIEW_CATEGORY,
    VIEW_CURRENCY,
    VIEW_STARTING_PRICE,
    VIEW_RESERVE_PRICE,
    VIEW_BUY_NOW_PRICE,
    VIEW_ITEM,
    VIEW_BID_INCREMENT,
    VIEW_INCREMENTS,
    VIEW_CURRENT_BID,
    VIEW_MINIMUM_BID,
    VIEW_BID_COUNT,
    VIEW_STATUS,
    VIEW_START,
    VIEW_END,
    VIEW_ORIGINAL_END,
    VIEW_SNIPE_WINDOW,
    VIEW_SNIPE_EXTENSION,
    VIEW_SNIPE_MAX,
    VIEW_VERSION,
    VIEW_CREATED,
    VIEW_UPDATED,
    VIEW_WINNER,
    VIEW_WINNING_BID,
    VIEW_IMAGES,
    VIEW_WATCHERS,
    VIEW_SELLER_EMAIL, /* set after a sale */
    VIEW_WINNER_EMAIL,
    VIEW_WINNER_NAME,
    VIEW_LEDGER_HASH_SEQ,
    VIEW_LEDGER_HASH,
    VIEW_COLUMN_COUNT /* a statement's own columns start here */
};

/*
 * Writes the Auction object of the API as `request`'s user may see it. The reserve is shown to the seller and admins,
 * the winner to these and to the winner, and contact data to the seller and the winner.
 */
void view_write(struct jsonw *json, const struct request *request, const PGresult *result, int row);
/* The same for `user` (all zero: a guest), without serverTime. */
void view_write_for(struct jsonw *json, const struct request_user *user, const PGresult *result, int row);
/* As view_write_for, but the caller begins and ends the object. */
void view_write_members(struct jsonw *json, const struct request_user *user, const PGresult *result, int row);
/* True if there is no row, or if it is a draft of another user. */
MUST_CHECK bool view_hidden(const struct request *request, const PGresult *result);

#endif
