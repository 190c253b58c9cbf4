/*
 * One batch: the commands that one transaction decides, in queue order, and what is learnt and decided about them on
 * the way. intake fills it, ledger loads what the database knows, decide decides, ledger writes, emit tells the world.
 * There is one struct batch in a worker, made once and used again: one batch is in flight at a time.
 *
 * Invariants: commands of one auction stand in the order of their queue; `auctions` and `order` are sorted by auction
 * id, which is the order in which rows are locked, so that two workers never wait for each other in a ring.
 */
#ifndef ROSTRUM_BIDWORKER_BATCH_H
#define ROSTRUM_BIDWORKER_BATCH_H

#include "common/protocol/message.h"
#include "common/rules/bid_status.h"
#include "common/rules/rules.h"
#include "common/rules/voids.h"

/* How far a command is trusted. Each failure of a command that is decided alone takes it one step further. */
enum batch_quarantine {
    BATCH_TRUSTED,
    BATCH_POISON,     /* not to be decided: rejected with INTERNAL_ERROR in its place, a copy to the dead letters */
    BATCH_BARE,       /* likewise, and without its values: they may be what cannot be written */
    BATCH_UNWRITABLE, /* a dead letter only */
};

enum batch_outcome {
    BATCH_UNDECIDED,
    BATCH_KNOWN,   /* decided by an earlier attempt: nothing is written, but who waits is answered */
    BATCH_DECIDED, /* has a ledger row */
    BATCH_DROPPED, /* a start or fence without effect: no row */
    BATCH_ASIDE,   /* a dead letter only */
};

struct shard_reader_message;

struct batch_entry {
    struct shard_reader_message *message; /* the delivery it came in; intake's */
    const struct command *command;        /* borrowed from the delivery; ids may be nil when it was not readable */
    const char *raw;                      /* the delivery's body, with its first unreadable command only; else NULL */
    const char *reason;                   /* of the doubt; static */
    enum batch_quarantine quarantine;
    bool unreadable;
    bool careful;                    /* delivered too often: decided alone, and counted before it is tried */
    bool banned;                     /* the bidder */
    const struct rules_terms *terms; /* of an update, in the batch's `terms`; NULL: none were found */
    enum batch_outcome outcome;
    size_t first_of_id;       /* index of the first entry with this auction and id: itself, unless it is a repetition */
    struct decision decision; /* BATCH_KNOWN, BATCH_DECIDED */
};

struct batch_auction {
    struct uuid id;
    size_t first; /* in `order` */
    size_t count;
    bool found;
    bool broken;  /* its row cannot be understood: no rule may be applied to it */
    bool touched; /* got a ledger row in this batch; for one that was found: `version` was raised */
    int64_t seq;  /* of the newest ledger row */
    int64_t version;
    struct rules_auction state;
    bool voiding;            /* a command of this batch voids a bid of it, or asks for that */
    struct voids_list voids; /* then: its bids, with those of this batch as they are decided */
};

/* A row of the ledger; 0 and nil are NULL in SQL. */
struct batch_row {
    struct uuid auction_id;
    int64_t seq;
    struct uuid bid_id;
    struct uuid bidder_id;
    enum command_kind kind; /* COMMAND_NONE: `automatic` */
    bool automatic;         /* a proxy's answer, which no command asked for */
    enum bid_status status;
    enum rules_reason reason; /* RULES_NONE unless rejected */
    bool raise;
    int64_t amount;
    int64_t max_amount;
    int64_t end_ms;    /* of an extension */
    struct uuid voids; /* of a void: the bid */
    int64_t received_ms;
};

struct batch {
    size_t max; /* commands */
    size_t count;
    struct batch_entry *entries;
    size_t *order; /* indices of entries that name an auction, by auction and then position */
    size_t ordered;
    struct batch_auction *auctions;
    size_t auction_count;
    int64_t decided_ms;
    struct batch_row *rows; /* by auction and seq */
    size_t row_count;
    struct rules_terms *terms; /* that updates ask for; room for one an entry */
    size_t terms_count;
    struct auction_event *events; /* in order of deciding */
    size_t event_count;
};

/* For up to `max` commands; NULL without memory. */
MUST_CHECK struct batch *batch_new(size_t max);
void batch_free(struct batch *batch);
void batch_clear(struct batch *batch);
/* Adds a trusted command; the caller fills in more. There must be room. */
struct batch_entry *batch_add(struct batch *batch, struct shard_reader_message *message, const struct command *command);
/* Keeps the first `count` commands: the others stay with the intake, which offers them again. */
void batch_keep(struct batch *batch, size_t count);
/* Forgets what an earlier attempt learnt and decided, and sorts: `order`, `auctions`, `first_of_id`. */
void batch_prepare(struct batch *batch);
/* The auction of that id; NULL if the batch has none. */
struct batch_auction *batch_find_auction(const struct batch *batch, const struct uuid *id);
/* A new last row, terms, event; there is room for all that a full batch can make. */
struct batch_row *batch_add_row(struct batch *batch);
struct rules_terms *batch_add_terms(struct batch *batch);
struct auction_event *batch_add_event(struct batch *batch);

#endif
