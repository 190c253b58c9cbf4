/*
 * See batch_events.h.
 */
#include "bidworker/batch_events.h"

#include <stdlib.h>

#include "common/protocol/topology.h"

/* Far below MESSAGE_EVENTS_MAX and the limit of a reader's JSON (JSON_NODES_MAX; 9 nodes an event). */
enum { EVENTS_PER_MESSAGE = 2000 };

static bool add_events(struct outbox_batch *outbox_batch, struct jsonw *writer, const char *routing_key,
                       const struct auction_event *events, size_t count)
{
    bool ok = true;
    for (size_t done = 0; ok && done < count; done += EVENTS_PER_MESSAGE) {
        size_t part = count - done < EVENTS_PER_MESSAGE ? count - done : EVENTS_PER_MESSAGE;
        jsonw_reset(writer);
        message_write_events(writer, events + done, part);
        ok = outbox_batch_add(outbox_batch, TOPOLOGY_EVENTS_EXCHANGE, routing_key, jsonw_text(writer, NULL), NULL);
    }
    return ok;
}

/* EVENT_ENDED goes to another queue than the other events, so it needs messages of its own. */
static bool add_sorted(struct outbox_batch *outbox_batch, struct jsonw *writer, const struct batch *batch)
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

bool batch_events_add(struct outbox_batch *outbox_batch, const struct batch *batch)
{
    if (batch->event_count == 0) {
        return true;
    }
    struct jsonw *writer = jsonw_new();
    bool ok = writer != NULL && add_sorted(outbox_batch, writer, batch);
    jsonw_free(writer);
    return ok;
}
