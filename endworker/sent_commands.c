/*
 * See sent_commands.h. An open-addressing table with twice the slots of its maximum. Each entry has the number of the
 * cycle that last asked for it. At the end of a cycle the table is rebuilt without older entries, so that no single
 * entry is ever deleted.
 */
#include "endworker/sent_commands.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * SENT_MAX };

struct entry {
    bool used;
    int kind;
    struct uuid subject;
    int64_t cause;        /* for which it was sent */
    int64_t next_mono_ms; /* earliest time to send it again */
    int64_t times;        /* repetition factor: 0 before the first sending, then doubling up to SENT_BACK_OFF_MAX */
    uint64_t cycle;       /* last cycle that asked for it */
};

struct sent {
    int64_t repeat_ms;
    uint64_t cycle;
    size_t count;
    struct entry *slots;
    struct entry *spare; /* used to rebuild the table */
};

struct sent *sent_new(int64_t repeat_ms)
{
    struct sent *sent = calloc(1, sizeof(*sent));
    if (sent == NULL) {
        return NULL;
    }
    sent->repeat_ms = repeat_ms;
    sent->slots = calloc(SLOTS, sizeof(*sent->slots));
    sent->spare = calloc(SLOTS, sizeof(*sent->spare));
    if (sent->slots == NULL || sent->spare == NULL) {
        sent_free(sent);
        return NULL;
    }
    return sent;
}

void sent_free(struct sent *sent)
{
    if (sent != NULL) {
        free(sent->slots);
        free(sent->spare);
        free(sent);
    }
}

/* Returns the entry, or the free slot for it. */
static struct entry *find(struct entry *slots, int kind, const struct uuid *subject)
{
    uint32_t hash = 0;
    memcpy(&hash, subject->bytes + 12, sizeof(hash)); /* the last bytes of an id are random */
    size_t slot = (hash + (unsigned)kind) % SLOTS;
    while (slots[slot].used && (slots[slot].kind != kind || !uuid_equal(&slots[slot].subject, subject))) {
        slot = (slot + 1) % SLOTS;
    }
    return &slots[slot];
}

enum sent_answer sent_ask(struct sent *sent, int kind, const struct uuid *subject, int64_t cause, int64_t mono_ms)
{
    struct entry *entry = find(sent->slots, kind, subject);
    if (!entry->used) {
        if (sent->count == SENT_MAX) {
            return SENT_FULL;
        }
        *entry = (struct entry){.used = true, .kind = kind, .subject = *subject, .cause = cause};
        sent->count++;
    } else if (entry->cause != cause) {
        entry->cause = cause;
        entry->times = 0;
    }
    entry->cycle = sent->cycle;
    return entry->times == 0 || mono_ms >= entry->next_mono_ms ? SENT_DUE : SENT_EARLY;
}

void sent_note(struct sent *sent, int kind, const struct uuid *subject, int64_t mono_ms)
{
    struct entry *entry = find(sent->slots, kind, subject);
    assert(entry->used);
    entry->times = entry->times == 0 ? 1 : entry->times * 2;
    if (entry->times > SENT_BACK_OFF_MAX) {
        entry->times = SENT_BACK_OFF_MAX;
    }
    entry->next_mono_ms = mono_ms + sent->repeat_ms * entry->times;
}

void sent_failed(struct sent *sent, int kind, const struct uuid *subject, int64_t mono_ms)
{
    struct entry *entry = find(sent->slots, kind, subject);
    if (entry->used) {
        entry->times = 1;
        entry->next_mono_ms = mono_ms + sent->repeat_ms;
    }
}

void sent_end_cycle(struct sent *sent)
{
    if (sent->count > 0) {
        struct entry *old = sent->slots;
        memset(sent->spare, 0, SLOTS * sizeof(*sent->spare));
        sent->count = 0;
        for (size_t i = 0; i < SLOTS; i++) {
            if (old[i].used && old[i].cycle == sent->cycle) {
                *find(sent->spare, old[i].kind, &old[i].subject) = old[i];
                sent->count++;
            }
        }
        sent->slots = sent->spare;
        sent->spare = old;
    }
    sent->cycle++;
}

size_t sent_count(const struct sent *sent)
{
    return sent->count;
}
