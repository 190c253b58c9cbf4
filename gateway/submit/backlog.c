/*
 * See backlog.h.
 */
#include "gateway/submit/backlog.h"

#include <assert.h>

#include "common/base/clock.h"

void backlog_begin(struct backlog *backlog, unsigned shards, int64_t writer_ms)
{
    assert(shards >= 1 && shards <= TOPOLOGY_SHARDS_MAX);
    *backlog = (struct backlog){.shards = shards, .fresh_ms = BACKLOG_FRESH_MS + 2 * writer_ms};
}

/* Returns whether this is another report than the last one. */
static bool renew(struct backlog_source *source, int64_t at_ms, int64_t mono_ms)
{
    bool other = !source->seen || source->at_ms != at_ms;
    if (source->seen && other) {
        source->renewed_ms = mono_ms;
    }
    source->seen = true;
    source->at_ms = at_ms;
    return other;
}

static bool is_fresh(const struct backlog *backlog, const struct backlog_source *source, int64_t mono_ms)
{
    return source->renewed_ms > 0 && mono_ms - source->renewed_ms <= backlog->fresh_ms;
}

static bool is_vacant(const struct shards_depth *depth)
{
    return depth->ready == 0 && depth->consumers == 0;
}

void backlog_report(struct backlog *backlog, unsigned shard, const struct shards_report *report, int64_t mono_ms)
{
    if (shard < backlog->shards) {
        (void)renew(&backlog->of[shard].owner, report->at_ms, mono_ms);
        backlog->of[shard].report = *report;
    }
}

void backlog_depth(struct backlog *backlog, unsigned shard, const struct shards_depth *depth, int64_t mono_ms)
{
    if (shard >= backlog->shards) {
        return;
    }
    struct backlog_shard *of = &backlog->of[shard];
    bool first = !of->queue.seen;
    if (renew(&of->queue, depth->at_ms, mono_ms)) {
        of->fell = !first && !is_vacant(depth) && depth->ready < of->depth.ready;
        of->depth = *depth;
    } else {
        of->fell = false;
    }
}

/* Since when the oldest undecided bid waits. */
static int64_t find_since(const struct backlog_shard *shard, bool owned, bool measured, const struct backlog_clock *now)
{
    if (owned && shard->report.oldest_ms > 0) {
        return shard->report.oldest_ms;
    }
    if (!measured) {
        return 0;
    }
    if (shard->depth.ready == 0) {
        bool proved = shard->vacant_ms == 0 || now->mono_ms - shard->vacant_ms >= BACKLOG_VACANT_MS;
        return proved ? 0 : shard->since_ms;
    }
    return shard->since_ms == 0 || shard->fell ? now->wall_ms : shard->since_ms;
}

/* `*since_ms`: when `holds` was first seen to be true, in a row; 0: it is false. */
static void keep_first(int64_t *since_ms, bool holds, int64_t mono_ms)
{
    if (!holds) {
        *since_ms = 0;
    } else if (*since_ms == 0) {
        *since_ms = mono_ms;
    }
}

static void judge_shard(const struct backlog *backlog, struct backlog_shard *shard, const struct backlog_clock *now)
{
    bool owned = is_fresh(backlog, &shard->owner, now->mono_ms);
    bool measured = is_fresh(backlog, &shard->queue, now->mono_ms);
    keep_first(&shard->vacant_ms, measured && is_vacant(&shard->depth), now->mono_ms);
    keep_first(&shard->unserved_ms, measured && shard->depth.consumers == 0, now->mono_ms);
    int64_t since_ms = find_since(shard, owned, measured, now);
    shard->known = owned || measured;
    shard->moved_ms = since_ms != shard->since_ms ? now->mono_ms : shard->moved_ms;
    shard->since_ms = since_ms;
}

void backlog_judge(struct backlog *backlog, const struct backlog_clock *now)
{
    bool missed = now->mono_ms - backlog->looked_ms > backlog->fresh_ms;
    for (unsigned shard = 0; shard < backlog->shards; shard++) {
        if (missed) { /* what waited before may have been decided meanwhile */
            backlog->of[shard].since_ms = 0;
            backlog->of[shard].unserved_ms = 0;
        }
        judge_shard(backlog, &backlog->of[shard], now);
    }
    backlog->looked_ms = now->mono_ms;
}

struct backlog_clock backlog_now(void)
{
    return (struct backlog_clock){.wall_ms = clock_now_ms(), .mono_ms = clock_mono_ms()};
}

/* The shard as last judged; NULL: it is unknown, or the judgement is old because Redis does not answer. */
static const struct backlog_shard *find(const struct backlog *backlog, unsigned shard, const struct backlog_clock *now)
{
    bool usable =
        shard < backlog->shards && backlog->of[shard].known && now->mono_ms - backlog->looked_ms <= backlog->fresh_ms;
    return usable ? &backlog->of[shard] : NULL;
}

int64_t backlog_age_ms(const struct backlog *backlog, unsigned shard, const struct backlog_clock *now)
{
    const struct backlog_shard *found = find(backlog, shard, now);
    if (found == NULL) {
        return -1;
    }
    return found->since_ms == 0 || found->since_ms > now->wall_ms ? 0 : now->wall_ms - found->since_ms;
}

int64_t backlog_ready(const struct backlog *backlog, unsigned shard, const struct backlog_clock *now)
{
    const struct backlog_shard *found = find(backlog, shard, now);
    return found != NULL && is_fresh(backlog, &found->queue, now->mono_ms) ? found->depth.ready : -1;
}

bool backlog_decides(const struct backlog *backlog, unsigned shard, const struct backlog_clock *now)
{
    const struct backlog_shard *found = find(backlog, shard, now);
    if (found == NULL) {
        return true;
    }
    bool waits = found->since_ms > 0 && now->mono_ms - found->moved_ms >= BACKLOG_STOPPED_MS;
    bool unserved = found->unserved_ms > 0 && now->mono_ms - found->unserved_ms >= BACKLOG_STOPPED_MS;
    bool stalled = is_fresh(backlog, &found->owner, now->mono_ms) && found->report.stalled_ms >= BACKLOG_STOPPED_MS;
    return !waits && !unserved && !stalled;
}

bool backlog_overdue(const struct backlog *backlog, unsigned shard, int max_s, const struct backlog_clock *now)
{
    return max_s > 0 && backlog_age_ms(backlog, shard, now) > max_s * INT64_C(1000);
}

bool backlog_auction_overdue(const struct backlog *backlog, unsigned shard, const struct uuid *auction_id, int max_s,
                             const struct backlog_clock *now)
{
    const struct backlog_shard *found = find(backlog, shard, now);
    if (max_s == 0 || found == NULL || !is_fresh(backlog, &found->owner, now->mono_ms)) {
        return false;
    }
    for (size_t i = 0; i < found->report.locked_count; i++) {
        const struct shards_locked *locked = &found->report.locked[i];
        if (uuid_equal(&locked->auction_id, auction_id)) {
            return locked->oldest_ms > 0 && now->wall_ms - locked->oldest_ms > max_s * INT64_C(1000);
        }
    }
    return false;
}

bool backlog_is_empty(const struct backlog *backlog, const struct backlog_clock *now)
{
    for (unsigned shard = 0; shard < backlog->shards; shard++) {
        const struct backlog_shard *found = find(backlog, shard, now);
        if (found == NULL || !is_fresh(backlog, &found->owner, now->mono_ms) ||
            !is_fresh(backlog, &found->queue, now->mono_ms) || found->report.oldest_ms > 0 ||
            found->report.locked_count > 0 || found->depth.ready > 0 || found->depth.consumers == 0) {
            return false;
        }
    }
    return backlog->shards > 0;
}

struct backlog_summary backlog_summary(const struct backlog *backlog, int max_s, const struct backlog_clock *now)
{
    struct backlog_summary summary = {.oldest_ms = -1};
    for (unsigned shard = 0; shard < backlog->shards; shard++) {
        int64_t age_ms = backlog_age_ms(backlog, shard, now);
        summary.stopped += !backlog_decides(backlog, shard, now);
        summary.overdue += backlog_overdue(backlog, shard, max_s, now);
        summary.oldest_ms = age_ms > summary.oldest_ms ? age_ms : summary.oldest_ms;
    }
    return summary;
}
