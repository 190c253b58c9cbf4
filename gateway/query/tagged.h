/*
 * Answers to guests with an ETag: an object, and the member serverTime that the tag does not cover. The tag is weak,
 * because serverTime differs in each answer. Caller: documents.c.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_TAGGED_H
#define ROSTRUM_GATEWAY_QUERY_TAGGED_H

#include "gateway/http/reply.h"

enum { TAGGED_SIZE = 64 };

/* Makes the tag of an object of this version: the version and a hash of the text. */
void tagged_write(const char *text, size_t length, int64_t version, char out[static TAGGED_SIZE]);
/*
 * ENDS with the object in `text` and its serverTime, or with 304. The text may be in the worker's writer, and is an
 * object that is not empty.
 */
void tagged_send(struct request *request, int status, const char *text, size_t length, const char *tag);
/* ENDS with the object in the worker's writer: writes its tag, then as tagged_send. */
void tagged_reply(struct request *request, int status, struct jsonw *json, int64_t version);

#endif
