/*
 * The commands that one transaction decides, in the order of their queues, as the parts of a worker see them that are
 * the same for bids and flash sales. The program keeps what it loads and decides for them beside it, by index. A worker
 * has one struct work and reuses it: only one batch is in progress at a time.
 *
 * A command has an id and a key. The key names the row under whose lock it is decided: an auction or a sale.
 * shard_reader fills the work, cycle and ledger_tx have it decided by the program (struct ledger_program).
 *
 * Invariant: the commands of one key keep the order of their queue.
 */
#ifndef ROSTRUM_COMMON_WORKER_WORK_H
#define ROSTRUM_COMMON_WORKER_WORK_H

#include "common/base/base.h"
#include "common/base/ids.h"

/* The quarantine level of a command. A command that fails while it is decided alone moves one level up. */
enum work_quarantine {
    WORK_TRUSTED,
    WORK_POISON,     /* not decided: rejected with INTERNAL_ERROR in its place; a copy goes to the dead letters */
    WORK_BARE,       /* as WORK_POISON, and written without its values: one of them may be unwritable */
    WORK_UNWRITABLE, /* a dead letter only */
};

enum work_outcome {
    WORK_UNDECIDED,
    WORK_KNOWN,   /* decided by an earlier attempt: nothing is written, but its decision is published */
    WORK_DECIDED, /* has a ledger row */
    WORK_DROPPED, /* without effect: no ledger row */
    WORK_ASIDE,   /* a dead letter only */
    WORK_LOCKED,  /* not decided: its row cannot be used now, for example because another session has locked it */
};

/* What a family says of one of its commands (work_family.h). Everything is borrowed from the delivery. */
struct work_command {
    const void *command;        /* as the program reads it */
    const struct uuid *id;      /* nil if the command was unreadable */
    const struct uuid *key;     /* likewise */
    const struct uuid *user_id; /* nil: of no user */
    int64_t received_ms;        /* 0: unknown */
    const char *request_id;
    const char *traceparent;
    const char *unreadable; /* the reason; static. NULL: readable */
};

struct shard_reader_message;

struct work_entry {
    struct shard_reader_message *message; /* its delivery; owned by shard_reader */
    size_t item;                          /* its index in the delivery */
    struct work_command command;
    const char *raw;    /* the delivery's body, only for its first unreadable command; else NULL */
    const char *reason; /* of the quarantine; static */
    enum work_quarantine quarantine;
    bool careful;   /* delivered too often: decided alone; the attempt is counted in PostgreSQL first */
    bool published; /* its decision, by an earlier transaction of the same batch; set by the program */
    enum work_outcome outcome;
    bool banned;        /* the user is; set by ledger_load */
    size_t first_of_id; /* index of the first entry with this key and id; its own index unless repeated: work_sort */
};

struct work {
    size_t max; /* commands */
    size_t count;
    size_t locked; /* number of commands that are WORK_LOCKED */
    struct work_entry *entries;
    size_t *order; /* of work_sort: indices of entries that have a key, by key and then position */
    size_t ordered;
};

/* For up to `max` commands. False without memory. work_free also takes a zeroed struct. */
MUST_CHECK bool work_init(struct work *work, size_t max);
void work_free(struct work *work);
void work_clear(struct work *work);
/* Appends a trusted command and returns its entry, for the caller to complete. There must be room. */
struct work_entry *work_add(struct work *work, struct shard_reader_message *message,
                            const struct work_command *command);
/* Drops all but the first `count` commands. The caller returns the others to shard_reader first. */
void work_keep(struct work *work, size_t count);
/* Resets what an earlier attempt has loaded and decided, then fills `order` and `first_of_id`. */
void work_sort(struct work *work);
/* Leaves `count` commands of one key, from `first` on in `order`, undecided: their row cannot be used now. */
void work_leave(struct work *work, size_t first, size_t count);

#endif
