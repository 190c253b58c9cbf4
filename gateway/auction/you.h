/*
 * The user's own view of an auction: the member `you` of an auction and of a live snapshot, and the list of all
 * auctions that a user bid on. SQL fragments and their JSON. Only a user's own rows are read, so nobody sees the
 * maximum of another user.
 *
 * In each fragment `user` is the text of the parameter, such as "$1", and the statement names the row of auctions `a`
 * and the row of YOU_BIDS `mine`.
 *
 * Callers: auctions.c, changes.c, auction_document.c, me.c, gateway/live/own_view.c.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_YOU_H
#define ROSTRUM_GATEWAY_AUCTION_YOU_H

#include "common/base/json.h"
#include "common/io/pg.h"
#include "gateway/core/deployment.h"

// clang-format off
/*
 * A row for each auction that the user bid on; the caller adds a condition and GROUP BY auction_id. The newest maximum
 * is the highest one, unless it was withdrawn: then there is none. An automatic bid belongs to its bidder for as long as
 * it counts (common/rules/voids.h), so ownership never changes. The view public_bids is not used, because users also see
 * their own withdrawals and unspent maximums.
 */
#define YOU_BIDS(user)                                                                                  \
    "SELECT auction_id, max(coalesce(effective_amount, amount)) FILTER (WHERE kind <> 'withdraw') AS highest," \
    " (array_agg(CASE kind WHEN 'proxy' THEN max_amount END ORDER BY seq DESC)"                         \
    "  FILTER (WHERE kind IN ('proxy', 'withdraw')))[1] AS maximum,"                                    \
    " max(decided_at) FILTER (WHERE kind <> 'withdraw') AS latest"                                      \
    " FROM bids WHERE bidder_id = " user " AND kind IN ('bid', 'proxy', 'auto', 'buy', 'withdraw')"      \
    " AND status <> 'rejected' AND effective"
/* A row of bids that is one of YOU_BIDS, and no withdrawal. */
#define YOU_COUNTS "kind IN ('bid', 'proxy', 'auto', 'buy') AND status <> 'rejected' AND effective"
/*
 * Begins a statement. `newest` has a row for each auction that the user bid on, with the time of the newest bid that
 * counts; unless `only` is NULL, for that auction alone. It steps from auction to auction in the index
 * bids_by_bidder, whose first row of an auction is the user's newest one. So each step is one look-up, and not all bids
 * are read. Only if that row does not count, the rows behind it are read until one does.
 */
#define YOU_AUCTIONS(user, only)                                                                        \
    "WITH RECURSIVE step AS ((SELECT auction_id, decided_at, " YOU_COUNTS " AS counts FROM bids"        \
    "  WHERE bidder_id = " user " AND auction_id >= coalesce(" only ", '00000000-0000-0000-0000-000000000000')" \
    "  ORDER BY auction_id, seq DESC LIMIT 1)"                                                          \
    " UNION ALL SELECT next.* FROM step s CROSS JOIN LATERAL (SELECT auction_id, decided_at, " YOU_COUNTS " FROM bids" \
    "  WHERE bidder_id = " user " AND auction_id > s.auction_id ORDER BY auction_id, seq DESC LIMIT 1) next" \
    " WHERE " only " IS NULL),"                                                                         \
    " newest AS (SELECT s.auction_id, b.latest FROM step s CROSS JOIN LATERAL (SELECT s.decided_at AS latest" \
    "  WHERE s.counts UNION ALL (SELECT decided_at FROM bids WHERE NOT s.counts AND bidder_id = " user  \
    "   AND auction_id = s.auction_id AND " YOU_COUNTS " ORDER BY auction_id, seq DESC LIMIT 1)) b"     \
    "  WHERE " only " IS NULL OR s.auction_id = " only ")"
/* For a user with a bid that counts. */
#define YOU_STATE(user)                                                                                 \
    "CASE WHEN a.status = 'sold' THEN CASE WHEN a.winner_id = " user " THEN 'won' ELSE 'lost' END"      \
    " WHEN a.status IN ('unsold', 'cancelled') THEN 'lost'"                                             \
    " WHEN a.leader_id = " user " THEN 'leading' ELSE 'outbid' END"
#define YOU_MAXIMUM(user) "CASE WHEN a.leader_id = " user " AND a.leader_by_proxy THEN a.leader_max ELSE mine.maximum END"

/* The columns of `you`, in the order of enum you_column, and what follows `FROM auctions a` for them. */
#define YOU_COLUMNS(user)                                                                               \
    "CASE WHEN mine.latest IS NULL THEN 'none' ELSE " YOU_STATE(user) " END, mine.highest, "            \
    YOU_MAXIMUM(user) ", EXISTS (SELECT FROM watchlist w WHERE w.user_id = " user " AND w.auction_id = a.id)"
#define YOU_JOIN(user) " LEFT JOIN LATERAL (" YOU_BIDS(user) " AND auction_id = a.id GROUP BY auction_id) mine ON true"
/* The columns for an auction that the same statement makes. */
#define YOU_NEW "'none', NULL::numeric, NULL::numeric, false"
// clang-format on

enum you_column { YOU_STATE_TEXT, YOU_HIGHEST, YOU_OWN_MAXIMUM, YOU_WATCHING };

/* Writes the object. `first` is the number of the column YOU_STATE_TEXT. */
void you_write(struct jsonw *json, const struct deployment *deployment, const struct uuid *auction,
               const struct uuid *user, const PGresult *result, int first);

#endif
