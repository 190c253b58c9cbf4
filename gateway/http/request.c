/*
 * One HTTP request and the set of open requests; see request.h. The set has two lists. Most requests have the same
 * timeout, so their list is sorted by deadline without effort. The few with another one (Prefer: wait) are in a second,
 * unsorted list, which each sweep scans completely.
 */
#include "gateway/http/request.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "gateway/core/clients.h"
#include "gateway/http/cookie.h"
#include "gateway/http/http.h"

TAILQ_HEAD(request_list, request);

struct requests {
    int deadline_ms;
    struct request_list usual;      /* oldest first: all have the same timeout */
    struct request_list individual; /* unsorted: each has its own timeout */
    size_t open;
};

/* ---- for handlers ---- */

void *request_handler_state(struct request *request, size_t size)
{
    request->handler_state = calloc(1, size);
    return request->handler_state;
}

static const char *transport_header(const struct request_transport *transport, const char *name)
{
    if (strcmp(name, "Idempotency-Key") == 0) {
        return transport->idempotency_key;
    }
    return strcmp(name, "Prefer") == 0 ? transport->prefer : NULL;
}

const char *request_path(const struct request *request)
{
    return request->evreq == NULL ? NULL : evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request->evreq));
}

const char *request_header(const struct request *request, const char *name)
{
    if (request->evreq == NULL) {
        return request->transport == NULL ? NULL : transport_header(request->transport, name);
    }
    return evhttp_find_header(evhttp_request_get_input_headers(request->evreq), name);
}

const char *request_header_at(const struct request *request, const char *name, size_t index)
{
    const struct evkeyval *header = NULL;
    if (request->evreq == NULL) {
        return index == 0 ? request_header(request, name) : NULL;
    }
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request->evreq), next)
    {
        if (strcasecmp(header->key, name) == 0 && index-- == 0) {
            return header->value;
        }
    }
    return NULL;
}

bool request_has_credentials(const struct request *request)
{
    const char *cookies = NULL;
    size_t length = 0;
    for (size_t i = 0; (cookies = request_header_at(request, "Cookie", i)) != NULL; i++) {
        if (cookie_find(cookies, COOKIE_SESSION, &length) != NULL ||
            cookie_find(cookies, COOKIE_SESSION_SECURE, &length) != NULL) {
            return true;
        }
    }
    return request_header(request, "Authorization") != NULL;
}

void request_header_list(const struct request *request, const char *name, char *out, size_t size)
{
    const struct evkeyval *header = NULL;
    size_t used = 0;
    out[0] = '\0';
    if (request->evreq == NULL) {
        const char *only = request_header(request, name);
        (void)snprintf(out, size, "%s", only == NULL ? "" : only);
        return;
    }
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request->evreq), next)
    {
        size_t length = strlen(header->value);
        if (strcasecmp(header->key, name) == 0 && used + length + 2 < size) {
            used += (size_t)snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ",", header->value);
        }
    }
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    return at == NULL ? -1 : (int)(at - digits);
}

static bool percent_decode(const char *text, size_t length, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || used + 1 >= size) {
            return false;
        }
        out[used++] = c;
    }
    out[used] = '\0';
    return utf8_valid(out, used);
}

const char *request_query_name(const struct request *request, const char **query, size_t *length)
{
    const char *at = *query;
    if (at == NULL && request->evreq != NULL) {
        at = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request->evreq));
    } else if (at == NULL && request->transport != NULL) {
        at = request->transport->query;
    }
    if (at == NULL) {
        return NULL;
    }
    at += strspn(at, "&");
    *length = strcspn(at, "=&");
    *query = at + strcspn(at, "&");
    return *at == '\0' ? NULL : at;
}

bool request_query(const struct request *request, const char *name, char *out, size_t size)
{
    const char *query = NULL;
    const char *found = NULL;
    size_t length = 0;
    do {
        found = request_query_name(request, &query, &length);
    } while (found != NULL && (length != strlen(name) || memcmp(found, name, length) != 0));
    if (found == NULL) {
        return false;
    }
    const char *value = found + length + (found[length] == '=');
    if (!percent_decode(value, (size_t)(query - value), out, size)) {
        (void)snprintf(out, size, "\x01");
    }
    return true;
}

struct evbuffer *request_take_body(struct request *request)
{
    struct evbuffer *body = evbuffer_new();
    if (body != NULL && request->evreq != NULL &&
        evbuffer_add_buffer(body, evhttp_request_get_input_buffer(request->evreq)) != 0) {
        evbuffer_free(body);
        return NULL;
    }
    return body;
}

bool request_answered(const struct request *request)
{
    return request->evreq == NULL && request->transport == NULL;
}

void request_leave(struct request_transport *transport)
{
    if (transport->request != NULL) {
        transport->request->transport = NULL;
        transport->request = NULL;
    }
}

struct log_about request_about(const struct request *request)
{
    static const char auctions[] = "/api/v1/auctions/:";
    bool of_auction = request->route != NULL && strncmp(request->route->pattern, auctions, sizeof(auctions) - 1) == 0;
    return (struct log_about){
        .request_id = request->id,
        .traceparent = request->traceparent[0] == '\0' ? NULL : request->traceparent,
        .user_id = request->user.via == REQUEST_GUEST ? NULL : &request->user.id,
        .auction_id = of_auction ? &request->parameters[0] : NULL,
        .duration_ms = (clock_boot_us() - request->start_us) / 1000,
    };
}

/* ---- deadlines ---- */

static struct request_list *list_of(struct request *request)
{
    return request->own_deadline ? &request->requests->individual : &request->requests->usual;
}

void request_set_deadline(struct request *request, int64_t from_now_ms, request_late late)
{
    TAILQ_REMOVE(list_of(request), request, list);
    request->own_deadline = true;
    request->deadline_ms = clock_boot_ms() + from_now_ms;
    request->late = late;
    TAILQ_INSERT_TAIL(list_of(request), request, list);
}

void request_set_late(struct request *request, request_late late)
{
    request->late = late;
}

static void pass_deadline(struct request *request, request_late usual)
{
    request_late late = request->late == NULL ? usual : request->late;
    /* It must not expire again; it stays in a list until its handler ends it. */
    request_set_deadline(request, INT64_MAX / 2, NULL);
    if (!request_answered(request)) {
        late(request);
    }
}

void requests_sweep(struct requests *requests, request_late usual)
{
    struct request *request = NULL;
    struct request *next = NULL;
    int64_t now = clock_boot_ms();
    for (request = TAILQ_FIRST(&requests->individual); request != NULL; request = next) {
        next = TAILQ_NEXT(request, list);
        if (request->deadline_ms <= now) {
            pass_deadline(request, usual);
        }
    }
    while ((request = TAILQ_FIRST(&requests->usual)) != NULL && request->deadline_ms <= now) {
        pass_deadline(request, usual);
    }
}

/* ---- creation and end ---- */

struct request *request_new(struct requests *requests, struct evhttp_request *evreq)
{
    struct request *request = calloc(1, sizeof(*request));
    if (request == NULL) {
        return NULL;
    }
    request->requests = requests;
    request->evreq = evreq;
    request->start_us = clock_boot_us(); /* first: the deadline must not count from later than receivedAt */
    request->received_ms = clock_now_ms();
    request->deadline_ms = request->start_us / 1000 + requests->deadline_ms;
    TAILQ_INSERT_TAIL(&requests->usual, request, list);
    requests->open++;
    return request;
}

void request_free(struct request *request)
{
    TAILQ_REMOVE(list_of(request), request, list);
    request->requests->open--;
    if (request->uploading) {
        request->http->uploads--;
        client_counts_give(request->http->clients->counts, &request->client, CLIENT_UPLOADS, 1);
    }
    if (request->client.count > 0) {
        client_counts_give(request->http->clients->counts, &request->client, CLIENT_REQUESTS, 1);
    }
    json_free(request->tree);
    if (request->drop != NULL) {
        request->drop(request->handler_state);
    }
    free(request->handler_state);
    free(request->creation);
    free(request);
}

struct requests *requests_new(int deadline_ms)
{
    struct requests *requests = calloc(1, sizeof(*requests));
    if (requests == NULL) {
        return NULL;
    }
    requests->deadline_ms = deadline_ms;
    TAILQ_INIT(&requests->usual);
    TAILQ_INIT(&requests->individual);
    return requests;
}

void requests_free(struct requests *requests)
{
    free(requests);
}

size_t requests_open(const struct requests *requests)
{
    return requests->open;
}
