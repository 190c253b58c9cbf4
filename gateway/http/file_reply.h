/*
 * Sends a file as an answer in pieces, each of which is read after the one before has been sent. So a client that does
 * not read takes one piece of memory, whatever the size of the file. All pieces of a worker have a budget
 * (image_unsent_max_bytes), of which one client address gets a share. A client that takes a piece more slowly than
 * image_send_min_bytes_per_s is disconnected.
 *
 * Over the budget: 503. Over the share of an address: 429. Both before anything is read.
 *
 * Caller: images.c, which reads the pieces on threads.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_FILE_REPLY_H
#define ROSTRUM_GATEWAY_HTTP_FILE_REPLY_H

#include <event2/event.h>
#include <sys/queue.h>

#include "common/service/config.h"
#include "gateway/http/errors.h"
#include "gateway/http/request.h"

struct conn;
struct file_replies;

enum { FILE_REPLY_PIECE_BYTES = CONFIG_UNSENT_LEAST_BYTES };

struct file_replies_options {
    struct event_base *base;
    int unsent_max_bytes;
    int send_min_bytes_per_s;
};

/* One per worker. NULL only if out of memory. */
MUST_CHECK struct file_replies *file_replies_new(const struct file_replies_options *options);
void file_replies_free(struct file_replies *replies);

/* One answer; part of its handler's state. Private to file_reply.c. */
struct file_reply {
    struct file_replies *replies;
    struct request *request;
    void (*more)(struct request *request);
    struct evhttp_request *evreq; /* NULL before file_reply_begin */
    struct conn *conn;            /* NULL: the client is gone */
    int held;                     /* bytes counted in the budget */
    size_t left;                  /* bytes of the file that were not passed on yet */
    int64_t since_ms;             /* when the piece was passed on */
    size_t sending;               /* bytes of the piece that is being sent; 0: none */
    TAILQ_ENTRY(file_reply) list; /* while `sending` */
};

/* Takes a piece from the budget. ERROR_COUNT: done; else the code to answer. */
MUST_CHECK enum error_code file_reply_reserve(struct file_replies *replies, struct file_reply *reply,
                                              struct request *request);
/*
 * Sends status 200, the headers that are set, and the first piece of a file of `total` bytes. `bytes` are freed. `more`
 * is called when the next piece shall be read and passed to file_reply_piece. The request ENDS by itself.
 */
void file_reply_begin(struct file_reply *reply, const char *content_type, size_t total, unsigned char *bytes,
                      size_t length, void (*more)(struct request *request));
/* Sends the next piece; NULL: it could not be read, and the connection is closed. May END the request. */
void file_reply_piece(struct file_reply *reply, unsigned char *bytes, size_t length);
/* Gives the budget back. Call it when the request is freed. */
void file_reply_drop(struct file_reply *reply);

#endif
