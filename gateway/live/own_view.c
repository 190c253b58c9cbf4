/*
 * See own_view.h.
 */
#include "gateway/live/own_view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/auction/you.h"

enum { OWN_VIEW_READ, OWN_VIEW_COUNT };

static const struct pg_statement list[] = {
    /* $1 user, $2 auction */
    [OWN_VIEW_READ] = {"own_view_read",
                       "SELECT " YOU_COLUMNS("$1") " FROM auctions a" YOU_JOIN("$1") " WHERE a.id = $2"},
};
static_assert(ARRAY_LEN(list) == OWN_VIEW_COUNT, "each statement has its entry");

struct statements own_view_statements = {list, ARRAY_LEN(list), 0};

struct own_view {
    struct own_view_options options;
    struct own_view_of of;
    struct own_view **running;
    own_view_done done; /* NULL: the caller has left */
    void *arg;
};

/* The snapshot with the member `you`. `result` NULL: it is unknown. NULL without memory. */
static struct text *add_you(const struct own_view *view, const PGresult *result)
{
    struct jsonw *json = view->options.json;
    size_t length = 0;
    jsonw_reset(json);
    if (result == NULL) {
        jsonw_null(json);
    } else {
        you_write(json, view->options.deployment, &view->of.auction_id, &view->of.user_id, result, 0);
    }
    const char *you = jsonw_text(json, &length);
    return you == NULL ? NULL : text_with(view->of.snapshot, "you", you);
}

static void end(struct own_view *view, const PGresult *result)
{
    struct text *text = view->done == NULL ? NULL : add_you(view, result);
    if (view->done != NULL) {
        *view->running = NULL;
        view->done(text, view->arg);
    }
    text_unref(text);
    text_unref(view->of.snapshot);
    free(view);
}

static void on_row(const struct pg_reply *reply, void *arg)
{
    bool found = reply->outcome == PG_OK && PQntuples(reply->result) == 1;
    end(arg, found ? reply->result : NULL);
}

void own_view_read(const struct own_view_options *options, const struct own_view_of *of, struct own_view **running,
                   own_view_done done, void *arg)
{
    char user[UUID_TEXT_SIZE];
    char auction[UUID_TEXT_SIZE];
    const char *values[] = {user, auction};
    struct own_view *view = malloc(sizeof(*view));
    if (view == NULL) {
        done(NULL, arg);
        return;
    }
    *view = (struct own_view){*options, *of, running, done, arg};
    (void)text_ref(of->snapshot);
    *running = view;
    uuid_format(&of->user_id, user);
    uuid_format(&of->auction_id, auction);
    if (!statements_query(options->pg, &own_view_statements, OWN_VIEW_READ, ARRAY_LEN(values), values, on_row, view)) {
        end(view, NULL);
    }
}

void own_view_leave(struct own_view *view)
{
    if (view != NULL) {
        view->done = NULL;
    }
}
