/*
 * See cache_metrics.h.
 */
#include "gateway/query/cache_metrics.h"

static const char *const caches[] = {[CACHE_METRICS_SNAPSHOT] = "snapshot", [CACHE_METRICS_DOCUMENT] = "auction"};
static const char *const hits[] = {"miss", "hit"};

struct metrics_family cache_metrics_lookups = {
    .name = "rostrum_cache_lookups_total",
    .help = "Lookups of an auction's snapshot (for bids) and public document (for reads) in Redis, by result.",
    .type = METRICS_COUNTER,
    .label_count = 2,
    .labels = {{"cache", caches, ARRAY_LEN(caches)}, {"result", hits, ARRAY_LEN(hits)}},
};

void cache_metrics_add(enum cache_metrics cache, bool hit)
{
    metrics_add(&cache_metrics_lookups, cache, hit ? 1 : 0, 0, 1);
}
