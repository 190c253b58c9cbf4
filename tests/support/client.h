/*
 * A blocking HTTP client of the deployment, over libcurl: one kept-alive connection, JSON both ways. It judges nothing:
 * a test asserts on what it returns. One client per thread. For requests that no proper client would send there is a
 * plain socket at the end.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_CLIENT_H
#define ROSTRUM_TESTS_SUPPORT_CLIENT_H

#include "common/base/base.h"
#include "common/base/json.h"

struct client;

struct reply {
    int status;              /* 0: no answer came */
    const char *body;        /* NUL-terminated */
    size_t length;           /* of `body` */
    const struct json *json; /* NULL when the body is no JSON */
};

/* `base_url` without a slash at its end; NULL without memory. */
MUST_CHECK struct client *client_new(const char *base_url);
void client_free(struct client *client);

/* The bearer token of every following call; NULL: none. Kept by address, so it must outlive them. */
void client_token(struct client *client, const char *token);
/* A header line of the next call only ("Name: value"; at most 8). */
void client_header(struct client *client, const char *line);

/*
 * One call; a body that is not NULL is sent as application/json. The reply is the client's and lives until its next
 * call. Gives up after 20 s.
 */
const struct reply *client_call(struct client *client, const char *method, const char *path, const char *body);
/* The same with a body of any bytes; its type by client_header. */
const struct reply *client_send(struct client *client, const char *method, const char *path, const void *body,
                                size_t length);
/* A header of the last reply, "" if it had none of that name. */
const char *client_reply_header(struct client *client, const char *name);

/*
 * Formats into one of a few buffers of the calling thread, which take turns: for a path or a body that is used at
 * once. At most 2 KiB, cut beyond.
 */
const char *client_format(const char *format, ...) PRINTF_LIKE(1, 2);

/* The value at a dotted path ("items.0.user.id") in the reply, or NULL. */
const struct json *reply_at(const struct reply *reply, const char *path);
/* Its text: of a string its bytes, of a number its digits, "true", "false", "null"; "" when absent or no scalar. */
const char *reply_text(const struct reply *reply, const char *path);
/* Number of elements of the array at `path`, -1 if there is none. */
int reply_count(const struct reply *reply, const char *path);

/*
 * A plain connection to the deployment's address. Sends `bytes`, then reads until the deployment closes, `until_ms`
 * have passed, or a whole response by Content-Length has come. Returns the number of bytes read into `out`
 * (NUL-terminated), -1 if it could not connect. `pause_ms` above 0 sends one byte at a time with that pause: a slow
 * client. `*closed` tells whether the deployment closed the connection.
 */
MUST_CHECK int client_raw(const char *base_url, const char *bytes, size_t length, int pause_ms, int until_ms, char *out,
                          size_t out_size, bool *closed);

#endif
