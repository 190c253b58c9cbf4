/*
 * See outbox_batch.h. Called by ledger between deciding and writing.
 */
#include "bidworker/outbox_batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/topology.h"

enum {
    ROWS_FIRST = 4,
    /* Far below MESSAGE_EVENTS_MAX and the limit of a reader's JSON (JSON_NODES_MAX; 9 nodes an event). */
    EVENTS_PER_MESSAGE = 2000,
};

void outbox_batch_free(struct outbox_batch *outbox_batch)
{
    for (size_t i = 0; i < outbox_batch->count; i++) {
        free(outbox_batch->bodies[i]);
    }
    free(outbox_batch->rows);
    free(outbox_batch->bodies);
    *outbox_batch = (struct outbox_batch){0};
}

static bool make_room(struct outbox_batch *outbox_batch)
{
    if (outbox_batch->count < outbox_batch->size) {
        return true;
    }
    size_t size = outbox_batch->size == 0 ? ROWS_FIRST : outbox_batch->size * 2;
    struct outbox_row *rows = realloc(outbox_batch->rows, size * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    outbox_batch->rows = rows;
    char **bodies = realloc(outbox_batch->bodies, size * sizeof *bodies);
    if (bodies == NULL) {
        return false;
    }
    outbox_batch->bodies = bodies;
    outbox_batch->size = size;
    return true;
}

/* `reason` is static. */
static bool add_message(struct outbox_batch *outbox_batch, const char *exchange, const char *routing_key,
                        const char *body, const char *reason)
{
    char *copy = body != NULL && make_room(outbox_batch) ? strdup(body) : NULL;
    if (copy == NULL) {
        return false;
    }
    outbox_batch->bodies[outbox_batch->count] = copy;
    outbox_batch->rows[outbox_batch->count++] =
        (struct outbox_row){.exchange = exchange, .routing_key = routing_key, .body = copy, .reason = reason};
    return true;
}

static bool add_events(struct outbox_batch *outbox_batch, struct jsonw *writer, const char *routing_key,
                       const struct auction_event *events, size_t count)
{
    bool ok = true;
    for (size_t done = 0; ok && done < count; done += EVENTS_PER_MESSAGE) {
        size_t part = count - done < EVENTS_PER_MESSAGE ? count - done : EVENTS_PER_MESSAGE;
        jsonw_reset(writer);
        message_write_events(writer, events + done, part);
        const char *text = jsonw_text(writer, NULL);
        ok = add_message(outbox_batch, TOPOLOGY_EVENTS_EXCHANGE, routing_key, text, NULL);
    }
    return ok;
}

/* EVENT_ENDED goes to another queue than the other events, so it needs messages of its own. */
static bool add_all_events(struct outbox_batch *outbox_batch, struct jsonw *writer, const struct batch *batch)
{
    struct auction_event *sorted = calloc(batch->event_count, sizeof *sorted);
    size_t ended = 0;
    size_t others = 0;
    if (sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < batch->event_count; i++) {
        if (batch->events[i].kind == EVENT_ENDED) {
            ended++;
            sorted[batch->event_count - ended] = batch->events[i];
        } else {
            sorted[others++] = batch->events[i];
        }
    }
    bool ok = add_events(outbox_batch, writer, TOPOLOGY_KEY_BATCH, sorted, others) &&
              add_events(outbox_batch, writer, TOPOLOGY_KEY_ENDED, sorted + others, ended);
    free(sorted);
    return ok;
}

static bool add_dead_letter(struct outbox_batch *outbox_batch, struct jsonw *writer, const struct batch_entry *entry)
{
    assert(entry->reason != NULL);
    const char *text = entry->raw;
    if (text == NULL) {
        jsonw_reset(writer);
        message_write_commands(writer, entry->command, 1);
        text = jsonw_text(writer, NULL);
    }
    return add_message(outbox_batch, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_BIDS, text, entry->reason);
}

/* A delivery with several unreadable commands is copied once, with the first of them. */
static bool wants_dead_letter(const struct batch_entry *entry)
{
    bool now = entry->outcome == BATCH_DECIDED || entry->outcome == BATCH_ASIDE;
    return entry->quarantine != BATCH_TRUSTED && now && (!entry->unreadable || entry->raw != NULL);
}

bool outbox_batch_of(struct outbox_batch *outbox_batch, const struct batch *batch)
{
    struct jsonw *writer = jsonw_new();
    bool ok = writer != NULL;
    assert(outbox_batch->count == 0);
    if (ok && batch->event_count > 0) {
        ok = add_all_events(outbox_batch, writer, batch);
    }
    for (size_t i = 0; ok && i < batch->count; i++) {
        if (wants_dead_letter(&batch->entries[i])) {
            ok = add_dead_letter(outbox_batch, writer, &batch->entries[i]);
        }
    }
    jsonw_free(writer);
    return ok;
}
