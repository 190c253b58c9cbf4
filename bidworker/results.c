/*
 * See results.h. Called by worker after the ack. No reply from Redis is awaited.
 */
#include "bidworker/results.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "bidworker/live_updates.h"
#include "common/base/log.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/worker/decided_marks.h"
#include "common/worker/fanout.h"

enum { SCRIPT_SNAPSHOT, SCRIPT_DECIDED };

/* Pending commands. A batch of 1,024 bids sends at most six each, and two batches may overlap. */
enum { PENDING_MAX = 16384 };
/* For a batch of up to 1,024 bids, each with at most one automatic answer. */
enum { LEADERS_SIZE = 2048 * SNAPSHOT_LEADER_SIZE };

struct results {
    struct redis *redis;
    struct snapshot_writer snapshots; /* of `redis` */
    struct decided_marks marks;
    void (*connected)(void *arg);
    void *arg;
    struct redis_script scripts[2];
    struct jsonw *writer;
    struct fanout *fanout;
    bool reported;              /* the failure of Redis was logged */
    char leaders[LEADERS_SIZE]; /* bids of one auction, for its leaderboard */
};

static void write_update(struct jsonw *writer, const void *item)
{
    live_write(writer, item);
}

static void write_decision(struct jsonw *writer, const void *item)
{
    message_write_decision(writer, item);
}

static const struct fanout_kind of_update = {.size = sizeof(struct live_update), .write = write_update};
static const struct fanout_kind of_decision = {.size = sizeof(struct decision), .write = write_decision};
static_assert(sizeof(struct live_update) <= FANOUT_ITEM_SIZE && sizeof(struct decision) <= FANOUT_ITEM_SIZE,
              "they fit into an item");

static bool fan_out_update(const struct results *results, const struct live_update *update)
{
    char channel[KEYS_SIZE];
    keys_live_channel(&update->auction_id, channel);
    return fanout_add(results->fanout, channel, &of_update, update);
}

static bool fan_out_decision(const struct results *results, const struct decision *decision)
{
    char channel[KEYS_SIZE];
    keys_user_channel(&decision->user_id, channel);
    return fanout_add(results->fanout, channel, &of_decision, decision);
}

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
    struct redis_options options = {
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

/* Writes the batch's bids of one auction as text. False: they do not fit, and the leaderboard must be rebuilt. */
static bool write_leaders(struct results *results, const struct batch *batch, const struct live_updates_cursor *cursor)
{
    size_t length = 0;
    results->leaders[0] = '\0';
    for (size_t i = cursor->first_row; i < cursor->row; i++) {
        const struct batch_row *bid = &batch->rows[i];
        struct ledger_entry entry;
        if (!live_updates_entry(bid, &entry)) {
            continue;
        }
        size_t added =
            snapshot_leader_add(results->leaders + length, sizeof results->leaders - length,
                                ledger_entry_amount(&entry), entry.verdict == RULES_ACCEPTED, &bid->bidder_id);
        if (added == 0) {
            return false;
        }
        length += added;
    }
    return true;
}

static struct snapshot snapshot_of_auction(const struct batch_auction *auction)
{
    const struct rules_auction *state = &auction->state;
    int64_t minimum = rules_minimum_bid(state);
    return (struct snapshot){
        .auction_id = auction->id,
        .seller_id = state->seller_id,
        .leader_id = state->has_leader ? state->leader_id : (struct uuid){{0}},
        .version = auction->version,
        .terms_version = state->terms_version,
        .status = state->status,
        .start_ms = state->start_ms,
        .end_ms = state->end_ms,
        .minimum_bid = minimum > MONEY_MAX ? MONEY_MAX : minimum,
        .current_bid = state->price,
    };
}

static bool publish_snapshot(struct results *results, const struct batch_auction *auction, const char *leaders)
{
    struct snapshot snapshot = snapshot_of_auction(auction);
    return snapshot_write_leaders(&results->snapshots, &snapshot, leaders, NULL, NULL);
}

void results_set_epoch(struct results *results, int64_t epoch)
{
    results->snapshots.epoch = epoch;
}

bool results_connected(const struct results *results)
{
    return redis_up(results->redis);
}

bool results_publish_snapshot(struct results *results, const struct snapshot *snapshot)
{
    return snapshot_write(&results->snapshots, snapshot, NULL, NULL);
}

/* Publishes the decision to the waiting gateway worker, if any. */
static bool publish_reply(struct results *results, const struct batch_entry *entry)
{
    char channel[KEYS_SIZE];
    if (uuid_is_nil(&entry->command->reply_to)) {
        return true;
    }
    keys_reply_channel(&entry->command->reply_to, channel);
    jsonw_reset(results->writer);
    message_write_decision(results->writer, &entry->decision);
    const char *const arguments[] = {"PUBLISH", channel, jsonw_text(results->writer, NULL)};
    return arguments[2] != NULL && redis_command(results->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL);
}

static bool publish_bids(struct results *results, const struct batch *batch)
{
    bool ok = true;
    results->marks.count = 0;
    for (size_t i = 0; ok && i < batch->work.count; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        bool decided = entry->work->outcome == WORK_DECIDED || entry->work->outcome == WORK_KNOWN;
        if (!decided || uuid_is_nil(&entry->command->user_id)) {
            continue;
        }
        const struct command *command = entry->command;
        ok = decided_marks_add(&results->marks, &command->user_id, &command->id, command->keyed) &&
             publish_reply(results, entry) &&
             (!command_kind_is_bid(entry->command->kind) || fan_out_decision(results, &entry->decision));
    }
    return ok && decided_marks_flush(&results->marks);
}

void results_publish(struct results *results, const struct batch *batch)
{
    bool ok = redis_up(results->redis);
    struct live_updates_cursor cursor = {0};
    for (size_t i = 0; ok && i < batch->auction_count; i++) {
        const struct batch_auction *auction = &batch->auctions[i];
        /*
         * Unchanged auctions too: the batch was redelivered, and the committing worker may have crashed before
         * publishing.
         */
        if (auction->found && !auction->broken) {
            struct live_update update;
            live_updates_next(batch, auction, &cursor, &update);
            bool with_leaders = write_leaders(results, batch, &cursor) && auction->touched && !auction->voiding;
            ok = publish_snapshot(results, auction, with_leaders ? results->leaders : NULL) &&
                 fan_out_update(results, &update);
        }
    }
    ok = ok && publish_bids(results, batch) && fanout_flush(results->fanout);
    if (!ok && !results->reported) {
        log_warn("Redis is down: results are not published, gateways read PostgreSQL");
    }
    results->reported = !ok;
}

void publish_shard(struct results *results, unsigned shard, const struct shards_report *report)
{
    char field[SHARDS_FIELD_SIZE];
    char text[SHARDS_REPORT_SIZE];
    const char *const arguments[] = {"HSET", KEYS_SHARDS, field, text};
    shards_field_write(shard, field);
    shards_report_write(report, text);
    if (redis_up(results->redis) &&
        !redis_command(results->redis, NULL, NULL, (int)ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("shard %u: report not sent, Redis takes no more", shard);
    }
}
