/*
 * See documents.h. The fields of a document in the snapshot's hash are written together by one script:
 *
 *   dv version · dt made at, ms · de ETag · ds seller · dw winner, or "" · dj JSON without serverTime
 *
 * Who joins a load that is under way may have seen a newer version than that load will find: then it asks again.
 */
#include "gateway/documents.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/snapshot.h"
#include "gateway/auctions.h"
#include "gateway/gateway.h"
#include "gateway/metering.h"
#include "gateway/reply.h"

enum {
    LOADS_MAX = 256,     /* auctions being read from PostgreSQL; beyond that 503 */
    ETAG_HASH_BYTES = 8, /* of the JSON: two versions of an auction, or two views of one, that look alike are rare */
    ETAG_SIZE = 64,
    NUMBER_SIZE = 24,
    TIME_SIZE = 48, /* ,"serverTime":"…"} */
};

enum { DOCUMENT_GET };

static const struct pg_statement list[] = {
    [DOCUMENT_GET] = {"document_get", "SELECT " AUCTIONS_COLUMNS " FROM auctions a WHERE a.id = $1"},
};

struct statements documents_statements = {list, ARRAY_LEN(list), 0};

/* Two loads may end in any order: the newer version stays. */
const struct redis_script documents_script = {
    .name = "document",
    .body = "local there = redis.call('HGET', KEYS[1], 'dv')\n"
            "if there and tonumber(there) > tonumber(ARGV[1]) then return 0 end\n"
            "redis.call('HSET', KEYS[1], 'dv', ARGV[1], 'dt', ARGV[2], 'de', ARGV[3], 'ds', ARGV[4], 'dw', ARGV[5],\n"
            "           'dj', ARGV[6])\n"
            "if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[7]) end\n"
            "return 1\n",
};

struct load {
    struct documents *documents;
    struct uuid auction_id;
    TAILQ_HEAD(, asking) waiting;
    LIST_ENTRY(load) list;
};

/* A request's own memory. */
struct asking {
    struct request *request;
    int64_t version; /* at least this is to be shown: the snapshot had it */
    TAILQ_ENTRY(asking) list;
};

struct documents {
    struct gateway *gateway;
    LIST_HEAD(, load) loads;
    size_t load_count;
    char *text; /* of the answer under way */
    size_t text_size;
};

struct documents *documents_new(struct gateway *gateway)
{
    struct documents *documents = calloc(1, sizeof(*documents));
    if (documents != NULL) {
        documents->gateway = gateway;
        LIST_INIT(&documents->loads);
    }
    return documents;
}

static void load_free(struct load *load)
{
    LIST_REMOVE(load, list);
    load->documents->load_count--;
    free(load);
}

void documents_free(struct documents *documents)
{
    if (documents == NULL) {
        return;
    }
    while (!LIST_EMPTY(&documents->loads)) {
        load_free(LIST_FIRST(&documents->loads));
    }
    free(documents->text);
    free(documents);
}

/* ---- answers ---- */

static void make_etag(const char *text, size_t length, int64_t version, char out[static ETAG_SIZE])
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    char hex[2 * ETAG_HASH_BYTES + 1];
    (void)crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, length, NULL, 0);
    sodium_bin2hex(hex, sizeof(hex), hash, ETAG_HASH_BYTES);
    /* Weak: serverTime differs in each answer, the auction does not. */
    (void)snprintf(out, ETAG_SIZE, "W/\"%" PRId64 "-%s\"", version, hex);
}

/* If-None-Match, by the weak comparison that it asks for. */
static bool has_already(const struct request *request, const char *etag)
{
    const char *known = request_header(request, "If-None-Match");
    const char *opaque = strchr(etag, '"');
    return known != NULL && request->method == METHOD_GET &&
           (strcmp(known, "*") == 0 || (opaque != NULL && strstr(known, opaque) != NULL));
}

/* `text` is the object without serverTime; it may be the worker's writer's. */
static void send_text(struct request *request, int status, const char *text, size_t length, const char *etag)
{
    struct documents *documents = request->gateway->documents;
    char now[CLOCK_TEXT_SIZE];
    reply_header(request, "ETag", etag);
    reply_header(request, "Vary", "Authorization, Cookie");
    if (has_already(request, etag)) {
        reply_empty(request, 304);
        return;
    }
    if (documents->text_size < length + TIME_SIZE) {
        char *grown = realloc(documents->text, 2 * length + TIME_SIZE);
        if (grown == NULL) {
            reply_error(request, ERROR_UNAVAILABLE);
            return;
        }
        documents->text = grown;
        documents->text_size = 2 * length + TIME_SIZE;
    }
    assert(length > 2 && text[length - 1] == '}');
    memcpy(documents->text, text, length - 1);
    clock_format(clock_now_ms(), now);
    int added = snprintf(documents->text + length - 1, TIME_SIZE, ",\"serverTime\":\"%s\"}", now);
    reply_bytes(request, status, "application/json", documents->text, length - 1 + (size_t)added);
}

void documents_send(struct request *request, int status, int64_t version)
{
    char etag[ETAG_SIZE];
    size_t length = 0;
    const char *text = jsonw_text(request->gateway->json, &length);
    if (text == NULL) {
        reply_error(request, ERROR_INTERNAL_ERROR);
        return;
    }
    make_etag(text, length, version, etag);
    send_text(request, status, text, length, etag);
}

/* ---- PostgreSQL ---- */

/* Makes the public document of the row for those who ask next. A draft has none. */
static void keep(struct gateway *gateway, const PGresult *result, int64_t made_ms)
{
    char key[KEYS_SIZE];
    char version[NUMBER_SIZE];
    char made[NUMBER_SIZE];
    char etag[ETAG_SIZE];
    char life[NUMBER_SIZE];
    size_t length = 0;
    struct uuid id = pg_uuid(result, 0, AUCTIONS_ID);
    if (strcmp(pg_text(result, 0, AUCTIONS_STATUS), "draft") == 0) {
        return;
    }
    jsonw_reset(gateway->json);
    auctions_write_view(gateway->json, &(struct request_user){.admin = false}, result, 0);
    const char *text = jsonw_text(gateway->json, &length);
    if (text == NULL) {
        return;
    }
    make_etag(text, length, pg_int(result, 0, AUCTIONS_VERSION), etag);
    (void)snprintf(version, sizeof(version), "%" PRId64, pg_int(result, 0, AUCTIONS_VERSION));
    (void)snprintf(made, sizeof(made), "%" PRId64, made_ms);
    (void)snprintf(life, sizeof(life), "%d", SNAPSHOT_LIFE_S);
    keys_snapshot(&id, key);
    const char *arguments[] = {
        key, version, made, etag, pg_text(result, 0, AUCTIONS_SELLER), pg_text(result, 0, AUCTIONS_WINNER), text, life};
    if (!redis_call(gateway->redis, GATEWAY_SCRIPT_DOCUMENT, NULL, NULL, 1, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("a document was not noted: Redis is not there");
    }
}

static void show(struct request *request, const struct pg_reply *reply)
{
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    auctions_write_view(reply_json(request), &request->user, reply->result, 0);
    documents_send(request, 200, pg_int(reply->result, 0, AUCTIONS_VERSION));
}

static void load(struct asking *asking);

static void on_row(const struct pg_reply *reply, void *arg)
{
    struct load *loaded = arg;
    struct asking *asking = NULL;
    bool found = reply->outcome == PG_OK && PQntuples(reply->result) == 1;
    int64_t version = found ? pg_int(reply->result, 0, AUCTIONS_VERSION) : INT64_MAX;
    TAILQ_HEAD(, asking) waiting = TAILQ_HEAD_INITIALIZER(waiting);
    TAILQ_CONCAT(&waiting, &loaded->waiting, list);
    struct gateway *gateway = loaded->documents->gateway;
    load_free(loaded);
    if (found) {
        keep(gateway, reply->result, clock_now_ms());
    }
    while ((asking = TAILQ_FIRST(&waiting)) != NULL) {
        TAILQ_REMOVE(&waiting, asking, list);
        if (version < asking->version && !request_answered(asking->request)) {
            load(asking);
        } else {
            show(asking->request, reply);
        }
    }
}

static struct load *find_load(const struct documents *documents, const struct uuid *auction)
{
    struct load *found = NULL;
    LIST_FOREACH(found, &documents->loads, list)
    {
        if (uuid_equal(&found->auction_id, auction)) {
            return found;
        }
    }
    return NULL;
}

static struct load *start_load(struct documents *documents, const struct uuid *auction)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    struct load *started = documents->load_count < LOADS_MAX ? calloc(1, sizeof(*started)) : NULL;
    if (started == NULL) {
        return NULL;
    }
    *started = (struct load){.documents = documents, .auction_id = *auction};
    TAILQ_INIT(&started->waiting);
    LIST_INSERT_HEAD(&documents->loads, started, list);
    documents->load_count++;
    uuid_format(auction, id);
    if (!statements_query(documents->gateway, &documents_statements, DOCUMENT_GET, 1, values, on_row, started)) {
        load_free(started);
        return NULL;
    }
    return started;
}

static void load(struct asking *asking)
{
    struct request *request = asking->request;
    struct documents *documents = request->gateway->documents;
    struct load *joined = find_load(documents, &request->parameters[0]);
    if (joined == NULL) {
        joined = start_load(documents, &request->parameters[0]);
    }
    if (joined == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    TAILQ_INSERT_TAIL(&joined->waiting, asking, list);
}

/* ---- Redis ---- */

enum { FIELD_V, FIELD_DV, FIELD_DT, FIELD_DE, FIELD_DS, FIELD_DW, FIELD_DJ, FIELD_COUNT };

static int64_t number_of(const redisReply *field)
{
    return field->type == REDIS_REPLY_STRING ? strtoll(field->str, NULL, 10) : 0;
}

static bool holds(const redisReply *reply, int64_t now_ms)
{
    redisReply *const *field = reply->element;
    for (size_t i = FIELD_DV; i < FIELD_COUNT; i++) {
        if (field[i]->type != REDIS_REPLY_STRING) {
            return false;
        }
    }
    return number_of(field[FIELD_DV]) >= number_of(field[FIELD_V]) &&
           llabs(now_ms - number_of(field[FIELD_DT])) < DOCUMENTS_LIFE_MS && field[FIELD_DJ]->len > 2;
}

/* Whether the public's view is all that this user may see. */
static bool is_outsider(const struct request_user *user, const redisReply *reply)
{
    char id[UUID_TEXT_SIZE];
    if (user->admin) {
        return false;
    }
    uuid_format(&user->id, id);
    return strcmp(id, reply->element[FIELD_DS]->str) != 0 && strcmp(id, reply->element[FIELD_DW]->str) != 0;
}

static void on_fields(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct asking *asking = request->own;
    bool read = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == FIELD_COUNT;
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    bool hit = read && holds(reply, clock_now_ms()) && is_outsider(&request->user, reply);
    metering_cache(METERING_DOCUMENT, hit);
    if (hit) {
        const redisReply *json = reply->element[FIELD_DJ];
        send_text(request, 200, json->str, (size_t)json->len, reply->element[FIELD_DE]->str);
        return;
    }
    asking->version = read ? number_of(reply->element[FIELD_V]) : 0;
    load(asking);
}

void documents_get(struct request *request)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"HMGET", key, "v", "dv", "dt", "de", "ds", "dw", "dj"};
    struct asking *asking = request_own(request, sizeof(*asking));
    if (asking == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    asking->request = request;
    keys_snapshot(&request->parameters[0], key);
    if (request->user.admin ||
        !redis_command(request->gateway->redis, on_fields, request, ARRAY_LEN(arguments), arguments, NULL)) {
        load(asking);
    }
}
