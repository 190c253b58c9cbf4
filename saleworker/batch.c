/*
 * See batch.h.
 */
#include "saleworker/batch.h"

#include <assert.h>
#include <stdlib.h>

enum {
    PLACES_FIRST = 64,
    EVENTS_FIRST = 64,
    SETS_KEPT = 16, /* whose memory is kept from one batch to the next */
};

struct sale_batch *sale_batch_new(size_t max)
{
    struct sale_batch *batch = calloc(1, sizeof *batch);
    assert(max > 0);
    if (batch == NULL) {
        return NULL;
    }
    batch->entries = calloc(max, sizeof *batch->entries);
    batch->sales = calloc(max, sizeof *batch->sales);
    batch->sets = calloc(max, sizeof *batch->sets);
    batch->refunds = calloc(max, sizeof *batch->refunds);
    bool work = work_init(&batch->work, max);
    if (!work || batch->entries == NULL || batch->sales == NULL || batch->sets == NULL || batch->refunds == NULL) {
        sale_batch_free(batch);
        return NULL;
    }
    for (size_t i = 0; i < max; i++) {
        batch->entries[i].work = &batch->work.entries[i];
        batch->sales[i].set = &batch->sets[i];
    }
    return batch;
}

void sale_batch_free(struct sale_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    for (size_t i = 0; batch->sales != NULL && i < batch->work.max; i++) {
        free(batch->sales[i].places);
    }
    for (size_t i = 0; batch->sets != NULL && i < batch->work.max; i++) {
        sale_set_free(&batch->sets[i]);
    }
    work_free(&batch->work);
    free(batch->entries);
    free(batch->sales);
    free(batch->sets);
    free(batch->events);
    free(batch->refunds);
    free(batch->held);
    free(batch->positions);
    free(batch->hashes);
    free(batch);
}

/* Keeps the memory of the set and of the places. */
static void begin_sale(struct sale_batch_sale *sale, const struct uuid *id, size_t first)
{
    *sale = (struct sale_batch_sale){
        .id = *id, .first = first, .set = sale->set, .places = sale->places, .place_size = sale->place_size};
}

static void group_by_sale(struct sale_batch *batch)
{
    for (size_t i = 0; i < batch->work.ordered; i++) {
        const struct uuid *id = &batch->entries[batch->work.order[i]].command->sale_id;
        if (i == 0 || !uuid_equal(&batch->sales[batch->sale_count - 1].id, id)) {
            begin_sale(&batch->sales[batch->sale_count++], id, i);
        }
        batch->sales[batch->sale_count - 1].count++;
    }
}

void sale_batch_prepare(struct sale_batch *batch)
{
    for (size_t i = SETS_KEPT; i < batch->sale_count; i++) {
        sale_set_free(&batch->sets[i]);
    }
    batch->sale_count = 0;
    batch->event_count = 0;
    batch->refund_count = 0;
    for (size_t i = 0; i < batch->work.count; i++) {
        struct sale_batch_entry *entry = &batch->entries[i];
        entry->command = entry->work->command.command;
        entry->has_terms = false;
    }
    work_sort(&batch->work);
    group_by_sale(batch);
}

static int compare_sale(const void *key, const void *element)
{
    return uuid_compare(key, &((const struct sale_batch_sale *)element)->id);
}

struct sale_batch_sale *sale_batch_find(const struct sale_batch *batch, const struct uuid *id)
{
    return bsearch(id, batch->sales, batch->sale_count, sizeof *batch->sales, compare_sale);
}

bool sale_batch_add_place(struct sale_batch_sale *sale, const struct sale_batch_place *place)
{
    if (sale->place_count == sale->place_size) {
        size_t size = sale->place_size == 0 ? PLACES_FIRST : sale->place_size * 2;
        struct sale_batch_place *places = realloc(sale->places, size * sizeof *places);
        if (places == NULL) {
            return false;
        }
        sale->places = places;
        sale->place_size = size;
    }
    sale->places[sale->place_count++] = *place;
    return true;
}

static int compare_places(const void *left, const void *right)
{
    int64_t a = ((const struct sale_batch_place *)left)->seq;
    int64_t b = ((const struct sale_batch_place *)right)->seq;
    return (a > b) - (a < b);
}

void sale_batch_sort_places(struct sale_batch_sale *sale)
{
    size_t kept = 0;
    if (sale->place_count > 1) {
        qsort(sale->places, sale->place_count, sizeof *sale->places, compare_places);
    }
    for (size_t i = 0; i < sale->place_count; i++) {
        if (kept == 0 || sale->places[kept - 1].seq != sale->places[i].seq) {
            sale->places[kept++] = sale->places[i];
        }
    }
    sale->place_count = kept;
}

const struct sale_batch_place *sale_batch_place(const struct sale_batch_sale *sale, int64_t seq)
{
    const struct sale_batch_place wanted = {.seq = seq};
    return sale->place_count == 0
               ? NULL
               : bsearch(&wanted, sale->places, sale->place_count, sizeof *sale->places, compare_places);
}

struct sale_event *sale_batch_add_event(struct sale_batch *batch)
{
    if (batch->event_count == batch->event_size) {
        size_t size = batch->event_size == 0 ? EVENTS_FIRST : batch->event_size * 2;
        struct sale_event *events = realloc(batch->events, size * sizeof *events);
        if (events == NULL) {
            return NULL;
        }
        batch->events = events;
        batch->event_size = size;
    }
    struct sale_event *event = &batch->events[batch->event_count++];
    *event = (struct sale_event){0};
    return event;
}

bool sale_batch_touched(const struct sale_batch_sale *sale)
{
    return !sale->locked && !sale->broken && sale->set->row_count > 0;
}

bool sale_batch_reserve_hashes(struct sale_batch *batch)
{
    size_t rows = 0;
    for (size_t i = 0; i < batch->sale_count; i++) {
        rows += sale_batch_touched(&batch->sales[i]) ? batch->sales[i].set->row_count : 0;
    }
    if (rows <= batch->hash_size) {
        return true;
    }
    char(*hashes)[HASH_CHAIN_TEXT_SIZE] = realloc(batch->hashes, rows * sizeof *hashes);
    if (hashes == NULL) {
        return false;
    }
    batch->hashes = hashes;
    batch->hash_size = rows;
    return true;
}
