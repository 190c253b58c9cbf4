/*
 * See outbox_batch.h. Called by ledger_tx and by the programs between deciding and writing.
 */
#include "common/worker/outbox_batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/topology.h"

enum { ROWS_FIRST = 4 };

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

bool outbox_batch_add(struct outbox_batch *outbox_batch, const char *exchange, const char *routing_key,
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

static bool add_dead_letter(struct outbox_batch *outbox_batch, const struct work_entry *entry,
                            const struct work_family *family)
{
    assert(entry->reason != NULL);
    if (entry->raw != NULL) {
        return outbox_batch_add(outbox_batch, TOPOLOGY_DEAD_EXCHANGE, family->topology->dead_key, entry->raw,
                                entry->reason);
    }
    struct jsonw *writer = jsonw_new();
    if (writer == NULL) {
        return false;
    }
    family->write(writer, entry->command.command);
    bool ok = outbox_batch_add(outbox_batch, TOPOLOGY_DEAD_EXCHANGE, family->topology->dead_key,
                               jsonw_text(writer, NULL), entry->reason);
    jsonw_free(writer);
    return ok;
}

/* A delivery with several unreadable commands is copied once, with the first of them. */
static bool wants_dead_letter(const struct work_entry *entry, bool finished)
{
    bool now = entry->outcome == WORK_DECIDED || (entry->outcome == WORK_ASIDE && finished);
    return entry->quarantine != WORK_TRUSTED && now && (entry->command.unreadable == NULL || entry->raw != NULL);
}

bool outbox_batch_add_dead(struct outbox_batch *outbox_batch, const struct work *work, const struct work_family *family,
                           bool finished)
{
    bool ok = true;
    for (size_t i = 0; ok && i < work->count; i++) {
        if (wants_dead_letter(&work->entries[i], finished)) {
            ok = add_dead_letter(outbox_batch, &work->entries[i], family);
        }
    }
    return ok;
}
