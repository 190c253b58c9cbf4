/*
 * See redis_results.h.
 */
#include "common/worker/redis_results.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"

enum { SCRIPT_SNAPSHOT, SCRIPT_DECIDED };

/* Pending commands. A batch of 1,024 commands sends at most six each, and two batches may overlap. */
enum { PENDING_MAX = 16384 };

static void on_redis(struct redis *redis, bool up, void *arg)
{
    const struct redis_results *results = arg;
    (void)redis;
    if (up && results->republish != NULL) {
        republish_all(results->republish);
    }
}

struct redis_results *redis_results_new(struct event_base *base, const struct config *config)
{
    struct redis_results *results = calloc(1, sizeof *results);
    if (results == NULL) {
        return NULL;
    }
    results->scripts[SCRIPT_SNAPSHOT] = snapshot_script;
    results->scripts[SCRIPT_DECIDED] = decided_marks_script;
    const struct redis_options options = {
        .base = base,
        .url = config->redis_url,
        .scripts = results->scripts,
        .script_count = ARRAY_LEN(results->scripts),
        .timeout_ms = config->redis_timeout_ms,
        .pending_max = PENDING_MAX,
        .on_change = on_redis,
        .arg = results,
    };
    results->redis = redis_new(&options);
    results->marks = (struct decided_marks){.redis = results->redis, .script = SCRIPT_DECIDED};
    results->snapshots = (struct snapshot_writer){.redis = results->redis, .script = SCRIPT_SNAPSHOT};
    results->fanout = results->redis == NULL ? NULL : fanout_new(results->redis);
    if (results->fanout == NULL) {
        redis_results_free(results);
        return NULL;
    }
    return results;
}

void redis_results_free(struct redis_results *results)
{
    if (results == NULL) {
        return;
    }
    republish_free(results->republish);
    results->republish = NULL;
    if (results->redis != NULL) {
        redis_free(results->redis);
    }
    fanout_free(results->fanout);
    free(results);
}

bool redis_results_start(struct redis_results *results, const struct republish_options *republish)
{
    results->republish = republish_new(republish);
    return results->republish != NULL;
}

bool redis_results_reply(const struct redis_results *results, const struct uuid *reply_to,
                         const struct fanout_kind *kind, const void *decision)
{
    char channel[KEYS_SIZE];
    if (uuid_is_nil(reply_to)) {
        return true;
    }
    keys_reply_channel(reply_to, channel);
    return fanout_publish(results->fanout, channel, kind, decision);
}

bool redis_results_tell(const struct redis_results *results, const struct uuid *user, const struct fanout_kind *kind,
                        const void *decision)
{
    char channel[KEYS_SIZE];
    keys_user_channel(user, channel);
    return fanout_add(results->fanout, channel, kind, decision);
}

void redis_results_end(struct redis_results *results, bool ok)
{
    ok = ok && decided_marks_flush(&results->marks) && fanout_flush(results->fanout);
    results->marks.count = 0;
    if (!ok && !results->reported) {
        log_warn("Redis is down: results are not published, gateways read PostgreSQL");
    }
    results->reported = !ok;
}

void redis_results_report(struct redis_results *results, const char *key, unsigned shard,
                          const struct shards_report *report)
{
    char field[SHARDS_FIELD_SIZE];
    char text[SHARDS_REPORT_SIZE];
    const char *const arguments[] = {"HSET", key, field, text};
    shards_field_write(shard, field);
    shards_report_write(report, text);
    if (redis_up(results->redis) &&
        !redis_command(results->redis, NULL, NULL, (int)ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("shard %u: report not sent, Redis takes no more", shard);
    }
}
