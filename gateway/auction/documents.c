/*
 * See documents.h. A document consists of fields in the snapshot's hash, which one script writes together:
 *
 *   dv version · dt time of creation, ms · de ETag · dj JSON without serverTime
 *
 * Each worker keeps copies of documents. A copy is valid while its ETag equals the one in Redis, so that most lookups
 * read a few bytes only. All requests for an auction in one pass of the loop share one lookup.
 *
 * A request that joins a running load may have seen a newer version than that load returns. It then starts another
 * load.
 */
#include "gateway/auction/documents.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "common/protocol/snapshot.h"
#include "gateway/auction/view.h"
#include "gateway/auction/you.h"
#include "gateway/bid/snapshots.h"
#include "gateway/core/deployment.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"
#include "gateway/query/cache_metrics.h"
#include "gateway/query/tagged.h"

enum {
    LOADS_MAX = 4096, /* concurrent reads from PostgreSQL; beyond that 503 */
    COPIES = 1024, /* slots per worker, by a hash of the auction's id; a newer copy replaces the old one in its slot */
    COPY_MAX_BYTES = 8192, /* of JSON; a longer one is read from Redis each time */
    NUMBER_SIZE = 24,
};

enum { DOCUMENT_GET, DOCUMENT_GET_FOR, DOCUMENT_COUNT };

static const struct pg_statement list[] = {
    [DOCUMENT_GET] = {"document_get", "SELECT " VIEW_COLUMNS " FROM auctions a WHERE a.id = $1"},
    /* $2 user */
    [DOCUMENT_GET_FOR] = {"document_get_for", "SELECT " VIEW_COLUMNS ", " YOU_COLUMNS("$2") " FROM auctions a" YOU_JOIN(
                                                  "$2") " WHERE a.id = $1"},
};
static_assert(ARRAY_LEN(list) == DOCUMENT_COUNT, "each statement has its entry");

struct statements documents_statements = {list, ARRAY_LEN(list), 0};

/*
 * Two loads may end in any order: the newer version is kept. A row of the snapshot's version confirms the snapshot, so
 * that it becomes fresh (common/protocol/snapshot.h).
 */
const struct redis_script documents_script = {
    .name = "document",
    .body = "local there = redis.call('HGET', KEYS[1], 'dv')\n"
            "if there and tonumber(there) > tonumber(ARGV[1]) then return 0 end\n"
            "redis.call('HSET', KEYS[1], 'dv', ARGV[1], 'dt', ARGV[2], 'de', ARGV[3], 'dj', ARGV[4])\n"
            "local version = redis.call('HGET', KEYS[1], 'v')\n"
            "if not version or version == ARGV[1] then redis.call('EXPIRE', KEYS[1], ARGV[5]) end\n"
            "return 1\n",
};

TAILQ_HEAD(document_requests, document_request);

/* A query of Redis. */
struct lookup {
    struct documents *documents;
    struct uuid auction_id;
    bool whole; /* includes the JSON; else only the fields that validate the worker's copy */
    struct document_requests waiting;
    LIST_ENTRY(lookup) list; /* until it is sent */
};

struct copy {
    struct uuid auction_id;
    char etag[TAGGED_SIZE];
    char *json; /* NULL: none */
    size_t length;
};

struct load {
    struct documents *documents;
    struct uuid auction_id;
    int64_t epoch; /* when it began */
    struct document_requests waiting;
    LIST_ENTRY(load) list;
};

/* Handler state of a request. */
struct document_request {
    struct documents *documents;
    struct request *request;
    int64_t version; /* the version of the snapshot; the answer must not be older */
    bool alone;      /* the version is unknown: only a load that starts now includes all earlier changes */
    TAILQ_ENTRY(document_request) list;
};

struct documents {
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
    struct jsonw *json; /* writer of documents */
    LIST_HEAD(, load) loads;
    size_t load_count;
    LIST_HEAD(, lookup) lookups; /* sent at the end of this pass of the loop */
    struct event *go;
    struct copy copies[COPIES];
};

static void send_lookups(evutil_socket_t fd, short what, void *arg);

struct documents *documents_new(struct event_base *base, const struct deployment *deployment, struct pg *pg,
                                struct redis *redis)
{
    struct documents *documents = calloc(1, sizeof(*documents));
    if (documents == NULL) {
        return NULL;
    }
    documents->deployment = deployment;
    documents->pg = pg;
    documents->redis = redis;
    LIST_INIT(&documents->loads);
    LIST_INIT(&documents->lookups);
    documents->json = jsonw_new();
    documents->go = event_new(base, -1, 0, send_lookups, documents);
    if (documents->json == NULL || documents->go == NULL) {
        documents_free(documents);
        return NULL;
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
    assert(LIST_EMPTY(&documents->loads) && LIST_EMPTY(&documents->lookups));
    for (size_t i = 0; i < COPIES; i++) {
        free(documents->copies[i].json);
    }
    if (documents->go != NULL) {
        event_free(documents->go);
    }
    jsonw_free(documents->json);
    free(documents);
}

/* ---- copies ---- */

static struct copy *copy_place(struct documents *documents, const struct uuid *auction)
{
    /* The last bytes of an id are random. */
    size_t number = (size_t)auction->bytes[15] | (size_t)auction->bytes[14] << 8U;
    return &documents->copies[number % COPIES];
}

/* Keeps a copy, unless memory is short or the JSON exceeds COPY_MAX_BYTES. */
static void copy_keep(struct documents *documents, const struct uuid *auction, const char *etag, const char *json,
                      size_t length)
{
    struct copy *copy = copy_place(documents, auction);
    char *text = length <= COPY_MAX_BYTES ? malloc(length) : NULL;
    if (text == NULL) {
        return;
    }
    memcpy(text, json, length);
    free(copy->json);
    *copy = (struct copy){.auction_id = *auction, .json = text, .length = length};
    (void)snprintf(copy->etag, sizeof(copy->etag), "%s", etag);
}

/* ---- answers ---- */

/* To a user the answer has `you` and no ETag: nothing may keep it. */
static void reply_to_user(const struct documents *documents, struct request *request, int status,
                          const PGresult *result)
{
    struct jsonw *json = reply_json(request);
    struct uuid id = pg_uuid(result, 0, VIEW_ID);
    jsonw_object(json);
    view_write_members(json, &request->user, result, 0);
    jsonw_name(json, "you");
    you_write(json, documents->deployment, &id, &request->user.id, result, VIEW_COLUMN_COUNT);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
    reply_send(request, status);
}

void documents_reply(struct documents *documents, struct request *request, int status, const PGresult *result)
{
    if (request->user.via != REQUEST_GUEST) {
        reply_to_user(documents, request, status, result);
        return;
    }
    struct jsonw *json = reply_json(request);
    view_write_for(json, &request->user, result, 0);
    tagged_reply(request, status, json, pg_int(result, 0, VIEW_VERSION));
}

/* ---- PostgreSQL ---- */

/* Writes the public document of the row to Redis. `epoch`: when the query was sent. */
static void keep(struct documents *documents, int64_t epoch, const PGresult *result, int64_t made_ms)
{
    char key[KEYS_SIZE];
    char version[NUMBER_SIZE];
    char made[NUMBER_SIZE];
    char etag[TAGGED_SIZE];
    char life[NUMBER_SIZE];
    size_t length = 0;
    struct uuid id = pg_uuid(result, 0, VIEW_ID);
    if (strcmp(pg_text(result, 0, VIEW_STATUS), "draft") == 0) {
        return;
    }
    jsonw_reset(documents->json);
    view_write_for(documents->json, &(struct request_user){.admin = false}, result, 0);
    const char *text = jsonw_text(documents->json, &length);
    if (text == NULL) {
        return;
    }
    tagged_write(text, length, pg_int(result, 0, VIEW_VERSION), etag);
    copy_keep(documents, &id, etag, text, length);
    (void)snprintf(version, sizeof(version), "%" PRId64, pg_int(result, 0, VIEW_VERSION));
    (void)snprintf(made, sizeof(made), "%" PRId64, made_ms);
    (void)snprintf(life, sizeof(life), "%d", SNAPSHOT_LIFE_S);
    keys_snapshot(epoch, &id, key);
    const char *arguments[] = {key, version, made, etag, text, life};
    if (!redis_call(documents->redis, GATEWAY_SCRIPT_DOCUMENT, NULL, NULL, 1, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("document not written: Redis is unavailable");
    }
}

static void show(struct documents *documents, struct request *request, const struct pg_reply *reply)
{
    if (!statements_usable(request, reply)) {
        return;
    }
    if (view_hidden(request, reply->result)) {
        reply_error(request, ERROR_NOT_FOUND);
    } else {
        documents_reply(documents, request, 200, reply->result);
    }
}

static bool query_for_user(struct document_request *document_request, pg_callback answered)
{
    char id[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    const char *values[] = {id, user};
    struct request *request = document_request->request;
    uuid_format(&request->parameters[0], id);
    uuid_format(&request->user.id, user);
    return statements_query(document_request->documents->pg, &documents_statements, DOCUMENT_GET_FOR, ARRAY_LEN(values),
                            values, answered, document_request);
}

static void on_shown(const struct pg_reply *reply, void *arg)
{
    const struct document_request shown = *(struct document_request *)arg;
    free(arg);
    show(shown.documents, shown.request, reply);
}

void documents_show(struct documents *documents, struct request *request)
{
    struct document_request *shown = calloc(1, sizeof(*shown));
    if (shown != NULL) {
        shown->documents = documents;
        shown->request = request;
    }
    if (shown == NULL || !query_for_user(shown, on_shown)) {
        free(shown);
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- without PostgreSQL ---- */

static int64_t number_of(const redisReply *field)
{
    return field->type == REDIS_REPLY_STRING ? strtoll(field->str, NULL, 10) : 0;
}

/* Writes a member of the document; its value comes from the snapshot if that is newer. */
static void write_member(struct jsonw *json, const struct json *member, const struct snapshot *newer)
{
    const char *name = member->name;
    if (newer == NULL) {
        jsonw_name(json, name);
        jsonw_value(json, member);
    } else if (strcmp(name, "currentBid") == 0 && newer->current_bid > 0) {
        jsonw_put_money(json, name, newer->current_bid);
    } else if (strcmp(name, "minimumBid") == 0) {
        jsonw_put_money(json, name, newer->minimum_bid);
    } else if (strcmp(name, "endTime") == 0) {
        jsonw_put_time(json, name, newer->end_ms);
    } else if (strcmp(name, "status") == 0) {
        jsonw_put_string(json, name, rules_status_text(newer->status));
    } else if (strcmp(name, "version") == 0) {
        jsonw_put_int(json, name, newer->version);
    } else {
        write_member(json, member, NULL);
    }
}

enum { STALE_S, STALE_DV, STALE_DT, STALE_DJ, STALE_FIELDS };

/* Writes the document of the reply, with "stale": true. False: the reply has none. Sets *version to the one shown. */
static bool write_stale(struct jsonw *json, const redisReply *reply, const struct request *request, int64_t *version)
{
    struct snapshot snapshot;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != STALE_FIELDS) {
        return false;
    }
    const redisReply *text = reply->element[STALE_DJ];
    struct json *tree = text->type != REDIS_REPLY_STRING ? NULL : json_parse(text->str, (size_t)text->len, NULL);
    *version = number_of(reply->element[STALE_DV]);
    bool newer =
        snapshots_read(reply->element[STALE_S], &request->parameters[0], &snapshot) && snapshot.version > *version;
    jsonw_reset(json);
    jsonw_object(json);
    for (const struct json *member = tree == NULL ? NULL : tree->child; member != NULL; member = member->next) {
        write_member(json, member, newer ? &snapshot : NULL);
    }
    if (request->user.via != REQUEST_GUEST) {
        jsonw_put_null(json, "you");
    }
    jsonw_put_bool(json, "stale", true);
    jsonw_end_object(json);
    *version = newer ? snapshot.version : *version;
    bool found = tree != NULL;
    json_free(tree);
    return found;
}

static void on_stale(const redisReply *reply, void *arg)
{
    const struct document_request *document_request = arg;
    struct documents *documents = document_request->documents;
    struct request *request = document_request->request;
    char etag[TAGGED_SIZE];
    int64_t version = 0;
    size_t length = 0;
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    bool found = write_stale(documents->json, reply, request, &version);
    const char *text = found ? jsonw_text(documents->json, &length) : NULL;
    if (text == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    tagged_write(text, length, version, etag);
    reply_age(request, clock_now_ms() - number_of(reply->element[STALE_DT]));
    tagged_send(request, 200, text, length, etag);
}

/* Answers with the document in Redis, whatever its version and age. Users see the public one, too. */
static void show_stale(struct document_request *document_request)
{
    char key[KEYS_SIZE];
    struct request *request = document_request->request;
    int64_t epoch = document_request->documents->deployment->epoch.number;
    const char *const arguments[] = {"HMGET", key, SNAPSHOT_FIELD, "dv", "dt", "dj"};
    keys_snapshot(epoch, &request->parameters[0], key);
    if (epoch == 0 || !redis_command(document_request->documents->redis, on_stale, document_request,
                                     ARRAY_LEN(arguments), arguments, NULL)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- users ---- */

static void on_row_for_user(const struct pg_reply *reply, void *arg)
{
    struct document_request *document_request = arg;
    if (statements_outage(reply) && !request_answered(document_request->request)) {
        show_stale(document_request);
    } else {
        show(document_request->documents, document_request->request, reply);
    }
}

/* ---- loading, for guests ---- */

static void load(struct document_request *document_request);

static void on_row(const struct pg_reply *reply, void *arg)
{
    struct load *loaded = arg;
    struct document_request *document_request = NULL;
    bool found = reply->outcome == PG_OK && PQntuples(reply->result) == 1;
    int64_t version = found ? pg_int(reply->result, 0, VIEW_VERSION) : INT64_MAX;
    struct document_requests waiting = TAILQ_HEAD_INITIALIZER(waiting);
    TAILQ_CONCAT(&waiting, &loaded->waiting, list);
    struct documents *documents = loaded->documents;
    int64_t epoch = loaded->epoch;
    load_free(loaded);
    if (found) {
        keep(documents, epoch, reply->result, clock_now_ms());
    }
    while ((document_request = TAILQ_FIRST(&waiting)) != NULL) {
        TAILQ_REMOVE(&waiting, document_request, list);
        if (version < document_request->version && !request_answered(document_request->request)) {
            document_request->version = 0; /* only once */
            load(document_request);
        } else if (statements_outage(reply) && !request_answered(document_request->request)) {
            show_stale(document_request);
        } else {
            show(documents, document_request->request, reply);
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
    *started =
        (struct load){.documents = documents, .auction_id = *auction, .epoch = documents->deployment->epoch.number};
    TAILQ_INIT(&started->waiting);
    LIST_INSERT_HEAD(&documents->loads, started, list);
    documents->load_count++;
    uuid_format(auction, id);
    if (!statements_query(documents->pg, &documents_statements, DOCUMENT_GET, 1, values, on_row, started)) {
        load_free(started);
        return NULL;
    }
    return started;
}

static void load(struct document_request *document_request)
{
    struct request *request = document_request->request;
    struct documents *documents = document_request->documents;
    struct load *joined = document_request->alone ? NULL : find_load(documents, &request->parameters[0]);
    if (joined == NULL) {
        joined = start_load(documents, &request->parameters[0]);
    }
    if (joined == NULL) {
        show_stale(document_request);
        return;
    }
    TAILQ_INSERT_TAIL(&joined->waiting, document_request, list);
}

/* ---- Redis ---- */

void documents_invalidate(struct redis *redis, int64_t epoch, const struct uuid *auction)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"HDEL", key, "dv"};
    keys_snapshot(epoch, auction, key);
    if (!redis_command(redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("document not removed: Redis is unavailable");
    }
}

enum { FIELD_V, FIELD_DV, FIELD_DT, FIELD_DE, FIELD_BRIEF, FIELD_DJ = FIELD_BRIEF, FIELD_WHOLE };

/* True if the document is valid for the snapshot's version and not too old. */
static bool document_is_valid(const struct lookup *lookup, const redisReply *reply)
{
    redisReply *const *field = reply->element;
    for (size_t i = FIELD_DV; i < (lookup->whole ? FIELD_WHOLE : FIELD_BRIEF); i++) {
        if (field[i]->type != REDIS_REPLY_STRING) {
            return false;
        }
    }
    return number_of(field[FIELD_DV]) >= number_of(field[FIELD_V]) &&
           llabs(clock_now_ms() - number_of(field[FIELD_DT])) < DOCUMENTS_LIFE_MS;
}

/* Reads a document from a whole lookup's reply, and keeps a copy. The JSON in `copy` is borrowed from the reply. */
static bool read_copy(const struct lookup *lookup, const redisReply *reply, struct copy *copy)
{
    const redisReply *json = reply->element[FIELD_DJ];
    *copy = (struct copy){.auction_id = lookup->auction_id, .json = json->str, .length = (size_t)json->len};
    (void)snprintf(copy->etag, sizeof(copy->etag), "%s", reply->element[FIELD_DE]->str);
    if (json->len < 3) {
        return false;
    }
    copy_keep(lookup->documents, &copy->auction_id, copy->etag, copy->json, copy->length);
    return true;
}

/* Ends a lookup. `copy` is NULL if no valid document was found. `known`: Redis returned the snapshot's version. */
static void lookup_end(struct lookup *lookup, const struct copy *copy, int64_t version, bool known)
{
    struct document_request *document_request = NULL;
    while ((document_request = TAILQ_FIRST(&lookup->waiting)) != NULL) {
        struct request *request = document_request->request;
        TAILQ_REMOVE(&lookup->waiting, document_request, list);
        cache_metrics_add(CACHE_METRICS_DOCUMENT, copy != NULL);
        if (request_answered(request)) {
            reply_end(request);
        } else if (copy != NULL) {
            tagged_send(request, 200, copy->json, copy->length, copy->etag);
        } else {
            document_request->version = version;
            document_request->alone = !known;
            load(document_request);
        }
    }
    free(lookup);
}

static bool lookup_send(struct lookup *lookup);

static void on_fields(const redisReply *reply, void *arg)
{
    struct lookup *lookup = arg;
    const struct copy *kept = copy_place(lookup->documents, &lookup->auction_id);
    struct copy found;
    size_t count = lookup->whole ? FIELD_WHOLE : FIELD_BRIEF;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != count) {
        lookup_end(lookup, NULL, 0, false);
        return;
    }
    int64_t version = number_of(reply->element[FIELD_V]);
    if (!document_is_valid(lookup, reply)) {
        lookup_end(lookup, NULL, version, true);
    } else if (lookup->whole) {
        lookup_end(lookup, read_copy(lookup, reply, &found) ? &found : NULL, version, true);
    } else if (kept->json != NULL && uuid_equal(&kept->auction_id, &lookup->auction_id) &&
               strcmp(kept->etag, reply->element[FIELD_DE]->str) == 0) {
        lookup_end(lookup, kept, version, true);
    } else {
        lookup->whole = true;
        if (!lookup_send(lookup)) {
            lookup_end(lookup, NULL, version, true);
        }
    }
}

static bool lookup_send(struct lookup *lookup)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"HMGET", key, "v", "dv", "dt", "de", "dj"};
    enum { BEFORE_FIELDS = 2 };
    keys_snapshot(lookup->documents->deployment->epoch.number, &lookup->auction_id, key);
    return redis_command(lookup->documents->redis, on_fields, lookup,
                         BEFORE_FIELDS + (lookup->whole ? FIELD_WHOLE : FIELD_BRIEF), arguments, NULL);
}

/* Sends all lookups of this pass of the loop. */
static void send_lookups(evutil_socket_t fd, short what, void *arg)
{
    struct documents *documents = arg;
    struct lookup *lookup = NULL;
    (void)fd;
    (void)what;
    while ((lookup = LIST_FIRST(&documents->lookups)) != NULL) {
        LIST_REMOVE(lookup, list);
        if (!lookup_send(lookup)) {
            lookup_end(lookup, NULL, 0, false);
        }
    }
}

/* The lookup for the auction in this pass, new or shared; NULL without memory. */
static struct lookup *lookup_join(struct documents *documents, const struct uuid *auction)
{
    struct lookup *lookup = NULL;
    LIST_FOREACH(lookup, &documents->lookups, list)
    {
        if (uuid_equal(&lookup->auction_id, auction)) {
            return lookup;
        }
    }
    lookup = calloc(1, sizeof(*lookup));
    if (lookup != NULL) {
        lookup->documents = documents;
        lookup->auction_id = *auction;
        TAILQ_INIT(&lookup->waiting);
        LIST_INSERT_HEAD(&documents->lookups, lookup, list);
        event_active(documents->go, EV_TIMEOUT, 0);
    }
    return lookup;
}

void documents_get(struct documents *documents, struct request *request)
{
    struct document_request *document_request = request_handler_state(request, sizeof(*document_request));
    if (document_request == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    document_request->documents = documents;
    document_request->request = request;
    if (request->user.via != REQUEST_GUEST) {
        if (!query_for_user(document_request, on_row_for_user)) {
            show_stale(document_request);
        }
        return;
    }
    struct lookup *lookup = lookup_join(documents, &request->parameters[0]);
    if (lookup == NULL) {
        document_request->alone = true;
        load(document_request);
        return;
    }
    TAILQ_INSERT_TAIL(&lookup->waiting, document_request, list);
}
