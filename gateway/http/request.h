/*
 * One HTTP request from its last byte to its answer; dispatch.c takes it to its handler. Handlers are asynchronous: a
 * handler may return and end the request from a later callback. The request lives until the handler ends it (reply.h),
 * even if its deadline has answered the client meanwhile: a late end is harmless and only frees it. So every handler
 * ends every request exactly once, and every callback of common/ comes exactly once.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_REQUEST_H
#define ROSTRUM_GATEWAY_HTTP_REQUEST_H

#include <sys/queue.h>

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/protocol/message.h"
#include "gateway/core/token.h"
#include "gateway/http/router.h"

struct access;
struct http;
struct evbuffer;
struct evhttp_request;
struct request;
struct requests;

enum {
    REQUEST_ADDRESS_SIZE = 46,                 /* an IPv6 address as text */
    REQUEST_SESSION_SIZE = TOKEN_SESSION_SIZE, /* hex of the session token's hash */
};

enum request_via {
    REQUEST_GUEST,
    REQUEST_BY_COOKIE,       /* session token in the cookie */
    REQUEST_BY_SESSION,      /* session token as bearer */
    REQUEST_BY_ACCESS_TOKEN, /* JWT as bearer: holds without Redis */
};

/* Called at a request's deadline. It may answer (reply_answer) but not end the request: its handler still does. */
typedef void (*request_late)(struct request *request);

/*
 * For a request that came by another way than HTTP, and is answered that way: a command over a WebSocket. The same
 * handlers take it, the same deadline counts.
 */
struct request_transport {
    /* Once at most; the bytes are borrowed. It may not end the request: its handler does. */
    void (*answered)(struct request_transport *transport, int status, const char *json, size_t length);
    const char *idempotency_key; /* in the place of X-Idempotency-Key; NULL: none. Read when the handler begins */
    const char *prefer;          /* likewise of Prefer */
    struct request *request;     /* NULL when it was answered */
};

/* Who asks. Filled by session.c before the handler runs. */
struct request_user {
    enum request_via via;
    struct uuid id; /* nil for a guest */
    bool admin;
    char session[REQUEST_SESSION_SIZE]; /* hash of the session token ("" if unknown): names its Redis key */
    int64_t expires_s;                  /* REQUEST_BY_ACCESS_TOKEN: seconds since the epoch, else 0 */
};

struct request {
    void *context;             /* of the route's module: what its handlers use; see router.h */
    const struct route *route; /* NULL while none was found */
    enum method method;
    struct uuid parameters[ROUTER_PARAMETERS_MAX]; /* of the path, in its order */
    const struct json *body;                       /* the object of a ROUTE_JSON_BODY, else NULL */
    char id[MESSAGE_REQUEST_ID_SIZE];
    char traceparent[MESSAGE_TRACEPARENT_SIZE]; /* "" if the client sent none */
    char address[REQUEST_ADDRESS_SIZE];
    int64_t received_ms; /* server time when the last byte of the body had been read */
    struct request_user user;
    void *handler_state; /* the handler's memory, see request_handler_state; NULL before */

    /* The rest belongs to those who take it to its handler and answer it: dispatch.c, limits.c, admission.c, reply.c.
     */
    struct evhttp_request *evreq;        /* NULL once answered */
    struct request_transport *transport; /* instead; NULL once answered */
    struct requests *requests;           /* that it is one of */
    struct http *http;
    const struct access *access;      /* for the functions of gateway/access */
    const struct admission *admitted; /* found already, for the next admission_read */
    struct json *tree;
    int64_t start_us;                      /* monotonic */
    int64_t deadline_ms;                   /* monotonic */
    request_late late;                     /* NULL: as usual */
    void (*then)(struct request *request); /* what follows a limit or a session that is being asked for */
    enum limit taking;                     /* that limit */
    bool limit_shown;                      /* RateLimit headers are set, from */
    int64_t limit_remaining;               /* the limit that leaves so many */
    int status;                            /* that was answered, 0 before */
    bool head;                             /* HEAD: a GET whose body is left out */
    bool close;                            /* the connection may not be used again */
    bool patient;                          /* has a deadline of its own, and so stands in that list */
    TAILQ_ENTRY(request) list;             /* of all, by deadline; or of the patient */
};

/* Zeroed memory for the handler's own state, freed with the request; once per request. NULL without memory. */
MUST_CHECK void *request_handler_state(struct request *request, size_t size);
/* A header's value or NULL. NULL too once the request was answered: read what you need when the handler begins. */
const char *request_header(const struct request *request, const char *name);
/* All headers of this name, in their order, with commas between them (RFC 9110, 5.3); those that do not fit are left
 * out. */
void request_header_list(const struct request *request, const char *name, char *out, size_t size);
/*
 * The value of a query parameter, percent-decoded, into `out` (cut off is an error). False when it is absent; when
 * it does not fit or is badly encoded it is true with *out = "\x01", which no validator accepts.
 */
MUST_CHECK bool request_query(const struct request *request, const char *name, char *out, size_t size);
/* The body as it came, the caller's to free; once per request, when the handler begins. NULL without memory. */
MUST_CHECK struct evbuffer *request_take_body(struct request *request);
/* The client has its answer already (the deadline passed): nothing that is done now will be seen. */
bool request_answered(const struct request *request);
/* For log lines. */
struct log_about request_about(const struct request *request);

/* What is called at the deadline, instead of answering 503 UNAVAILABLE (NULL: that). */
void request_set_late(struct request *request, request_late late);
/* Another deadline than request_deadline_ms, from now on; with `late` as above. */
void request_set_deadline(struct request *request, int64_t from_now_ms, request_late late);

/* Whoever waits at the other end of a way is gone: the answer, if one comes, goes nowhere. */
void request_leave(struct request_transport *transport);

/*
 * For dispatch.c alone: a request that has just been read, entered among the open ones; `evreq` is NULL if it came by
 * another way. NULL without memory.
 */
MUST_CHECK struct request *request_new(struct requests *requests, struct evhttp_request *evreq);
/* For reply.c alone: the end of a request, its memory included. */
void request_free(struct request *request);

/* Those that their handlers have not ended yet; for dispatch.c. `deadline_ms` is the usual one, from the last byte. */
MUST_CHECK struct requests *requests_new(int deadline_ms);
void requests_free(struct requests *requests);
size_t requests_open(const struct requests *requests);
/* Every deadline that has passed: calls the request's own `late`, or `usual`, unless it was answered before. */
void requests_sweep(struct requests *requests, request_late usual);

#endif
