/*
 * See locked_rows.h.
 */
#include "common/worker/locked_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MIN = 8 };

void locked_rows_free(struct locked_rows *list)
{
    free(list->items);
    *list = (struct locked_rows){0};
}

void locked_rows_clear(struct locked_rows *list)
{
    list->count = 0;
}

/* Index of the first row whose id is not below this one. */
static size_t position(const struct locked_rows *list, const struct uuid *id)
{
    size_t from = 0;
    size_t to = list->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (uuid_compare(&list->items[middle].id, id) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

struct locked_row *locked_rows_find(const struct locked_rows *list, const struct uuid *id)
{
    size_t index = position(list, id);
    return index < list->count && uuid_equal(&list->items[index].id, id) ? &list->items[index] : NULL;
}

static bool reserve(struct locked_rows *list)
{
    if (list->count < list->size) {
        return true;
    }
    size_t size = list->size == 0 ? SIZE_MIN : list->size * 2;
    struct locked_row *items = realloc(list->items, size * sizeof *items);
    if (items == NULL) {
        return false;
    }
    list->items = items;
    list->size = size;
    return true;
}

bool locked_rows_add(struct locked_rows *list, const struct uuid *id, int64_t now_ms)
{
    size_t index = position(list, id);
    if (index < list->count && uuid_equal(&list->items[index].id, id)) {
        return true;
    }
    if (!reserve(list)) {
        return false;
    }
    struct locked_row *row = &list->items[index];
    memmove(row + 1, row, (list->count - index) * sizeof *row);
    *row = (struct locked_row){.id = *id, .since_ms = now_ms, .due_ms = now_ms + LOCKED_RETRY_MIN_MS};
    list->count++;
    return true;
}

void locked_rows_remove(struct locked_rows *list, struct locked_row *row)
{
    size_t index = (size_t)(row - list->items);
    assert(index < list->count);
    list->count--;
    memmove(row, row + 1, (list->count - index) * sizeof *row);
}

void locked_row_try(struct locked_row *row, int64_t now_ms)
{
    int64_t wait_ms = LOCKED_RETRY_MIN_MS;
    row->tries++;
    for (unsigned i = 0; i < row->tries && wait_ms < LOCKED_RETRY_MAX_MS; i++) {
        wait_ms *= 2;
    }
    row->due_ms = now_ms + (wait_ms < LOCKED_RETRY_MAX_MS ? wait_ms : LOCKED_RETRY_MAX_MS);
}

int64_t locked_rows_due_ms(const struct locked_rows *list)
{
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < list->count; i++) {
        due_ms = list->items[i].due_ms < due_ms ? list->items[i].due_ms : due_ms;
    }
    return due_ms;
}

int64_t locked_rows_since_ms(const struct locked_rows *list)
{
    int64_t since_ms = INT64_MAX;
    for (size_t i = 0; i < list->count; i++) {
        since_ms = list->items[i].since_ms < since_ms ? list->items[i].since_ms : since_ms;
    }
    return since_ms;
}
