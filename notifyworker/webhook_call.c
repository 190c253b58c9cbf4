/*
 * See webhook_call.h.
 */
#include "notifyworker/webhook_call.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

enum {
    HEADER_SIZE = 256,
    MS_PER_S = 1000,
    STATUS_OK = 200,
    STATUS_REDIRECT = 300,
    STATUS_REFUSED = 400,
    STATUS_GONE = 410
};

struct webhook_call {
    const struct webhook_call_limits *limits;
    CURL *easy;
    struct curl_slist *headers;
    size_t received; /* bytes of the answer */
    bool too_large;
    bool refused; /* an address of the host was refused */
    bool tried;   /* another address was tried */
};

/* ---- callbacks of the transfer ---- */

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct webhook_call *call = arg;
    if (purpose != CURLSOCKTYPE_IPCXN || !address_allowed(&call->limits->rules.networks, &address->addr)) {
        call->refused = true;
        return CURL_SOCKET_BAD;
    }
    call->tried = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Called for headers and body. Returning another length ends the transfer. */
static size_t count_bytes(const char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes;
    struct webhook_call *call = arg;
    size_t length = size * count;
    if (length > call->limits->response_max_bytes - call->received) {
        call->too_large = true;
        return length + 1;
    }
    call->received += length;
    return length;
}

/* ---- the request ---- */

static bool add_header(struct webhook_call *call, const char *text)
{
    struct curl_slist *grown = curl_slist_append(call->headers, text);
    if (grown == NULL) {
        return false;
    }
    call->headers = grown;
    return true;
}

/* "v1,…", and " v1,…" for the previous secret while it is valid. */
static bool sign(const struct webhook_request *request, int64_t now_s, char *out, size_t size)
{
    const char *const secrets[] = {request->secret, request->old_secret};
    char signature[WEBHOOK_SIGNATURE_SIZE];
    uint8_t secret[WEBHOOK_SECRET_BYTES];
    size_t used = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < ARRAY_LEN(secrets) && secrets[i] != NULL; i++) {
        ok = webhook_secret_parse(secrets[i], secret);
        if (ok) {
            webhook_sign(secret, request->id, now_s, request->body, strlen(request->body), signature);
            used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "" : " ", signature);
        }
    }
    sodium_memzero(secret, sizeof(secret));
    return ok;
}

static bool add_headers(struct webhook_call *call, const struct webhook_request *request)
{
    static const char *const fixed[] = {"Content-Type: application/json", "Accept:", "Expect:"};
    char line[HEADER_SIZE];
    char signatures[2 * WEBHOOK_SIGNATURE_SIZE];
    int64_t now_s = clock_now_ms() / MS_PER_S;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        if (!add_header(call, fixed[i])) {
            return false;
        }
    }
    if (!sign(request, now_s, signatures, sizeof(signatures))) {
        return false;
    }
    (void)snprintf(line, sizeof(line), "webhook-id: %s", request->id);
    if (!add_header(call, line)) {
        return false;
    }
    (void)snprintf(line, sizeof(line), "webhook-timestamp: %" PRId64, now_s);
    if (!add_header(call, line)) {
        return false;
    }
    (void)snprintf(line, sizeof(line), "webhook-signature: %s", signatures);
    return add_header(call, line);
}

static bool set_options(struct webhook_call *call, const struct webhook_request *request)
{
    const struct webhook_call_limits *limits = call->limits;
    CURL *easy = call->easy;
    return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, limits->rules.http ? "http,https" : "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(request->body)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "Rostrum/" ROSTRUM_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, count_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK && /* no proxy, not even from the environment */
           curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)limits->connect_timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)limits->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           (limits->ca_file == NULL || curl_easy_setopt(easy, CURLOPT_CAINFO, limits->ca_file) == CURLE_OK);
}

struct webhook_call *webhook_call_new(const struct webhook_call_limits *limits, CURL *curl,
                                      const struct webhook_request *request)
{
    struct webhook_call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->limits = limits;
    call->easy = curl;
    if (!add_headers(call, request) || !set_options(call, request)) {
        webhook_call_free(call);
        return NULL;
    }
    return call;
}

void webhook_call_free(struct webhook_call *call)
{
    if (call != NULL) {
        curl_slist_free_all(call->headers);
        free(call);
    }
}

/* ---- the result ---- */

static bool was_sent(const struct webhook_call *call)
{
    long size = 0;
    return curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &size) == CURLE_OK && size > 0;
}

static const char *error_of(const struct webhook_call *call, CURLcode code)
{
    if (call->too_large) {
        return "RESPONSE_TOO_LARGE";
    }
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "NAME_UNKNOWN";
    case CURLE_OPERATION_TIMEDOUT:
        return "TIMEOUT";
    case CURLE_COULDNT_CONNECT:
        return call->refused && !call->tried ? "ADDRESS_REFUSED" : "NO_CONNECTION";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        return "TLS_FAILED";
    case CURLE_UNSUPPORTED_PROTOCOL:
        return was_sent(call) ? "NO_HTTP" : "URL_REFUSED"; /* protocol of the answer, or of the URL */
    case CURLE_URL_MALFORMAT:
        return "URL_REFUSED";
    default:
        return "NO_ANSWER";
    }
}

static const char *error_of_status(int status)
{
    if (status >= STATUS_OK && status < STATUS_REDIRECT) {
        return NULL;
    }
    return status >= STATUS_REDIRECT && status < STATUS_REFUSED ? "REDIRECT" : "STATUS";
}

/* The status is valid even if the answer was cut off. */
struct webhook_result webhook_call_result(const struct webhook_call *call, CURLcode code)
{
    struct webhook_result result = {.status = 0};
    long status = 0;
    if (curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK) {
        result.status = (int)status;
    }
    result.error = code == CURLE_OK ? error_of_status(result.status) : error_of(call, code);
    result.gone = code == CURLE_OK && result.status == STATUS_GONE;
    result.for_good = result.gone || code == CURLE_URL_MALFORMAT ||
                      (code == CURLE_UNSUPPORTED_PROTOCOL && !was_sent(call)) ||
                      (code == CURLE_COULDNT_CONNECT && call->refused && !call->tried);
    return result;
}
