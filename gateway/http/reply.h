/*
 * Answers. A handler ends its request with exactly one of the functions marked ENDS; the request is gone after it.
 * If the deadline has answered before, they only free it.
 *
 * JSON is written with the worker's one writer: between reply_json and reply_send nothing else may answer, so begin
 * and send in one stretch, without going back to the loop.
 *
 *     struct jsonw *json = reply_json(request);
 *     jsonw_object(json); ... jsonw_end_object(json);
 *     reply_header(request, "Location", where);
 *     reply_send(request, 201);
 */
#ifndef ROSTRUM_GATEWAY_HTTP_REPLY_H
#define ROSTRUM_GATEWAY_HTTP_REPLY_H

#include "common/base/json.h"
#include "gateway/http/errors.h"
#include "gateway/http/request.h"

struct conn;

/* The worker's writer, emptied. */
struct jsonw *reply_json(struct request *request);
/* A header of the answer, instead of one of that name set before; ignored once answered. `value` is copied. */
void reply_header(struct request *request, const char *name, const char *value);
/* ENDS with what reply_json's writer holds. */
void reply_send(struct request *request, int status);
/* ENDS without a body: 204, or 304. */
void reply_empty(struct request *request, int status);
/* ENDS with other bytes than JSON (openapi.json, jwks with its own type); copied. */
void reply_bytes(struct request *request, int status, const char *content_type, const void *bytes, size_t length);
/* ENDS with {"error", "message", "requestId"}; 503 carries Retry-After: 1. */
void reply_error(struct request *request, enum error_code code);
/* The same with details: the writer stands inside the object; add members, then reply_error_send (ENDS). */
struct jsonw *reply_error_begin(struct request *request, enum error_code code);
void reply_error_send(struct request *request, enum error_code code);

/* ENDS without an answer of ours: the connection becomes the caller's (conn_take), who will write `status`. */
MUST_CHECK struct conn *reply_take_over(struct request *request, int status);

/* For `late` callbacks: answers with what the writer holds, but does not end. Nothing happens if it was answered. */
void reply_answer(struct request *request, int status);
void reply_answer_error(struct request *request, enum error_code code);
/* The same with details, which reply_error_begin began. */
void reply_error_answer(struct request *request, enum error_code code);
/* ENDS without answering again: for a handler that finds its request answered. Not answered yet: 500. */
void reply_end(struct request *request);

/* What is wrong with the fields of a body or query; see fields.h. */
enum { FIELD_ERRORS_MAX = 16 }; /* more are not reported: a client mends these first */
struct field_errors {
    size_t count;
    struct {
        char field[64];
        const char *message; /* static */
    } list[FIELD_ERRORS_MAX];
};
/* `field` is copied (cut at 63 bytes), `message` is kept. */
void field_errors_add(struct field_errors *field_errors, const char *field, const char *message);
/* ENDS with 400 VALIDATION_FAILED and "fields". */
void reply_field_errors(struct request *request, const struct field_errors *field_errors);

#endif
