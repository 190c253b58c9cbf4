/*
 * See upload.h.
 */
#include "gateway/http/upload.h"

#include <event2/buffer.h>

#include "gateway/core/clients.h"
#include "gateway/http/conn.h"
#include "gateway/http/conn_upload.h"
#include "gateway/http/http.h"
#include "gateway/http/reply.h"

enum error_code upload_take_place(struct request *request)
{
    struct http *http = request->http;
    if (!client_counts_take(http->clients->counts, &request->client, CLIENT_UPLOADS, 1)) {
        return ERROR_RATE_LIMITED;
    }
    if (http->uploads >= http->uploads_max) {
        client_counts_give(http->clients->counts, &request->client, CLIENT_UPLOADS, 1);
        return ERROR_UNAVAILABLE;
    }
    http->uploads++;
    request->uploading = true;
    return ERROR_COUNT;
}

static void on_received(enum error_code code, struct evbuffer *content, void *arg)
{
    struct request *request = arg;
    const struct conn *conn = conns_find(request->http->conns, request->evreq);
    int64_t bound = code == ERROR_COUNT || conn == NULL ? 0 : conn_upload_bound(conn, code);
    if (bound > 0) {
        const struct parameter max = parameter_number("max", bound);
        reply_error_with(request, code, &max, 1);
        return;
    }
    if (code != ERROR_COUNT) {
        reply_error(request, code);
        return;
    }
    struct evbuffer *body = evbuffer_new();
    if (body != NULL && evbuffer_add_buffer(body, content) != 0) {
        evbuffer_free(body);
        body = NULL;
    }
    request->close = false; /* it was set for a body that might remain */
    request->received(request, body);
}

/* A request that did not look like an upload, because its target is not in the usual form, was read by evhttp. */
void upload_read(struct request *request, size_t most, void (*then)(struct request *request, struct evbuffer *body))
{
    struct conn *conn = request->evreq == NULL ? NULL : conns_find(request->http->conns, request->evreq);
    request->received = then;
    if (conn == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else if (conn_upload_held(conn)) {
        request_set_deadline(request, INT64_MAX / 4, NULL);
        conn_upload_receive(conn, most, on_received, request);
    } else {
        then(request, request_take_body(request));
    }
}
