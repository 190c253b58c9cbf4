/*
 * Replays the ledger of one auction: decides each entry again by common/rules and compares the result with the stored
 * one. No I/O except reading rows and printing differences; verify.c reads the rows.
 *
 * Facts outside the rules are taken from the entry: a banned user, changed terms, an update of another version, a
 * command that could not be decided. The rules must reproduce everything else. At most VOIDS_LEDGER_MAX bids are kept
 * to decide voids again, because a longer ledger refuses voids.
 *
 * Printed differences never contain a maximum that is still secret.
 */
#ifndef ROSTRUM_DEPLOY_CTL_REPLAY_H
#define ROSTRUM_DEPLOY_CTL_REPLAY_H

#include <libpq-fe.h>

#include "common/protocol/ledger_hash.h"
#include "common/rules/rules.h"
#include "common/rules/voids.h"
#include "deploy/ctl/differences.h"
#include "deploy/ctl/stream.h"

/* Of auctions `a` and bids `b`, each joined with its terms `t`; replay.c reads the columns in this order. */
extern const struct stream_query REPLAY_AUCTIONS;
extern const struct stream_query REPLAY_ENTRIES;

struct replay {
    struct differences found;
    bool readable;              /* the auction's terms could be parsed */
    struct rules_auction state; /* by the rules, after the last entry */
    int64_t seq;                /* of the last entry */
    bool answer_due;            /* the next entry must be the automatic answer */
    struct uuid answer_bidder;
    int64_t answer_amount;
    struct voids_list voids;
    struct voids_standing *stored; /* the stored present state of each entry of `voids`; same capacity */
};

/* Starts with the row of the auction: its state before the first entry. */
void replay_begin(struct replay *replay, const PGresult *result, int row);
/* Replays the next entry in the order of seq. */
void replay_entry(struct replay *replay, const PGresult *result, int row);
/* Call after the last entry: compares the outcome with the auction's row, and frees the replay's memory. */
void replay_end(struct replay *replay, const PGresult *result, int row);
/* Call instead of replay_end if the rows cannot be read to the end: frees the replay's memory. */
void replay_drop(struct replay *replay);
/* Reports an entry whose auction does not exist. */
void replay_orphan(struct replay *replay, const PGresult *result, int row);

/* A stored hash (ledger_check.h). The texts belong to the result. */
struct replay_hash {
    int64_t seq;         /* of its entry */
    const char *hash;    /* hex; "": none */
    const char *version; /* of an entry's hash */
    bool due;            /* an entry that was decided when all had one */
};
/* Reads the hash of an entry, and the texts that it is made of; a text is NULL where the column is. */
void replay_read_hash(const PGresult *result, int row, struct replay_hash *stored,
                      const char *fields[static LEDGER_HASH_FIELDS]);
/* Reads the newest hash from the row of the auction. */
void replay_read_newest_hash(const PGresult *result, int row, struct replay_hash *stored);

/* Returns the auction id of a row of either query. */
struct uuid replay_auction_id(const PGresult *result, int row);

#endif
