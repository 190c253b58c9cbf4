/*
 * The transaction of a batch: the program locks and loads rows, decides, and writes; this part begins the transaction,
 * adds the outbox rows and commits. It uses libpq's pipeline, and nothing between begin and COMMIT waits for anything
 * but PostgreSQL. It also counts the attempts at commands that may crash their worker. Called by cycle.c and by the
 * programs.
 *
 * Invariant: from ledger_tx_decide to `done` a transaction is open, or its COMMIT was sent.
 */
#ifndef ROSTRUM_COMMON_WORKER_LEDGER_TX_H
#define ROSTRUM_COMMON_WORKER_LEDGER_TX_H

#include "common/io/pg.h"
#include "common/worker/outbox_batch.h"
#include "common/worker/work_family.h"

enum ledger_result {
    LEDGER_COMMITTED, /* the entries of the work have their outcomes */
    LEDGER_AGAIN,     /* failed for another reason, or the outcome is unknown: try the same batch again */
    LEDGER_REFUSED,   /* PostgreSQL refuses the data of a command in the batch; a retry cannot help */
};

struct ledger_tx;

/* What the program does in the transaction. */
struct ledger_program {
    /*
     * Drops what an earlier attempt left, sends the statements that lock and load, and flushes. The last of their
     * callbacks calls ledger_tx_loaded, now or after more statements. False: no memory, or the connection is lost.
     */
    bool (*load)(struct ledger_tx *ledger, struct pg_tx *tx, void *arg);
    /* Decides: every entry gets its outcome. Adds events to the outbox rows. False: no memory. */
    bool (*decide)(struct outbox_batch *events, void *arg);
    /*
     * After `decide`: whether it stopped at the bound of a transaction. The same commands then go on in the next
     * transaction, before any other; none of them is acked yet. May be NULL: never.
     */
    bool (*unfinished)(void *arg);
    /* Sends the statements that write. Their failures may be ignored: the COMMIT then fails too. False: as for load. */
    bool (*write)(struct pg_tx *tx, void *arg);
    /* After the COMMIT, before `done`. May be NULL. */
    void (*written)(void *arg);
};

/*
 * The statements of this part and of the worker, at consecutive indexes of the program's table:
 *     [STATEMENT_WORKER] = LEDGER_TX_STATEMENT_ROWS("suspects", "auction_id", "bid_id"),
 */
enum ledger_tx_statement {
    LEDGER_TX_TOPOLOGY, /* number of shards */
    LEDGER_TX_SUSPECT,
    LEDGER_TX_ACQUIT,
    LEDGER_TX_CLEAR_SUSPECT,
    LEDGER_TX_BANNED,
    LEDGER_TX_OUTBOX, /* and those that follow: common/service/outbox.h */
    LEDGER_TX_STATEMENTS = LEDGER_TX_OUTBOX + OUTBOX_STATEMENTS
};

/* The table of suspects, its columns with the key and the id of a command. */
/* clang-format off */
#define LEDGER_TX_STATEMENT_ROWS(table, key, id)                                                                       \
    {"topology", "SELECT shards FROM topology WHERE " SCHEMA_IS_CURRENT},                                              \
    {"suspect", "INSERT INTO " table " AS s (" key ", " id ") VALUES ($1::uuid, $2::uuid)"                             \
                " ON CONFLICT (" key ", " id ") DO UPDATE SET attempts = s.attempts + 1 RETURNING attempts"},          \
    {"acquit", "UPDATE " table " SET attempts = attempts - 1 WHERE " key " = $1::uuid"                                 \
               " AND " id " = $2::uuid AND attempts > 0"},                                                             \
    {"clear_suspect", "DELETE FROM " table " WHERE " key " = $1::uuid AND " id " = $2::uuid"},                         \
    {"banned", "SELECT id FROM users WHERE banned_at IS NOT NULL AND id = ANY ($1::uuid[])"},                          \
    OUTBOX_STATEMENT_ROWS
/* clang-format on */

struct ledger_tx_options {
    struct pg *pg;
    size_t first_statement; /* index of LEDGER_TX_TOPOLOGY in its table */
    struct outbox *outbox;  /* used only to insert rows */
    const struct work *work;
    const struct work_family *family;
    const struct ledger_program *program;
    void *program_arg;
    void (*done)(enum ledger_result result, void *arg);
    /* Asked before the COMMIT is sent: whether this worker may still decide. If not, the result is LEDGER_AGAIN. */
    bool (*allowed)(void *arg);
    /* The attempt is counted. `attempts` includes this one; -1: it is not known whether it was counted. */
    void (*suspected)(int64_t attempts, void *arg);
    /* The count was taken back; false: perhaps not. */
    void (*acquitted)(bool done, void *arg);
    void *arg;
};

/* --- for cycle.c --- */

MUST_CHECK struct ledger_tx *ledger_tx_new(const struct ledger_tx_options *options);
/* Aborts a running transaction. If its COMMIT was already sent, its outcome is unknown. */
void ledger_tx_free(struct ledger_tx *ledger);
/* Decides the work, which must not be changed until `done` is called from the loop. False: no connection. */
MUST_CHECK bool ledger_tx_decide(struct ledger_tx *ledger);
/*
 * Counts, in a separate transaction, an attempt to decide this command alone. Then calls `suspected`. False: no
 * connection.
 */
MUST_CHECK bool ledger_tx_suspect(struct ledger_tx *ledger, const struct work_command *command);
/* Takes one such count back, because the attempt ended without the death of the worker. Then calls `acquitted`. */
MUST_CHECK bool ledger_tx_acquit(struct ledger_tx *ledger, const struct work_command *command);
/* Rolls the batch back without calling `done`. False: none is under way, or its COMMIT was sent and `done` follows. */
MUST_CHECK bool ledger_tx_abandon(struct ledger_tx *ledger);
/* Whether the transaction that was decided last has stopped at its bound; see struct ledger_program. */
bool ledger_tx_unfinished(const struct ledger_tx *ledger);
/* When PostgreSQL last answered about a batch; on clock_mono_ms. 0: never. */
int64_t ledger_tx_moved_ms(const struct ledger_tx *ledger);
/* The outbox rows of the committed batch, for outbox_sent. Valid until the next ledger_tx_decide. */
const struct outbox_batch *ledger_tx_outbox(const struct ledger_tx *ledger);

/* --- for the program, while it loads --- */

/* Returns false, after aborting the transaction, unless the reply is valid. */
MUST_CHECK bool ledger_tx_check(struct ledger_tx *ledger, const struct pg_reply *reply);
/* The open transaction. */
struct pg_tx *ledger_tx_open(const struct ledger_tx *ledger);
/* Aborts the transaction: the batch is tried again. */
void ledger_tx_retry(struct ledger_tx *ledger);
/* Everything is loaded: decides, writes and commits. */
void ledger_tx_loaded(struct ledger_tx *ledger);

#endif
