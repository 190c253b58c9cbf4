/*
 * See scheduler.h. A cycle reads everything that is due, page by page, from the lists of due.h. It publishes the
 * commands that `sent` does not hold back. It pauses while IN_FLIGHT_MAX commands are unconfirmed, and is aborted when
 * the broker refuses a message. The next cycle starts after schedule_poll_ms, or after four times the duration of this
 * one if that is longer, but at most after REST_MAX_MS. So a deployment that cannot decide due commands in time is not
 * loaded further by the polling. A new lead begins its first cycle at once: the rest may be that of a cycle in which
 * this process stood still and lost its former lead.
 *
 * Each command has a new id: a command that failed is in the ledger under its id, and must not block its repetition.
 * The rules ignore a command whose work is already done.
 *
 * All times are from this machine's clock. Nothing is published while timing_guard withholds it: main.c then gives up
 * the lead, and a cycle that finds it first ends.
 */
#include "endworker/scheduler.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/schema.h"
#include "common/protocol/topology.h"
#include "common/protocol/topology_prepare.h"
#include "endworker/due.h"
#include "endworker/endworker_metrics.h"
#include "endworker/sent_commands.h"
#include "endworker/statements.h"

enum {
    PAGE_ROWS = 256,     /* in one query */
    IN_FLIGHT_MAX = 256, /* unconfirmed commands; the broker confirms about this many in 10 ms */
    REST_FACTOR = 4,     /* pause between cycles, at least this many times the duration of the last one */
    REST_MAX_MS = 2000,  /* but not longer, if schedule_poll_ms is not */
};

/* One unconfirmed command, for its verdict. */
struct flight {
    struct scheduler *scheduler;
    struct flight *next_free;
    const struct due_source *source;
    int kind;
    struct uuid subject;
};

struct scheduler {
    struct pg *pg;
    struct broker *broker;
    struct timing_guard *timing;
    const struct config *config;
    const struct outages *outages;
    struct event *tick;           /* starts a cycle */
    struct event *continue_timer; /* continues a cycle that waited for verdicts */
    struct sent *sent;
    struct jsonw *writer;
    bool leading;
    bool (*leads)(void *arg); /* false before scheduler_lead, if this process stood still */
    void *arg;
    unsigned shards; /* 0: not read yet */
    /* the cycle */
    bool running;
    bool asking;   /* a page is being read */
    bool full;     /* `sent` had no room for some commands */
    size_t source; /* of due_sources: the list that is being read */
    int64_t began_mono_ms;
    struct due_page page;
    struct due due[PAGE_ROWS]; /* those of the page */
    size_t due_count;
    size_t due_next;
    bool page_last; /* no further page */
    /* unconfirmed commands */
    struct flight flights[IN_FLIGHT_MAX];
    struct flight *free_flights;
};

static void cycle_read(struct scheduler *scheduler);

static void list_begin(struct scheduler *scheduler, size_t source)
{
    scheduler->source = source;
    scheduler->page = (struct due_page){.grace_ms = scheduler->config->fence_grace_ms, .outages = scheduler->outages};
}

/* `reason`: NULL when the cycle is complete. */
static void cycle_end(struct scheduler *scheduler, const char *reason)
{
    assert(scheduler->running);
    int64_t took_ms = clock_mono_ms() - scheduler->began_mono_ms;
    scheduler->running = false;
    if (reason == NULL) {
        sent_end_cycle(scheduler->sent);
    } else {
        log_debug("the scheduling cycle was aborted: %s", reason);
    }
    if (scheduler->full) {
        log_warn("more than %d commands are due and undecided; some must wait", SENT_MAX);
    }
    if (scheduler->leading || scheduler->shards == 0) {
        int64_t rest_ms = took_ms < REST_MAX_MS / REST_FACTOR ? took_ms * REST_FACTOR : REST_MAX_MS;
        timer_ensure(scheduler->tick,
                     rest_ms > scheduler->config->schedule_poll_ms ? rest_ms : scheduler->config->schedule_poll_ms);
    }
}

static void log_unconfirmed(const struct flight *flight, enum broker_verdict verdict)
{
    bool auction = flight->source->family == &topology_bids;
    const struct log_about about = {.auction_id = auction ? &flight->subject : NULL,
                                    .sale_id = auction ? NULL : &flight->subject,
                                    .duration_ms = -1};
    log_line(LOG_WARN, &about, "a %s of %s was not confirmed by the broker (%s) and is sent again",
             flight->source->word(flight->kind), flight->source->subject,
             verdict == BROKER_NACKED     ? "refused"
             : verdict == BROKER_RETURNED ? "no queue bound"
                                          : "link lost");
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    struct flight *flight = arg;
    struct scheduler *scheduler = flight->scheduler;
    if (verdict == BROKER_CONFIRMED) {
        endworker_metrics_scheduled(flight->source->family == &topology_sales);
    } else {
        log_unconfirmed(flight, verdict);
        sent_failed(scheduler->sent, flight->kind, &flight->subject, clock_mono_ms());
    }
    flight->next_free = scheduler->free_flights;
    scheduler->free_flights = flight;
    if (scheduler->running && !scheduler->asking) {
        timer_ensure(scheduler->continue_timer, 0);
    }
}

static bool send_command(struct scheduler *scheduler, const struct due *due)
{
    const struct due_source *source = &due_sources[scheduler->source];
    struct flight *flight = scheduler->free_flights;
    struct uuid command_id = uuid_new();
    char key[TOPOLOGY_KEY_SIZE];
    char id[UUID_TEXT_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    struct broker_message message = {.exchange = exchange, .routing_key = key, .message_id = id};
    jsonw_reset(scheduler->writer);
    source->write(scheduler->writer, due, &command_id);
    message.body = jsonw_text(scheduler->writer, &message.length);
    topology_key(source->family, &due->id, scheduler->shards, key);
    topology_exchange(source->family, &due->id, scheduler->shards, exchange);
    uuid_format(&command_id, id);
    if (message.body == NULL || !broker_publish(scheduler->broker, &message, on_verdict, flight)) {
        return false;
    }
    scheduler->free_flights = flight->next_free;
    flight->source = source;
    flight->kind = due->kind;
    flight->subject = due->id;
    return true;
}

/* Reads the next page, or the next list, or ends the cycle. */
static void cycle_proceed(struct scheduler *scheduler)
{
    if (!scheduler->page_last) {
        cycle_read(scheduler);
    } else if (scheduler->source + 1 < DUE_SOURCES) {
        list_begin(scheduler, scheduler->source + 1);
        cycle_read(scheduler);
    } else {
        cycle_end(scheduler, NULL);
    }
}

/* Publishes the commands of the page. */
static void cycle_continue(struct scheduler *scheduler)
{
    int64_t mono_ms = clock_mono_ms();
    if (!scheduler->leads(scheduler->arg)) {
        cycle_end(scheduler, "leadership lost");
        return;
    }
    for (; scheduler->due_next < scheduler->due_count; scheduler->due_next++) {
        const struct due *due = &scheduler->due[scheduler->due_next];
        enum sent_answer answer = sent_ask(scheduler->sent, due->kind, &due->id, due->cause, mono_ms);
        scheduler->full = scheduler->full || answer == SENT_FULL;
        if (answer != SENT_DUE) {
            continue;
        }
        if (scheduler->free_flights == NULL) {
            return; /* the next verdict continues the cycle */
        }
        if (!send_command(scheduler, due)) {
            cycle_end(scheduler, "the broker refused a message");
            return;
        }
        sent_note(scheduler->sent, due->kind, &due->id, mono_ms);
    }
    cycle_proceed(scheduler);
}

static void on_continue(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct scheduler *scheduler = arg;
    if (!scheduler->running || scheduler->asking) {
        return;
    }
    if (scheduler->leading) {
        cycle_continue(scheduler);
    } else {
        cycle_end(scheduler, "leadership lost");
    }
}

static void on_page(const struct pg_reply *reply, void *arg)
{
    struct scheduler *scheduler = arg;
    scheduler->asking = false;
    if (!scheduler->leading || reply->outcome != PG_OK) {
        if (reply->outcome == PG_FAILED) {
            log_warn("what is due cannot be read: %s %s", reply->sqlstate, reply->message);
        }
        cycle_end(scheduler, scheduler->leading ? "PostgreSQL does not answer" : "leadership lost");
        return;
    }
    int rows = PQntuples(reply->result);
    assert(rows <= PAGE_ROWS);
    scheduler->page_last = rows < PAGE_ROWS;
    scheduler->due_count = 0;
    scheduler->due_next = 0;
    for (int row = 0; row < rows; row++) {
        struct due *due = &scheduler->due[scheduler->due_count];
        scheduler->due_count += due_sources[scheduler->source].read(reply->result, row, &scheduler->page, due) ? 1 : 0;
    }
    cycle_continue(scheduler);
}

static void cycle_read(struct scheduler *scheduler)
{
    const struct due_source *source = &due_sources[scheduler->source];
    struct due_query query;
    scheduler->page.now_ms = clock_now_ms();
    if (timing_guard_withholds(scheduler->timing)) {
        cycle_end(scheduler, "this machine's clock is wrong");
        return;
    }
    source->query(&scheduler->page, PAGE_ROWS, &query);
    scheduler->asking = pg_query(scheduler->pg, source->statement, query.count, query.values, on_page, scheduler);
    if (!scheduler->asking) {
        cycle_end(scheduler, "PostgreSQL is down");
    }
}

static void on_shards(const struct pg_reply *reply, void *arg)
{
    struct scheduler *scheduler = arg;
    scheduler->asking = false;
    if (reply->outcome == PG_OK && PQntuples(reply->result) == 1) {
        scheduler->shards = (unsigned)pg_int(reply->result, 0, 0);
        if (!topology_prepare_shards(scheduler->broker, &topology_bids, scheduler->shards) ||
            !topology_prepare_shards(scheduler->broker, &topology_sales, scheduler->shards)) {
            log_error("publishing to the shards is not prepared: no memory");
        }
    } else if (reply->outcome != PG_LOST) {
        log_error(reply->outcome == PG_OK ? SCHEMA_MISSING : "the number of shards cannot be read");
    }
    cycle_end(scheduler, scheduler->shards == 0 ? "the number of shards is unknown" : NULL);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct scheduler *scheduler = arg;
    if (scheduler->running || (!scheduler->leading && scheduler->shards != 0)) {
        return; /* scheduler_lead and cycle_end arm the timer again */
    }
    scheduler->running = true;
    scheduler->full = false;
    scheduler->began_mono_ms = clock_mono_ms();
    list_begin(scheduler, 0);
    if (scheduler->shards != 0) {
        cycle_read(scheduler);
        return;
    }
    scheduler->asking = pg_query(scheduler->pg, STATEMENT_SHARDS, 0, NULL, on_shards, scheduler);
    if (!scheduler->asking) {
        cycle_end(scheduler, "PostgreSQL is down");
    }
}

struct scheduler *scheduler_new(const struct scheduler_options *options)
{
    struct scheduler *scheduler = calloc(1, sizeof(*scheduler));
    if (scheduler == NULL) {
        return NULL;
    }
    scheduler->pg = options->pg;
    scheduler->broker = options->broker;
    scheduler->timing = options->timing;
    scheduler->config = options->config;
    scheduler->outages = options->outages;
    scheduler->leads = options->leads;
    scheduler->arg = options->arg;
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
        struct flight *flight = &scheduler->flights[i];
        *flight = (struct flight){.scheduler = scheduler, .next_free = scheduler->free_flights};
        scheduler->free_flights = flight;
    }
    scheduler->sent = sent_new(options->config->fence_repeat_ms);
    scheduler->writer = jsonw_new();
    scheduler->tick = evtimer_new(options->base, on_tick, scheduler);
    scheduler->continue_timer = evtimer_new(options->base, on_continue, scheduler);
    if (scheduler->sent == NULL || scheduler->writer == NULL || scheduler->tick == NULL ||
        scheduler->continue_timer == NULL) {
        scheduler_free(scheduler);
        return NULL;
    }
    timer_ensure(scheduler->tick, 0); /* a stand-by reads the number of shards, too */
    return scheduler;
}

void scheduler_free(struct scheduler *scheduler)
{
    if (scheduler == NULL) {
        return;
    }
    struct event *timers[] = {scheduler->tick, scheduler->continue_timer};
    for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
        if (timers[i] != NULL) {
            event_free(timers[i]);
        }
    }
    sent_free(scheduler->sent);
    jsonw_free(scheduler->writer);
    free(scheduler);
}

void scheduler_lead(struct scheduler *scheduler, bool leading)
{
    scheduler->leading = leading;
    if (leading) {
        (void)evtimer_del(scheduler->tick);
        timer_ensure(scheduler->tick, 0);
    } else if (scheduler->running && !scheduler->asking) {
        timer_ensure(scheduler->continue_timer, 0); /* the cycle may be waiting for verdicts: ends it */
    }
}
