/*
 * One call of a webhook: the request as a libcurl transfer, and what its end means. A stranger chose the URL, so
 *   - the address is judged when its socket is made, after the name was resolved: whatever the name means by then;
 *   - redirects are not followed, proxies, credentials and cookies not used, only HTTP spoken;
 *   - name, connection and answer have their time together, and the answer its size. None of it is kept.
 *
 * Caller: webhook_channel.c; deliveries.c does the transfer.
 */
#ifndef ROSTRUM_NOTIFYWORKER_WEBHOOK_CALL_H
#define ROSTRUM_NOTIFYWORKER_WEBHOOK_CALL_H

#include <curl/curl.h>

#include "common/base/base.h"
#include "common/protocol/webhook.h"

struct webhook_call;

struct webhook_call_limits {
    struct webhook_rules rules;
    const char *ca_file; /* NULL: the system's authorities */
    int connect_timeout_ms;
    int timeout_ms;
    size_t response_max_bytes;
};

/* What is sent, and where; all of it borrowed for the making. */
struct webhook_request {
    const char *id; /* the same in each try */
    const char *url;
    const char *secret;
    const char *old_secret; /* signs too; NULL: there is none any more */
    const char *body;
};

struct webhook_result {
    int status;        /* of the answer, 0: there was none */
    const char *error; /* why it failed, "TIMEOUT" (static); NULL: it was delivered, the answer was 2xx */
    bool for_good;     /* another try would end alike */
    bool gone;         /* 410: the endpoint wants nothing any more */
};

/*
 * Sets up `curl`, a fresh handle of the caller's, which is not used after the call was freed. `limits` must outlive
 * the call. NULL: no memory, or a secret is none.
 */
MUST_CHECK struct webhook_call *webhook_call_new(const struct webhook_call_limits *limits, CURL *curl,
                                                 const struct webhook_request *request);
void webhook_call_free(struct webhook_call *call);
/* What it came to, once libcurl has said `code`. */
struct webhook_result webhook_call_result(const struct webhook_call *call, CURLcode code);

#endif
