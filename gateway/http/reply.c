/*
 * Answers; see reply.h. reply_answer* send, reply_end frees; all other functions combine the two. If
 * the request has an `ending`, an answer that ends it is written but only sent when that is done.
 */
#include "gateway/http/reply.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/money.h"
#include "gateway/http/conn.h"
#include "gateway/http/cors.h"
#include "gateway/http/http.h"
#include "gateway/http/http_metrics.h"

enum { NUMBER_SIZE = 24 };

struct jsonw *reply_json(struct request *request)
{
    jsonw_reset(request->http->json);
    return request->http->json;
}

void reply_header(struct request *request, const char *name, const char *value)
{
    if (request->evreq == NULL) {
        return;
    }
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request->evreq);
    (void)evhttp_remove_header(headers, name);
    if (evhttp_add_header(headers, name, value) != 0) {
        log_line(LOG_ERROR, NULL, "header %s not set", name);
    }
}

void reply_age(struct request *request, int64_t age_ms)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof(text), "%lld", age_ms < 0 ? 0LL : (long long)(age_ms / 1000));
    reply_header(request, "Age", text);
}

struct answer_headers reply_headers(const struct request *request, int status)
{
    return (struct answer_headers){
        .storage = status == 200 || status == 304 ? request->storage : ANSWER_REVALIDATED,
        .encoded = request->encoded,
        .confidential = request->method != METHOD_GET || request_has_credentials(request),
        .cors = cors_on(request->http->cors_origins),
        .origin = cors_origin(request),
    };
}

/* Adds a header that the answer does not have yet. `arg` is the evhttp_request. */
static void add_header(void *arg, const char *name, const char *value)
{
    if (evhttp_add_header(evhttp_request_get_output_headers(arg), name, value) != 0) {
        log_line(LOG_ERROR, NULL, "header %s not set", name);
    }
}

/* The headers that every answer has, and that no handler sets. Called once for each answer. */
static void put_headers(struct request *request, int status, const char *content_type)
{
    const struct answer_headers headers = reply_headers(request, status);
    answer_headers_each(&headers, add_header, request->evreq);
    if (!answer_headers_tagged(&headers)) {
        (void)evhttp_remove_header(evhttp_request_get_output_headers(request->evreq), "ETag");
    }
    add_header(request->evreq, "X-Request-Id", request->id);
    if (content_type != NULL) {
        add_header(request->evreq, "Content-Type", content_type);
    }
    if (request->http->draining || request->close) {
        reply_header(request, "Connection", "close");
    }
}

bool reply_client_has(const struct request *request, const char *etag)
{
    const struct answer_headers headers = reply_headers(request, 200);
    const char *known = request_header(request, "If-None-Match");
    const char *opaque = strchr(etag, '"'); /* RFC 9110 compares weakly here: a cache may have added W/ */
    return known != NULL && answer_headers_tagged(&headers) &&
           (strcmp(known, "*") == 0 || (opaque != NULL && strstr(known, opaque) != NULL));
}

void reply_without_request(struct http *http, struct evhttp_request *evreq)
{
    const struct request request = {.http = http, .evreq = evreq};
    struct answer_headers headers = reply_headers(&request, 503);
    headers.confidential = true;
    answer_headers_each(&headers, add_header, evreq);
    add_header(evreq, "Retry-After", "1");
    add_header(evreq, "Connection", "close");
    evhttp_send_reply(evreq, 503, NULL, NULL);
}

/*
 * One line per request at level debug, so that a flood of refused requests does not flood the log. Failures of the
 * server, and successful requests with a traceparent, are logged at the usual level.
 */
static void log_access(const struct request *request)
{
    struct log_about about = request_about(request);
    enum log_level level = LOG_DEBUG;
    if (request->status == 500) {
        level = LOG_ERROR;
    } else if (request->status > 500 || (about.traceparent != NULL && request->status < 400)) {
        level = LOG_INFO;
    }
    log_line(level, &about, "%s %s %d", router_method_text(request->method),
             request->route == NULL ? "-" : request->route->pattern, request->status);
}

static void record_answer(struct request *request, int status)
{
    request->status = status;
    http_metrics_answered(request);
    log_access(request);
}

static void answer_transport(struct request *request, int status, const void *bytes, size_t length)
{
    struct request_transport *transport = request->transport;
    request_leave(transport);
    transport->answered(transport, status, bytes, length);
    record_answer(request, status);
}

/* The only place that passes an answer to evhttp. No effect once answered. */
static void send_answer(struct request *request)
{
    struct evhttp_request *evreq = request->evreq;
    if (evreq == NULL) {
        return;
    }
    request->evreq = NULL;
    struct conn *conn = conns_find(request->http->conns, evreq);
    if (conn != NULL) {
        conn_answer_begin(conn);
    }
    evhttp_send_reply(evreq, request->status, errors_phrase(request->status), NULL);
    if (conn != NULL) {
        conn_answer_end(conn);
    }
    record_answer(request, request->status);
}

static void put_length(struct request *request, size_t length)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof(text), "%zu", length);
    reply_header(request, "Content-Length", text);
}

static int refer_to_bytes(struct evbuffer *output, const void *bytes, size_t length)
{
    return evbuffer_add_reference(output, bytes, length, NULL, NULL);
}

/* Writes an answer, and sends it unless it must wait for request->ending. `add` copies the bytes or refers to them. */
static void answer_by(struct request *request, int status, const char *content_type, const void *bytes, size_t length,
                      int (*add)(struct evbuffer *output, const void *bytes, size_t length))
{
    struct evhttp_request *evreq = request->evreq;
    if (request->transport != NULL) {
        answer_transport(request, status, bytes, length);
    }
    if (evreq == NULL) {
        return;
    }
    put_headers(request, status, content_type);
    if (request->head && length > 0) {
        put_length(request, length);
    } else if (length > 0 && add(evhttp_request_get_output_buffer(evreq), bytes, length) != 0) {
        status = 500;
    }
    request->status = status;
    if (!request->held) {
        send_answer(request);
    }
}

static void answer(struct request *request, int status, const char *content_type, const void *bytes, size_t length)
{
    answer_by(request, status, content_type, bytes, length, evbuffer_add);
}

/* ---- the end of a request: begin_end, the answer, finish_end ---- */

static void begin_end(struct request *request)
{
    request->held = request->ending != NULL && request->evreq != NULL;
}

static void finish_end(struct request *request)
{
    request_ending ending = request->ending;
    if (ending == NULL) {
        request_free(request);
        return;
    }
    request->ending = NULL;
    request_set_late(request, send_answer);
    ending(request);
}

void reply_ended(struct request *request)
{
    send_answer(request);
    request_free(request);
}

struct evhttp_request *reply_begin(struct request *request, int status, const char *content_type, size_t length,
                                   struct conn **conn)
{
    struct evhttp_request *evreq = request->evreq;
    *conn = evreq == NULL ? NULL : conns_find(request->http->conns, evreq);
    if (*conn == NULL) {
        return NULL;
    }
    put_headers(request, status, content_type);
    put_length(request, length);
    request->evreq = NULL;
    conn_answer_begin(*conn);
    evhttp_send_reply_start(evreq, status, errors_phrase(status));
    record_answer(request, status);
    return evreq;
}

struct conn *reply_take_over(struct request *request, int status)
{
    struct conn *conn = conns_find(request->http->conns, request->evreq);
    request->evreq = NULL;
    record_answer(request, status);
    request_free(request);
    return conn;
}

void reply_answer(struct request *request, int status)
{
    size_t length = 0;
    const char *text = jsonw_text(request->http->json, &length);
    if (text == NULL) {
        struct log_about about = request_about(request);
        log_line(LOG_ERROR, &about, "the JSON of an answer could not be written");
        answer(request, 500, NULL, NULL, 0);
        return;
    }
    answer(request, status, "application/json", text, length);
}

void reply_end(struct request *request)
{
    begin_end(request);
    if (!request_answered(request)) {
        reply_answer_error(request, ERROR_INTERNAL_ERROR);
    }
    finish_end(request);
}

void reply_send(struct request *request, int status)
{
    begin_end(request);
    reply_answer(request, status);
    finish_end(request);
}

void reply_answer_empty(struct request *request, int status)
{
    answer(request, status, NULL, NULL, 0);
}

void reply_empty(struct request *request, int status)
{
    begin_end(request);
    reply_answer_empty(request, status);
    finish_end(request);
}

void reply_bytes(struct request *request, int status, const char *content_type, const void *bytes, size_t length)
{
    begin_end(request);
    answer(request, status, content_type, bytes, length);
    finish_end(request);
}

void reply_answer_lasting(struct request *request, const char *content_type, const void *bytes, size_t length)
{
    answer_by(request, 200, content_type, bytes, length, refer_to_bytes);
}

void reply_lasting(struct request *request, const char *content_type, const void *bytes, size_t length)
{
    begin_end(request);
    reply_answer_lasting(request, content_type, bytes, length);
    finish_end(request);
}

static struct jsonw *begin_error(struct request *request, enum error_code code, const struct parameter *parameters,
                                 size_t count)
{
    char sentence[SENTENCE_SIZE];
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_string(json, "error", errors_entry(code)->code);
    jsonw_put_string(json, "message", errors_sentence(code, parameters, count, sentence));
    jsonw_put_string(json, "requestId", request->id);
    sentence_put_parameters(json, parameters, count);
    return json;
}

struct jsonw *reply_error_begin(struct request *request, enum error_code code)
{
    return begin_error(request, code, NULL, 0);
}

void reply_error_with(struct request *request, enum error_code code, const struct parameter *parameters, size_t count)
{
    (void)begin_error(request, code, parameters, count);
    reply_error_send(request, code);
}

void reply_error_answer(struct request *request, enum error_code code)
{
    const struct error_entry *entry = errors_entry(code);
    http_metrics_refused(code);
    if (request->refused != NULL) {
        void (*refused)(struct request *, enum error_code) = request->refused;
        request->refused = NULL;
        refused(request, code);
    }
    jsonw_end_object(request->http->json);
    if (entry->status == 503 || code == ERROR_IDEMPOTENCY_KEY_IN_USE) {
        reply_header(request, "Retry-After", "1");
    } else if (entry->status == 401) {
        const char *given = request_header(request, "Authorization");
        bool refused = code == ERROR_UNAUTHORIZED && given != NULL && strncasecmp(given, "Bearer ", 7) == 0;
        reply_header(request, "WWW-Authenticate", refused ? "Bearer error=\"invalid_token\"" : "Bearer");
    }
    reply_answer(request, entry->status);
}

void reply_answer_error(struct request *request, enum error_code code)
{
    (void)reply_error_begin(request, code);
    reply_error_answer(request, code);
}

void reply_error_send(struct request *request, enum error_code code)
{
    begin_end(request);
    reply_error_answer(request, code);
    finish_end(request);
}

void reply_error(struct request *request, enum error_code code)
{
    (void)reply_error_begin(request, code);
    reply_error_send(request, code);
}

void reply_field_errors(struct request *request, const struct field_errors *field_errors)
{
    field_errors_put(reply_error_begin(request, ERROR_VALIDATION_FAILED), field_errors);
    reply_error_send(request, ERROR_VALIDATION_FAILED);
}

void reply_invalid_amount(struct request *request, const char *field)
{
    const struct parameter parameters[] = {parameter_word("field", field), parameter_money("max", MONEY_MAX)};
    reply_error_with(request, ERROR_INVALID_AMOUNT, parameters, ARRAY_LEN(parameters));
}
