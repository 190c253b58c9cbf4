/*
 * What the gateway knows of an auction when a bid comes; see snapshots.h.
 */
#include "gateway/snapshots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/log.h"

enum {
    LOADS_MAX = 256,     /* auctions being loaded; beyond that bids go on unchecked */
    WAITING_MAX = 10000, /* bids that wait for one load; connections_max is less */
    NUMBER_LENGTH_MAX = 20,
};

enum { SNAPSHOT_GET };

static const struct pg_statement list[] = {
    [SNAPSHOT_GET] =
        {"snapshot_get",
         "SELECT seller_id, version, terms_version, status, (extract(epoch FROM start_time) * 1000)::bigint,"
         " (extract(epoch FROM end_time) * 1000)::bigint, minimum_bid, current_bid, leader_id"
         " FROM auctions WHERE id = $1"},
};

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
    struct gateway *gateway;
    LIST_HEAD(, load) loads;
    size_t load_count;
};

static const char *status_text(const char *text)
{
    static const char *const statuses[] = {"draft", "scheduled", "active", "ended", "sold", "unsold", "cancelled"};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (strcmp(text, statuses[i]) == 0) {
            return statuses[i];
        }
    }
    return NULL;
}

struct snapshots *snapshots_new(struct gateway *gateway)
{
    struct snapshots *snapshots = calloc(1, sizeof(*snapshots));
    if (snapshots != NULL) {
        snapshots->gateway = gateway;
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

bool snapshots_ask(struct gateway *gateway, const struct uuid *auction, redis_callback answered, void *arg)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"HMGET", key, "v", "st", "sa", "en", "mi", "cu", "se", "tv", "le"};
    keys_snapshot(auction, key);
    return redis_command(gateway->redis, answered, arg, ARRAY_LEN(arguments), arguments, NULL);
}

static bool read_number(const redisReply *reply, int64_t *out)
{
    int64_t value = 0;
    if (reply->str == NULL || reply->len == 0 || reply->len >= NUMBER_LENGTH_MAX ||
        strspn(reply->str, "0123456789") != (size_t)reply->len) {
        return false;
    }
    for (size_t i = 0; i < (size_t)reply->len; i++) {
        value = value * 10 + (reply->str[i] - '0');
    }
    *out = value;
    return true;
}

/* An empty or missing text leaves the id nil. */
static bool read_id(const redisReply *reply, struct uuid *out)
{
    return reply->str == NULL || reply->len == 0 || uuid_parse(reply->str, (size_t)reply->len, out);
}

bool snapshots_read(const redisReply *reply, const struct uuid *auction, struct snapshot *snapshot)
{
    enum { FIELD_V, FIELD_ST, FIELD_SA, FIELD_EN, FIELD_MI, FIELD_CU, FIELD_SE, FIELD_TV, FIELD_LE, FIELD_COUNT };
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != FIELD_COUNT) {
        return false;
    }
    redisReply *const *field = reply->element;
    *snapshot = (struct snapshot){.auction_id = *auction};
    if (field[FIELD_ST]->str != NULL) {
        snapshot->status = status_text(field[FIELD_ST]->str);
    }
    if (field[FIELD_CU]->len > 0 && !read_number(field[FIELD_CU], &snapshot->current_bid)) {
        return false;
    }
    return snapshot->status != NULL && read_number(field[FIELD_V], &snapshot->version) &&
           read_number(field[FIELD_SA], &snapshot->start_ms) && read_number(field[FIELD_EN], &snapshot->end_ms) &&
           read_number(field[FIELD_MI], &snapshot->minimum_bid) &&
           read_number(field[FIELD_TV], &snapshot->terms_version) && read_id(field[FIELD_SE], &snapshot->seller_id) &&
           read_id(field[FIELD_LE], &snapshot->leader_id);
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
    struct gateway *gateway = load->snapshots->gateway;
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
        .status = status_text(pg_text(result, 0, COLUMN_STATUS)),
        .start_ms = pg_int(result, 0, COLUMN_START),
        .end_ms = pg_int(result, 0, COLUMN_END),
        .minimum_bid = pg_money(result, 0, COLUMN_MINIMUM),
        .current_bid = pg_money(result, 0, COLUMN_CURRENT),
    };
    if (snapshot.status == NULL) {
        load_end(load, SNAPSHOTS_UNKNOWN, NULL);
        return;
    }
    /* A draft is published without the queue, so that nobody would renew what is noted of it. */
    bool draft = strcmp(snapshot.status, "draft") == 0;
    if (!draft && !snapshot_write(gateway->redis, GATEWAY_SCRIPT_SNAPSHOT, &snapshot, NULL, NULL)) {
        log_debug("a snapshot was not noted: Redis is not there");
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
    if (!statements_query(snapshots->gateway, &snapshots_statements, SNAPSHOT_GET, 1, values, auction_found, load)) {
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
