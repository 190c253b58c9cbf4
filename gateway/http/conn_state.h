/*
 * One connection and all of a worker: their state, the lists by it, and the end. conn_read.c sees the bytes of a
 * connection before evhttp, conn_accept.c makes it and counts it, and conn.c is what others call.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CONN_STATE_H
#define ROSTRUM_GATEWAY_HTTP_CONN_STATE_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <sys/queue.h>

#include "gateway/core/client_counts.h"
#include "gateway/http/conns_options.h"
#include "gateway/http/errors.h"
#include "gateway/http/head_origin.h"
#include "gateway/http/scanner.h"

enum { CONN_LISTENERS_MAX = 8 }; /* systemd may hand over several addresses */

enum conn_state {
    CONN_MADE,      /* evhttp has its bufferevent; the evhttp_connection is not known yet */
    CONN_IDLE,      /* no byte of a request was received yet; in the list `fresh` or `idle` */
    CONN_READING,   /* between first and last byte of a request, of an upload: of its head; in the list `reading` */
    CONN_BUSY,      /* its request is being answered */
    CONN_RECEIVING, /* the handler of an upload waits for the body; in the list `uploading` */
    CONN_REFUSED,   /* shut down, or its last answer is being written; evhttp will notice and free it */
    CONN_TAKEN,     /* detached by conn_take, until conn_end */
};

/* The request whose body is held back; of conn_upload.c. */
struct conn_upload {
    struct evbuffer *held;    /* bytes that evhttp has not seen: the head until it is complete, then of the body */
    bool read;                /* the body was read to its end, or there is none */
    struct evbuffer *content; /* of the body, as far as it was received */
    size_t received;          /* bytes of the body with its framing, since the handler asked for it */
    size_t content_max;
    void (*done)(enum error_code code, struct evbuffer *content, void *arg);
    void *arg;
    bufferevent_data_cb evhttp_read; /* the callbacks of evhttp, while others take their place */
    bufferevent_data_cb evhttp_write;
    bufferevent_event_cb evhttp_event;
};

struct conn {
    struct conns *conns;
    struct bufferevent *bev;
    struct evhttp_connection *evcon; /* NULL while CONN_MADE */
    int fd;
    enum conn_state state;
    struct client_keys peer; /* counted; without keys: not counted */
    bool kept;               /* counted in conns->kept: open and not refused */
    bool served;             /* it has had a request */
    void (*lost)(void *arg); /* see conn_watch; NULL: nothing */
    void *lost_arg;
    bool answering;             /* the gateway, not evhttp, is writing */
    bool has_page;              /* evhttp has written an error page of its own; in the list `chores` */
    bool chore;                 /* is in the list `chores` */
    bool upload_known;          /* CONN_READING: `upload` is decided */
    bool passing;               /* the input buffer gets bytes that were held back */
    struct conn_upload *upload; /* of the present request; NULL: it is none */
    int64_t since_ms;           /* CONN_READING: time of the first byte; CONN_IDLE, CONN_RECEIVING: of its begin */
    size_t read;                /* bytes since the last answer */
    size_t unscanned; /* bytes at the end of the input buffer, or of those held back: of later requests, or about to be
                         scanned */
    struct scanner scanner; /* of the request that is CONN_READING */
    struct head_origin head_origin;
    TAILQ_ENTRY(conn) all;
    TAILQ_ENTRY(conn) timed;
    TAILQ_ENTRY(conn) chores;
};

TAILQ_HEAD(conn_list, conn);

struct lingers;

struct conns {
    struct conns_options options;
    struct evhttp *http;
    struct evconnlistener *listeners[CONN_LISTENERS_MAX];
    size_t listener_count;
    struct event *sweep;  /* every SWEEP_MS */
    struct event *chore;  /* activated by conn_add_chore; it has no timeout */
    struct event *resume; /* after ACCEPT_PAUSE_MS or TURN_PAUSE_MS */
    struct conn_list all;
    struct conn_list fresh; /* idle since the accept; oldest first, as the next three */
    struct conn_list idle;  /* idle since an answer */
    struct conn_list reading;
    struct conn_list uploading;
    struct lingers *lingers;
    struct conn_list chores;
    struct conn **by_fd; /* from a request's descriptor to its connection */
    size_t by_fd_size;
    size_t open;
    size_t kept; /* of these, not refused: those that are being closed make room at once */
    int taken;   /* connections accepted in this pass of the loop */
    bool paused; /* `resume` is pending */
    int turn_pauses;
    bool draining;
    int64_t drain_ms; /* when the drain began */
};

/* The only function that changes a connection's state. */
void conn_set_state(struct conn *conn, enum conn_state state);
/* Has conn_adopt or conn_replace_page called in this pass of the loop. */
void conn_add_chore(struct conn *conn);
/* Discards bytes that evhttp must not parse. */
void conn_discard(struct conn *conn, size_t length);
/* Sends an answer without evhttp, unless `code` is ERROR_COUNT, and shuts down: evhttp notices and frees it. */
void conn_close(struct conn *conn, enum error_code code);
/* The same, with a line in the log. */
void conn_refuse(struct conn *conn, enum error_code code, const char *reason);
/* Writes an answer to a request that was not read completely: nobody knows whether it has credentials. */
size_t conn_write_error(const struct conn *conn, enum error_code code, char text[static ERRORS_RAW_SIZE]);
/* Frees what was held back of an upload. */
void conn_upload_free(struct conn *conn);
void conn_free(struct conn *conn);

#endif
