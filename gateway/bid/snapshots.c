/*
 * See snapshots.h.
 */
#include "gateway/bid/snapshots.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "gateway/core/scripts.h"

enum {
    LOADS_MAX = 256,     /* concurrent loads; beyond that bids are published unchecked */
    WAITING_MAX = 10000, /* bids that wait for one load; connections_max is smaller */
};

enum { SNAPSHOT_GET, SNAPSHOT_COUNT };

static const struct pg_statement list[] = {
    [SNAPSHOT_GET] =
        {"snapshot_get",
         "SELECT seller_id, version, terms_version, status, (extract(epoch FROM start_time) * 1000)::bigint,"
         " (extract(epoch FROM end_time) * 1000)::bigint, minimum_bid, current_bid, leader_id"
         " FROM auctions WHERE id = $1"},
};
static_assert(ARRAY_LEN(list) == SNAPSHOT_COUNT, "each statement has its entry");

struct statements snapshots_statements = {list, ARRAY_LEN(list), 0};

enum {
    COLUMN_SELLER,
    COLUMN_VERSION,
    COLUMN_TERMS,
    COLUMN_STATUS,
    COLUMN_START,
    COLUMN_END,
    COLUMN_MINIMUM,
    COLUMN_CURRENT,
    COLUMN_LEADER
};

struct waiting {
    snapshots_loaded loaded;
    void *arg;
    STAILQ_ENTRY(waiting) list;
};

struct load {
    struct snapshots *snapshots;
    struct uuid auction_id;
    size_t count;
    STAILQ_HEAD(, waiting) waiting;
    LIST_ENTRY(load) list;
};

struct snapshots {
    struct pg *pg;
    struct redis *redis;
    LIST_HEAD(, load) loads;
    size_t load_count;
};

struct snapshots *snapshots_new(struct pg *pg, struct redis *redis)
{
    struct snapshots *snapshots = calloc(1, sizeof(*snapshots));
    if (snapshots != NULL) {
        snapshots->pg = pg;
        snapshots->redis = redis;
        LIST_INIT(&snapshots->loads);
    }
    return snapshots;
}

static void load_free(struct load *load)
{
    LIST_REMOVE(load, list);
    load->snapshots->load_count--;
    while (!STAILQ_EMPTY(&load->waiting)) {
        struct waiting *waiting = STAILQ_FIRST(&load->waiting);
        STAILQ_REMOVE_HEAD(&load->waiting, list);
        free(waiting);
    }
    free(load);
}

void snapshots_free(struct snapshots *snapshots)
{
    if (snapshots == NULL) {
        return;
    }
    while (!LIST_EMPTY(&snapshots->loads)) {
        load_free(LIST_FIRST(&snapshots->loads));
    }
    free(snapshots);
}

/* ---- Redis ---- */

bool snapshots_ask(struct redis *redis, const struct uuid *auction, redis_callback answered, void *arg)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"HGET", key, SNAPSHOT_FIELD};
    keys_snapshot(auction, key);
    return redis_command(redis, answered, arg, ARRAY_LEN(arguments), arguments, NULL);
}

bool snapshots_read(const redisReply *reply, const struct uuid *auction, struct snapshot *snapshot)
{
    *snapshot = (struct snapshot){.auction_id = *auction};
    return reply != NULL && reply->type == REDIS_REPLY_STRING && snapshot_parse(reply->str, reply->len, snapshot);
}

/* ---- PostgreSQL ---- */

static void load_end(struct load *load, enum snapshots_outcome outcome, const struct snapshot *snapshot)
{
    struct waiting *waiting = NULL;
    STAILQ_FOREACH(waiting, &load->waiting, list)
    {
        waiting->loaded(outcome, snapshot, waiting->arg);
    }
    load_free(load);
}

static void auction_found(const struct pg_reply *reply, void *arg)
{
    struct load *load = arg;
    const PGresult *result = reply->result;
    if (reply->outcome != PG_OK) {
        load_end(load, SNAPSHOTS_UNKNOWN, NULL);
        return;
    }
    if (PQntuples(result) == 0) {
        load_end(load, SNAPSHOTS_NO_AUCTION, NULL);
        return;
    }
    struct snapshot snapshot = {
        .auction_id = load->auction_id,
        .seller_id = pg_uuid(result, 0, COLUMN_SELLER),
        .leader_id = pg_uuid(result, 0, COLUMN_LEADER),
        .version = pg_int(result, 0, COLUMN_VERSION),
        .terms_version = pg_int(result, 0, COLUMN_TERMS),
        .start_ms = pg_int(result, 0, COLUMN_START),
        .end_ms = pg_int(result, 0, COLUMN_END),
        .minimum_bid = pg_money(result, 0, COLUMN_MINIMUM),
        .current_bid = pg_money(result, 0, COLUMN_CURRENT),
    };
    if (!rules_status_parse(pg_text(result, 0, COLUMN_STATUS), &snapshot.status)) {
        load_end(load, SNAPSHOTS_UNKNOWN, NULL);
        return;
    }
    /* A draft is published without the queue, so that nothing would refresh its snapshot in Redis. */
    bool draft = snapshot.status == RULES_DRAFT;
    if (!draft && !snapshot_write(load->snapshots->redis, GATEWAY_SCRIPT_SNAPSHOT, &snapshot, NULL, NULL)) {
        log_debug("snapshot not written: Redis is unavailable");
    }
    load_end(load, SNAPSHOTS_FOUND, &snapshot);
}

static struct load *load_find(struct snapshots *snapshots, const struct uuid *auction)
{
    struct load *load = NULL;
    LIST_FOREACH(load, &snapshots->loads, list)
    {
        if (uuid_equal(&load->auction_id, auction)) {
            return load;
        }
    }
    return NULL;
}

static struct load *load_start(struct snapshots *snapshots, const struct uuid *auction)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    struct load *load = snapshots->load_count < LOADS_MAX ? calloc(1, sizeof(*load)) : NULL;
    if (load == NULL) {
        return NULL;
    }
    *load = (struct load){.snapshots = snapshots, .auction_id = *auction};
    STAILQ_INIT(&load->waiting);
    LIST_INSERT_HEAD(&snapshots->loads, load, list);
    snapshots->load_count++;
    uuid_format(auction, id);
    if (!statements_query(snapshots->pg, &snapshots_statements, SNAPSHOT_GET, 1, values, auction_found, load)) {
        load_free(load);
        return NULL;
    }
    return load;
}

void snapshots_load(struct snapshots *snapshots, const struct uuid *auction, snapshots_loaded loaded, void *arg)
{
    struct load *load = load_find(snapshots, auction);
    struct waiting *waiting = NULL;
    if (load == NULL) {
        load = load_start(snapshots, auction);
    }
    if (load != NULL && load->count < WAITING_MAX) {
        waiting = calloc(1, sizeof(*waiting));
    }
    if (waiting == NULL) {
        loaded(SNAPSHOTS_UNKNOWN, NULL, arg);
        return;
    }
    *waiting = (struct waiting){.loaded = loaded, .arg = arg};
    STAILQ_INSERT_TAIL(&load->waiting, waiting, list);
    load->count++;
}
