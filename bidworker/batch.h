/*
 * One batch of bids: the commands that one transaction decides (common/worker/work.h), with everything that is loaded
 * and decided for them. ledger loads the auctions and writes the rows, decide decides, results publishes.
 *
 * Invariants: the commands of one auction keep the order of their queue. `auctions` are sorted by id.
 */
#ifndef ROSTRUM_BIDWORKER_BATCH_H
#define ROSTRUM_BIDWORKER_BATCH_H

#include "common/protocol/hash_chain.h"
#include "common/protocol/message.h"
#include "common/rules/bid_status.h"
#include "common/rules/rules.h"
#include "common/rules/voids.h"
#include "common/worker/work.h"

/* Beside struct work_entry of the same index. */
struct batch_entry {
    struct work_entry *work;
    const struct command *command;   /* the ids may be nil if the command was unreadable */
    const struct rules_terms *terms; /* of an update, points into the batch's `terms`; NULL: none were found */
    struct decision decision;        /* WORK_KNOWN, WORK_DECIDED */
};

struct batch_auction {
    struct uuid id;
    size_t first; /* in the work's `order` */
    size_t count;
    bool found;
    bool locked;  /* by another session: nothing else is known of it, and nothing is decided */
    bool broken;  /* its row is invalid: no rule may be applied to it */
    bool touched; /* it got a ledger row in this batch, and `version` was raised if it was found */
    int64_t seq;  /* of the newest ledger row */
    int64_t version;
    int64_t hash_seq;                /* of the newest ledger row that has a hash; 0: none has */
    char hash[HASH_CHAIN_TEXT_SIZE]; /* its hash; "": none has */
    struct rules_auction state;
    bool voiding;            /* a command of this batch voids or retracts a bid of this auction */
    struct voids_list voids; /* if `voiding`: its bids, and those of this batch as they are decided */
};

/* A ledger row. 0 and nil are NULL in SQL. */
struct batch_row {
    struct uuid auction_id;
    int64_t seq;
    struct uuid bid_id;
    struct uuid bidder_id;
    enum command_kind kind; /* COMMAND_NONE: `automatic` */
    bool automatic;         /* a proxy's automatic answer, which has no command */
    enum bid_status status;
    enum rules_reason reason; /* RULES_NONE unless rejected */
    bool raise;
    int64_t amount;
    int64_t max_amount;
    int64_t end_ms;    /* of an extension */
    struct uuid voids; /* of a void or retract: the bid */
    int64_t received_ms;
    char hash[HASH_CHAIN_TEXT_SIZE]; /* ledger_chain.c; "": not made yet */
};

struct batch {
    struct work work; /* the commands */
    struct batch_entry *entries;
    struct batch_auction *auctions;
    size_t auction_count;
    int64_t decided_ms;
    struct batch_row *rows; /* by auction and seq */
    size_t row_count;
    struct rules_terms *terms; /* requested by updates; room for one per entry */
    size_t terms_count;
    struct auction_event *events; /* in the order of the decisions */
    size_t event_count;
};

/* For up to `max` commands; NULL without memory. */
MUST_CHECK struct batch *batch_new(size_t max);
void batch_free(struct batch *batch);
/* Drops the commands and everything else. */
void batch_clear(struct batch *batch);
/* Resets what an earlier attempt loaded and decided, then fills `command` and `auctions`, and sorts the work. */
void batch_prepare(struct batch *batch);
/* The auction of that id; NULL if the batch has none. */
struct batch_auction *batch_find_auction(const struct batch *batch, const struct uuid *id);
/* Append a zeroed row, terms or event. There is room for everything that a full batch can produce. */
struct batch_row *batch_add_row(struct batch *batch);
struct rules_terms *batch_add_terms(struct batch *batch);
struct auction_event *batch_add_event(struct batch *batch);

#endif
