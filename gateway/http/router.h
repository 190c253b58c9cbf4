/*
 * Which handler answers a request. Every resource file offers one table of routes that ends with an empty entry;
 * routes.c gathers the tables; the router splits a path once and compares segments. Pure: no I/O, no state but the
 * tables, so that it is tested alone.
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

/* What must hold before the handler runs; see session.h. */
enum route_auth {
    ROUTE_OPEN,     /* credentials are not looked at */
    ROUTE_OPTIONAL, /* a guest, or a user whose credentials hold; a bearer that does not hold is 401 */
    ROUTE_USER,     /* a user: else 401 */
    ROUTE_ADMIN,    /* an admin: else 401 or 403 */
    ROUTE_BID,      /* credentials of the right form, else 401; the handler has them checked in its one round trip */
};

/* Limits of [limits] in the settings; see limits.h. */
enum limit {
    LIMIT_NONE,
    LIMIT_BIDS,
    LIMIT_WITHDRAWALS,
    LIMIT_CHANGES,
    LIMIT_AUCTIONS,
    LIMIT_SEARCHES,
    LIMIT_LOGINS,
    LIMIT_REGISTRATIONS,
    LIMIT_IMAGES,
    LIMIT_MAILS,  /* to verify an address, asked for by its user */
    LIMIT_RESETS, /* of passwords, asked for by an address */
    LIMIT_WEBHOOK_CALLS,
    LIMIT_ACCOUNT_LOGINS, /* of one account, by addresses that never logged in to it */
    LIMIT_AUCTION_BIDS,   /* of one auction, by all users together */
    LIMIT_COUNT
};

enum route_body {
    ROUTE_NO_BODY,   /* a body is ignored */
    ROUTE_JSON_BODY, /* must be a JSON object: 415, 400; then request->body is not NULL */
    ROUTE_FILE_BODY, /* may be as large as image_max_bytes; the handler takes it by request_take_body */
};

/*
 * Runs with everything above checked. It must end the request exactly once, now or later, with one of the functions
 * of reply.h; after that it may not touch it any more.
 */
typedef void (*route_handler)(struct request *request);

struct route {
    enum method method;
    enum route_auth auth;
    const char *pattern; /* "/api/v1/auctions/:id"; every parameter is a UUID. NULL ends a table */
    route_handler handler;
    enum limit limit; /* taken before the handler runs: of the user, or of the address for guests */
    enum route_body body;
};

enum router_result { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD };

/* The routes of a module, and what its handlers use: they find it in request->context. */
struct router_table {
    const struct route *routes;
    void *context; /* NULL: nothing */
};

struct router_match {
    const struct route *route;                     /* ROUTER_FOUND */
    void *context;                                 /* of its table */
    struct uuid parameters[ROUTER_PARAMETERS_MAX]; /* in the order of the path */
    unsigned allowed;                              /* bit 1 << method of every method that the path has */
};

struct router;

/* `tables` ends with one without routes, and each table with an entry without pattern. NULL only without memory. */
MUST_CHECK struct router *router_new(const struct router_table *tables);
void router_free(struct router *router);
/* `path` is the request target up to the query; a malformed UUID in it is ROUTER_NO_PATH. */
enum router_result router_find(const struct router *router, enum method method, const char *path, size_t length,
                               struct router_match *match);
const char *router_method_text(enum method method);

#endif
