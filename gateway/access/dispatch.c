/*
 * Dispatching of requests; see dispatch.h. Order of the checks: validity as HTTP, path and method, credentials and
 * limits, body.
 */
#include "gateway/access/dispatch.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/access/access.h"
#include "gateway/access/admission.h"
#include "gateway/access/limits.h"
#include "gateway/access/session.h"
#include "gateway/http/conn.h"
#include "gateway/http/conn_upload.h"
#include "gateway/http/cors.h"
#include "gateway/http/forwarded.h"
#include "gateway/http/http.h"
#include "gateway/http/reply.h"
#include "gateway/http/request.h"

enum {
    SWEEP_MS = 50,       /* interval of the checks for deadlines */
    PARAMETER_SIZE = 64, /* of a query parameter's name that is reported; a longer one is cut */
};

#define API "/api/v1/" /* here an unknown query parameter is an error */

struct dispatch {
    const struct config *config;
    const struct router *router;
    const struct route *(*find_page)(const char *path, struct uuid *parameters);
    void *pages;
    struct http *http;
    const struct access *access;
    struct requests *requests;
    struct event *sweep;
    struct address_networks proxies; /* trusted_proxies */
    char id_prefix[UUID_TEXT_SIZE];  /* of generated request ids: the worker's id, followed by a number */
    uint64_t id_count;
};

/* ---- validity as HTTP ---- */

struct http_facts {
    int hosts;
    int credentials; /* Authorization headers */
    bool body;       /* Content-Length is not 0, or Transfer-Encoding */
    const char *request_id;
    const char *traceparent;
    size_t forwarded; /* X-Forwarded-For headers */
};

static void read_header(const struct evkeyval *header, struct http_facts *facts)
{
    if (strcasecmp(header->key, "Host") == 0) {
        facts->hosts++;
    } else if (strcasecmp(header->key, "Authorization") == 0) {
        facts->credentials++;
    } else if (strcasecmp(header->key, "Content-Length") == 0) {
        facts->body |= header->value[strspn(header->value, "0")] != '\0';
    } else if (strcasecmp(header->key, "Transfer-Encoding") == 0) {
        facts->body = true;
    } else if (strcasecmp(header->key, "X-Request-Id") == 0) {
        facts->request_id = header->value;
    } else if (strcasecmp(header->key, "traceparent") == 0) {
        facts->traceparent = header->value;
    } else if (strcasecmp(header->key, "X-Forwarded-For") == 0) {
        facts->forwarded++;
    }
}

static bool request_id_is_valid(const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text);
    return length > 0 && length < MESSAGE_REQUEST_ID_SIZE &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

/* W3C Trace Context: "00-" 32 hex "-" 16 hex "-" 2 hex, lower case. */
static bool traceparent_is_valid(const char *text)
{
    static const size_t dashes[] = {2, 35, 52};
    if (text == NULL || strlen(text) != MESSAGE_TRACEPARENT_SIZE - 1 || strncmp(text, "ff", 2) == 0) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(dashes); i++) {
        size_t begin = i == 0 ? 0 : dashes[i - 1] + 1;
        if (text[dashes[i]] != '-' || strspn(text + begin, "0123456789abcdef") != dashes[i] - begin) {
            return false;
        }
    }
    return strspn(text + dashes[2] + 1, "0123456789abcdef") == 2;
}

static void set_ids(struct dispatch *dispatch, struct request *request, const struct http_facts *facts)
{
    if (request_id_is_valid(facts->request_id)) {
        (void)snprintf(request->id, sizeof(request->id), "%s", facts->request_id);
    } else {
        (void)snprintf(request->id, sizeof(request->id), "%s-%" PRIu64, dispatch->id_prefix, ++dispatch->id_count);
    }
    if (traceparent_is_valid(facts->traceparent)) {
        (void)snprintf(request->traceparent, sizeof(request->traceparent), "%s", facts->traceparent);
    }
}

static void set_address(const struct dispatch *dispatch, struct request *request, const struct http_facts *facts)
{
    char *peer = NULL;
    uint16_t port = 0;
    struct forwarded forwarded;
    evhttp_connection_get_peer(evhttp_request_get_connection(request->evreq), &peer, &port);
    forwarded_begin(&forwarded, &dispatch->proxies, peer);
    for (size_t i = facts->forwarded; i > 0 && !forwarded.ended; i--) {
        forwarded_add(&forwarded, request_header_at(request, "X-Forwarded-For", i - 1));
    }
    if (forwarded.client.family != AF_UNSPEC) {
        address_format(&forwarded.client, request->address);
    } else {
        (void)snprintf(request->address, sizeof(request->address), "%s", peer == NULL ? "" : peer);
    }
}

/*
 * Refuses requests that are well-formed (scanner.c has checked that) but violate HTTP. evhttp does not read the body of
 * a GET or DELETE. It would parse the body as the next request, so the connection is closed after the answer.
 */
static bool http_is_valid(struct request *request, struct http_facts *facts)
{
    const struct evhttp_request *evreq = request->evreq;
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request->evreq);
    for (const struct evkeyval *header = headers->tqh_first; header != NULL; header = header->next.tqe_next) {
        read_header(header, facts);
    }
    bool bodiless = (evreq->type & (EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH)) == 0;
    bool version_11 = evreq->major == 1 && evreq->minor >= 1;
    bool bad =
        facts->hosts > 1 || (version_11 && facts->hosts == 0) || facts->credentials > 1 || (bodiless && facts->body);
    request->close |= bad;
    return !bad;
}

/* ---- path and method ---- */

static bool method_of(const struct evhttp_request *evreq, enum method *method)
{
    static const struct {
        enum evhttp_cmd_type type;
        enum method method;
    } methods[] = {
        {EVHTTP_REQ_POST, METHOD_POST}, {EVHTTP_REQ_GET, METHOD_GET},       {EVHTTP_REQ_HEAD, METHOD_GET},
        {EVHTTP_REQ_PUT, METHOD_PUT},   {EVHTTP_REQ_DELETE, METHOD_DELETE}, {EVHTTP_REQ_PATCH, METHOD_PATCH},
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (methods[i].type == evreq->type) {
            *method = methods[i].method;
            return true;
        }
    }
    return false;
}

static void set_allow(struct request *request, unsigned allowed)
{
    char text[64] = "OPTIONS";
    size_t length = strlen(text);
    for (unsigned method = 0; method < METHOD_COUNT; method++) {
        if ((allowed & (1U << method)) != 0) {
            int added = snprintf(text + length, sizeof(text) - length, ", %s%s", router_method_text(method),
                                 method == METHOD_GET ? ", HEAD" : "");
            length += (size_t)added;
        }
    }
    reply_header(request, "Allow", text);
}

/* Looks for the path first among the routes, then among the pages. */
static enum router_result find_path(const struct dispatch *dispatch, enum method method, const char *path,
                                    struct router_match *match)
{
    enum router_result result = router_find(dispatch->router, method, path, strlen(path), match);
    if (result != ROUTER_NO_PATH || dispatch->find_page == NULL || path[0] != '/' ||
        router_reserves(dispatch->router, path)) {
        return result;
    }
    match->route = dispatch->find_page(path, match->parameters);
    match->context = dispatch->pages;
    match->allowed = 1U << METHOD_GET;
    return method == METHOD_GET ? ROUTER_FOUND : ROUTER_NO_METHOD;
}

/* True if request->route was set; else the request was ended. */
static bool find_route(const struct dispatch *dispatch, struct request *request)
{
    struct router_match match;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request->evreq));
    bool known = method_of(request->evreq, &request->method);
    bool options = request->evreq->type == EVHTTP_REQ_OPTIONS;
    request->head = request->evreq->type == EVHTTP_REQ_HEAD;
    enum router_result result = ROUTER_NO_PATH;
    if (path != NULL) {
        result = find_path(dispatch, known ? request->method : METHOD_COUNT, path, &match);
    }
    if (options && path != NULL && strcmp(path, "*") == 0) {
        set_allow(request, ~0U); /* of the server, not of a resource */
        reply_empty(request, 204);
    } else if (result == ROUTER_NO_PATH) {
        reply_error(request, ERROR_NOT_FOUND);
    } else if (options) {
        /* find_path stops at the requested method; METHOD_COUNT matches none, so it collects all of them. */
        (void)find_path(dispatch, METHOD_COUNT, path, &match);
        set_allow(request, match.allowed);
        reply_empty(request, 204);
    } else if (!known || result == ROUTER_NO_METHOD) {
        (void)find_path(dispatch, METHOD_COUNT, path, &match);
        set_allow(request, match.allowed);
        reply_error(request, ERROR_METHOD_NOT_ALLOWED);
    } else {
        request->route = match.route;
        request->context = match.context;
        memcpy(request->parameters, match.parameters, sizeof(request->parameters));
        return true;
    }
    return false;
}

/* ---- body and handler ---- */

/* Skips a text and the blanks around it; NULL if it does not follow. */
static const char *skip_text(const char *at, const char *text)
{
    size_t length = strlen(text);
    at += strspn(at, " \t");
    if (strncasecmp(at, text, length) != 0) {
        return NULL;
    }
    at += length;
    return at + strspn(at, " \t");
}

/* Whether a parameter of a media type is another charset than UTF-8. `at` begins with the semicolon. */
static bool is_other_charset(const char *at)
{
    const char *charset = skip_text(at + 1, "charset=");
    if (charset == NULL) {
        return false;
    }
    bool quoted = *charset == '"';
    const char *end = skip_text(charset + quoted, quoted ? "utf-8\"" : "utf-8");
    return end == NULL || (*end != '\0' && *end != ';');
}

/* application/json, in UTF-8. Other parameters are ignored. */
static bool content_is_json(const char *type)
{
    const char *at = type == NULL ? NULL : skip_text(type, "application/json");
    while (at != NULL && *at == ';') {
        if (is_other_charset(at)) {
            return false;
        }
        at += 1 + strcspn(at + 1, ";");
    }
    return at != NULL && *at == '\0';
}

/* No coding but identity is decoded here. */
static bool content_is_encoded(const struct request *request)
{
    const char *coding = NULL;
    for (size_t i = 0; (coding = request_header_at(request, "Content-Encoding", i)) != NULL; i++) {
        if (strcasecmp(coding, "identity") != 0) {
            return true;
        }
    }
    return false;
}

static bool read_body(struct request *request)
{
    const char *reason = NULL;
    struct evbuffer *input = evhttp_request_get_input_buffer(request->evreq);
    if (!content_is_json(request_header(request, "Content-Type"))) {
        reply_error(request, ERROR_UNSUPPORTED_MEDIA_TYPE);
        return false;
    }
    size_t length = evbuffer_get_length(input);
    if (length > (size_t)request->access->config->body_max_bytes) {
        const struct parameter most = parameter_number("max", request->access->config->body_max_bytes);
        reply_error_with(request, ERROR_BODY_TOO_LARGE, &most, 1);
        return false;
    }
    const unsigned char *bytes = length == 0 ? NULL : evbuffer_pullup(input, -1);
    request->tree = json_parse(bytes == NULL ? (const void *)"" : bytes, length, &reason);
    if (request->tree == NULL || request->tree->type != JSON_OBJECT) {
        struct field_errors field_errors = {0};
        if (request->tree == NULL) {
            field_errors_add_one(&field_errors, "body", FIELD_INVALID_JSON, parameter_word("detail", reason));
        } else {
            field_errors_add(&field_errors, "body", FIELD_NOT_AN_OBJECT);
        }
        reply_field_errors(request, &field_errors);
        return false;
    }
    request->body = request->tree;
    return true;
}

/* Each query parameter must be one that the route declares; else the request is ended. Links may have others. */
static bool query_is_known(struct request *request)
{
    struct field_errors field_errors = {0};
    const char *query = NULL;
    const char *name = NULL;
    size_t length = 0;
    if (strncmp(request->route->pattern, API, sizeof(API) - 1) != 0) {
        return true;
    }
    while ((name = request_query_name(request, &query, &length)) != NULL) {
        if (!route_has_parameter(request->route, name, length)) {
            char text[PARAMETER_SIZE];
            (void)snprintf(text, sizeof(text), "%.*s", (int)length, name);
            field_errors_add(&field_errors, text, FIELD_UNKNOWN_PARAMETER);
        }
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    }
    return field_errors.count == 0;
}

static void run_handler(struct request *request)
{
    if (request->evreq == NULL) {
        reply_end(request); /* answered at the deadline */
        return;
    }
    if (!query_is_known(request)) {
        return;
    }
    enum route_body body = request->route->body;
    bool sent = evbuffer_get_length(evhttp_request_get_input_buffer(request->evreq)) > 0;
    bool read = body == ROUTE_JSON_BODY || (body == ROUTE_OPTIONAL_BODY && sent);
    if (body != ROUTE_NO_BODY && content_is_encoded(request)) {
        reply_error(request, ERROR_UNSUPPORTED_MEDIA_TYPE);
    } else if (!read || read_body(request)) {
        request->route->handler(request);
    }
}

static void check_user(struct request *request)
{
    enum session_reading reading = session_read(request);
    bool optional = request->route->auth == ROUTE_OPTIONAL;
    if (reading == SESSION_FOREIGN) {
        reply_error(request, ERROR_CROSS_ORIGIN);
    } else if (reading == SESSION_UNKNOWN) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else if (reading == SESSION_BAD || (reading == SESSION_NONE && !optional)) {
        reply_error(request, ERROR_UNAUTHORIZED);
    } else if (reading == SESSION_NONE) {
        limits_take_address(request, run_handler);
    } else if (request->route->auth == ROUTE_BID) {
        run_handler(request);
    } else {
        admission_user(request, run_handler);
    }
}

/* ---- deadlines ---- */

static void answer_unavailable(struct request *request)
{
    reply_answer_error(request, ERROR_UNAVAILABLE);
}

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct dispatch *dispatch = arg;
    (void)fd;
    (void)what;
    requests_sweep(dispatch->requests, answer_unavailable);
}

/* ---- interface ---- */

void dispatch_take(struct evhttp_request *evreq, void *arg)
{
    struct dispatch *dispatch = arg;
    struct http_facts facts = {0};
    struct conn *conn = conns_find(dispatch->http->conns, evreq);
    struct request *request = conn == NULL ? NULL : request_new(dispatch->requests, evreq);
    if (request == NULL) {
        reply_without_request(dispatch->http, evreq);
        return;
    }
    request->http = dispatch->http;
    request->access = dispatch->access;
    conn_request_read(conn);
    request->close = conn_upload_held(conn); /* until the handler has read the body */
    bool ok = http_is_valid(request, &facts);
    set_ids(dispatch, request, &facts);
    if (!ok) {
        reply_error(request, ERROR_BAD_REQUEST);
        return;
    }
    if (cors_is_preflight(request)) {
        cors_preflight(request, reply_header);
        reply_empty(request, 204);
        return;
    }
    if (!find_route(dispatch, request)) {
        return;
    }
    set_address(dispatch, request, &facts);
    if (!limits_count_address(request)) {
        return;
    }
    if (request->route->auth == ROUTE_OPEN) {
        limits_take_address(request, run_handler);
    } else {
        check_user(request);
    }
}

bool dispatch_by_transport(struct dispatch *dispatch, const struct dispatch_transport *from)
{
    const struct http_facts none = {0};
    struct request *request = request_new(dispatch->requests, NULL);
    if (request == NULL) {
        json_free(from->body);
        return false;
    }
    request->http = dispatch->http;
    request->access = dispatch->access;
    request->route = from->route;
    request->context = from->context;
    request->method = from->route->method;
    request->parameters[0] = from->parameter;
    request->tree = from->body;
    request->body = from->body;
    request->user = *from->user;
    request->transport = from->transport;
    from->transport->request = request;
    (void)snprintf(request->address, sizeof(request->address), "%s", from->address);
    set_ids(dispatch, request, &none);
    if (limits_count_address(request)) {
        from->route->handler(request);
    }
    return true;
}

struct dispatch *dispatch_new(const struct dispatch_options *options)
{
    const struct timeval every = {0, SWEEP_MS * 1000L};
    struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
    if (dispatch == NULL) {
        return NULL;
    }
    dispatch->config = options->config;
    dispatch->router = options->router;
    dispatch->find_page = options->find_page;
    dispatch->pages = options->pages;
    dispatch->http = options->http;
    dispatch->access = options->access;
    uuid_format(options->id, dispatch->id_prefix);
    if (!address_networks_parse(options->config->trusted_proxies, &dispatch->proxies)) {
        dispatch->proxies.count = 0; /* config_check refuses such a list; without networks no proxy is trusted */
    }
    dispatch->requests = requests_new(options->config->request_deadline_ms);
    dispatch->sweep = event_new(options->base, -1, EV_PERSIST, do_sweep, dispatch);
    if (dispatch->requests == NULL || dispatch->sweep == NULL || event_add(dispatch->sweep, &every) != 0) {
        dispatch_free(dispatch);
        return NULL;
    }
    return dispatch;
}

void dispatch_free(struct dispatch *dispatch)
{
    if (dispatch == NULL) {
        return;
    }
    if (dispatch->sweep != NULL) {
        event_free(dispatch->sweep);
    }
    requests_free(dispatch->requests);
    free(dispatch);
}

size_t dispatch_open(const struct dispatch *dispatch)
{
    return requests_open(dispatch->requests);
}
