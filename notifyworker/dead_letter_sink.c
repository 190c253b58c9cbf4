/*
 * See dead_letter_sink.h. The prefetch is one: at most one dead letter is held, and each ack covers one. A dead letter
 * that cannot be stored is kept and retried without limit, because there is no other place for it.
 */
#include "notifyworker/dead_letter_sink.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/deadletter.h"
#include "common/protocol/topology.h"

enum { RETRY_MS = 500, HASH_BYTES = 16 };

const struct pg_statement dead_letter_sink_table[DEAD_LETTER_SINK_STATEMENTS] = {
    [DEAD_LETTER_SINK_ADD] = {"dead_letter_sink_add",
                              "INSERT INTO dead_letters AS d (id, routing_key, reason, body, created_at)"
                              " VALUES ($1, $2, $3, decode($4, 'hex'), $5) ON CONFLICT (id) DO UPDATE"
                              " SET times = d.times + 1, requeued_at = NULL, created_at = excluded.created_at"},
};

/* Parameters of the statement, on the heap because the body is long. */
struct dead_letter {
    char id[UUID_TEXT_SIZE];
    char at[CLOCK_TEXT_SIZE];
    char *routing_key;
    char *reason;
    char *hex;
};

struct dead_letter_sink {
    struct pg *pg;
    size_t first_statement;
    struct broker_consumer *consumer;
    struct event *retry_timer;
    struct dead_letter dead_letter;
    uint64_t tag;
    bool full;     /* a dead letter is held */
    bool writing;  /* its statement is running */
    bool orphaned; /* its channel is gone: it will be redelivered */
    bool draining;
};

static void dead_letter_clear(struct dead_letter *dead_letter)
{
    free(dead_letter->routing_key);
    free(dead_letter->reason);
    free(dead_letter->hex);
    *dead_letter = (struct dead_letter){.hex = NULL};
}

static void make_id(const struct broker_delivery *delivery, const void *body, size_t length, char out[UUID_TEXT_SIZE])
{
    uint8_t hash[HASH_BYTES];
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, sizeof(hash)); /* cannot fail with these sizes */
    (void)crypto_generichash_update(&state, (const uint8_t *)delivery->routing_key, strlen(delivery->routing_key) + 1);
    (void)crypto_generichash_update(&state, (const uint8_t *)delivery->reason, strlen(delivery->reason) + 1);
    (void)crypto_generichash_update(&state, body, length);
    (void)crypto_generichash_final(&state, hash, sizeof(hash));
    struct uuid id = uuid_from_hash(hash);
    uuid_format(&id, out);
}

/* Bodies from other publishers are cut to the same length as our own dead letters. */
static bool dead_letter_fill(struct dead_letter *dead_letter, const struct broker_delivery *delivery)
{
    size_t length = deadletter_length(delivery->body, delivery->length);
    dead_letter->hex = malloc(2 * length + 1);
    dead_letter->routing_key = strdup(delivery->routing_key);
    dead_letter->reason = strdup(delivery->reason);
    if (dead_letter->hex == NULL || dead_letter->routing_key == NULL || dead_letter->reason == NULL) {
        dead_letter_clear(dead_letter);
        return false;
    }
    (void)sodium_bin2hex(dead_letter->hex, 2 * length + 1, delivery->body, length);
    make_id(delivery, delivery->body, length, dead_letter->id);
    clock_format(clock_now_ms(), dead_letter->at);
    return true;
}

static void retry_later(struct dead_letter_sink *dead_letter_sink)
{
    if (!dead_letter_sink->draining) {
        timer_set(dead_letter_sink->retry_timer, RETRY_MS);
    }
}

static void dead_letter_release(struct dead_letter_sink *dead_letter_sink)
{
    dead_letter_clear(&dead_letter_sink->dead_letter);
    dead_letter_sink->full = false;
}

static void on_written(const struct pg_reply *reply, void *arg)
{
    struct dead_letter_sink *dead_letter_sink = arg;
    dead_letter_sink->writing = false;
    if (dead_letter_sink->orphaned) {
        dead_letter_release(dead_letter_sink);
    } else if (reply->outcome != PG_OK) {
        log_warn("a dead letter cannot be written, retrying: %s",
                 reply->outcome == PG_LOST ? "the connection was lost" : reply->message);
        retry_later(dead_letter_sink);
    } else {
        if (!broker_ack(dead_letter_sink->consumer, dead_letter_sink->tag, false)) {
            log_debug("ack not sent, the channel is closed; the dead letter will be redelivered to the same row");
        }
        dead_letter_release(dead_letter_sink);
    }
}

static void write_dead_letter(struct dead_letter_sink *dead_letter_sink)
{
    const struct dead_letter *dead_letter = &dead_letter_sink->dead_letter;
    const char *values[] = {dead_letter->id, dead_letter->routing_key, dead_letter->reason, dead_letter->hex,
                            dead_letter->at};
    dead_letter_sink->writing = pg_query(dead_letter_sink->pg, dead_letter_sink->first_statement + DEAD_LETTER_SINK_ADD,
                                         ARRAY_LEN(values), values, on_written, dead_letter_sink);
    if (!dead_letter_sink->writing) {
        retry_later(dead_letter_sink);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct dead_letter_sink *dead_letter_sink = arg;
    if (dead_letter_sink->full && !dead_letter_sink->writing) {
        write_dead_letter(dead_letter_sink);
    }
}

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    (void)consumer;
    struct dead_letter_sink *dead_letter_sink = arg;
    if (dead_letter_sink->draining) {
        return; /* returns to the queue when the channel closes */
    }
    assert(!dead_letter_sink->full);
    if (!dead_letter_fill(&dead_letter_sink->dead_letter, delivery)) {
        log_error("no memory for a dead letter: exiting, it will be redelivered");
        exit(EXIT_FAILURE);
    }
    dead_letter_sink->full = true;
    dead_letter_sink->orphaned = false;
    dead_letter_sink->tag = delivery->tag;
    write_dead_letter(dead_letter_sink);
}

static void on_gone(struct broker_consumer *consumer, void *arg)
{
    (void)consumer;
    struct dead_letter_sink *dead_letter_sink = arg;
    dead_letter_sink->orphaned = true;
    if (dead_letter_sink->full && !dead_letter_sink->writing) {
        dead_letter_release(dead_letter_sink);
    }
}

struct dead_letter_sink *dead_letter_sink_new(const struct dead_letter_sink_options *options)
{
    struct dead_letter_sink *dead_letter_sink = calloc(1, sizeof(*dead_letter_sink));
    if (dead_letter_sink == NULL) {
        return NULL;
    }
    dead_letter_sink->pg = options->pg;
    dead_letter_sink->first_statement = options->first_statement;
    dead_letter_sink->retry_timer = evtimer_new(options->base, on_retry, dead_letter_sink);
    const struct broker_consumer_options consumer = {
        .queue = TOPOLOGY_DEAD_QUEUE, .prefetch = 1, .deliver = on_deliver, .gone = on_gone, .arg = dead_letter_sink};
    dead_letter_sink->consumer =
        dead_letter_sink->retry_timer == NULL ? NULL : broker_consume(options->consumes, &consumer);
    if (dead_letter_sink->consumer == NULL) {
        dead_letter_sink_free(dead_letter_sink);
        return NULL;
    }
    return dead_letter_sink;
}

void dead_letter_sink_free(struct dead_letter_sink *dead_letter_sink)
{
    if (dead_letter_sink == NULL) {
        return;
    }
    if (dead_letter_sink->retry_timer != NULL) {
        event_free(dead_letter_sink->retry_timer);
    }
    dead_letter_clear(&dead_letter_sink->dead_letter);
    free(dead_letter_sink);
}

void dead_letter_sink_drain(struct dead_letter_sink *dead_letter_sink)
{
    dead_letter_sink->draining = true;
    (void)evtimer_del(dead_letter_sink->retry_timer);
}

bool dead_letter_sink_busy(const struct dead_letter_sink *dead_letter_sink)
{
    return dead_letter_sink->writing;
}
