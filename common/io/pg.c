/*
 * The public interface to PostgreSQL: the pool of connections and their transactions. The connections are in pg_link.c.
 *
 * A transaction is BEGIN, statements, COMMIT, sync in its connection's pipeline, with a sync wherever it waits for
 * results. Only the reply to COMMIT decides its result: it is committed only if the tag is COMMIT. After a failure,
 * ROLLBACK and a sync are queued directly behind it, so that the connection is free without waiting for them.
 *
 * It never waits with a flush request. The server does not count a session as idle that waits in a pipeline without a
 * sync. No timeout ends it then, and a client that hangs would keep its row locks for ever.
 *
 * Invariants: a callback is never called from the call that sent its statement. A connection in a transaction gets no
 * other statements. Every transaction is in pg->transactions until it ends.
 */
#include "common/io/pg.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/keepalive.h"
#include "common/io/pg_link.h"

enum {
    /*
     * The server cancels a statement this much later than our timer gives it up. So our timer is first, and no
     * abandoned session holds row locks for long.
     */
    SERVER_TIMEOUT_EXTRA_MS = 250,
    /* How often the server checks that its client still exists while a statement runs or waits for a lock. */
    SERVER_CLIENT_CHECK_MS = 500,
};

enum { PARAMETERS_MAX = 32 }; /* of a statement that is sent with pg_tx_send_parameters */

enum { OPENED_SIZE = 256 }; /* bytes of the row of an opening query that are compared */

enum { STATEMENTS_COUNTED_MAX = 192 }; /* by name, in one program; the gateway has the most */

/* A transaction, until its `done` was called or pg_tx_abort. */
struct pg_tx {
    LIST_ENTRY(pg_tx) entry;
    struct pg *pg;
    struct pg_link *link;
    bool lost;       /* its connection is gone */
    bool committing; /* COMMIT was sent */
    bool failed;     /* a statement failed; sqlstate and message are of the first one that did */
    char sqlstate[6];
    char message[256];
};

struct pg {
    struct pg_options options;
    struct pg_link_owner owner; /* of all links */
    struct pg_hosts hosts;      /* likewise */
    size_t *series;             /* label index of pg_metrics, by statement */
    char *libpq_options;        /* the connection parameter "options" */
    struct pg_link *links;
    bool opened;                  /* a link was */
    char opened_row[OPENED_SIZE]; /* of the newest one's opening query */
    size_t up_count;
    int64_t latency_ms;
    LIST_HEAD(, pg_tx) transactions;
    unsigned entered; /* event handlers on the stack */
    bool closing;     /* pg_free was called; the last pg_leave frees the memory */
};

struct metrics_family pg_metrics = {
    .name = "rostrum_sql_seconds",
    .help = "Time from sending a statement to its result, by statement, including earlier statements of its pipeline.",
    .type = METRICS_HISTOGRAM,
    .label_count = 1,
    .labels = {{"statement", NULL, STATEMENTS_COUNTED_MAX}},
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};

/* --- the owner of the links --------------------------------------------------------------------------------------- */

static void pg_enter(void *arg)
{
    struct pg *pg = arg;
    pg->entered++;
}

static void pg_destroy(struct pg *pg)
{
    for (int i = 0; i < pg->options.connections && pg->links != NULL; i++) {
        pg_link_free(&pg->links[i]);
    }
    while (!LIST_EMPTY(&pg->transactions)) {
        struct pg_tx *tx = LIST_FIRST(&pg->transactions);
        LIST_REMOVE(tx, entry);
        free(tx);
    }
    free(pg->links);
    free(pg->series);
    free(pg->libpq_options);
    pg_hosts_free(&pg->hosts);
    free(pg);
}

static void pg_leave(void *arg)
{
    struct pg *pg = arg;
    assert(pg->entered > 0);
    if (--pg->entered == 0 && pg->closing) {
        pg_destroy(pg);
    }
}

static void on_link_change(bool up, void *arg)
{
    struct pg *pg = arg;
    if (pg->closing) {
        return;
    }
    size_t before = pg->up_count;
    assert(up || before > 0);
    pg->up_count = up ? before + 1 : before - 1;
    if (pg->options.on_change != NULL && (before == 0 || pg->up_count == 0)) {
        pg->options.on_change(pg, up, pg->options.arg);
    }
}

static void write_row(const PGresult *result, char out[static OPENED_SIZE])
{
    size_t length = 0;
    out[0] = '\0';
    for (int column = 0; PQntuples(result) > 0 && column < PQnfields(result) && length < OPENED_SIZE; column++) {
        length += (size_t)snprintf(out + length, OPENED_SIZE - length, "%s ", PQgetvalue(result, 0, column));
    }
}

/* The callbacks of lost statements may free the pool, which then ends the links itself. */
static bool on_link_opened(const struct pg_link *link, const PGresult *result, void *arg)
{
    struct pg *pg = arg;
    char row[OPENED_SIZE];
    if (!pg->options.opened(result, pg->options.arg)) {
        return false;
    }
    write_row(result, row);
    bool differs = pg->opened && strcmp(pg->opened_row, row) != 0;
    pg->opened = true;
    (void)snprintf(pg->opened_row, sizeof(pg->opened_row), "%s", row);
    for (int i = 0; differs && !pg->closing && i < pg->options.connections; i++) {
        if (&pg->links[i] != link) {
            pg_link_renew(&pg->links[i], "a newer connection has other data");
        }
    }
    return true;
}

/*
 * Queued after the segment of a failed transaction. If it cannot be sent, the loop ends the connection, which also
 * rolls back.
 */
static void link_roll_back(struct pg_link *link)
{
    if (pg_link_command(link, &(struct pg_expected){.kind = PG_EXPECT_ROLLBACK}, "ROLLBACK")) {
        pg_link_sync(link);
    }
}

/* Returns the connection to the pool. */
static void tx_release(struct pg_tx *tx)
{
    if (!tx->lost) {
        assert(tx->link->tx == tx);
        tx->link->tx = NULL;
    }
    LIST_REMOVE(tx, entry);
}

static void tx_note_failure(struct pg_tx *tx, const struct pg_reply *reply)
{
    if (!tx->failed) {
        tx->failed = true;
        (void)snprintf(tx->sqlstate, sizeof(tx->sqlstate), "%s", reply->sqlstate);
        (void)snprintf(tx->message, sizeof(tx->message), "%s", reply->message);
    }
}

/* The COMMIT of `tx` was answered or lost. Calls the callback of `expected` and frees `tx`. */
static void tx_finish(struct pg_tx *tx, const struct pg_expected *expected, const struct pg_reply *reply)
{
    struct pg_reply outcome = *reply;
    if (reply->outcome != PG_OK && !tx->lost) {
        if (reply->outcome == PG_FAILED) {
            tx_note_failure(tx, reply);
        }
        outcome.outcome = PG_FAILED;
        outcome.result = NULL;
        (void)snprintf(outcome.sqlstate, sizeof(outcome.sqlstate), "%s", tx->failed ? tx->sqlstate : "25P02");
        outcome.message = tx->failed ? tx->message : "the server rolled back";
        link_roll_back(tx->link);
    }
    tx_release(tx);
    if (expected->callback != NULL) {
        expected->callback(&outcome, expected->arg);
    }
    free(tx);
}

static void on_link_closed(struct pg_link *link, void *arg)
{
    (void)arg;
    if (link->tx != NULL) {
        link->tx->lost = true;
        link->tx = NULL;
    }
}

static void on_answered(struct pg_link *link, const struct pg_expected *expected, const struct pg_reply *reply,
                        void *arg)
{
    struct pg *pg = arg;
    if (expected->kind == PG_EXPECT_COMMIT) {
        tx_finish(expected->tx, expected, reply);
        return;
    }
    pg->latency_ms = link->answered_ms - expected->sent_ms;
    if (expected->kind == PG_EXPECT_STATEMENT) {
        metrics_observe(&pg_metrics, expected->series, 0, clock_mono_us() - expected->sent_us);
    }
    if (expected->tx != NULL && reply->outcome == PG_FAILED) {
        tx_note_failure(expected->tx, reply);
    }
    if (expected->callback != NULL) {
        expected->callback(reply, expected->arg);
    }
}

static void on_lost(const struct pg_expected *expected, const struct pg_reply *reply, void *arg)
{
    (void)arg;
    if (expected->kind == PG_EXPECT_COMMIT) {
        tx_finish(expected->tx, expected, reply);
    } else if (expected->callback != NULL) {
        expected->callback(reply, expected->arg);
    }
}

static struct pg_link_owner owner_of_links(struct pg *pg)
{
    return (struct pg_link_owner){
        .base = pg->options.base,
        .url = pg->options.url,
        .hosts = &pg->hosts,
        .application = pg->options.application,
        .libpq_options = pg->libpq_options,
        .statements = pg->options.statements,
        .statement_count = pg->options.statement_count,
        .timeout_ms = pg->options.timeout_ms,
        .pending_max = pg->options.pending_max,
        .opening = pg->options.opening,
        .opened = on_link_opened,
        .enter = pg_enter,
        .leave = pg_leave,
        .on_change = on_link_change,
        .closed = on_link_closed,
        .answered = on_answered,
        .lost = on_lost,
        .arg = pg,
    };
}

/* --- the pool ----------------------------------------------------------------------------------------------------- */

const char *pg_url_problem(const char *url)
{
    struct pg_hosts hosts;
    const char *reason = pg_hosts_read(&hosts, url);
    pg_hosts_free(&hosts);
    return reason;
}

/* The URL's own "options" come first, so that ours override them. NULL if the URL cannot be parsed (logged). */
static char *libpq_options_new(const struct pg_options *options)
{
    char *reason = NULL;
    PQconninfoOption *parts = PQconninfoParse(options->url, &reason);
    if (parts == NULL) {
        log_error("pg: the URL cannot be parsed: %s", reason == NULL ? "no memory" : reason);
        PQfreemem(reason);
        return NULL;
    }
    const char *given = "";
    for (const PQconninfoOption *part = parts; part->keyword != NULL; part++) {
        if (strcmp(part->keyword, "options") == 0 && part->val != NULL) {
            given = part->val;
        }
    }
    char *text = NULL;
    int length =
        asprintf(&text,
                 "%s -c statement_timeout=%d -c idle_in_transaction_session_timeout=%d -c tcp_user_timeout=%d"
                 " -c tcp_keepalives_idle=%d -c tcp_keepalives_interval=%d -c tcp_keepalives_count=%d"
                 " -c client_connection_check_interval=%d -c timezone=UTC -c datestyle=ISO"
                 " -c client_min_messages=warning %s",
                 given, options->timeout_ms + SERVER_TIMEOUT_EXTRA_MS, options->timeout_ms + SERVER_TIMEOUT_EXTRA_MS,
                 options->timeout_ms, KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT, SERVER_CLIENT_CHECK_MS,
                 options->session == NULL ? "" : options->session);
    PQconninfoFree(parts);
    return length < 0 ? NULL : text;
}

static size_t *series_new(const struct pg_options *options)
{
    size_t *series = calloc(options->statement_count + 1, sizeof(*series));
    for (size_t i = 0; series != NULL && i < options->statement_count; i++) {
        series[i] = metrics_value(&pg_metrics, 0, options->statements[i].name);
    }
    return series;
}

struct pg *pg_new(const struct pg_options *options)
{
    assert(options->base != NULL && options->url != NULL && options->application != NULL);
    assert(options->connections > 0 && options->timeout_ms > 0 && options->pending_max > 0);
    assert((options->opening == NULL) == (options->opened == NULL));
    struct pg *pg = calloc(1, sizeof(*pg));
    if (pg == NULL) {
        return NULL;
    }
    pg->options = *options;
    LIST_INIT(&pg->transactions);
    const char *reason = pg_hosts_read(&pg->hosts, options->url);
    if (reason != NULL) {
        log_error("pg: %s", reason);
    }
    pg->libpq_options = libpq_options_new(options);
    pg->links = calloc((size_t)options->connections, sizeof(*pg->links));
    pg->series = series_new(options);
    pg->owner = owner_of_links(pg);
    bool made = reason == NULL && pg->libpq_options != NULL && pg->links != NULL && pg->series != NULL;
    for (int i = 0; made && i < options->connections; i++) {
        made = pg_link_init(&pg->links[i], &pg->owner);
    }
    if (!made) {
        pg_destroy(pg);
        return NULL;
    }
    return pg;
}

void pg_free(struct pg *pg)
{
    if (pg == NULL) {
        return;
    }
    assert(!pg->closing);
    pg->closing = true;
    pg_enter(pg);
    for (int i = 0; i < pg->options.connections; i++) {
        pg_link_close(&pg->links[i]);
    }
    for (int i = 0; i < pg->options.connections; i++) {
        pg_link_fail_all(&pg->links[i]);
    }
    pg_leave(pg);
}

bool pg_up(const struct pg *pg)
{
    return pg->up_count > 0;
}

int64_t pg_latency_ms(const struct pg *pg)
{
    return pg->latency_ms;
}

/* Returns the least loaded connection without a transaction that has room, or NULL. */
static struct pg_link *pg_pick(struct pg *pg)
{
    struct pg_link *best = NULL;
    for (int i = 0; i < pg->options.connections; i++) {
        struct pg_link *link = &pg->links[i];
        if (link->tx == NULL && pg_link_has_room(link) && (best == NULL || link->pending < best->pending)) {
            best = link;
        }
    }
    return best;
}

static const char *statement_name(const struct pg *pg, size_t statement)
{
    assert(statement < pg->options.statement_count);
    return pg->options.statements[statement].name;
}

bool pg_query(struct pg *pg, size_t statement, int count, const char *const *values, pg_callback callback, void *arg)
{
    struct pg_link *link = pg_pick(pg);
    if (link == NULL) {
        return false;
    }
    const struct pg_expected expected = {
        .kind = PG_EXPECT_STATEMENT, .callback = callback, .arg = arg, .series = pg->series[statement]};
    if (!pg_link_execute(link, &expected, statement_name(pg, statement), count, values, NULL, NULL)) {
        return false;
    }
    /* If the sync cannot be sent, the loop ends the connection and the callback gets PG_LOST. */
    pg_link_sync(link);
    return true;
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

struct pg_tx *pg_tx_begin(struct pg *pg)
{
    struct pg_link *link = pg_pick(pg);
    struct pg_tx *tx = link == NULL ? NULL : calloc(1, sizeof(*tx));
    if (tx == NULL) {
        return NULL;
    }
    tx->pg = pg;
    tx->link = link;
    if (!pg_link_command(link, &(struct pg_expected){.kind = PG_EXPECT_BEGIN, .tx = tx}, "BEGIN")) {
        free(tx);
        return NULL;
    }
    link->tx = tx;
    LIST_INSERT_HEAD(&pg->transactions, tx, entry);
    return tx;
}

static bool tx_usable(const struct pg_tx *tx)
{
    assert(!tx->committing);
    return !tx->lost && pg_link_usable(tx->link);
}

static bool tx_execute(struct pg_tx *tx, size_t statement, int count, const char *const *values, const int *lengths,
                       const int *formats, pg_callback callback, void *arg)
{
    if (!tx_usable(tx) || !pg_link_has_room(tx->link)) {
        return false;
    }
    const struct pg_expected expected = {
        .kind = PG_EXPECT_STATEMENT, .callback = callback, .arg = arg, .tx = tx, .series = tx->pg->series[statement]};
    return pg_link_execute(tx->link, &expected, statement_name(tx->pg, statement), count, values, lengths, formats);
}

bool pg_tx_send(struct pg_tx *tx, size_t statement, int count, const char *const *values, pg_callback callback,
                void *arg)
{
    return tx_execute(tx, statement, count, values, NULL, NULL, callback, arg);
}

bool pg_tx_send_parameters(struct pg_tx *tx, size_t statement, int count, const struct pg_parameter *parameters,
                           pg_callback callback, void *arg)
{
    const char *values[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX];
    int formats[PARAMETERS_MAX];
    assert(count <= PARAMETERS_MAX);
    for (int i = 0; i < count; i++) {
        values[i] = parameters[i].value;
        lengths[i] = parameters[i].length;
        formats[i] = parameters[i].binary ? 1 : 0;
    }
    return tx_execute(tx, statement, count, values, lengths, formats, callback, arg);
}

bool pg_tx_flush(struct pg_tx *tx)
{
    return tx_usable(tx) && pg_link_sync(tx->link);
}

bool pg_tx_commit(struct pg_tx *tx, pg_callback done, void *arg)
{
    const struct pg_expected expected = {.kind = PG_EXPECT_COMMIT, .callback = done, .arg = arg, .tx = tx};
    if (!tx_usable(tx) || !pg_link_command(tx->link, &expected, "COMMIT")) {
        return false;
    }
    tx->committing = true;
    pg_link_sync(tx->link); /* as in pg_query */
    return true;
}

void pg_tx_abort(struct pg_tx *tx)
{
    assert(!tx->committing);
    struct pg_link *link = tx->link;
    for (size_t i = 0; i < link->expected_count; i++) {
        struct pg_expected *expected = pg_link_expected(link, i);
        if (expected->tx == tx) {
            expected->tx = NULL;
            expected->callback = NULL;
        }
    }
    bool usable = tx_usable(tx);
    tx_release(tx);
    free(tx);
    /* The sync ends the segment. If a statement failed, the server skips to it. */
    if (usable && pg_link_sync(link)) {
        link_roll_back(link);
    }
}
