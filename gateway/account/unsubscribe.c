/*
 * See unsubscribe.h.
 */
#include "gateway/account/unsubscribe.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol/links.h"
#include "gateway/access/audit.h"
#include "gateway/account/forms.h"
#include "gateway/http/reply.h"

enum { PAGE_SIZE = 1024 };

enum { UNSUBSCRIBE_KEY, UNSUBSCRIBE_STOP, UNSUBSCRIBE_COUNT };

static const struct pg_statement list[] = {
    [UNSUBSCRIBE_KEY] = {"unsubscribe_key", "SELECT secret FROM deployment_keys WHERE name = 'unsubscribe'"},
    /* $1 user, $2 kind, then audit_values. A repetition, which nothing limits, adds no entry. */
    [UNSUBSCRIBE_STOP] = {"unsubscribe_stop",
                          "WITH changed AS (UPDATE users SET email_kinds = array_remove(email_kinds, $2) WHERE id = $1"
                          " AND $2 = ANY (email_kinds) RETURNING id), noted AS (" AUDIT_INSERT
                          " SELECT $3::uuid, $4::timestamptz, id, $5, $6, $7, 'UNSUBSCRIBED', $2, NULL, NULL, ''"
                          " FROM changed) SELECT id FROM changed"},
};
static_assert(ARRAY_LEN(list) == UNSUBSCRIBE_COUNT, "each statement has its entry");

struct statements unsubscribe_statements = {list, ARRAY_LEN(list), 0};

/* Parts of the token. `user` and `kind` are valid only after its signature was checked. */
struct unsubscribe {
    char token[LINKS_UNSUBSCRIBE_SIZE];
    struct uuid user;
    char kind[LINKS_KIND_SIZE];
};

static void show_done(struct request *request)
{
    const struct unsubscribe *own = request->handler_state;
    char page[PAGE_SIZE];
    (void)snprintf(page, sizeof(page), FORMS_HEAD("No more mail") "<p>You get no more mail about %s.</p>" FORMS_FOOT,
                   own->kind);
    forms_send(request, page, NULL);
}

/* Kind and token need no escaping: they contain only letters, digits and characters without a meaning in HTML. */
static void show_form(struct request *request)
{
    const struct unsubscribe *own = request->handler_state;
    char page[PAGE_SIZE];
    (void)snprintf(page, sizeof(page),
                   FORMS_HEAD("No more mail?") "<p>You get mail about %s.</p>"
                                               "<form method=\"post\" action=\"?token=%s\">"
                                               "<button>No more mail of this kind</button></form>" FORMS_FOOT,
                   own->kind, own->token);
    forms_send(request, page, NULL);
}

static void on_stopped(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_usable(request, reply)) {
        show_done(request);
    }
}

static void on_key(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct unsubscribe *own = request->handler_state;
    uint8_t key[LINKS_KEY_BYTES];
    char id[UUID_TEXT_SIZE];
    struct audit_origin origin;
    const char *values[2 + AUDIT_VALUES] = {id, own->kind};
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0 || !links_key_read(pg_text(reply->result, 0, 0), key)) {
        reply_error(request, ERROR_UNAVAILABLE); /* the deployment has no key for unsubscribe links yet */
        return;
    }
    if (!links_unsubscribe_read(key, own->token, &own->user, own->kind)) {
        reply_error(request, ERROR_INVALID_TOKEN);
        return;
    }
    uuid_format(&own->user, id);
    if (request->method == METHOD_GET) {
        show_form(request);
        return;
    }
    audit_values(request, &origin, values + 2);
    if (!statements_query(request->context, &unsubscribe_statements, UNSUBSCRIBE_STOP, ARRAY_LEN(values), values,
                          on_stopped, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle(struct request *request)
{
    struct unsubscribe *own = request_handler_state(request, sizeof(*own));
    if (own != NULL && !request_query(request, "token", own->token, sizeof(own->token))) {
        reply_error(request, ERROR_INVALID_TOKEN);
    } else if (own == NULL || !statements_query(request->context, &unsubscribe_statements, UNSUBSCRIBE_KEY, 0, NULL,
                                                on_key, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route unsubscribe_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/api/v1/unsubscribe", handle, LIMIT_NONE, ROUTE_NO_BODY, "token"},
    {METHOD_POST, ROUTE_OPEN, "/api/v1/unsubscribe", handle, LIMIT_NONE, ROUTE_NO_BODY, "token"},
    {0},
};
