/*
 * See timeline.h.
 */
#include "gateway/query/timeline.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "gateway/http/reply.h"
#include "gateway/query/page.h"

enum { NUMBER_SIZE = 16, OWN_VALUES = 4 };

/* State of a request. */
struct pending {
    const struct timeline *list;
    struct page page;
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
    reply_send(request, 200);
}

void timeline_reply(struct pg *pg, struct request *request, const struct timeline *list,
                    struct field_errors *field_errors, size_t count, const char *const *more)
{
    struct pending *pending = request_handler_state(request, sizeof(*pending));
    if (pending == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    pending->list = list;
    page_read_by_time(request, list->tag, &pending->page, field_errors);
    if (field_errors->count > 0) {
        reply_field_errors(request, field_errors);
        return;
    }
    const struct page *page = &pending->page;
    char user[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    uuid_format(&request->user.id, user);
    uuid_format(&page->cursor.id, id);
    (void)snprintf(limit, sizeof(limit), "%d", page->limit + 1);
    const char *values[TIMELINE_VALUES_MAX] = {user, page->has_cursor ? page->cursor.key : NULL,
                                               page->has_cursor ? id : NULL, limit};
    assert(OWN_VALUES + count <= TIMELINE_VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        values[OWN_VALUES + i] = more[i];
    }
    int before = list->everyones ? 1 : 0; /* the statement has no parameter for the user */
    if (!statements_query(pg, list->statements, list->statement, OWN_VALUES + (int)count - before, values + before,
                          on_rows, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}
