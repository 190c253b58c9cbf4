/*
 * See work.h.
 */
#include "common/worker/work.h"

#include <assert.h>
#include <stdlib.h>

bool work_init(struct work *work, size_t max)
{
    assert(max > 0);
    *work = (struct work){.max = max, .entries = calloc(max, sizeof *work->entries)};
    return work->entries != NULL;
}

void work_free(struct work *work)
{
    free(work->entries);
    *work = (struct work){0};
}

void work_clear(struct work *work)
{
    work->count = 0;
    work->locked = 0;
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
