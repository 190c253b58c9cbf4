/*
 * Published messages without a verdict, in a ring by delivery tag. The server confirms out of order (each queue at its
 * own speed), either one message or all up to a tag. The ring has four times as many slots as messages may be open, so
 * that one slow queue at its head does not soon stop publishing to others. When the ring is full, publishing is
 * refused.
 *
 * Invariant: the slot of first_tag is open, or the ring is empty. It holds before each callback, so callbacks may
 * publish.
 */
#include "common/io/broker_confirm.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/metrics.h"

enum { RING_SLOTS_PER_OPEN = 4 };

enum pending_state { PENDING_SETTLED, PENDING_OPEN, PENDING_RETURNED };

struct broker_pending {
    broker_verdict_callback callback;
    void *arg;
    int64_t added_ms; /* monotonic */
    enum pending_state state;
};

bool broker_confirm_init(struct broker_confirms *confirms, size_t unconfirmed_max)
{
    assert(unconfirmed_max > 0);
    size_t slots = 1;
    while (slots < unconfirmed_max * RING_SLOTS_PER_OPEN) {
        slots *= 2;
    }
    *confirms = (struct broker_confirms){.max = unconfirmed_max, .mask = slots - 1, .first_tag = 1, .next_tag = 1};
    confirms->ring = calloc(slots, sizeof *confirms->ring);
    return confirms->ring != NULL;
}

void broker_confirm_close(struct broker_confirms *confirms)
{
    assert(confirms->open == 0);
    free(confirms->ring);
    confirms->ring = NULL;
}

static struct broker_pending *slot(const struct broker_confirms *confirms, uint64_t tag)
{
    return &confirms->ring[tag & confirms->mask];
}

bool broker_confirm_full(const struct broker_confirms *confirms)
{
    return confirms->open >= confirms->max || confirms->next_tag - confirms->first_tag > confirms->mask;
}

void broker_confirm_add(struct broker_confirms *confirms, broker_verdict_callback callback, void *arg)
{
    assert(!broker_confirm_full(confirms));
    *slot(confirms, confirms->next_tag) =
        (struct broker_pending){.callback = callback, .arg = arg, .added_ms = clock_mono_ms(), .state = PENDING_OPEN};
    confirms->next_tag++;
    confirms->open++;
}

static bool waits(const struct broker_confirms *confirms, uint64_t tag)
{
    return tag >= confirms->first_tag && tag < confirms->next_tag && slot(confirms, tag)->state != PENDING_SETTLED;
}

void broker_confirm_returned(struct broker_confirms *confirms, uint64_t tag)
{
    if (waits(confirms, tag)) {
        slot(confirms, tag)->state = PENDING_RETURNED;
    }
}

static const char *const verdict_names[] = {
    [BROKER_CONFIRMED] = "confirmed",
    [BROKER_NACKED] = "nacked",
    [BROKER_RETURNED] = "returned",
    [BROKER_UNKNOWN] = "unknown",
};
static_assert(ARRAY_LEN(verdict_names) == BROKER_VERDICT_COUNT, "a name for each verdict");

struct metrics_family broker_metrics = {
    .name = "rostrum_published_total",
    .help = "Messages published to RabbitMQ, by verdict.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"verdict", verdict_names, ARRAY_LEN(verdict_names)}},
};

/* Only this function settles a message. */
static void end(struct broker_confirms *confirms, uint64_t tag, enum broker_verdict verdict)
{
    struct broker_pending *pending = slot(confirms, tag);
    if (pending->state == PENDING_RETURNED && verdict == BROKER_CONFIRMED) {
        verdict = BROKER_RETURNED;
    }
    metrics_add(&broker_metrics, verdict, 0, 0, 1);
    pending->state = PENDING_SETTLED;
    confirms->open--;
    broker_verdict_callback callback = pending->callback;
    void *arg = pending->arg;
    while (confirms->first_tag < confirms->next_tag && slot(confirms, confirms->first_tag)->state == PENDING_SETTLED) {
        confirms->first_tag++;
    }
    callback(verdict, arg);
}

bool broker_confirm_settle(struct broker_confirms *confirms, uint64_t tag, bool multiple, enum broker_verdict verdict)
{
    if (multiple && tag == 0) {
        tag = confirms->next_tag - 1;
    }
    if (tag >= confirms->next_tag) {
        return false;
    }
    confirms->answered_ms = clock_mono_ms();
    if (waits(confirms, tag)) {
        confirms->latency_ms = confirms->answered_ms - slot(confirms, tag)->added_ms;
    }
    while (multiple && confirms->first_tag < tag) {
        end(confirms, confirms->first_tag, verdict);
    }
    if (waits(confirms, tag)) {
        end(confirms, tag, verdict);
    }
    return true;
}

void broker_confirm_resume(struct broker_confirms *confirms)
{
    confirms->resumed_ms = clock_mono_ms();
}

int64_t broker_confirm_stalled_ms(const struct broker_confirms *confirms)
{
    if (confirms->open == 0) {
        return 0;
    }
    int64_t since_ms = slot(confirms, confirms->first_tag)->added_ms;
    since_ms = since_ms > confirms->answered_ms ? since_ms : confirms->answered_ms;
    since_ms = since_ms > confirms->resumed_ms ? since_ms : confirms->resumed_ms;
    return clock_mono_ms() - since_ms;
}

void broker_confirm_expire(struct broker_confirms *confirms, int64_t ms)
{
    int64_t added_before_ms = clock_mono_ms() - ms;
    while (confirms->open > 0 && slot(confirms, confirms->first_tag)->added_ms <= added_before_ms) {
        end(confirms, confirms->first_tag, BROKER_UNKNOWN);
    }
}

void broker_confirm_abandon(struct broker_confirms *confirms)
{
    while (confirms->first_tag < confirms->next_tag) {
        end(confirms, confirms->first_tag, BROKER_UNKNOWN);
    }
    assert(confirms->open == 0);
    confirms->first_tag = 1;
    confirms->next_tag = 1;
}
