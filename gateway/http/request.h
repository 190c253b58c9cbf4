/*
 * One HTTP request, from its last byte to its answer. dispatch.c creates it and calls its handler.
 *
 * Handlers are asynchronous: a handler may return and end the request in a later callback. The request lives until the
 * handler ends it (reply.h), even if the client was answered at the deadline; the late end then only frees it. So every
 * handler ends its request exactly once, and every callback of common/ is called exactly once.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_REQUEST_H
#define ROSTRUM_GATEWAY_HTTP_REQUEST_H

#include <sys/queue.h>

#include "common/base/address.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/protocol/message.h"
#include "gateway/core/client_counts.h"
#include "gateway/core/token.h"
#include "gateway/http/answer_headers.h"
#include "gateway/http/errors.h"
#include "gateway/http/router.h"

struct access;
struct request_creation;
struct http;
struct evbuffer;
struct evhttp_request;
struct request;
struct requests;

enum {
    REQUEST_ADDRESS_SIZE = ADDRESS_TEXT_SIZE,
    REQUEST_SESSION_SIZE = TOKEN_SESSION_SIZE, /* hex of the session token's hash */
};

enum request_via {
    REQUEST_GUEST,
    REQUEST_BY_COOKIE,       /* session token in the cookie */
    REQUEST_BY_SESSION,      /* session token as bearer */
    REQUEST_BY_ACCESS_TOKEN, /* JWT as bearer: valid without Redis */
};

/* Called at a request's deadline. It may answer (reply_answer) but must not end the request: its handler does. */
typedef void (*request_late)(struct request *request);
/* Called once when a request ends; see `ending` in struct request. */
typedef void (*request_ending)(struct request *request);

/*
 * A request that did not arrive over HTTP and is not answered over HTTP: a command over a WebSocket. It has the same
 * handlers and the same deadline.
 */
struct request_transport {
    /* Called at most once. `json` is valid during the call only. It must not end the request: its handler does. */
    void (*answered)(struct request_transport *transport, int status, const char *json, size_t length);
    const char *idempotency_key; /* replaces Idempotency-Key; NULL: none. Read when the handler begins */
    const char *prefer;          /* likewise for Prefer */
    const char *query;           /* likewise for the query; of the characters that need no coding */
    struct request *request;     /* NULL once answered */
};

/* The authenticated user. session.c fills it before the handler runs. */
struct request_user {
    enum request_via via;
    struct uuid id; /* nil for a guest */
    bool admin;
    bool unchecked;                     /* a guest because Redis could not check the session */
    char session[REQUEST_SESSION_SIZE]; /* hash of the session token ("" if unknown), part of its Redis key */
    int64_t expires_s;                  /* REQUEST_BY_ACCESS_TOKEN: seconds since 1970, else 0 */
    int64_t epoch;   /* of the user: of the access token; for a session once it was checked; 0: unknown */
    int64_t ends_ms; /* end of the session, once it was checked; 0: unknown */
};

struct request {
    void *context;             /* of the route's module; see router.h */
    const struct route *route; /* NULL until one was found */
    enum method method;
    enum answer_storage storage;                   /* of an answer 200 or 304 to a guest; the handler may set it */
    bool encoded;                                  /* see answer_headers.h; the handler may set it */
    struct uuid parameters[ROUTER_PARAMETERS_MAX]; /* of the path, in order */
    const struct json *body;                       /* the object of a ROUTE_JSON_BODY, else NULL */
    char id[MESSAGE_REQUEST_ID_SIZE];
    char traceparent[MESSAGE_TRACEPARENT_SIZE]; /* "" if the client sent none */
    char address[REQUEST_ADDRESS_SIZE];
    int64_t received_ms; /* server time when the last byte of the body was read */
    struct request_user user;
    struct client_keys client;         /* counted as a request in flight; without keys: not counted */
    void *handler_state;               /* the handler's memory, see request_handler_state; NULL before */
    void (*drop)(void *handler_state); /* frees what the handler's memory owns; NULL: nothing */

    /* Internal to dispatch.c, limits.c, admission.c, audit.c, creation.c and reply.c. */
    struct evhttp_request *evreq;        /* NULL once answered */
    struct request_transport *transport; /* instead of evreq; NULL once answered */
    struct requests *requests;           /* the set that contains it */
    struct http *http;
    const struct access *access;      /* for the functions of gateway/access */
    const struct admission *admitted; /* result for the next admission_read; NULL: it reads the reply */
    struct json *tree;
    struct request_creation *creation; /* of creation.c; freed with the request */
    /*
     * Called once when the request ends, before its answer is sent, on whichever path. It calls reply_ended, now or
     * later. At the deadline the answer is sent without waiting for it. NULL: nothing.
     */
    request_ending ending;
    int64_t start_us;                          /* of received_ms, by clock_boot_us */
    int64_t deadline_ms;                       /* monotonic */
    request_late late;                         /* NULL: the default */
    void (*then)(struct request *request);     /* called after a limit, session or audit entry was checked */
    void (*reloaded)(struct request *request); /* called after its credentials were loaded from PostgreSQL */
    void (*received)(struct request *request, struct evbuffer *body); /* called with the body of an upload */
    /* Called once, before the request is answered by an error. NULL: nothing. */
    void (*refused)(struct request *request, enum error_code code);
    uint64_t taking_key;       /* of the counter of `taking` without Redis */
    enum limit taking;         /* the limit that is being checked */
    int status;                /* of the answer; 0 until answered */
    int64_t limit_remaining;   /* value of RateLimit-Remaining */
    bool taking_route;         /* `taking` is the limit of the route */
    bool spent_auction;        /* the limit of the auction was counted */
    bool limit_shown;          /* RateLimit headers are set */
    bool loaded;               /* its credentials were loaded, or PostgreSQL could not be asked */
    bool uploading;            /* has a place of upload.h */
    bool held;                 /* the answer is written, and is sent by reply_ended */
    bool head;                 /* HEAD: a GET whose body is left out */
    bool close;                /* the connection must not be reused */
    bool own_deadline;         /* in the list `individual` of its set, else in `usual` */
    TAILQ_ENTRY(request) list; /* in a list of its set */
};

/* Allocates zeroed memory for the handler, freed with the request. Once per request. NULL if out of memory. */
MUST_CHECK void *request_handler_state(struct request *request, size_t size);
/* The path of the target as it was sent, not decoded. NULL once the request was answered. */
const char *request_path(const struct request *request);
/* Returns a header's value or NULL. Always NULL once the request was answered: read headers when the handler begins. */
const char *request_header(const struct request *request, const char *name);
/* Returns the value of the header of this name at `index`, in the order of the request; NULL if there are fewer. */
const char *request_header_at(const struct request *request, const char *name, size_t index);
/*
 * Returns whether the request has credentials, valid or not: an Authorization header, or a session cookie of either
 * name, in any Cookie header.
 */
MUST_CHECK bool request_has_credentials(const struct request *request);
/* Joins all headers of this name with commas, in order (RFC 9110, 5.3). Values that do not fit are left out. */
void request_header_list(const struct request *request, const char *name, char *out, size_t size);
/*
 * Reads the value of a query parameter, percent-decoded, into `out`. False if it is absent. If it does not fit or is
 * badly encoded: true with "\x01" in `out`, which no validator accepts.
 */
MUST_CHECK bool request_query(const struct request *request, const char *name, char *out, size_t size);
/*
 * Returns the name of the next query parameter, as it stands in the target, and its length. `*query` is NULL before the
 * first call. NULL: there are no more.
 */
const char *request_query_name(const struct request *request, const char **query, size_t *length);
/*
 * Moves the raw body into a buffer that the caller frees. Once per request, when the handler begins. NULL if out of
 * memory.
 */
MUST_CHECK struct evbuffer *request_take_body(struct request *request);
/* Returns whether the client was answered already, at the deadline. A further answer is not sent. */
bool request_answered(const struct request *request);
/* For log lines. */
struct log_about request_about(const struct request *request);

/* Sets the callback for the deadline. NULL: 503 UNAVAILABLE is answered. */
void request_set_late(struct request *request, request_late late);
/* Replaces the deadline request_deadline_ms by one in `from_now_ms`; `late` as above. */
void request_set_deadline(struct request *request, int64_t from_now_ms, request_late late);

/* Detaches the request from its transport, because that closed. A later answer is discarded. */
void request_leave(struct request_transport *transport);

/*
 * For dispatch.c only: creates a request that was just read and adds it to the open ones. `evreq` is NULL for a request
 * of a transport. NULL if out of memory.
 */
MUST_CHECK struct request *request_new(struct requests *requests, struct evhttp_request *evreq);
/* For reply.c only: removes a request and frees it. */
void request_free(struct request *request);

/* For dispatch.c: the set of requests not ended yet. `deadline_ms` is the default, counted from the last byte. */
MUST_CHECK struct requests *requests_new(int deadline_ms);
void requests_free(struct requests *requests);
size_t requests_open(const struct requests *requests);
/* For each request past its deadline and unanswered: calls its `late`, or `usual` if it has none. */
void requests_sweep(struct requests *requests, request_late usual);

#endif
