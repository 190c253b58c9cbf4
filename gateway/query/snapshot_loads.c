/*
 * See snapshot_loads.h.
 */
#include "gateway/query/snapshot_loads.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "gateway/core/scripts.h"

enum {
    LOADS_MAX = 256,     /* concurrent loads; beyond that the outcome is unknown */
    WAITING_MAX = 10000, /* requests that wait for one load; connections_max is smaller */
};

struct waiting {
    snapshot_loads_callback loaded;
    void *arg;
    STAILQ_ENTRY(waiting) list;
};

struct load {
    struct snapshot_loads *loads;
    struct uuid id;
    bool fresh;    /* a fresh snapshot in Redis is enough */
    int64_t epoch; /* when it began */
    size_t count;
    STAILQ_HEAD(, waiting) waiting;
    LIST_ENTRY(load) list;
};

struct snapshot_loads {
    const struct snapshot_loads_kind *kind;
    const struct deployment *deployment;
    int64_t fresh_from_ms; /* monotonic; no snapshot in Redis is fresh before */
    struct pg *pg;
    struct redis *redis;
    LIST_HEAD(, load) list;
    size_t count;
};

struct snapshot_loads *snapshot_loads_new(const struct snapshot_loads_kind *kind, const struct deployment *deployment,
                                          struct pg *pg, struct redis *redis)
{
    struct snapshot_loads *loads = calloc(1, sizeof(*loads));
    if (loads != NULL) {
        loads->kind = kind;
        loads->deployment = deployment;
        loads->pg = pg;
        loads->redis = redis;
        LIST_INIT(&loads->list);
    }
    return loads;
}

static void load_free(struct load *load)
{
    LIST_REMOVE(load, list);
    load->loads->count--;
    while (!STAILQ_EMPTY(&load->waiting)) {
        struct waiting *waiting = STAILQ_FIRST(&load->waiting);
        STAILQ_REMOVE_HEAD(&load->waiting, list);
        free(waiting);
    }
    free(load);
}

void snapshot_loads_free(struct snapshot_loads *loads)
{
    if (loads == NULL) {
        return;
    }
    while (!LIST_EMPTY(&loads->list)) {
        load_free(LIST_FIRST(&loads->list));
    }
    free(loads);
}

/* ---- Redis ---- */

void snapshot_loads_reconnected(struct snapshot_loads *loads)
{
    loads->fresh_from_ms = clock_mono_ms() + SNAPSHOT_FRESH_MS;
}

bool snapshot_loads_ask(struct snapshot_loads *loads, const struct uuid *id, redis_callback answered, void *arg)
{
    int64_t epoch = loads->deployment->epoch.number;
    char key[KEYS_SIZE];
    const char *arguments[] = {"HGET", key, SNAPSHOT_FIELD};
    loads->kind->key(epoch, id, key);
    return epoch != 0 && redis_command(loads->redis, answered, arg, ARRAY_LEN(arguments), arguments, NULL);
}

bool snapshot_loads_read(const struct snapshot_loads_kind *kind, const redisReply *reply, const struct uuid *id,
                         void *value)
{
    return reply != NULL && reply->type == REDIS_REPLY_STRING && kind->read_text(id, reply->str, reply->len, value);
}

/* ---- PostgreSQL ---- */

static void load_end(struct load *load, enum snapshots_outcome outcome, const void *value)
{
    struct waiting *waiting = NULL;
    STAILQ_FOREACH(waiting, &load->waiting, list)
    {
        load->loads->kind->deliver(waiting->loaded, outcome, value, waiting->arg);
    }
    load_free(load);
}

static void row_found(const struct pg_reply *reply, void *arg)
{
    struct load *load = arg;
    const struct snapshot_loads_kind *kind = load->loads->kind;
    _Alignas(max_align_t) char value[SNAPSHOT_LOADS_VALUE_SIZE];
    if (reply->outcome != PG_OK) {
        load_end(load, SNAPSHOTS_UNKNOWN, NULL);
        return;
    }
    if (PQntuples(reply->result) == 0) {
        load_end(load, SNAPSHOTS_NONE, NULL);
        return;
    }
    if (!kind->read_row(reply->result, 0, value)) {
        load_end(load, SNAPSHOTS_UNKNOWN, NULL);
        return;
    }
    const struct snapshot_writer writer = {load->loads->redis, GATEWAY_SCRIPT_SNAPSHOT, load->epoch};
    if (!kind->write(&writer, value)) {
        log_debug("snapshot not written: Redis is unavailable");
    }
    load_end(load, SNAPSHOTS_FOUND, value);
}

/* Queries PostgreSQL. False: it is unavailable. */
static bool load_query(struct load *load)
{
    const struct snapshot_loads_kind *kind = load->loads->kind;
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&load->id, id);
    return statements_query(load->loads->pg, kind->statements, kind->statement, 1, values, row_found, load);
}

static void fresh_answered(const redisReply *reply, void *arg)
{
    struct load *load = arg;
    _Alignas(max_align_t) char value[SNAPSHOT_LOADS_VALUE_SIZE];
    if (snapshot_loads_read(load->loads->kind, reply, &load->id, value)) {
        load_end(load, SNAPSHOTS_FOUND, value);
    } else if (!load_query(load)) {
        load_end(load, SNAPSHOTS_UNKNOWN, NULL);
    }
}

static bool load_ask_fresh(struct load *load)
{
    const struct snapshot_loads *loads = load->loads;
    char key[KEYS_SIZE];
    loads->kind->key(load->epoch, &load->id, key);
    return load->epoch != 0 && clock_mono_ms() >= loads->fresh_from_ms &&
           snapshot_ask_fresh_key(loads->redis, GATEWAY_SCRIPT_SNAPSHOT_FRESH, key, fresh_answered, load);
}

static struct load *load_find(struct snapshot_loads *loads, const struct uuid *id, bool fresh)
{
    struct load *load = NULL;
    LIST_FOREACH(load, &loads->list, list)
    {
        if (load->fresh == fresh && uuid_equal(&load->id, id)) {
            return load;
        }
    }
    return NULL;
}

static struct load *load_start(struct snapshot_loads *loads, const struct uuid *id, bool fresh)
{
    struct load *load = loads->count < LOADS_MAX ? calloc(1, sizeof(*load)) : NULL;
    if (load == NULL) {
        return NULL;
    }
    *load = (struct load){.loads = loads, .id = *id, .fresh = fresh, .epoch = loads->deployment->epoch.number};
    STAILQ_INIT(&load->waiting);
    LIST_INSERT_HEAD(&loads->list, load, list);
    loads->count++;
    if (!(fresh && load_ask_fresh(load)) && !load_query(load)) {
        load_free(load);
        return NULL;
    }
    return load;
}

void snapshot_loads_load(struct snapshot_loads *loads, const struct uuid *id, bool fresh,
                         snapshot_loads_callback loaded, void *arg)
{
    struct load *load = load_find(loads, id, fresh);
    struct waiting *waiting = NULL;
    if (load == NULL) {
        load = load_start(loads, id, fresh);
    }
    if (load != NULL && load->count < WAITING_MAX) {
        waiting = calloc(1, sizeof(*waiting));
    }
    if (waiting == NULL) {
        loads->kind->deliver(loaded, SNAPSHOTS_UNKNOWN, NULL, arg);
        return;
    }
    *waiting = (struct waiting){.loaded = loaded, .arg = arg};
    STAILQ_INSERT_TAIL(&load->waiting, waiting, list);
    load->count++;
}
