/*
 * See image_read.h.
 */
#include "gateway/image/image_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/access/limits.h"
#include "gateway/core/workpool.h"
#include "gateway/http/file_reply.h"
#include "gateway/http/reply.h"
#include "gateway/http/request.h"
#include "gateway/image/imagestore.h"

enum { ETAG_SIZE = 64 };

static const struct image_read_context *context_of(const struct request *request)
{
    return request->context;
}

/* State of a request for a file, whose pieces are read one after the other. */
struct image_read {
    struct file_reply reply;
    struct imagestore *store;
    enum imagestore_result result;
    struct imagestore_range range;
    struct imagestore_part part; /* the piece that was read last */
};

/* Called with the handler state when the request ends. */
static void image_read_drop(void *state)
{
    struct image_read *image_read = state;
    file_reply_drop(&image_read->reply);
}

static void work_read(void *arg)
{
    const struct request *request = arg;
    struct image_read *image_read = request->handler_state;
    image_read->result =
        imagestore_get(image_read->store, &request->parameters[0], &image_read->range, &image_read->part);
}

static bool read_piece(struct request *request, void (*then)(void *arg))
{
    return workpool_run(context_of(request)->readers, work_read, then, request);
}

static void make_etag(const struct request *request, char etag[static ETAG_SIZE])
{
    char text[UUID_TEXT_SIZE];
    uuid_format(&request->parameters[0], text);
    (void)snprintf(etag, ETAG_SIZE, "\"%s\"", text);
}

static void on_next_read(void *arg)
{
    struct request *request = arg;
    struct image_read *image_read = request->handler_state;
    bool ok = image_read->result == IMAGESTORE_OK;
    file_reply_piece(&image_read->reply, ok ? image_read->part.bytes : NULL, image_read->part.length);
}

static void read_next(struct request *request)
{
    struct image_read *image_read = request->handler_state;
    image_read->range.offset += image_read->part.length;
    if (!read_piece(request, on_next_read)) {
        file_reply_piece(&image_read->reply, NULL, 0);
    }
}

static void on_first_read(void *arg)
{
    struct request *request = arg;
    struct image_read *image_read = request->handler_state;
    const struct imagestore_part *part = &image_read->part;
    char etag[ETAG_SIZE];
    if (image_read->result != IMAGESTORE_OK) {
        reply_error(request, image_read->result == IMAGESTORE_ABSENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE);
        return;
    }
    make_etag(request, etag);
    reply_header(request, "ETag", etag);
    if (reply_client_has(request, etag)) {
        free(part->bytes);
        reply_empty(request, 304);
    } else if (request->head) {
        free(part->bytes);
        reply_bytes(request, 200, "image/webp", NULL, part->total);
    } else {
        file_reply_begin(&image_read->reply, "image/webp", part->total, part->bytes, part->length, read_next);
    }
}

static void begin_read(struct request *request)
{
    struct image_read *image_read = request->handler_state;
    image_read->store = context_of(request)->store;
    image_read->range.most = FILE_REPLY_PIECE_BYTES;
    request->drop = image_read_drop;
    enum error_code code = file_reply_reserve(context_of(request)->replies, &image_read->reply, request);
    if (code == ERROR_RATE_LIMITED) {
        limits_refuse_client(request);
    } else if (code != ERROR_COUNT || !read_piece(request, on_first_read)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_show(struct request *request)
{
    char etag[ETAG_SIZE];
    const char *known = request_header(request, "If-None-Match");
    request->storage = ANSWER_IMMUTABLE; /* the name is a hash of the content: a file never changes */
    make_etag(request, etag);
    /* "*" means any file that there is: on_read answers it. */
    if (known != NULL && strcmp(known, "*") != 0 && reply_client_has(request, etag)) {
        reply_header(request, "ETag", etag);
        reply_empty(request, 304);
        return;
    }
    if (request_handler_state(request, sizeof(struct image_read)) == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    begin_read(request);
}

const struct route image_read_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/images/:file", handle_show, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
