/*
 * Maps method and path to a handler. Every resource file has a table of routes that ends with an empty entry; routes.c
 * lists the tables. Called by dispatch.c. Pure: no I/O and no state besides the tables.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_ROUTER_H
#define ROSTRUM_GATEWAY_HTTP_ROUTER_H

#include "common/base/base.h"
#include "common/base/ids.h"

struct request;

#define METHODS(X) X(GET) X(POST) X(PUT) X(PATCH) X(DELETE)

enum method {
#define METHOD_ENUMERATOR(name) METHOD_##name,
    METHODS(METHOD_ENUMERATOR)
#undef METHOD_ENUMERATOR
        METHOD_COUNT
};

enum {
    ROUTER_PARAMETERS_MAX = 2, /* /auctions/:id/bids/:bidId */
    ROUTER_SEGMENTS_MAX = 9,   /* /api/v1/users/me/webhooks/:id/deliveries/:id/redeliver */
};

/* Authentication that is required before the handler runs; see session.h. */
enum route_auth {
    ROUTE_OPEN,     /* credentials are ignored */
    ROUTE_OPTIONAL, /* a guest, or a user with valid credentials; an invalid bearer token is 401 */
    ROUTE_USER,     /* a user: else 401 */
    ROUTE_ADMIN,    /* an admin: else 401 or 403 */
    ROUTE_BID,      /* well-formed credentials, else 401; the handler checks them in its single round trip */
};

/* Rate limits, from the section [limits] of the settings; see limits.h. */
enum limit {
    LIMIT_NONE,
    LIMIT_BIDS,
    LIMIT_WITHDRAWALS,
    LIMIT_CHANGES,
    LIMIT_JOINS,         /* of waiting lines */
    LIMIT_LEAVES,        /* of them */
    LIMIT_ORDERS,        /* in flash sales */
    LIMIT_ORDER_CHANGES, /* confirming and cancelling them */
    LIMIT_AUCTIONS,
    LIMIT_SEARCHES,
    LIMIT_LOGINS,
    LIMIT_REGISTRATIONS,
    LIMIT_IMAGES,
    LIMIT_MAILS,  /* to verify an email address, per user */
    LIMIT_RESETS, /* of passwords, per client address */
    LIMIT_WEBHOOK_CALLS,
    LIMIT_CALLBACKS,      /* of payments, per client address */
    LIMIT_ACCOUNT_LOGINS, /* per account, by client addresses that never logged in to it */
    LIMIT_AUCTION_BIDS,   /* per auction, by all users together */
    LIMIT_COUNT
};

enum route_body {
    ROUTE_NO_BODY,       /* a body is ignored */
    ROUTE_JSON_BODY,     /* must be a JSON object: else 415 or 400; request->body is not NULL */
    ROUTE_OPTIONAL_BODY, /* likewise unless it is empty; request->body is NULL then */
    ROUTE_FILE_BODY,     /* read by upload.h once the handler asks for it */
};

/*
 * Runs after all checks above. It must end the request exactly once, now or in a later callback, with one of the
 * functions of reply.h, and must not use it afterwards.
 */
typedef void (*route_handler)(struct request *request);

struct route {
    enum method method;
    enum route_auth auth;
    const char *pattern; /* "/api/v1/auctions/:id"; every parameter is a UUID. NULL ends a table */
    route_handler handler;
    enum limit limit; /* counted before the handler runs: per user, or per client address for guests */
    enum route_body body;
    const char *query; /* names of its query parameters, separated by blanks; NULL: none. Others are refused */
};

enum router_result { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD };

/* The routes of a module, and the context of its handlers: request->context. */
struct router_table {
    const struct route *routes;
    void *context; /* NULL: nothing */
};

struct router_match {
    const struct route *route;                     /* ROUTER_FOUND */
    void *context;                                 /* of its table */
    struct uuid parameters[ROUTER_PARAMETERS_MAX]; /* in the order of the path */
    unsigned allowed;                              /* bit 1 << method for each method of the path */
};

struct router;

/* `tables` ends with one without routes; each table ends with an entry without pattern. NULL only if out of memory. */
MUST_CHECK struct router *router_new(const struct router_table *tables);
void router_free(struct router *router);
/* `path` is the request target without the query. A malformed UUID in it results in ROUTER_NO_PATH. */
enum router_result router_find(const struct router *router, enum method method, const char *path, size_t length,
                               struct router_match *match);
/* Whether the first segment of the path, which begins with a slash, is that of any route: then the path belongs to the
 * API, known or not. */
MUST_CHECK bool router_reserves(const struct router *router, const char *path);
const char *router_method_text(enum method method);
/* Whether the route declares this query parameter. */
bool route_has_parameter(const struct route *route, const char *name, size_t length);

#endif
