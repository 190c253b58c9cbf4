/*
 * See results.h. No reply from Redis is awaited.
 */
#include "saleworker/results.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/worker/decided_marks.h"
#include "common/worker/fanout.h"
#include "saleworker/live_updates.h"
#include "saleworker/user_updates.h"

enum { SCRIPT_SNAPSHOT, SCRIPT_DECIDED };

enum {
    /* Pending commands. A batch of 1,024 commands sends at most six each, and two batches may overlap. */
    PENDING_MAX = 16384,
    /* Users without a command who hear of one transaction. Further ones read their places by the sale's message. */
    USER_UPDATES_MAX = 1024,
};

struct results {
    struct redis *redis;
    struct snapshot_writer snapshots; /* of `redis` */
    struct decided_marks marks;
    void (*connected)(void *arg);
    void *arg;
    struct redis_script scripts[2];
    struct jsonw *writer;
    struct fanout *fanout;
    bool reported; /* the failure of Redis was logged */
};

static void write_decision(struct jsonw *writer, const void *item)
{
    sale_message_write_decision(writer, item);
}

static const struct fanout_kind of_decision = {.size = sizeof(struct sale_message_decision), .write = write_decision};
static_assert(sizeof(struct sale_message_decision) <= FANOUT_ITEM_SIZE, "it fits into an item");

static void on_redis(struct redis *redis, bool up, void *arg)
{
    const struct results *results = arg;
    (void)redis;
    if (up) {
        results->connected(results->arg);
    }
}

struct results *results_new(struct event_base *base, const struct config *config, void (*connected)(void *arg),
                            void *arg)
{
    struct results *results = calloc(1, sizeof *results);
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
    results->connected = connected;
    results->arg = arg;
    results->writer = jsonw_new();
    results->redis = redis_new(&options);
    results->marks = (struct decided_marks){.redis = results->redis, .script = SCRIPT_DECIDED};
    results->snapshots = (struct snapshot_writer){.redis = results->redis, .script = SCRIPT_SNAPSHOT};
    results->fanout = results->redis == NULL ? NULL : fanout_new(results->redis);
    if (results->writer == NULL || results->fanout == NULL) {
        results_free(results);
        return NULL;
    }
    return results;
}

void results_free(struct results *results)
{
    if (results == NULL) {
        return;
    }
    if (results->redis != NULL) {
        redis_free(results->redis);
    }
    fanout_free(results->fanout);
    jsonw_free(results->writer);
    free(results);
}

void results_set_epoch(struct results *results, int64_t epoch)
{
    results->snapshots.epoch = epoch;
}

bool results_connected(const struct results *results)
{
    return redis_up(results->redis);
}

bool results_publish_snapshot(struct results *results, const struct sale_snapshot *snapshot)
{
    return sale_snapshot_write(&results->snapshots, snapshot, NULL, NULL);
}

/* Also of an unchanged sale: the batch was redelivered, and the committing worker may have crashed before publishing.
 */
static bool publish_sale(struct results *results, const struct sale_batch_sale *sale)
{
    const struct sale_snapshot snapshot = {
        .sale_id = sale->id, .version = sale->version, .head_seq = sale->head_seq, .sale = sale->set->sale};
    struct sale_live update;
    if (!sale->found || sale->broken || sale->locked) {
        return true;
    }
    live_updates_of(sale, &update);
    sale_live_publish(results->redis, results->writer, &update);
    return results_publish_snapshot(results, &snapshot);
}

/* Nobody waits for the id of such an update. */
static bool publish_user_updates(struct results *results, const struct sale_batch_sale *sale, size_t *count)
{
    struct sale_message_decision update;
    char channel[KEYS_SIZE];
    size_t at = 0;
    if (!sale->found || sale->broken || sale->locked) {
        return true;
    }
    while (*count < USER_UPDATES_MAX && user_updates_next(sale, &at, &update)) {
        update.id = uuid_new();
        keys_user_channel(&update.user_id, channel);
        ++*count;
        if (!fanout_add(results->fanout, channel, &of_decision, &update)) {
            return false;
        }
    }
    return true;
}

/* Publishes the decision to the waiting gateway worker, if any. */
static bool publish_reply(struct results *results, const struct sale_batch_entry *entry)
{
    char channel[KEYS_SIZE];
    if (uuid_is_nil(&entry->command->reply_to)) {
        return true;
    }
    keys_reply_channel(&entry->command->reply_to, channel);
    jsonw_reset(results->writer);
    sale_message_write_decision(results->writer, &entry->decision);
    const char *const arguments[] = {"PUBLISH", channel, jsonw_text(results->writer, NULL)};
    return arguments[2] != NULL && redis_command(results->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL);
}

/* A payment callback concerns the user of its order, who has sent no command. */
static bool publish_decision(struct results *results, const struct sale_batch_entry *entry)
{
    char channel[KEYS_SIZE];
    const struct sale_message_command *message = entry->command;
    const struct uuid *user = &entry->decision.user_id;
    if (!publish_reply(results, entry)) {
        return false;
    }
    if (!uuid_is_nil(&message->command.user_id) &&
        !decided_marks_add(&results->marks, &message->command.user_id, &message->command.id, message->keyed)) {
        return false;
    }
    if (uuid_is_nil(user)) {
        return true;
    }
    keys_user_channel(user, channel);
    return fanout_add(results->fanout, channel, &of_decision, &entry->decision);
}

void results_publish(struct results *results, struct sale_batch *batch)
{
    bool ok = redis_up(results->redis);
    for (size_t i = 0; ok && i < batch->sale_count; i++) {
        ok = publish_sale(results, &batch->sales[i]);
    }
    results->marks.count = 0;
    for (size_t i = 0; ok && i < batch->work.count; i++) {
        const struct sale_batch_entry *entry = &batch->entries[i];
        bool decided = entry->work->outcome == WORK_DECIDED || entry->work->outcome == WORK_KNOWN;
        if (decided && !entry->work->published) {
            ok = publish_decision(results, entry);
            entry->work->published = true;
        }
    }
    size_t user_updates = 0;
    for (size_t i = 0; ok && i < batch->sale_count; i++) {
        ok = publish_user_updates(results, &batch->sales[i], &user_updates);
    }
    ok = ok && decided_marks_flush(&results->marks) && fanout_flush(results->fanout);
    if (!ok && !results->reported) {
        log_warn("Redis is down: results are not published, gateways read PostgreSQL");
    }
    results->reported = !ok;
}

void results_publish_shard(struct results *results, unsigned shard, const struct shards_report *report)
{
    char field[SHARDS_FIELD_SIZE];
    char text[SHARDS_REPORT_SIZE];
    const char *const arguments[] = {"HSET", KEYS_SALE_SHARDS, field, text};
    shards_field_write(shard, field);
    shards_report_write(report, text);
    if (redis_up(results->redis) &&
        !redis_command(results->redis, NULL, NULL, (int)ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("shard %u: report not sent, Redis takes no more", shard);
    }
}
