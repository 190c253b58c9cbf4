/*
 * See metrics_server.h. It is for operators, not for the public: one answer per connection, small bounds, no rate
 * limits.
 */
#include "common/service/metrics_server.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/listener.h"

enum {
    HEADERS_MAX_BYTES = 8192, /* of a scraper's request */
    BODY_MAX_BYTES = 0,
    IDLE_TIMEOUT_S = 5,
};

struct metrics_server {
    struct evhttp *http;
    void (*collect)(void *arg);
    void *arg;
};

/* As every answer of the gateway: a browser must not guess another type, and no cache keeps it. */
static bool put_headers(struct evkeyvalq *headers)
{
    return evhttp_add_header(headers, "X-Content-Type-Options", "nosniff") == 0 &&
           evhttp_add_header(headers, "Cache-Control", "no-store") == 0 &&
           evhttp_add_header(headers, "Connection", "close") == 0;
}

static void answer_metrics(struct evhttp_request *request, void *arg)
{
    const struct metrics_server *server = arg;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    if (server->collect != NULL) {
        server->collect(server->arg);
    }
    bool ok = metrics_write(evhttp_request_get_output_buffer(request));
    if (evhttp_add_header(headers, "Content-Type", METRICS_SERVER_TYPE) != 0 || !put_headers(headers)) {
        ok = false;
    }
    evhttp_send_reply(request, ok ? 200 : 500, NULL, NULL);
}

static void answer_other(struct evhttp_request *request, void *arg)
{
    (void)arg;
    bool ok = put_headers(evhttp_request_get_output_headers(request));
    evhttp_send_reply(request, ok ? 404 : 500, NULL, NULL);
}

struct metrics_server *metrics_server_new(const struct metrics_server_options *options)
{
    struct metrics_server *server = calloc(1, sizeof(*server));
    if (server != NULL) {
        server->http = evhttp_new(options->base);
    }
    if (server == NULL || server->http == NULL || evhttp_accept_socket(server->http, options->fd) != 0) {
        log_error("metrics cannot be served: no memory");
        close(options->fd);
        metrics_server_free(server);
        return NULL;
    }
    server->collect = options->collect;
    server->arg = options->arg;
    evhttp_set_max_headers_size(server->http, HEADERS_MAX_BYTES);
    evhttp_set_max_body_size(server->http, BODY_MAX_BYTES);
    evhttp_set_timeout(server->http, IDLE_TIMEOUT_S);
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_gencb(server->http, answer_other, server);
    if (evhttp_set_cb(server->http, "/metrics", answer_metrics, server) != 0) {
        metrics_server_free(server);
        return NULL;
    }
    return server;
}

struct metrics_server *metrics_server_start(struct event_base *base, const struct config *config,
                                            struct metrics_family *const *list, void (*collect)(void *arg), void *arg,
                                            bool *ok)
{
    *ok = metrics_open(list);
    if (!*ok || config->metrics_port == 0) {
        return NULL;
    }
    struct metrics_server_options options = {
        .base = base,
        .fd = listener_open(config->metrics_address, config->metrics_port),
        .collect = collect,
        .arg = arg,
    };
    struct metrics_server *server = options.fd < 0 ? NULL : metrics_server_new(&options);
    *ok = server != NULL;
    return server;
}

void metrics_server_free(struct metrics_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->http != NULL) {
        evhttp_free(server->http);
    }
    free(server);
}
