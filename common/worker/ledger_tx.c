/*
 * See ledger_tx.h.
 */
#include "common/worker/ledger_tx.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

struct ledger_tx {
    struct ledger_tx_options options;
    bool busy;
    struct pg_tx *tx; /* NULL once COMMIT is sent, and while idle */
    int64_t moved_ms; /* see ledger_tx_moved_ms */
    struct outbox_batch outbox_batch;
};

static void finish(struct ledger_tx *ledger, enum ledger_result result)
{
    assert(ledger->busy && ledger->tx == NULL);
    ledger->busy = false;
    ledger->options.done(result, ledger->options.arg);
}

/* Aborts the transaction before its COMMIT. */
static void abort_and_finish(struct ledger_tx *ledger, enum ledger_result result)
{
    struct pg_tx *tx = ledger->tx;
    ledger->tx = NULL;
    pg_tx_abort(tx);
    finish(ledger, result);
}

void ledger_tx_retry(struct ledger_tx *ledger)
{
    abort_and_finish(ledger, LEDGER_AGAIN);
}

/* For ledger_tx_moved_ms. */
static void note_answer(struct ledger_tx *ledger, const struct pg_reply *reply)
{
    if (reply->outcome != PG_LOST) {
        ledger->moved_ms = clock_mono_ms();
    }
}

bool ledger_tx_check(struct ledger_tx *ledger, const struct pg_reply *reply)
{
    note_answer(ledger, reply);
    if (reply->outcome == PG_OK) {
        return true;
    }
    bool blamed = reply->outcome == PG_FAILED && pg_state_is_data_error(reply->sqlstate);
    if (reply->outcome == PG_FAILED) {
        log_warn("ledger: %s %s", reply->sqlstate, reply->message);
    }
    abort_and_finish(ledger, blamed ? LEDGER_REFUSED : LEDGER_AGAIN);
    return false;
}

struct pg_tx *ledger_tx_open(const struct ledger_tx *ledger)
{
    assert(ledger->tx != NULL);
    return ledger->tx;
}

static void on_committed(const struct pg_reply *reply, void *arg)
{
    struct ledger_tx *ledger = arg;
    enum ledger_result result = LEDGER_COMMITTED;
    note_answer(ledger, reply);
    if (reply->outcome == PG_OK && ledger->options.program->written != NULL) {
        ledger->options.program->written(ledger->options.program_arg);
    }
    if (reply->outcome == PG_FAILED) {
        result = pg_state_is_data_error(reply->sqlstate) ? LEDGER_REFUSED : LEDGER_AGAIN;
        log_warn("ledger: %s %s", reply->sqlstate, reply->message);
    } else if (reply->outcome == PG_LOST) {
        result = LEDGER_AGAIN;
        log_warn("ledger: connection lost at COMMIT: outcome unknown, the batch is tried again");
    }
    finish(ledger, result);
}

static void on_outbox_row(const struct pg_reply *reply, void *arg)
{
    struct outbox_row *row = arg;
    if (reply->outcome == PG_OK && PQntuples(reply->result) == 1) {
        row->id = pg_int(reply->result, 0, 0);
    }
}

/* Their ids are filled in when the server answers. */
static bool write_outbox(struct ledger_tx *ledger)
{
    struct outbox_batch *outbox_batch = &ledger->outbox_batch;
    for (size_t i = 0; i < outbox_batch->count; i++) {
        if (!outbox_insert(ledger->options.outbox, ledger->tx, &outbox_batch->rows[i], on_outbox_row,
                           &outbox_batch->rows[i])) {
            return false;
        }
    }
    return true;
}

/* A failure is handled at the COMMIT, which then fails too. */
static void ignore(const struct pg_reply *reply, void *arg)
{
    (void)reply;
    (void)arg;
}

/* A decided command is no longer a suspect. One that was not decided has had an attempt less. */
static bool clear_suspects(struct ledger_tx *ledger)
{
    const struct work *work = ledger->options.work;
    for (size_t i = 0; i < work->count; i++) {
        const struct work_entry *entry = &work->entries[i];
        char key[UUID_TEXT_SIZE];
        char id[UUID_TEXT_SIZE];
        const char *const values[] = {key, id};
        if (!entry->careful) {
            continue;
        }
        uuid_format(entry->command.key, key);
        uuid_format(entry->command.id, id);
        bool undecided = entry->outcome == WORK_LOCKED || entry->outcome == WORK_UNDECIDED;
        size_t statement = undecided ? LEDGER_TX_ACQUIT : LEDGER_TX_CLEAR_SUSPECT;
        if (!pg_tx_send(ledger->tx, ledger->options.first_statement + statement, 2, values, ignore, NULL)) {
            return false;
        }
    }
    return true;
}

void ledger_tx_loaded(struct ledger_tx *ledger)
{
    const struct ledger_tx_options *options = &ledger->options;
    outbox_batch_free(&ledger->outbox_batch);
    bool sent =
        options->program->decide(&ledger->outbox_batch, options->program_arg) && options->allowed(options->arg) &&
        outbox_batch_add_dead(&ledger->outbox_batch, options->work, options->family, !ledger_tx_unfinished(ledger)) &&
        options->program->write(ledger->tx, options->program_arg) && clear_suspects(ledger) && write_outbox(ledger) &&
        pg_tx_commit(ledger->tx, on_committed, ledger);
    if (!sent) {
        abort_and_finish(ledger, LEDGER_AGAIN);
        return;
    }
    ledger->tx = NULL; /* owned by the commit */
}

bool ledger_tx_decide(struct ledger_tx *ledger)
{
    assert(!ledger->busy && ledger->options.work->count > 0);
    ledger->tx = pg_tx_begin(ledger->options.pg);
    if (ledger->tx == NULL) {
        return false;
    }
    ledger->busy = true;
    if (!ledger->options.program->load(ledger, ledger->tx, ledger->options.program_arg)) {
        pg_tx_abort(ledger->tx);
        ledger->tx = NULL;
        ledger->busy = false;
        return false;
    }
    return true;
}

static void on_suspected(const struct pg_reply *reply, void *arg)
{
    struct ledger_tx *ledger = arg;
    bool counted = reply->outcome == PG_OK && PQntuples(reply->result) == 1;
    note_answer(ledger, reply);
    ledger->options.suspected(counted ? pg_int(reply->result, 0, 0) : -1, ledger->options.arg);
}

static void on_acquitted(const struct pg_reply *reply, void *arg)
{
    struct ledger_tx *ledger = arg;
    note_answer(ledger, reply);
    ledger->options.acquitted(reply->outcome == PG_OK, ledger->options.arg);
}

static bool query_suspect(struct ledger_tx *ledger, size_t statement, const struct work_command *command,
                          pg_callback callback)
{
    char key[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    const char *const values[] = {key, id};
    uuid_format(command->key, key);
    uuid_format(command->id, id);
    return pg_query(ledger->options.pg, ledger->options.first_statement + statement, 2, values, callback, ledger);
}

bool ledger_tx_suspect(struct ledger_tx *ledger, const struct work_command *command)
{
    return query_suspect(ledger, LEDGER_TX_SUSPECT, command, on_suspected);
}

bool ledger_tx_acquit(struct ledger_tx *ledger, const struct work_command *command)
{
    return query_suspect(ledger, LEDGER_TX_ACQUIT, command, on_acquitted);
}

bool ledger_tx_abandon(struct ledger_tx *ledger)
{
    if (!ledger->busy || ledger->tx == NULL) {
        return false;
    }
    pg_tx_abort(ledger->tx);
    ledger->tx = NULL;
    ledger->busy = false;
    return true;
}

bool ledger_tx_unfinished(const struct ledger_tx *ledger)
{
    const struct ledger_tx_options *options = &ledger->options;
    return options->program->unfinished != NULL && options->program->unfinished(options->program_arg);
}

int64_t ledger_tx_moved_ms(const struct ledger_tx *ledger)
{
    return ledger->moved_ms;
}

const struct outbox_batch *ledger_tx_outbox(const struct ledger_tx *ledger)
{
    return &ledger->outbox_batch;
}

struct ledger_tx *ledger_tx_new(const struct ledger_tx_options *options)
{
    struct ledger_tx *ledger = calloc(1, sizeof *ledger);
    if (ledger != NULL) {
        ledger->options = *options;
    }
    return ledger;
}

void ledger_tx_free(struct ledger_tx *ledger)
{
    if (ledger == NULL) {
        return;
    }
    if (ledger->tx != NULL) {
        pg_tx_abort(ledger->tx);
    }
    outbox_batch_free(&ledger->outbox_batch);
    free(ledger);
}
