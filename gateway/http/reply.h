/*
 * Answers. A handler ends its request with exactly one of the functions marked ENDS, which frees the request. If the
 * request was answered at its deadline, they only free it.
 *
 * All requests of a worker share one JSON writer. So nothing else may answer between reply_json and reply_send: call
 * both within the same callback.
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
#include "gateway/http/field_errors.h"
#include "gateway/http/request.h"

struct conn;

/* Returns the worker's JSON writer, emptied. */
struct jsonw *reply_json(struct request *request);
/* Sets a header of the answer and replaces an earlier one of that name. No effect once answered. `value` is copied. */
void reply_header(struct request *request, const char *name, const char *value);
/* Sets the header Age of an answer with data of this age in ms; a negative age counts as 0. */
void reply_age(struct request *request, int64_t age_ms);
/*
 * Returns whether the client has the answer with this ETag already: then answer 304. Only guests are answered 304;
 * with credentials only a file that never changes is, because other answers to them have no ETag.
 */
MUST_CHECK bool reply_client_has(const struct request *request, const char *etag);
/*
 * Returns the headers that answer_headers.h decides, for an answer of this status. Every function of this file that
 * answers sets them; call it for answers that are written without one.
 */
struct answer_headers reply_headers(const struct request *request, int status);
/* Answers 503 to a request of evhttp for which there is no struct request: no memory, or too many connections. */
void reply_without_request(struct http *http, struct evhttp_request *evreq);
/* ENDS with the JSON in the worker's writer. */
void reply_send(struct request *request, int status);
/* ENDS without a body: 204, or 304. */
void reply_empty(struct request *request, int status);
/* ENDS with a body of another content type than application/json. The bytes are copied. */
void reply_bytes(struct request *request, int status, const char *content_type, const void *bytes, size_t length);
/* ENDS likewise with 200. The bytes are not copied: they must outlive the worker's connections. */
void reply_lasting(struct request *request, const char *content_type, const void *bytes, size_t length);
/* ENDS with {"error", "message", "requestId"}; a 503 and IDEMPOTENCY_KEY_IN_USE have Retry-After: 1. */
void reply_error(struct request *request, enum error_code code);
/* ENDS with an error that has these parameters as members; they are in its sentence. */
void reply_error_with(struct request *request, enum error_code code, const struct parameter *parameters, size_t count);
/* An error with more members: reply_error_begin leaves the object open for them, reply_error_send ENDS. */
struct jsonw *reply_error_begin(struct request *request, enum error_code code);
void reply_error_send(struct request *request, enum error_code code);

/* For a request's `ending`: sends the answer that waits for it, if any, and frees the request. */
void reply_ended(struct request *request);
/* ENDS without an answer and returns the connection. The caller detaches it (conn_take) and writes `status` itself. */
MUST_CHECK struct conn *reply_take_over(struct request *request, int status);

/*
 * Begins an answer whose body follows in pieces: sends status and headers. The request counts as answered, but lives
 * until reply_end. Returns evhttp's request, which the caller ends by evhttp_send_reply_end; `*conn` is its connection.
 * NULL: the request was answered before, or its connection is gone.
 */
MUST_CHECK struct evhttp_request *reply_begin(struct request *request, int status, const char *content_type,
                                              size_t length, struct conn **conn);

/* For `late` callbacks: answers with the JSON in the writer but does not end the request. No effect once answered. */
void reply_answer(struct request *request, int status);
void reply_answer_error(struct request *request, enum error_code code);
/* Likewise, with an answer as of reply_empty and reply_lasting. */
void reply_answer_empty(struct request *request, int status);
void reply_answer_lasting(struct request *request, const char *content_type, const void *bytes, size_t length);
/* Likewise, for an error that reply_error_begin has begun. */
void reply_error_answer(struct request *request, enum error_code code);
/* ENDS a request that was answered before, without another answer. If it was not answered: 500. */
void reply_end(struct request *request);

/* ENDS with 400 VALIDATION_FAILED and "fields". */
void reply_field_errors(struct request *request, const struct field_errors *field_errors);
/* ENDS with 400 INVALID_AMOUNT, the name of the field and the largest amount. */
void reply_invalid_amount(struct request *request, const char *field);

#endif
