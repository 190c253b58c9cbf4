/*
 * A blocking HTTP client of the deployment, over libcurl: one kept-alive connection, JSON in both directions. It makes
 * no assertions on replies. One client per thread. client_raw sends bytes that a correct client would not send.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_CLIENT_H
#define ROSTRUM_TESTS_SUPPORT_CLIENT_H

#include "common/base/base.h"
#include "common/base/json.h"

struct client;

struct reply {
    int status;              /* 0: no reply */
    const char *body;        /* NUL-terminated */
    size_t length;           /* of `body` */
    const struct json *json; /* NULL if the body is not JSON */
};

/* `base_url` has no slash at its end. NULL without memory. */
MUST_CHECK struct client *client_new(const char *base_url);
void client_free(struct client *client);

/* Sets the bearer token of the following calls; NULL: none. The token is not copied and must outlive them. */
void client_token(struct client *client, const char *token);
/* Adds a header line ("Name: value") to the next call; at most 8. */
void client_header(struct client *client, const char *line);

/*
 * Sends a request; a body that is not NULL is sent as application/json. The client owns the reply, which is valid until
 * its next call. Timeout: 20 s.
 */
const struct reply *client_call(struct client *client, const char *method, const char *path, const char *body);
/* The same with a body of any bytes; set its type by client_header. */
const struct reply *client_send(struct client *client, const char *method, const char *path, const void *body,
                                size_t length);
/* Returns a header of the last reply, "" if it is absent. */
const char *client_reply_header(struct client *client, const char *name);

/*
 * Formats into the next of a few buffers of the calling thread: for a path or a body that is used at once. The text is
 * cut after 2 KiB.
 */
const char *client_format(const char *format, ...) PRINTF_LIKE(1, 2);

/* Returns the value at a dotted path ("items.0.user.id") in the reply, or NULL. */
const struct json *reply_at(const struct reply *reply, const char *path);
/* Returns its text: the bytes of a string, the digits of a number, "true", "false", "null"; "" if absent or no scalar.
 */
const char *reply_text(const struct reply *reply, const char *path);
/* Number of elements of the array at `path`, -1 if there is none. */
int reply_count(const struct reply *reply, const char *path);

/*
 * Opens a TCP connection to the deployment and sends `bytes`. Then reads until the deployment closes, `until_ms` have
 * passed, or a whole response (by Content-Length) was read. Returns the number of bytes in `out` (NUL-terminated), -1
 * if it could not connect. `pause_ms` above 0 sends one byte at a time with that pause, as a slow client. `*closed` is
 * set if the deployment closed the connection.
 */
MUST_CHECK int client_raw(const char *base_url, const char *bytes, size_t length, int pause_ms, int until_ms, char *out,
                          size_t out_size, bool *closed);

#endif
