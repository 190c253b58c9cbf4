/*
 * See documents.h. A document consists of fields in the snapshot's hash, which one script writes together:
 *
 *   dv version · dt time of creation, ms · de ETag · dj JSON without serverTime
 *
 * Each worker keeps copies of the answers. A copy is valid while Redis has the ETag of its document and the version
 * that it shows, so that most lookups read a few bytes only. All requests for one id in one pass of the loop share one
 * lookup.
 *
 * A request that joins a running load may have seen a newer version than that load returns. It then starts another
 * load.
 */
#include "gateway/query/documents.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/snapshot.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"
#include "gateway/query/cache_metrics.h"
#include "gateway/query/tagged.h"

enum {
    LOADS_MAX = 4096,      /* concurrent reads from PostgreSQL; beyond that 503 */
    COPIES = 1024,         /* slots per worker, by a hash of the id; a newer copy replaces the old one in its slot */
    COPY_MAX_BYTES = 8192, /* of JSON; a longer one is read from Redis each time */
    NUMBER_SIZE = 24,
};

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
    struct uuid id;
    bool whole; /* includes the JSON; else only the fields that validate the worker's copy */
    struct document_requests waiting;
    LIST_ENTRY(lookup) list; /* until it is sent */
};

struct copy {
    struct uuid id;
    char made_of[TAGGED_SIZE]; /* the ETag of its document */
    int64_t version;           /* that it shows */
    char etag[TAGGED_SIZE];
    const char *json; /* NULL: none */
    char *owned;      /* the same, in a copy that is kept */
    size_t length;
};

struct load {
    struct documents *documents;
    struct uuid id;
    int64_t epoch; /* when it began */
    struct document_requests waiting;
    LIST_ENTRY(load) list;
};

/* Handler state of a request. */
struct document_request {
    struct documents *documents;
    struct request *request;
    documents_reader read; /* gets the JSON instead of the client; NULL: none */
    int64_t version;       /* the version of the snapshot; the answer must not be older */
    bool alone;            /* the version is unknown: only a load that starts now includes all earlier changes */
    TAILQ_ENTRY(document_request) list;
};

struct documents {
    const struct documents_kind *kind;
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

struct documents *documents_new(const struct documents_kind *kind, struct event_base *base,
                                const struct deployment *deployment, struct pg *pg, struct redis *redis)
{
    struct documents *documents = calloc(1, sizeof(*documents));
    if (documents == NULL) {
        return NULL;
    }
    documents->kind = kind;
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
        free(documents->copies[i].owned);
    }
    if (documents->go != NULL) {
        event_free(documents->go);
    }
    jsonw_free(documents->json);
    free(documents);
}

/* ---- copies ---- */

static struct copy *copy_place(struct documents *documents, const struct uuid *id)
{
    /* The last bytes of an id are random. */
    size_t number = (size_t)id->bytes[15] | (size_t)id->bytes[14] << 8U;
    return &documents->copies[number % COPIES];
}

/* Keeps a copy, whose JSON is borrowed, unless memory is short or the JSON exceeds COPY_MAX_BYTES. */
static void copy_keep(struct documents *documents, const struct copy *copy)
{
    struct copy *place = copy_place(documents, &copy->id);
    char *text = copy->length <= COPY_MAX_BYTES ? malloc(copy->length) : NULL;
    if (text == NULL) {
        return;
    }
    memcpy(text, copy->json, copy->length);
    free(place->owned);
    *place = *copy;
    place->owned = text;
    place->json = text;
}

/* ---- answers ---- */

/* To a user the answer has `you` and no ETag: nothing may keep it. */
static void reply_to_user(const struct documents *documents, struct request *request, int status,
                          const PGresult *result)
{
    const struct documents_kind *kind = documents->kind;
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    kind->write_members(json, &request->user, result);
    if (kind->write_you != NULL) {
        kind->write_you(json, documents->deployment, &request->user, result);
    }
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
    reply_send(request, status);
}

static void write_public(const struct documents *documents, struct jsonw *json, const PGresult *result)
{
    static const struct request_user guest; /* zeroed */
    jsonw_object(json);
    documents->kind->write_members(json, &guest, result);
    jsonw_end_object(json);
}

void documents_reply(const struct documents *documents, struct request *request, int status, const PGresult *result)
{
    if (request->user.via != REQUEST_GUEST) {
        reply_to_user(documents, request, status, result);
        return;
    }
    struct jsonw *json = reply_json(request);
    write_public(documents, json, result);
    tagged_reply(request, status, json, pg_int(result, 0, documents->kind->version_column));
}

/* ENDS the request with a document. */
static void send_document(const struct document_request *document_request, const char *text, size_t length,
                          const char *etag)
{
    if (document_request->read != NULL) {
        document_request->read(document_request->request, text, length);
    } else {
        tagged_send(document_request->request, 200, text, length, etag);
    }
}

/* ENDS the request without one. */
static void refuse(const struct document_request *document_request, enum error_code code)
{
    if (document_request->read != NULL) {
        document_request->read(document_request->request, NULL, 0);
    } else {
        reply_error(document_request->request, code);
    }
}

/* ---- PostgreSQL ---- */

/* Writes the public document of the row to Redis. `epoch`: when the query was sent. */
static void keep(struct documents *documents, const struct uuid *id, int64_t epoch, const PGresult *result)
{
    const struct documents_kind *kind = documents->kind;
    char key[KEYS_SIZE];
    char version[NUMBER_SIZE];
    char made[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    struct copy copy = {.id = *id, .version = pg_int(result, 0, kind->version_column)};
    if (kind->is_public != NULL && !kind->is_public(result)) {
        return;
    }
    jsonw_reset(documents->json);
    write_public(documents, documents->json, result);
    const char *text = jsonw_text(documents->json, &copy.length);
    if (text == NULL) {
        return;
    }
    tagged_write(text, copy.length, copy.version, copy.etag);
    memcpy(copy.made_of, copy.etag, sizeof(copy.made_of));
    copy.json = text;
    copy_keep(documents, &copy);
    (void)snprintf(version, sizeof(version), "%" PRId64, copy.version);
    (void)snprintf(made, sizeof(made), "%" PRId64, clock_now_ms());
    (void)snprintf(life, sizeof(life), "%d", SNAPSHOT_LIFE_S);
    kind->key(epoch, id, key);
    const char *arguments[] = {key, version, made, copy.etag, text, life};
    if (!redis_call(documents->redis, GATEWAY_SCRIPT_DOCUMENT, NULL, NULL, 1, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("document not written: Redis is unavailable");
    }
}

static void show(const struct documents *documents, struct request *request, const struct pg_reply *reply)
{
    const struct documents_kind *kind = documents->kind;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    if (kind->hidden != NULL && kind->hidden(request, reply->result)) {
        reply_error(request, ERROR_NOT_FOUND);
    } else {
        documents_reply(documents, request, 200, reply->result);
    }
}

/* As show, for a request that may have a reader. */
static void show_document(const struct document_request *document_request, const struct pg_reply *reply)
{
    const struct documents *documents = document_request->documents;
    struct request *request = document_request->request;
    size_t length = 0;
    if (document_request->read == NULL) {
        show(documents, request, reply);
    } else if (reply->outcome != PG_OK || PQntuples(reply->result) == 0 ||
               (documents->kind->hidden != NULL && documents->kind->hidden(request, reply->result))) {
        refuse(document_request, ERROR_NOT_FOUND);
    } else {
        jsonw_reset(documents->json);
        write_public(documents, documents->json, reply->result);
        const char *text = jsonw_text(documents->json, &length);
        document_request->read(request, text, length);
    }
}

static bool query_for_user(struct document_request *document_request, pg_callback answered)
{
    const struct documents *documents = document_request->documents;
    const struct request *request = document_request->request;
    const struct documents_kind *kind = documents->kind;
    char id[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    const char *values[] = {id, user};
    uuid_format(&request->parameters[0], id);
    uuid_format(&request->user.id, user);
    return kind->write_you == NULL
               ? statements_query(documents->pg, kind->statements, kind->get, 1, values, answered, document_request)
               : statements_query(documents->pg, kind->statements, kind->get_for, ARRAY_LEN(values), values, answered,
                                  document_request);
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

/* ---- values of a newer snapshot ---- */

static int64_t number_of(const redisReply *field)
{
    return field->type == REDIS_REPLY_STRING ? strtoll(field->str, NULL, 10) : 0;
}

/* A document in Redis. */
struct found {
    const struct uuid *id;
    const redisReply *json;
    int64_t version;
    const redisReply *snapshot;
};

static bool read_snapshot(const struct documents_kind *kind, const struct found *found, void *snapshot,
                          int64_t *version)
{
    return kind->read_snapshot != NULL && kind->read_snapshot(found->snapshot, found->id, snapshot, version);
}

/* Writes the members of the document, with the values of the snapshot if that is newer. False: there is no document. */
static bool write_found(const struct documents_kind *kind, struct jsonw *json, const struct found *found,
                        int64_t *version)
{
    _Alignas(max_align_t) char snapshot[DOCUMENTS_SNAPSHOT_SIZE];
    struct json *tree =
        found->json->type != REDIS_REPLY_STRING ? NULL : json_parse(found->json->str, (size_t)found->json->len, NULL);
    if (tree == NULL) {
        return false;
    }
    bool newer = read_snapshot(kind, found, snapshot, version) && *version > found->version;
    for (const struct json *member = tree->child; member != NULL; member = member->next) {
        if (!newer || !kind->write_newer(json, member->name, snapshot)) {
            jsonw_name(json, member->name);
            jsonw_value(json, member);
        }
    }
    json_free(tree);
    *version = newer ? *version : found->version;
    return true;
}

/* ---- without PostgreSQL ---- */

enum { STALE_S, STALE_DV, STALE_DT, STALE_DJ, STALE_FIELDS };

/* Writes the document of the reply, with "stale": true. False: the reply has none. Sets *version to the one shown. */
static bool write_stale(const struct documents *documents, const redisReply *reply, const struct request *request,
                        int64_t *version)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != STALE_FIELDS) {
        return false;
    }
    const struct found found = {
        .id = &request->parameters[0],
        .json = reply->element[STALE_DJ],
        .version = number_of(reply->element[STALE_DV]),
        .snapshot = reply->element[STALE_S],
    };
    struct jsonw *json = documents->json;
    jsonw_reset(json);
    jsonw_object(json);
    bool shown = write_found(documents->kind, json, &found, version);
    if (request->user.via != REQUEST_GUEST && documents->kind->write_you != NULL) {
        jsonw_put_null(json, "you");
    }
    jsonw_put_bool(json, "stale", true);
    jsonw_end_object(json);
    return shown;
}

static void on_stale(const redisReply *reply, void *arg)
{
    const struct document_request *document_request = arg;
    const struct documents *documents = document_request->documents;
    struct request *request = document_request->request;
    char etag[TAGGED_SIZE];
    int64_t version = 0;
    size_t length = 0;
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    bool found = write_stale(documents, reply, request, &version);
    const char *text = found ? jsonw_text(documents->json, &length) : NULL;
    if (text == NULL) {
        refuse(document_request, ERROR_UNAVAILABLE);
        return;
    }
    tagged_write(text, length, version, etag);
    reply_age(request, clock_now_ms() - number_of(reply->element[STALE_DT]));
    send_document(document_request, text, length, etag);
}

/* Answers with the document in Redis, whatever its version and age. Users see the public one, too. */
static void show_stale(struct document_request *document_request)
{
    char key[KEYS_SIZE];
    struct request *request = document_request->request;
    const struct documents *documents = document_request->documents;
    int64_t epoch = documents->deployment->epoch.number;
    const char *const arguments[] = {"HMGET", key, SNAPSHOT_FIELD, "dv", "dt", "dj"};
    documents->kind->key(epoch, &request->parameters[0], key);
    if (epoch == 0 ||
        !redis_command(documents->redis, on_stale, document_request, ARRAY_LEN(arguments), arguments, NULL)) {
        refuse(document_request, ERROR_UNAVAILABLE);
    }
}

/* ---- users ---- */

static void on_row_for_user(const struct pg_reply *reply, void *arg)
{
    struct document_request *document_request = arg;
    if (statements_outage(reply) && !request_answered(document_request->request)) {
        show_stale(document_request);
    } else {
        show_document(document_request, reply);
    }
}

/* ---- loading, for guests ---- */

static void load(struct document_request *document_request);

static void on_row(const struct pg_reply *reply, void *arg)
{
    const struct load loaded = *(struct load *)arg;
    struct documents *documents = loaded.documents;
    struct document_request *document_request = NULL;
    bool found = reply->outcome == PG_OK && PQntuples(reply->result) == 1;
    int64_t version = found ? pg_int(reply->result, 0, documents->kind->version_column) : INT64_MAX;
    struct document_requests waiting = TAILQ_HEAD_INITIALIZER(waiting);
    TAILQ_CONCAT(&waiting, &((struct load *)arg)->waiting, list);
    load_free(arg);
    if (found) {
        keep(documents, &loaded.id, loaded.epoch, reply->result);
    }
    while ((document_request = TAILQ_FIRST(&waiting)) != NULL) {
        TAILQ_REMOVE(&waiting, document_request, list);
        if (version < document_request->version && !request_answered(document_request->request)) {
            document_request->version = 0; /* only once */
            load(document_request);
        } else if (statements_outage(reply) && !request_answered(document_request->request)) {
            show_stale(document_request);
        } else {
            show_document(document_request, reply);
        }
    }
}

static struct load *find_load(const struct documents *documents, const struct uuid *id)
{
    struct load *found = NULL;
    LIST_FOREACH(found, &documents->loads, list)
    {
        if (uuid_equal(&found->id, id)) {
            return found;
        }
    }
    return NULL;
}

static struct load *start_load(struct documents *documents, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    const char *values[] = {text};
    struct load *started = documents->load_count < LOADS_MAX ? calloc(1, sizeof(*started)) : NULL;
    if (started == NULL) {
        return NULL;
    }
    *started = (struct load){.documents = documents, .id = *id, .epoch = documents->deployment->epoch.number};
    TAILQ_INIT(&started->waiting);
    LIST_INSERT_HEAD(&documents->loads, started, list);
    documents->load_count++;
    uuid_format(id, text);
    if (!statements_query(documents->pg, documents->kind->statements, documents->kind->get, 1, values, on_row,
                          started)) {
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

void documents_invalidate(struct redis *redis, documents_key key, int64_t epoch, const struct uuid *id)
{
    char name[KEYS_SIZE];
    const char *arguments[] = {"HDEL", name, "dv"};
    key(epoch, id, name);
    if (!redis_command(redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("document not removed: Redis is unavailable");
    }
}

enum { FIELD_V, FIELD_DV, FIELD_DT, FIELD_DE, FIELD_BRIEF, FIELD_DJ = FIELD_BRIEF, FIELD_S, FIELD_WHOLE };

/* True if the document is not too old, and valid for the snapshot's version. */
static bool document_is_valid(const struct lookup *lookup, const redisReply *reply)
{
    redisReply *const *field = reply->element;
    for (size_t i = FIELD_DV; i < (lookup->whole ? FIELD_S : FIELD_BRIEF); i++) {
        if (field[i]->type != REDIS_REPLY_STRING) {
            return false;
        }
    }
    return (lookup->documents->kind->whole || number_of(field[FIELD_DV]) >= number_of(field[FIELD_V])) &&
           llabs(clock_now_ms() - number_of(field[FIELD_DT])) < DOCUMENTS_LIFE_MS;
}

/* The version that the answer to a lookup shows: that of the document, or of a newer snapshot. */
static int64_t version_of(const redisReply *reply)
{
    int64_t snapshot = number_of(reply->element[FIELD_V]);
    int64_t document = number_of(reply->element[FIELD_DV]);
    return snapshot > document ? snapshot : document;
}

/* The document of a whole lookup's reply with the values of its newer snapshot. The JSON is borrowed from the writer.
 */
static bool read_newer(const struct lookup *lookup, const redisReply *reply, struct copy *copy)
{
    struct jsonw *json = lookup->documents->json;
    const struct found found = {
        .id = &lookup->id,
        .json = reply->element[FIELD_DJ],
        .version = number_of(reply->element[FIELD_DV]),
        .snapshot = reply->element[FIELD_S],
    };
    jsonw_reset(json);
    jsonw_object(json);
    int64_t version = 0;
    bool shown = write_found(lookup->documents->kind, json, &found, &version);
    jsonw_end_object(json);
    copy->json = shown && version == copy->version ? jsonw_text(json, &copy->length) : NULL;
    if (copy->json != NULL) {
        tagged_write(copy->json, copy->length, copy->version, copy->etag);
    }
    return copy->json != NULL;
}

/* Reads the answer from a whole lookup's reply, and keeps a copy. The JSON in `copy` is borrowed. */
static bool read_copy(const struct lookup *lookup, const redisReply *reply, struct copy *copy)
{
    const redisReply *json = reply->element[FIELD_DJ];
    const char *etag = reply->element[FIELD_DE]->str;
    *copy =
        (struct copy){.id = lookup->id, .version = version_of(reply), .json = json->str, .length = (size_t)json->len};
    (void)snprintf(copy->etag, sizeof(copy->etag), "%s", etag);
    (void)snprintf(copy->made_of, sizeof(copy->made_of), "%s", etag);
    if (json->len < 3 || (copy->version > number_of(reply->element[FIELD_DV]) && !read_newer(lookup, reply, copy))) {
        return false;
    }
    copy_keep(lookup->documents, copy);
    return true;
}

static bool copy_is_valid(const struct copy *copy, const struct uuid *id, const redisReply *reply)
{
    return copy->json != NULL && uuid_equal(&copy->id, id) && copy->version == version_of(reply) &&
           strcmp(copy->made_of, reply->element[FIELD_DE]->str) == 0;
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
            send_document(document_request, copy->json, copy->length, copy->etag);
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
    const struct copy *kept = copy_place(lookup->documents, &lookup->id);
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
    } else if (copy_is_valid(kept, &lookup->id, reply)) {
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
    const char *arguments[] = {"HMGET", key, "v", "dv", "dt", "de", "dj", SNAPSHOT_FIELD};
    enum { BEFORE_FIELDS = 2 };
    lookup->documents->kind->key(lookup->documents->deployment->epoch.number, &lookup->id, key);
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

/* The lookup for the id in this pass, new or shared; NULL without memory. */
static struct lookup *lookup_join(struct documents *documents, const struct uuid *id)
{
    struct lookup *lookup = NULL;
    LIST_FOREACH(lookup, &documents->lookups, list)
    {
        if (uuid_equal(&lookup->id, id)) {
            return lookup;
        }
    }
    lookup = calloc(1, sizeof(*lookup));
    if (lookup != NULL) {
        lookup->documents = documents;
        lookup->id = *id;
        TAILQ_INIT(&lookup->waiting);
        LIST_INSERT_HEAD(&documents->lookups, lookup, list);
        event_active(documents->go, EV_TIMEOUT, 0);
    }
    return lookup;
}

void documents_read(struct documents *documents, struct request *request, documents_reader read)
{
    struct document_request *document_request = request_handler_state(request, sizeof(*document_request));
    const struct document_request begun = {.documents = documents, .request = request, .read = read};
    if (document_request == NULL) {
        refuse(&begun, ERROR_UNAVAILABLE);
        return;
    }
    *document_request = begun;
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

void documents_get(struct documents *documents, struct request *request)
{
    documents_read(documents, request, NULL);
}
