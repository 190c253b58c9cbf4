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
    [SNAPSHOT_GET] = {"snapshot_get", "SELECT " SNAPSHOT_COLUMNS " FROM auctions WHERE id = $1"},
};
static_assert(ARRAY_LEN(list) == SNAPSHOT_COUNT, "each statement has its entry");

struct statements snapshots_statements = {list, ARRAY_LEN(list), 0};

struct waiting {
    snapshots_loaded loaded;
    void *arg;
    STAILQ_ENTRY(waiting) list;
};

struct load {
    struct snapshots *snapshots;
    struct uuid auction_id;
    bool fresh;    /* a fresh snapshot in Redis is enough */
    int64_t epoch; /* when it began */
    size_t count;
    STAILQ_HEAD(, waiting) waiting;
    LIST_ENTRY(load) list;
};

struct snapshots {
    const struct deployment *deployment;
    int64_t fresh_from_ms; /* monotonic; no snapshot in Redis is fresh before */
    struct pg *pg;
    struct redis *redis;
    LIST_HEAD(, load) loads;
    size_t load_count;
};

struct snapshots *snapshots_new(const struct deployment *deployment, struct pg *pg, struct redis *redis)
{
    struct snapshots *snapshots = calloc(1, sizeof(*snapshots));
    if (snapshots != NULL) {
        snapshots->deployment = deployment;
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

void snapshots_reconnected(struct snapshots *snapshots)
{
    snapshots->fresh_from_ms = clock_mono_ms() + SNAPSHOT_FRESH_MS;
}

bool snapshots_ask(struct snapshots *snapshots, const struct uuid *auction, redis_callback answered, void *arg)
{
    int64_t epoch = snapshots->deployment->epoch.number;
    char key[KEYS_SIZE];
    const char *arguments[] = {"HGET", key, SNAPSHOT_FIELD};
    keys_snapshot(epoch, auction, key);
    return epoch != 0 && redis_command(snapshots->redis, answered, arg, ARRAY_LEN(arguments), arguments, NULL);
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
    struct snapshot snapshot;
    if (!snapshot_read_row(result, 0, &snapshot)) {
        load_end(load, SNAPSHOTS_UNKNOWN, NULL);
        return;
    }
    /* A draft is published without the queue, so that nothing would refresh its snapshot in Redis. */
    bool draft = snapshot.status == RULES_DRAFT;
    const struct snapshot_writer writer = {load->snapshots->redis, GATEWAY_SCRIPT_SNAPSHOT, load->epoch};
    if (!draft && !snapshot_write(&writer, &snapshot, NULL, NULL)) {
        log_debug("snapshot not written: Redis is unavailable");
    }
    load_end(load, SNAPSHOTS_FOUND, &snapshot);
}

/* Queries PostgreSQL. False: it is unavailable. */
static bool load_query(struct load *load)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&load->auction_id, id);
    return statements_query(load->snapshots->pg, &snapshots_statements, SNAPSHOT_GET, 1, values, auction_found, load);
}

static void fresh_answered(const redisReply *reply, void *arg)
{
    struct load *load = arg;
    struct snapshot snapshot;
    if (snapshots_read(reply, &load->auction_id, &snapshot)) {
        load_end(load, SNAPSHOTS_FOUND, &snapshot);
    } else if (!load_query(load)) {
        load_end(load, SNAPSHOTS_UNKNOWN, NULL);
    }
}

static bool load_ask_fresh(struct load *load)
{
    const struct snapshots *snapshots = load->snapshots;
    return load->epoch != 0 && clock_mono_ms() >= snapshots->fresh_from_ms &&
           snapshot_ask_fresh(snapshots->redis, GATEWAY_SCRIPT_SNAPSHOT_FRESH, load->epoch, &load->auction_id,
                              fresh_answered, load);
}

static struct load *load_find(struct snapshots *snapshots, const struct uuid *auction, bool fresh)
{
    struct load *load = NULL;
    LIST_FOREACH(load, &snapshots->loads, list)
    {
        if (load->fresh == fresh && uuid_equal(&load->auction_id, auction)) {
            return load;
        }
    }
    return NULL;
}

static struct load *load_start(struct snapshots *snapshots, const struct uuid *auction, bool fresh)
{
    struct load *load = snapshots->load_count < LOADS_MAX ? calloc(1, sizeof(*load)) : NULL;
    if (load == NULL) {
        return NULL;
    }
    *load = (struct load){
        .snapshots = snapshots, .auction_id = *auction, .fresh = fresh, .epoch = snapshots->deployment->epoch.number};
    STAILQ_INIT(&load->waiting);
    LIST_INSERT_HEAD(&snapshots->loads, load, list);
    snapshots->load_count++;
    if (!(fresh && load_ask_fresh(load)) && !load_query(load)) {
        load_free(load);
        return NULL;
    }
    return load;
}

static void load_join(struct snapshots *snapshots, const struct uuid *auction, bool fresh, snapshots_loaded loaded,
                      void *arg)
{
    struct load *load = load_find(snapshots, auction, fresh);
    struct waiting *waiting = NULL;
    if (load == NULL) {
        load = load_start(snapshots, auction, fresh);
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

void snapshots_load(struct snapshots *snapshots, const struct uuid *auction, snapshots_loaded loaded, void *arg)
{
    load_join(snapshots, auction, false, loaded, arg);
}

void snapshots_confirm(struct snapshots *snapshots, const struct uuid *auction, snapshots_loaded loaded, void *arg)
{
    load_join(snapshots, auction, true, loaded, arg);
}
