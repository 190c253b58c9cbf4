/*
 * See cycle.h. Called by worker.c.
 *
 * Only one batch is in progress at a time. If it fails:
 *   - for a reason outside its data (connection, lock, disk, server), it is tried again without limit, with a back-off.
 *     Nothing is acked meanwhile, so the commands stay in their queues. While the worker waits for its lease or for a
 *     connection, nothing is tried, and the batch stays whole;
 *   - because PostgreSQL refuses its data, half of it is returned and the rest tried, down to one command. That
 *     command's quarantine level rises with each failure (enum work_quarantine), until it no longer blocks the shard.
 * Commands whose row another session has locked are no failure: the rest of the batch is committed, and
 * shard_reader keeps them back.
 *
 * A command may also crash its worker. A message that was delivered too often is therefore decided one command at a
 * time. Each attempt is counted in table suspects before it starts, and the third one puts the command into quarantine.
 * Only the death of the worker leaves the count there, or a loop that hangs until the lease is lost. Every other end of
 * the attempt takes it back: a failed transaction, a hand-over, a drain, a lost server.
 *
 * Nothing is taken, and no COMMIT sent, without the lease (ownership.h). Only a draining worker, which gave its lease
 * up itself, commits the batch in hand: its channels are still open, so nobody else reads these commands.
 */
#include "common/worker/cycle.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/worker/worker_metrics.h"

enum {
    RETRY_MIN_MS = 50,
    RETRY_MAX_MS = 2000,
    HALVE_AFTER_LOSSES =
        3, /* lost attempts after which the batch is cut in half: it may be too large for one statement's time limit */
    SUSPECT_ATTEMPTS = 3, /* attempts after which the command is quarantined */
    ALONE_ATTEMPTS = 2,   /* attempts of a single command before its quarantine level rises: two workers may have met */
    GATHER_FULL = 64,     /* commands */
};

enum cycle_state {
    CYCLE_IDLE,
    CYCLE_SUSPECTING, /* counting an attempt in table suspects */
    CYCLE_DECIDING,
    CYCLE_ACQUITTING, /* taking that count back */
    CYCLE_WAITING,    /* waiting to retry the batch */
    CYCLE_ENDED,
};

struct cycle {
    struct cycle_options options;
    enum cycle_state state;
    bool draining;
    struct ledger_tx *ledger;
    struct work *work;         /* the batch in hand; empty while idle */
    struct event *take_event;  /* takes the next batch: activated at once, or timed to gather commands */
    struct event *retry_timer; /* CYCLE_WAITING */
    unsigned waits;            /* before attempts at the batch in hand */
    unsigned losses;           /* its attempts that were lost although the worker held its lease */
    unsigned refusals;         /* likewise */
    bool counted;              /* the careful command in hand is counted in table suspects */
    int64_t taken_ms;          /* monotonic; when the batch in hand was taken */
    int64_t batch_began_us;
    size_t batch_size; /* commands in the last batch */
    struct cycle_totals totals;
};

static void set_state(struct cycle *cycle, enum cycle_state state)
{
    assert(cycle->state != CYCLE_ENDED);
    cycle->state = state;
}

/* A batch is taken at the end of a loop pass, so that it contains all deliveries of that pass. */
void cycle_wake(struct cycle *cycle)
{
    event_active(cycle->take_event, EV_TIMEOUT, 0);
}

static bool may_decide(void *arg)
{
    const struct cycle *cycle = arg;
    return cycle->draining || cycle->options.holds(cycle->options.arg);
}

/* --- the end --- */

void cycle_end(struct cycle *cycle)
{
    if (cycle == NULL || cycle->state == CYCLE_ENDED) {
        return;
    }
    shard_reader_take_back(cycle->options.shard_reader, cycle->work, 0);
    evtimer_del(cycle->retry_timer);
    set_state(cycle, CYCLE_ENDED);
}

static void end_drained(struct cycle *cycle)
{
    if (cycle->counted) {
        log_warn("PostgreSQL does not answer: the command in hand stays counted as one attempt");
    }
    cycle_end(cycle);
    cycle->options.drained(cycle->options.arg);
}

/* True if the count of the command in hand is being taken back. It stands if the loop hung over the command. */
static bool take_count_back(struct cycle *cycle)
{
    if (cycle->options.hung(cycle->options.arg)) {
        cycle->counted = false;
    }
    if (!cycle->counted || !ledger_tx_acquit(cycle->ledger, &cycle->work->entries[0].command)) {
        return false;
    }
    set_state(cycle, CYCLE_ACQUITTING);
    return true;
}

void cycle_drain(struct cycle *cycle)
{
    cycle->draining = true;
    switch (cycle->state) {
    case CYCLE_SUSPECTING:
    case CYCLE_DECIDING:
    case CYCLE_ACQUITTING:
        return; /* the answer ends it */
    case CYCLE_IDLE:
    case CYCLE_WAITING:
        if (!take_count_back(cycle)) {
            end_drained(cycle);
        }
        return;
    case CYCLE_ENDED:
        return;
    }
}

/* --- an attempt --- */

static void wait_to_retry(struct cycle *cycle)
{
    int64_t wait_ms = RETRY_MIN_MS;
    for (unsigned i = 0; i < cycle->waits && wait_ms < RETRY_MAX_MS; i++) {
        wait_ms *= 2;
    }
    cycle->waits++;
    set_state(cycle, CYCLE_WAITING);
    timer_set(cycle->retry_timer, wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS);
}

static void on_acquitted(bool done, void *arg)
{
    struct cycle *cycle = arg;
    if (cycle->state != CYCLE_ACQUITTING) {
        return; /* the cycle has ended */
    }
    cycle->counted = !done;
    if (cycle->draining) {
        end_drained(cycle);
    } else {
        wait_to_retry(cycle);
    }
}

/* The attempt at the batch in hand ended without a decision, and this worker did not die of it. */
static void retry_later(struct cycle *cycle)
{
    if (take_count_back(cycle)) {
        return; /* on_acquitted carries on */
    }
    if (cycle->draining) {
        end_drained(cycle);
    } else {
        wait_to_retry(cycle);
    }
}

static void decide(struct cycle *cycle)
{
    if (!may_decide(cycle)) {
        retry_later(cycle);
        return;
    }
    cycle->batch_began_us = clock_mono_us();
    cycle->batch_size = cycle->work->count;
    if (!ledger_tx_decide(cycle->ledger)) {
        retry_later(cycle);
        return;
    }
    set_state(cycle, CYCLE_DECIDING);
}

static void try_batch(struct cycle *cycle)
{
    const struct work_entry *first = &cycle->work->entries[0];
    bool named = !uuid_is_nil(first->command.key);
    if (!first->careful || cycle->counted || !named || !may_decide(cycle)) {
        decide(cycle);
        return;
    }
    if (!ledger_tx_suspect(cycle->ledger, &first->command)) {
        retry_later(cycle);
        return;
    }
    set_state(cycle, CYCLE_SUSPECTING);
}

static void on_suspected(int64_t attempts, void *arg)
{
    struct cycle *cycle = arg;
    struct work_entry *entry = &cycle->work->entries[0];
    if (cycle->state != CYCLE_SUSPECTING) {
        return; /* the cycle has ended */
    }
    assert(cycle->work->count == 1);
    cycle->counted = true; /* also if that is not known: one count too few is better than one too many */
    if (attempts < 0) {
        retry_later(cycle);
        return;
    }
    if (attempts >= SUSPECT_ATTEMPTS && entry->quarantine == WORK_TRUSTED) {
        entry->quarantine = WORK_POISON;
        entry->reason = "its workers crashed repeatedly";
    }
    decide(cycle);
}

static void take_batch(struct cycle *cycle)
{
    shard_reader_take(cycle->options.shard_reader, cycle->work, cycle->work->max);
    if (cycle->work->count == 0) {
        return;
    }
    cycle->waits = 0;
    cycle->losses = 0;
    cycle->refusals = 0;
    cycle->counted = false;
    cycle->taken_ms = clock_mono_ms();
    try_batch(cycle);
}

/*
 * An idle worker takes a batch at once. A busy one gathers commands for batch_interval_ms since the last batch began,
 * or until they fill the next batch. The commands then share the batch's cost for the database, the broker and Redis.
 * No 202 waits for it. After a batch of less than GATHER_FULL commands the wait is proportionally shorter, because
 * gathering would save little.
 */
static int64_t gather_us(const struct cycle *cycle)
{
    int64_t whole_us = cycle->options.config->batch_interval_ms * INT64_C(1000);
    return cycle->batch_size >= GATHER_FULL ? whole_us : whole_us * (int64_t)cycle->batch_size / GATHER_FULL;
}

static void on_take(evutil_socket_t fd, short what, void *arg)
{
    struct cycle *cycle = arg;
    (void)fd;
    (void)what;
    if (cycle->state != CYCLE_IDLE || cycle->draining || !pg_up(cycle->options.pg) || !may_decide(cycle)) {
        return; /* the next poll of ownership wakes it */
    }
    int64_t early_us = cycle->batch_began_us + gather_us(cycle) - clock_mono_us();
    if (early_us <= 0 || shard_reader_held(cycle->options.shard_reader) >= cycle->work->max) {
        take_batch(cycle);
    } else if (!evtimer_pending(cycle->take_event, NULL)) {
        struct timeval wait = {.tv_usec = early_us};
        if (evtimer_add(cycle->take_event, &wait) != 0) {
            take_batch(cycle);
        }
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct cycle *cycle = arg;
    struct work *work = cycle->work;
    (void)fd;
    (void)what;
    if (cycle->state != CYCLE_WAITING) {
        return;
    }
    if (cycle->counted) { /* it could not be taken back yet */
        retry_later(cycle);
        return;
    }
    if (cycle->losses >= HALVE_AFTER_LOSSES && work->count > 1) {
        shard_reader_take_back(cycle->options.shard_reader, work, (work->count + 1) / 2);
    }
    shard_reader_prune(cycle->options.shard_reader, work);
    if (work->count == 0) {
        set_state(cycle, CYCLE_IDLE);
        cycle_wake(cycle);
        return;
    }
    try_batch(cycle);
}

/* Raises the quarantine level of the only command in the batch, because it cannot be written as it is. */
static void raise_quarantine(struct cycle *cycle)
{
    struct work_entry *entry = &cycle->work->entries[0];
    if (++cycle->refusals < ALONE_ATTEMPTS) {
        return;
    }
    if (entry->quarantine == WORK_UNWRITABLE) {
        retry_later(cycle); /* not even its dead letter can be written: the command is not the cause */
        return;
    }
    cycle->refusals = 0;
    entry->quarantine++;
    entry->reason = entry->reason == NULL ? "PostgreSQL refuses its data" : entry->reason;
    struct log_about about = cycle->options.program->family->about(entry->command.key);
    about.request_id = entry->command.request_id;
    about.traceparent = entry->command.traceparent;
    log_line(LOG_ERROR, &about, "a command cannot be written: quarantined");
}

static void on_refused(struct cycle *cycle)
{
    struct work *work = cycle->work;
    if (cycle->draining) {
        retry_later(cycle);
        return;
    }
    if (work->count > 1) {
        shard_reader_take_back(cycle->options.shard_reader, work, work->count / 2);
    } else {
        raise_quarantine(cycle);
    }
    if (cycle->state == CYCLE_DECIDING) {
        try_batch(cycle);
    }
}

/* The transaction stopped at its bound: the same commands go on in the next one, before any other. */
static void go_on(struct cycle *cycle)
{
    cycle->losses = 0;
    if (cycle->draining) {
        end_drained(cycle);
        return;
    }
    set_state(cycle, CYCLE_WAITING);
    timer_set(cycle->retry_timer, 0);
}

static void on_committed(struct cycle *cycle)
{
    const struct worker_program *program = cycle->options.program;
    const struct outbox_batch *outbox_batch = ledger_tx_outbox(cycle->ledger);
    struct work *work = cycle->work;
    bool finished = !ledger_tx_unfinished(cycle->ledger);
    cycle->counted = false; /* the transaction removed it, or took it back */
    if (finished) {
        shard_reader_ack(cycle->options.shard_reader, work);
    }
    int64_t took_us = clock_mono_us() - cycle->batch_began_us;
    worker_metrics_batch(work, took_us);
    program->committed(cycle->options.results, took_us, cycle->options.load->batch);
    outbox_sent(cycle->options.outbox, outbox_batch->rows, outbox_batch->count);
    cycle->totals.batches++;
    if (!finished) {
        go_on(cycle);
        return;
    }
    cycle->totals.commands += work->count - work->locked;
    shard_reader_finish(cycle->options.shard_reader, work);
    set_state(cycle, CYCLE_IDLE);
    if (cycle->draining) {
        end_drained(cycle);
        return;
    }
    cycle_wake(cycle);
}

static void on_decided(enum ledger_result result, void *arg)
{
    struct cycle *cycle = arg;
    if (cycle->state != CYCLE_DECIDING) {
        return; /* the cycle has ended */
    }
    switch (result) {
    case LEDGER_COMMITTED:
        on_committed(cycle);
        return;
    case LEDGER_AGAIN:
        if (may_decide(cycle)) {
            cycle->losses++; /* a smaller batch might succeed; without the lease none would */
        }
        retry_later(cycle);
        return;
    case LEDGER_REFUSED:
        on_refused(cycle);
        return;
    }
}

/* --- for the worker --- */

void cycle_resume(struct cycle *cycle)
{
    if (cycle->state == CYCLE_WAITING) {
        timer_set(cycle->retry_timer, 0);
    } else {
        cycle_wake(cycle);
    }
}

void cycle_abandon(struct cycle *cycle)
{
    if (cycle->state == CYCLE_DECIDING && ledger_tx_abandon(cycle->ledger)) {
        retry_later(cycle);
    }
}

int64_t cycle_age_ms(const struct cycle *cycle)
{
    return cycle->work->count > 0 ? clock_mono_ms() - cycle->taken_ms : 0;
}

int64_t cycle_unanswered_ms(const struct cycle *cycle)
{
    int64_t answered_ms = ledger_tx_moved_ms(cycle->ledger);
    int64_t since_ms = answered_ms > cycle->taken_ms ? answered_ms : cycle->taken_ms;
    return cycle->work->count > 0 ? clock_mono_ms() - since_ms : 0;
}

struct cycle_totals cycle_totals(const struct cycle *cycle)
{
    return cycle->totals;
}

struct cycle *cycle_new(const struct cycle_options *options)
{
    struct cycle *cycle = calloc(1, sizeof *cycle);
    if (cycle == NULL) {
        return NULL;
    }
    cycle->options = *options;
    cycle->work = options->load->work;
    const struct ledger_tx_options ledger = {
        .pg = options->pg,
        .first_statement = options->program->first_statement,
        .outbox = options->outbox,
        .work = options->load->work,
        .family = options->program->family,
        .program = options->program->ledger,
        .program_arg = options->load,
        .done = on_decided,
        .allowed = may_decide,
        .suspected = on_suspected,
        .acquitted = on_acquitted,
        .arg = cycle,
    };
    cycle->ledger = ledger_tx_new(&ledger);
    cycle->take_event = event_new(options->base, -1, 0, on_take, cycle);
    cycle->retry_timer = evtimer_new(options->base, on_retry, cycle);
    if (cycle->ledger == NULL || cycle->take_event == NULL || cycle->retry_timer == NULL) {
        cycle_free(cycle);
        return NULL;
    }
    return cycle;
}

void cycle_free(struct cycle *cycle)
{
    if (cycle == NULL) {
        return;
    }
    ledger_tx_free(cycle->ledger);
    if (cycle->take_event != NULL) {
        event_free(cycle->take_event);
    }
    if (cycle->retry_timer != NULL) {
        event_free(cycle->retry_timer);
    }
    free(cycle);
}
