/*
 * JSON over yajl, in two halves.
 *
 * Reading builds a small tree. It is strict (one value, no trailing bytes, valid UTF-8, no duplicate member) and
 * bounded (JSON_DEPTH_MAX, JSON_NODES_MAX), and keeps numbers as their decimal text, so that money never touches
 * floating point. Strings are NUL-terminated and hold no NUL: an escaped U+0000 is refused.
 *
 * Writing appends to one growing buffer; an error (no memory, a member without a name) sticks and shows when the text
 * is taken, so that callers check once.
 */
#ifndef ROSTRUM_COMMON_BASE_JSON_H
#define ROSTRUM_COMMON_BASE_JSON_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

enum {
    JSON_DEPTH_MAX = 16,    /* nested arrays and objects; the contract needs 4 */
    JSON_NODES_MAX = 40000, /* values in one document: MESSAGE_EVENTS_MAX events of 9 values and their frame */
};

struct json {
    enum json_type type;
    bool truth;         /* JSON_BOOL */
    const char *text;   /* JSON_STRING: its bytes; JSON_NUMBER: its decimal text as written */
    size_t length;      /* of `text` */
    const char *name;   /* of a member of an object, else NULL */
    struct json *child; /* first element or member */
    struct json *next;  /* next sibling */
};

/* The root, owned by the caller; NULL with `*why` (static text, may be NULL) if it is not acceptable JSON. */
MUST_CHECK struct json *json_parse(const void *bytes, size_t length, const char **reason);
void json_free(struct json *root);

/* The member of that name, or NULL; `object` may be NULL or no object. */
const struct json *json_member(const struct json *object, const char *name);
/* Member access with type checks: false when it is absent or of another type or out of range. */
MUST_CHECK bool json_get_int(const struct json *object, const char *name, int64_t least, int64_t most, int64_t *out);
MUST_CHECK bool json_get_text(const struct json *object, const char *name, const char **out);
MUST_CHECK bool json_get_uuid(const struct json *object, const char *name, struct uuid *out);
MUST_CHECK bool json_get_bool(const struct json *object, const char *name, bool *out);
/* A JSON_NUMBER that is a plain integer within the range. */
MUST_CHECK bool json_int(const struct json *value, int64_t least, int64_t most, int64_t *out);

struct jsonw;

/* NULL only without memory. */
MUST_CHECK struct jsonw *jsonw_new(void);
void jsonw_free(struct jsonw *writer);
/* Empties it for the next document; its memory stays. */
void jsonw_reset(struct jsonw *writer);
/* The finished text, valid until the next call on the writer; NULL if anything failed or something is still open. */
MUST_CHECK const char *jsonw_text(struct jsonw *writer, size_t *length);

void jsonw_object(struct jsonw *writer);
void jsonw_end_object(struct jsonw *writer);
void jsonw_array(struct jsonw *writer);
void jsonw_end_array(struct jsonw *writer);
void jsonw_name(struct jsonw *writer, const char *name);

/* Values. A NULL text or id is written as null. */
void jsonw_null(struct jsonw *writer);
void jsonw_bool(struct jsonw *writer, bool value);
void jsonw_int(struct jsonw *writer, int64_t value);
void jsonw_string(struct jsonw *writer, const char *text);
void jsonw_string_n(struct jsonw *writer, const char *text, size_t length);
void jsonw_uuid(struct jsonw *writer, const struct uuid *id);
void jsonw_money(struct jsonw *writer, int64_t minor); /* 55.00 */
void jsonw_time(struct jsonw *writer, int64_t ms);     /* "2026-11-20T22:58:16.123Z" */
/* A finished piece of JSON as it is: a number's text, or a document from PostgreSQL. */
void jsonw_raw(struct jsonw *writer, const char *json, size_t length);
/* A parsed value again. */
void jsonw_value(struct jsonw *writer, const struct json *value);

/* Members: name and value in one. */
void jsonw_put_bool(struct jsonw *writer, const char *name, bool value);
void jsonw_put_int(struct jsonw *writer, const char *name, int64_t value);
void jsonw_put_string(struct jsonw *writer, const char *name, const char *text);
void jsonw_put_uuid(struct jsonw *writer, const char *name, const struct uuid *id);
void jsonw_put_money(struct jsonw *writer, const char *name, int64_t minor);
void jsonw_put_time(struct jsonw *writer, const char *name, int64_t ms);
void jsonw_put_null(struct jsonw *writer, const char *name);

#endif
