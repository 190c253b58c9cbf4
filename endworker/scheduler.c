/*
 * See scheduler.h. A cycle reads everything that is due, page by page: starts, then fences. It publishes the commands
 * that `sent` does not hold back. It pauses while IN_FLIGHT_MAX commands are unconfirmed, and is aborted when the
 * broker refuses a message. The next cycle starts after schedule_poll_ms, or after four times the duration of this one
 * if that is longer, but at most after REST_MAX_MS. So a deployment that cannot decide due commands in time is not
 * loaded further by the polling. A new lead begins its first cycle at once: the rest may be that of a cycle in which
 * this process stood still and lost its former lead.
 *
 * received_ms of a FENCE is the time of the query minus the grace period: all bids received before and answered 202 are
 * already in the queue. The rules end an auction only if its end is not after received_ms. So a fence has no effect on
 * an auction that was extended in the meantime, however short the extension.
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
#include "common/protocol/message.h"
#include "common/protocol/schema.h"
#include "common/protocol/topology.h"
#include "common/protocol/topology_prepare.h"
#include "endworker/sent_commands.h"
#include "endworker/statements.h"

enum {
    PAGE_ROWS = 256,     /* in one query */
    IN_FLIGHT_MAX = 256, /* unconfirmed commands; the broker confirms about this many in 10 ms */
    REST_FACTOR = 4,     /* pause between cycles, at least this many times the duration of the last one */
    REST_MAX_MS = 2000,  /* but not longer, if schedule_poll_ms is not */
    PAGE_TEXT_SIZE = 12, /* PAGE_ROWS as text */
};

struct due {
    struct uuid auction_id;
    int64_t due_ms;
};

/* One unconfirmed command, for its verdict. */
struct flight {
    struct scheduler *scheduler;
    struct flight *next_free;
    enum command_kind kind;
    struct uuid auction_id;
};

struct scheduler {
    struct pg *pg;
    struct broker *broker;
    struct timing_guard *timing;
    const struct config *config;
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
    bool asking;            /* a page is being read */
    bool full;              /* `sent` had no room for some commands */
    enum command_kind kind; /* COMMAND_START, then COMMAND_FENCE */
    int64_t began_mono_ms;
    int64_t now_ms;   /* time of the page's query */
    struct due after; /* last row read */
    struct due page[PAGE_ROWS];
    size_t page_count;
    size_t page_next;
    bool page_last; /* no further page */
    /* unconfirmed commands */
    struct flight flights[IN_FLIGHT_MAX];
    struct flight *free_flights;
};

static void cycle_read(struct scheduler *scheduler);

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
        log_warn("more than %d auctions are due and undecided; some must wait", SENT_MAX);
    }
    if (scheduler->leading || scheduler->shards == 0) {
        int64_t rest_ms = took_ms < REST_MAX_MS / REST_FACTOR ? took_ms * REST_FACTOR : REST_MAX_MS;
        timer_ensure(scheduler->tick,
                     rest_ms > scheduler->config->schedule_poll_ms ? rest_ms : scheduler->config->schedule_poll_ms);
    }
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    struct flight *flight = arg;
    struct scheduler *scheduler = flight->scheduler;
    if (verdict != BROKER_CONFIRMED) {
        log_line(LOG_WARN, &(struct log_about){.auction_id = &flight->auction_id, .duration_ms = -1},
                 "a %s was not confirmed by the broker (%s) and is sent again",
                 flight->kind == COMMAND_START ? "start" : "fence",
                 verdict == BROKER_NACKED     ? "refused"
                 : verdict == BROKER_RETURNED ? "no queue bound"
                                              : "link lost");
        sent_failed(scheduler->sent, flight->kind, &flight->auction_id, clock_mono_ms());
    }
    flight->next_free = scheduler->free_flights;
    scheduler->free_flights = flight;
    if (scheduler->running && !scheduler->asking) {
        timer_ensure(scheduler->continue_timer, 0);
    }
}

static bool send_command(struct scheduler *scheduler, const struct uuid *auction_id)
{
    struct flight *flight = scheduler->free_flights;
    int64_t grace_ms = scheduler->kind == COMMAND_FENCE ? scheduler->config->fence_grace_ms : 0;
    struct command command = {.kind = scheduler->kind,
                              .id = uuid_new(),
                              .auction_id = *auction_id,
                              .received_ms = scheduler->now_ms - grace_ms};
    char key[TOPOLOGY_KEY_SIZE];
    char id[UUID_TEXT_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    struct broker_message message = {.exchange = exchange, .routing_key = key, .message_id = id};
    jsonw_reset(scheduler->writer);
    message_write_commands(scheduler->writer, &command, 1);
    message.body = jsonw_text(scheduler->writer, &message.length);
    topology_key(&topology_bids, auction_id, scheduler->shards, key);
    topology_exchange(&topology_bids, auction_id, scheduler->shards, exchange);
    uuid_format(&command.id, id);
    if (message.body == NULL || !broker_publish(scheduler->broker, &message, on_verdict, flight)) {
        return false;
    }
    scheduler->free_flights = flight->next_free;
    flight->kind = scheduler->kind;
    flight->auction_id = *auction_id;
    return true;
}

/* Publishes the commands of the page, then requests the next page or ends the cycle. */
static void cycle_continue(struct scheduler *scheduler)
{
    int64_t mono_ms = clock_mono_ms();
    if (!scheduler->leads(scheduler->arg)) {
        cycle_end(scheduler, "leadership lost");
        return;
    }
    for (; scheduler->page_next < scheduler->page_count; scheduler->page_next++) {
        const struct due *due = &scheduler->page[scheduler->page_next];
        enum sent_answer answer = sent_ask(scheduler->sent, scheduler->kind, &due->auction_id, due->due_ms, mono_ms);
        scheduler->full = scheduler->full || answer == SENT_FULL;
        if (answer != SENT_DUE) {
            continue;
        }
        if (scheduler->free_flights == NULL) {
            return; /* the next verdict continues the cycle */
        }
        if (!send_command(scheduler, &due->auction_id)) {
            cycle_end(scheduler, "the broker refused a message");
            return;
        }
        sent_note(scheduler->sent, scheduler->kind, &due->auction_id, mono_ms);
    }
    if (!scheduler->page_last) {
        cycle_read(scheduler);
    } else if (scheduler->kind == COMMAND_START) {
        scheduler->kind = COMMAND_FENCE;
        scheduler->after = (struct due){.due_ms = 0};
        cycle_read(scheduler);
    } else {
        cycle_end(scheduler, NULL);
    }
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
            log_warn("due auctions cannot be read: %s %s", reply->sqlstate, reply->message);
        }
        cycle_end(scheduler, scheduler->leading ? "PostgreSQL does not answer" : "leadership lost");
        return;
    }
    scheduler->page_count = (size_t)PQntuples(reply->result);
    scheduler->page_next = 0;
    scheduler->page_last = scheduler->page_count < PAGE_ROWS;
    assert(scheduler->page_count <= PAGE_ROWS);
    for (size_t i = 0; i < scheduler->page_count; i++) {
        scheduler->page[i] =
            (struct due){.auction_id = pg_uuid(reply->result, (int)i, 0), .due_ms = pg_int(reply->result, (int)i, 1)};
        scheduler->after = scheduler->page[i];
    }
    cycle_continue(scheduler);
}

static void cycle_read(struct scheduler *scheduler)
{
    bool starts = scheduler->kind == COMMAND_START;
    char until[CLOCK_TEXT_SIZE];
    char after_time[CLOCK_TEXT_SIZE];
    char after_id[UUID_TEXT_SIZE];
    char limit[PAGE_TEXT_SIZE];
    scheduler->now_ms = clock_now_ms();
    if (timing_guard_withholds(scheduler->timing)) {
        cycle_end(scheduler, "this machine's clock is wrong");
        return;
    }
    clock_format(scheduler->now_ms - (starts ? 0 : scheduler->config->fence_grace_ms), until);
    clock_format(scheduler->after.due_ms, after_time);
    uuid_format(&scheduler->after.auction_id, after_id);
    (void)snprintf(limit, sizeof(limit), "%d", PAGE_ROWS);
    const char *const values[] = {until, after_time, after_id, limit};
    scheduler->asking = pg_query(scheduler->pg, starts ? STATEMENT_DUE_STARTS : STATEMENT_DUE_FENCES, ARRAY_LEN(values),
                                 values, on_page, scheduler);
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
    scheduler->kind = COMMAND_START;
    scheduler->after = (struct due){.due_ms = 0};
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
