/*
 * See work.h.
 */
#include "common/worker/work.h"

#include <assert.h>
#include <stdlib.h>

bool work_init(struct work *work, size_t max)
{
    assert(max > 0);
    *work = (struct work){
        .max = max, .entries = calloc(max, sizeof *work->entries), .order = calloc(max, sizeof *work->order)};
    return work->entries != NULL && work->order != NULL;
}

void work_free(struct work *work)
{
    free(work->entries);
    free(work->order);
    *work = (struct work){0};
}

void work_clear(struct work *work)
{
    work->count = 0;
    work->locked = 0;
    work->ordered = 0;
}

struct work_entry *work_add(struct work *work, struct shard_reader_message *message, const struct work_command *command)
{
    assert(work->count < work->max);
    struct work_entry *entry = &work->entries[work->count++];
    *entry = (struct work_entry){.message = message, .command = *command};
    return entry;
}

void work_keep(struct work *work, size_t count)
{
    assert(count <= work->count);
    work->count = count;
}

static int compare_indices(size_t one, size_t other)
{
    return (one > other) - (one < other);
}

/* By key, id, position: repetitions of a command become adjacent. */
static int compare_ids(const void *left, const void *right, void *arg)
{
    const struct work *work = arg;
    size_t a = *(const size_t *)left;
    size_t b = *(const size_t *)right;
    const struct work_command *one = &work->entries[a].command;
    const struct work_command *other = &work->entries[b].command;
    int result = uuid_compare(one->key, other->key);
    if (result == 0) {
        result = uuid_compare(one->id, other->id);
    }
    return result != 0 ? result : compare_indices(a, b);
}

static int compare_positions(const void *left, const void *right, void *arg)
{
    const struct work *work = arg;
    size_t a = *(const size_t *)left;
    size_t b = *(const size_t *)right;
    int result = uuid_compare(work->entries[a].command.key, work->entries[b].command.key);
    return result != 0 ? result : compare_indices(a, b);
}

static void mark_repetitions(struct work *work)
{
    qsort_r(work->order, work->ordered, sizeof *work->order, compare_ids, work);
    for (size_t i = 1; i < work->ordered; i++) {
        const struct work_entry *before = &work->entries[work->order[i - 1]];
        struct work_entry *entry = &work->entries[work->order[i]];
        if (uuid_equal(before->command.key, entry->command.key) && uuid_equal(before->command.id, entry->command.id)) {
            entry->first_of_id = before->first_of_id;
        }
    }
}

void work_sort(struct work *work)
{
    work->locked = 0;
    work->ordered = 0;
    for (size_t i = 0; i < work->count; i++) {
        struct work_entry *entry = &work->entries[i];
        entry->outcome = WORK_UNDECIDED;
        entry->banned = false;
        entry->first_of_id = i;
        if (!uuid_is_nil(entry->command.key)) {
            work->order[work->ordered++] = i;
        }
    }
    mark_repetitions(work);
    qsort_r(work->order, work->ordered, sizeof *work->order, compare_positions, work);
}

/* Also commands that are in the ledger: without the row's lock their decisions are not known. */
void work_leave(struct work *work, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        work->entries[work->order[first + i]].outcome = WORK_LOCKED;
    }
    work->locked += count;
}
