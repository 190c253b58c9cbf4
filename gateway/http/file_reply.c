/*
 * See file_reply.h. evhttp calls back when a piece has left its buffer. Until the last one, evhttp's request is ours.
 */
#include "gateway/http/file_reply.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "gateway/core/clients.h"
#include "gateway/http/conn.h"
#include "gateway/http/http.h"
#include "gateway/http/reply.h"

enum {
    SWEEP_MS = 1000, /* interval of the checks for slow clients */
    GRACE_MS = 5000, /* that each piece may take beyond the minimum rate: a lost packet delays it */
    MS_PER_S = 1000,
};

TAILQ_HEAD(file_reply_list, file_reply);

struct file_replies {
    struct file_replies_options options;
    struct event *sweep;
    struct file_reply_list sending;
    int held; /* bytes */
};

/* ---- the budget ---- */

enum error_code file_reply_reserve(struct file_replies *replies, struct file_reply *reply, struct request *request)
{
    if (replies->held > replies->options.unsent_max_bytes - FILE_REPLY_PIECE_BYTES) {
        return ERROR_UNAVAILABLE;
    }
    if (!client_counts_take(request->http->clients->counts, &request->client, CLIENT_UNSENT, FILE_REPLY_PIECE_BYTES)) {
        return ERROR_RATE_LIMITED;
    }
    replies->held += FILE_REPLY_PIECE_BYTES;
    *reply = (struct file_reply){.replies = replies, .request = request, .held = FILE_REPLY_PIECE_BYTES};
    return ERROR_COUNT;
}

/* Keeps `bytes` of the budget, which are less than before. */
static void keep(struct file_reply *reply, int bytes)
{
    int back = reply->held - bytes;
    struct request *request = reply->request;
    client_counts_give(request->http->clients->counts, &request->client, CLIENT_UNSENT, back);
    reply->replies->held -= back;
    reply->held = bytes;
}

static void set_sending(struct file_reply *reply, size_t bytes)
{
    struct file_replies *replies = reply->replies;
    if (reply->sending > 0) {
        TAILQ_REMOVE(&replies->sending, reply, list);
    }
    reply->sending = bytes;
    if (bytes > 0) {
        reply->since_ms = clock_mono_ms();
        TAILQ_INSERT_TAIL(&replies->sending, reply, list);
    }
}

void file_reply_drop(struct file_reply *reply)
{
    if (reply->replies != NULL) {
        set_sending(reply, 0);
        keep(reply, 0);
    }
}

/* ---- sending ---- */

static void finish(struct file_reply *reply)
{
    struct evhttp_request *evreq = reply->evreq;
    if (reply->conn != NULL) {
        conn_answer_end(reply->conn);
    }
    evhttp_send_reply_end(evreq);
    reply_end(reply->request); /* drops `reply` */
}

/* While the next piece is being read, file_reply_piece ends the request. */
static void on_lost(void *arg)
{
    struct file_reply *reply = arg;
    bool reading = reply->sending == 0;
    reply->conn = NULL;
    if (!reading) {
        finish(reply);
    }
}

static void on_sent(struct evhttp_connection *evcon, void *arg)
{
    struct file_reply *reply = arg;
    (void)evcon;
    set_sending(reply, 0);
    if (reply->left == 0) {
        finish(reply);
    } else {
        reply->more(reply->request);
    }
}

static void free_bytes(const void *bytes, size_t length, void *arg)
{
    (void)bytes;
    (void)length;
    free(arg);
}

/* Takes over the bytes. */
static bool pass_on(struct file_reply *reply, unsigned char *bytes, size_t length)
{
    struct evbuffer *piece = evbuffer_new();
    if (piece == NULL || evbuffer_add_reference(piece, bytes, length, free_bytes, bytes) != 0) {
        free(bytes);
        if (piece != NULL) {
            evbuffer_free(piece);
        }
        return false;
    }
    reply->left -= length;
    set_sending(reply, length);
    evhttp_send_reply_chunk_with_cb(reply->evreq, piece, on_sent, reply);
    evbuffer_free(piece);
    return true;
}

void file_reply_begin(struct file_reply *reply, const char *content_type, size_t total, unsigned char *bytes,
                      size_t length, void (*more)(struct request *request))
{
    struct request *request = reply->request;
    keep(reply, (int)length);
    reply->more = more;
    reply->left = total;
    reply->evreq = reply_begin(request, 200, content_type, total, &reply->conn);
    if (reply->evreq == NULL) {
        free(bytes);
        reply_end(request);
        return;
    }
    conn_watch(reply->conn, on_lost, reply);
    file_reply_piece(reply, bytes, length);
}

void file_reply_piece(struct file_reply *reply, unsigned char *bytes, size_t length)
{
    if (reply->conn == NULL) {
        free(bytes);
        finish(reply);
        return;
    }
    if (bytes == NULL || length > reply->left || !pass_on(reply, bytes, length)) {
        conn_cut(reply->conn, "the rest of a file could not be read");
        finish(reply);
    }
}

/* ---- slow clients ---- */

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct file_replies *replies = arg;
    struct file_reply *reply = NULL;
    int64_t now = clock_mono_ms();
    (void)fd;
    (void)what;
    TAILQ_FOREACH(reply, &replies->sending, list)
    {
        int64_t most_ms = GRACE_MS + (int64_t)reply->sending * MS_PER_S / replies->options.send_min_bytes_per_s;
        if (now - reply->since_ms >= most_ms) {
            conn_cut(reply->conn, "a file was not received in time");
        }
    }
}

struct file_replies *file_replies_new(const struct file_replies_options *options)
{
    const struct timeval every = {SWEEP_MS / MS_PER_S, 0};
    struct file_replies *replies = calloc(1, sizeof(*replies));
    if (replies == NULL) {
        return NULL;
    }
    replies->options = *options;
    TAILQ_INIT(&replies->sending);
    replies->sweep = event_new(options->base, -1, EV_PERSIST, do_sweep, replies);
    if (replies->sweep == NULL || event_add(replies->sweep, &every) != 0) {
        file_replies_free(replies);
        return NULL;
    }
    return replies;
}

void file_replies_free(struct file_replies *replies)
{
    if (replies == NULL) {
        return;
    }
    if (replies->sweep != NULL) {
        event_free(replies->sweep);
    }
    free(replies);
}
