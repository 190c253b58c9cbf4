/*
 * See batch.h.
 */
#include "bidworker/batch.h"

#include <assert.h>
#include <stdlib.h>

enum {
    /* A fence of an auction that never started adds a start row; a bid may be followed by a proxy's answer. */
    ROWS_PER_COMMAND = 2,
    /*
     * A bid: started, extended, lead lost. A fence: started, ended. A purchase: started, lead lost, ended. A void:
     * voided, settled.
     */
    EVENTS_PER_COMMAND = 3,
};

struct batch *batch_new(size_t max)
{
    struct batch *batch = calloc(1, sizeof *batch);
    assert(max > 0);
    if (batch == NULL) {
        return NULL;
    }
    batch->entries = calloc(max, sizeof *batch->entries);
    batch->auctions = calloc(max, sizeof *batch->auctions);
    batch->rows = calloc(max * ROWS_PER_COMMAND, sizeof *batch->rows);
    batch->terms = calloc(max, sizeof *batch->terms);
    batch->events = calloc(max * EVENTS_PER_COMMAND, sizeof *batch->events);
    bool work = work_init(&batch->work, max);
    if (!work || batch->entries == NULL || batch->auctions == NULL || batch->rows == NULL || batch->terms == NULL ||
        batch->events == NULL) {
        batch_free(batch);
        return NULL;
    }
    for (size_t i = 0; i < max; i++) {
        batch->entries[i].work = &batch->work.entries[i];
    }
    return batch;
}

static void drop_auctions(struct batch *batch)
{
    for (size_t i = 0; i < batch->auction_count; i++) {
        voids_free(&batch->auctions[i].voids);
    }
    batch->auction_count = 0;
}

void batch_free(struct batch *batch)
{
    if (batch == NULL) {
        return;
    }
    if (batch->auctions != NULL) {
        drop_auctions(batch);
    }
    work_free(&batch->work);
    free(batch->entries);
    free(batch->auctions);
    free(batch->rows);
    free(batch->terms);
    free(batch->events);
    free(batch);
}

void batch_clear(struct batch *batch)
{
    work_clear(&batch->work);
    drop_auctions(batch);
    batch->row_count = 0;
    batch->terms_count = 0;
    batch->event_count = 0;
}

static void group_by_auction(struct batch *batch)
{
    for (size_t i = 0; i < batch->work.ordered; i++) {
        const struct command *command = batch->entries[batch->work.order[i]].command;
        const struct uuid *id = &command->auction_id;
        if (i == 0 || !uuid_equal(&batch->auctions[batch->auction_count - 1].id, id)) {
            batch->auctions[batch->auction_count++] = (struct batch_auction){.id = *id, .first = i};
        }
        struct batch_auction *auction = &batch->auctions[batch->auction_count - 1];
        auction->count++;
        auction->voiding = auction->voiding || command_kind_voids(command->kind);
    }
}

void batch_prepare(struct batch *batch)
{
    drop_auctions(batch);
    batch->row_count = 0;
    batch->terms_count = 0;
    batch->event_count = 0;
    for (size_t i = 0; i < batch->work.count; i++) {
        struct batch_entry *entry = &batch->entries[i];
        entry->command = entry->work->command.command;
        entry->terms = NULL;
    }
    work_sort(&batch->work);
    group_by_auction(batch);
}

static int compare_auction(const void *key, const void *element)
{
    return uuid_compare(key, &((const struct batch_auction *)element)->id);
}

struct batch_auction *batch_find_auction(const struct batch *batch, const struct uuid *id)
{
    return bsearch(id, batch->auctions, batch->auction_count, sizeof *batch->auctions, compare_auction);
}

struct batch_row *batch_add_row(struct batch *batch)
{
    assert(batch->row_count < batch->work.max * ROWS_PER_COMMAND);
    struct batch_row *row = &batch->rows[batch->row_count++];
    *row = (struct batch_row){0};
    return row;
}

struct rules_terms *batch_add_terms(struct batch *batch)
{
    assert(batch->terms_count < batch->work.max);
    struct rules_terms *terms = &batch->terms[batch->terms_count++];
    *terms = (struct rules_terms){0};
    return terms;
}

struct auction_event *batch_add_event(struct batch *batch)
{
    assert(batch->event_count < batch->work.max * EVENTS_PER_COMMAND);
    struct auction_event *event = &batch->events[batch->event_count++];
    *event = (struct auction_event){0};
    return event;
}
