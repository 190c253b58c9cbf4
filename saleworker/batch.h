/*
 * One batch of commands to flash sales: the commands that one transaction decides (common/worker/work.h), with the
 * working sets of their sales and the events. ledger.c fills it, decide.c decides, write.c writes, results.c publishes.
 *
 * Invariants: the commands of one sale keep the order of their queue. `sales` are sorted by id.
 */
#ifndef ROSTRUM_SALEWORKER_BATCH_H
#define ROSTRUM_SALEWORKER_BATCH_H

#include "common/protocol/hash_chain.h"
#include "common/protocol/sale_message.h"
#include "common/rules/sale_set.h"
#include "common/worker/work.h"

/* Beside struct work_entry of the same index. */
struct sale_batch_entry {
    struct work_entry *work;
    const struct sale_message_command *command; /* the ids may be nil if the command was unreadable */
    bool has_terms;                             /* of an UPDATE: they were found */
    struct sale_terms terms;
    struct sale_message_decision decision; /* WORK_KNOWN, WORK_DECIDED */
};

/* A place as it was loaded. */
struct sale_batch_place {
    int64_t seq;
    struct uuid id; /* of its JOIN */
    bool waiting;
};

/* A payment that has to go back. */
struct sale_batch_refund {
    size_t entry; /* the CONFIRM */
    struct uuid user_id;
};

struct sale_batch_sale {
    struct uuid id;
    size_t first; /* in the work's `order` */
    size_t count;
    bool found;
    bool locked;  /* by another session: nothing else is known of it, and nothing is decided */
    bool broken;  /* its rows are inconsistent: nothing is decided */
    bool updated; /* a command changed the terms: the first ones are kept */
    int64_t version;
    int64_t head_seq;
    int64_t seq_before;              /* ledger_seq as loaded */
    char hash[HASH_CHAIN_TEXT_SIZE]; /* of the newest ledger row; "": there is none */
    size_t heads_asked;              /* waiting places that were asked for */
    size_t heads_loaded;
    int64_t heads_last; /* seq of the last of them */
    size_t due_asked;   /* due turns, and due reservations */
    size_t turns_loaded;
    int64_t turns_last;
    size_t orders_loaded;
    int64_t orders_last;
    struct sale_set *set;
    struct sale_batch_place *places; /* sorted by seq once loaded */
    size_t place_count;
    size_t place_size;
    int64_t granted; /* turns that this transaction granted */
};

struct sale_batch {
    struct work work; /* the commands */
    struct sale_batch_entry *entries;
    struct sale_batch_sale *sales;
    size_t sale_count;
    struct sale_set *sets; /* one for each of `sales`, kept for their memory */
    int64_t now_ms;        /* the database's time when the last sale was locked */
    struct sale_event *events;
    size_t event_count;
    size_t event_size;
    struct sale_batch_refund *refunds; /* at most one for each command */
    size_t refund_count;
    bool *held; /* scratch of decide.c: whether an EXPIRE found the entry or order holding units */
    size_t held_size;
    int64_t *positions; /* scratch of outcome.c: of the entries of a sale */
    size_t position_size;
    char (*hashes)[HASH_CHAIN_TEXT_SIZE]; /* of the rows of all sales, in their order (chain.c) */
    size_t hash_size;
};

/* For up to `max` commands; NULL without memory. */
MUST_CHECK struct sale_batch *sale_batch_new(size_t max);
void sale_batch_free(struct sale_batch *batch);
/* Resets what an earlier attempt loaded and decided, then fills `command` and `sales`, and sorts the work. */
void sale_batch_prepare(struct sale_batch *batch);
/* The sale of that id; NULL if the batch has none. */
struct sale_batch_sale *sale_batch_find(const struct sale_batch *batch, const struct uuid *id);
/* False: no memory. */
MUST_CHECK bool sale_batch_add_place(struct sale_batch_sale *sale, const struct sale_batch_place *place);
/* Sorts the places and leaves out repeated ones. */
void sale_batch_sort_places(struct sale_batch_sale *sale);
/* The loaded place; NULL: it was not loaded. */
const struct sale_batch_place *sale_batch_place(const struct sale_batch_sale *sale, int64_t seq);
/* Appends a zeroed event; NULL: no memory. */
struct sale_event *sale_batch_add_event(struct sale_batch *batch);
/* Makes room in `hashes` for the rows of all sales. */
MUST_CHECK bool sale_batch_reserve_hashes(struct sale_batch *batch);
/* Whether a sale has rows to be written. */
bool sale_batch_touched(const struct sale_batch_sale *sale);

#endif
