/*
 * See audit.h.
 */
#include "gateway/access/audit.h"

#include <assert.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>

#include "gateway/access/access.h"
#include "gateway/http/reply.h"

enum { AUDIT_ADD, AUDIT_COUNT };

static const struct pg_statement list[] = {
    [AUDIT_ADD] = {"audit_add", AUDIT_INSERT " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL, '')"},
};
static_assert(ARRAY_LEN(list) == AUDIT_COUNT, "each statement has its entry");

struct statements audit_statements = {list, ARRAY_LEN(list), 0};

/* A header may contain any byte, a column only UTF-8. All but printable ASCII becomes a question mark. */
static void copy_printable(const char *text, char *out, size_t size)
{
    size_t length = 0;
    for (; text != NULL && text[length] != '\0' && length + 1 < size; length++) {
        out[length] = text[length];
        if (out[length] < ' ' || out[length] > '~') {
            out[length] = '?';
        }
    }
    out[length] = '\0';
}

void audit_origin_read(struct request *request, struct audit_origin *origin)
{
    struct uuid id = uuid_new();
    uuid_format(&id, origin->id);
    clock_format(clock_now_ms(), origin->at);
    uuid_format(&request->user.id, origin->actor);
    origin->has_actor = !uuid_is_nil(&request->user.id);
    copy_printable(request_header(request, "User-Agent"), origin->agent, sizeof(origin->agent));
}

void audit_values(struct request *request, struct audit_origin *origin, const char *values[static AUDIT_VALUES])
{
    audit_origin_read(request, origin);
    values[0] = origin->id;
    values[1] = origin->at;
    values[2] = request->address;
    values[3] = origin->agent;
    values[4] = request->id;
}

static bool add(struct request *request, const struct uuid *actor, const char *action, const char *subject,
                pg_callback callback)
{
    struct audit_origin origin;
    audit_origin_read(request, &origin);
    if (actor != NULL) {
        uuid_format(actor, origin.actor);
    }
    const char *values[] = {origin.id,        origin.at,    actor != NULL || origin.has_actor ? origin.actor : NULL,
                            request->address, origin.agent, request->id,
                            action,           subject};
    return statements_query(request->access->pg, &audit_statements, AUDIT_ADD, ARRAY_LEN(values), values, callback,
                            request);
}

static void on_called(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (reply->outcome == PG_FAILED && !request_answered(request)) {
        struct log_about about = request_about(request);
        log_line(LOG_ERROR, &about, "audit log entry could not be written: SQL %s: %s", reply->sqlstate,
                 reply->message);
        reply_error(request, ERROR_UNAVAILABLE);
    } else if (statements_usable(request, reply)) {
        request->then(request);
    }
}

void audit_entry(struct request *request, const struct uuid *actor, const char *action, const char *subject,
                 route_handler then)
{
    request->then = then;
    if (!add(request, actor, action, subject, on_called)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

void audit_call(struct request *request, route_handler then)
{
    char action[AUDIT_AGENT_SIZE];
    char subject[AUDIT_SUBJECT_SIZE];
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    (void)snprintf(action, sizeof(action), "%s %s", router_method_text(request->method), request->route->pattern);
    copy_printable(evhttp_request_get_uri(request->evreq), subject, sizeof(subject));
    audit_entry(request, NULL, action, subject, then);
}
