/*
 * One auction's ledger decided again by the rules, entry by entry, and held against what is stored. Pure but for
 * reading rows and telling differences: verify.c brings the rows.
 *
 * What is no matter of the rules is taken from the entry: that a user was banned, that the terms had changed, that an
 * update was of another version, that a command could not be decided. Everything else must come out of the rules again.
 * The bids of the auction at hand are kept, so that a void can be decided again, and what each counts as since then is
 * held against what is stored: at most VOIDS_LEDGER_MAX of them, since no longer ledger takes a void.
 *
 * Nothing that is told holds a maximum that still stands.
 */
#ifndef ROSTRUM_DEPLOY_CTL_REPLAY_H
#define ROSTRUM_DEPLOY_CTL_REPLAY_H

#include <libpq-fe.h>

#include "common/rules/rules.h"
#include "common/rules/voids.h"

/*
 * The columns that rows of auctions and of bids must have, in the order that replay.c reads them, and the tables that
 * they are of: auctions `a`, bids `b`, each with their terms `t`.
 */
extern const char REPLAY_AUCTION_COLUMNS[];
extern const char REPLAY_AUCTION_TABLES[];
extern const char REPLAY_ENTRY_COLUMNS[];
extern const char REPLAY_ENTRY_TABLES[];

enum { REPLAY_TOLD_MAX = 20 /* differences of one auction that are told; more are only counted */ };

struct replay {
    struct uuid auction_id;
    bool readable;              /* the auction's terms can be understood */
    struct rules_auction state; /* as the rules have it so far */
    int64_t seq;                /* of the last entry */
    bool answer_due;            /* the next entry must be the automatic answer */
    struct uuid answer_bidder;
    int64_t answer_amount;
    int64_t differences;
    struct voids_list voids;
    struct voids_standing *stored; /* of each of its entries, what the deployment takes it for now; as much room */
};

/* Starts with the row of the auction as it was before its first entry. */
void replay_begin(struct replay *replay, const PGresult *result, int row);
/* The next entry in the order of seq. */
void replay_entry(struct replay *replay, const PGresult *result, int row);
/* After the last entry: holds the outcome against the auction's row, and frees what was kept. */
void replay_end(struct replay *replay, const PGresult *result, int row);
/* Instead of replay_end, when there are no more rows to be had. */
void replay_drop(struct replay *replay);
/* An entry whose auction does not exist. */
void replay_orphan(struct replay *replay, const PGresult *result, int row);

/* The auction of a row of either kind. */
struct uuid replay_auction_id(const PGresult *result, int row);

#endif
