/*
 * See timeline.h.
 */
#include "gateway/query/timeline.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/http/reply.h"
#include "gateway/query/cache.h"
#include "gateway/query/page.h"

enum { NUMBER_SIZE = 16 };

/* State of a request. */
struct pending {
    const struct timeline *list;
    struct timeline_source source; /* only `pg`: the answer is not cached */
    struct page page;
    int64_t epoch;              /* when the request began */
    char hash[CACHE_HASH_SIZE]; /* "": the answer is not cached */
    char user[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    size_t count;
    const char *values[TIMELINE_VALUES_MAX]; /* of the statement; they point into this struct */
    char more[];                             /* the texts of the caller */
};

static void on_rows(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    const struct pending *pending = request->handler_state;
    const struct timeline *list = pending->list;
    const PGresult *result = reply->result;
    int rows = PQntuples(result);
    if (list->of_subject && rows == 0) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    if (list->of_subject && pg_null(result, 0, 0)) {
        rows = 0;
    }
    int shown = rows < pending->page.limit ? rows : pending->page.limit;
    struct jsonw *json = reply_json(request);
    page_begin(json);
    for (int row = 0; row < shown; row++) {
        list->write(json, request, result, row);
    }
    struct cursor last;
    if (rows > shown) {
        last = (struct cursor){.id = pg_uuid(result, shown - 1, 0)};
        (void)snprintf(last.sort, sizeof(last.sort), "%s", list->tag);
        clock_format(pg_int(result, shown - 1, list->key_column), last.key);
    }
    page_end(json, rows > shown ? &last : NULL);
    if (pending->hash[0] != '\0') {
        cache_search_store(pending->source.redis, pending->epoch, pending->hash, CACHE_SEARCH_LIFE_MS, json);
    }
    reply_send(request, 200);
}

static void query(struct request *request)
{
    const struct pending *pending = request->handler_state;
    const struct timeline *list = pending->list;
    if (!statements_query(pending->source.pg, list->statements, list->statement, (int)pending->count, pending->values,
                          on_rows, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_kept(const redisReply *reply, void *arg)
{
    if (!cache_search_answer(arg, reply)) {
        query(arg);
    }
}

/* True: on_kept is called. */
static bool look_up(struct request *request)
{
    struct pending *pending = request->handler_state;
    const struct timeline *list = pending->list;
    const char *name = list->statements->list[list->statement].name;
    if (pending->source.redis == NULL || request->user.via != REQUEST_GUEST) {
        return false;
    }
    pending->epoch = pending->source.deployment->epoch.number;
    if (pending->epoch == 0) {
        return false;
    }
    cache_hash(name, strlen(name) + 1, pending->count, pending->values, pending->hash);
    return cache_search_read(pending->source.redis, pending->epoch, pending->hash, on_kept, request);
}

/* With their ends. */
static size_t texts_size(size_t count, const char *const *texts)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += texts[i] == NULL ? 0 : strlen(texts[i]) + 1;
    }
    return size;
}

/* Copies the texts, which the caller may change before a cached answer is known to be missing. */
static void set_values(struct request *request, size_t count, const char *const *more)
{
    struct pending *pending = request->handler_state;
    const struct page *page = &pending->page;
    char *to = pending->more;
    uuid_format(&request->user.id, pending->user);
    uuid_format(&page->cursor.id, pending->id);
    (void)snprintf(pending->limit, sizeof(pending->limit), "%d", page->limit + 1);
    if (!pending->list->everyones) {
        pending->values[pending->count++] = pending->user;
    }
    pending->values[pending->count++] = page->has_cursor ? page->cursor.key : NULL;
    pending->values[pending->count++] = page->has_cursor ? pending->id : NULL;
    pending->values[pending->count++] = pending->limit;
    assert(pending->count + count <= TIMELINE_VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t size = texts_size(1, &more[i]);
        pending->values[pending->count++] = size == 0 ? NULL : memcpy(to, more[i], size);
        to += size;
    }
}

void timeline_reply_cached(const struct timeline_source *source, struct request *request, const struct timeline *list,
                           struct field_errors *field_errors, size_t count, const char *const *more)
{
    struct page page;
    page_read_by_time(request, list->tag, &page, field_errors);
    if (field_errors->count > 0) {
        reply_field_errors(request, field_errors);
        return;
    }
    struct pending *pending = request_handler_state(request, sizeof(*pending) + texts_size(count, more));
    if (pending == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    pending->list = list;
    pending->source = *source;
    pending->page = page;
    set_values(request, count, more);
    if (!look_up(request)) {
        query(request);
    }
}

void timeline_reply(struct pg *pg, struct request *request, const struct timeline *list,
                    struct field_errors *field_errors, size_t count, const char *const *more)
{
    const struct timeline_source source = {.pg = pg};
    timeline_reply_cached(&source, request, list, field_errors, count, more);
}
