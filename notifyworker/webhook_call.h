/*
 * One webhook request as a libcurl transfer, and the meaning of its result. A client chose the URL, so:
 * - The address is checked when the socket is created, after the name was resolved.
 * - Only HTTP; no redirects, proxies, credentials or cookies.
 * - One timeout covers name resolution, connection and answer. The size of the answer is limited, and it is discarded.
 *
 * Caller: webhook_channel.c; deliveries.c runs the transfer.
 */
#ifndef ROSTRUM_NOTIFYWORKER_WEBHOOK_CALL_H
#define ROSTRUM_NOTIFYWORKER_WEBHOOK_CALL_H

#include <curl/curl.h>

#include "common/base/base.h"
#include "common/protocol/webhook.h"

struct webhook_call;

struct webhook_call_limits {
    struct webhook_rules rules;
    const char *ca_file; /* NULL: the system's CAs */
    int connect_timeout_ms;
    int timeout_ms;
    size_t response_max_bytes;
};

/* The request and its destination; borrowed during webhook_call_new. */
struct webhook_request {
    const char *id; /* the same for each attempt */
    const char *url;
    const char *secret;
    const char *old_secret; /* an additional signature; NULL: none */
    const char *body;
};

struct webhook_result {
    int status;        /* of the answer; 0: no answer */
    const char *error; /* error code such as "TIMEOUT" (static); NULL: delivered, the status was 2xx */
    bool for_good;     /* permanent: a retry would have the same result */
    bool gone;         /* 410: the endpoint does not want deliveries any more */
};

/*
 * Sets up `curl`, a new handle of the caller. The handle must not be used after the call is freed. `limits` must
 * outlive the call. NULL: no memory, or a secret is invalid.
 */
MUST_CHECK struct webhook_call *webhook_call_new(const struct webhook_call_limits *limits, CURL *curl,
                                                 const struct webhook_request *request);
void webhook_call_free(struct webhook_call *call);
/* Returns the result after libcurl returned `code`. */
struct webhook_result webhook_call_result(const struct webhook_call *call, CURLcode code);

#endif
