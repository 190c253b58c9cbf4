/*
 * JSON over yajl: a parser and a writer.
 *
 * The parser builds a tree. It is strict: one value, no trailing bytes, valid UTF-8, no duplicate members. It is
 * bounded by JSON_DEPTH_MAX and JSON_NODES_MAX. Numbers keep their decimal text, so that money never becomes floating
 * point. Strings are NUL-terminated and contain no NUL: an escaped U+0000 is refused.
 *
 * The writer appends to one growing buffer. An error (no memory, a member without a name) is kept until jsonw_text
 * returns NULL, so that callers check once.
 */
#ifndef ROSTRUM_COMMON_BASE_JSON_H
#define ROSTRUM_COMMON_BASE_JSON_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

enum {
    JSON_DEPTH_MAX = 16,    /* nested arrays and objects; the API needs 4 */
    JSON_NODES_MAX = 40000, /* values in one document: MESSAGE_EVENTS_MAX events of 9 values and their frame */
};

struct json {
    enum json_type type;
    bool truth;         /* JSON_BOOL */
    const char *text;   /* JSON_STRING: its bytes; JSON_NUMBER: its decimal text as received */
    size_t length;      /* length of `text` */
    const char *name;   /* name of an object's member, else NULL */
    struct json *child; /* first element or member */
    struct json *next;  /* next sibling */
};

/*
 * Returns the root, which the caller frees. NULL with `*reason` (static text; `reason` may be NULL) if it is refused.
 */
MUST_CHECK struct json *json_parse(const void *bytes, size_t length, const char **reason);
void json_free(struct json *root);

/* The member of that name, or NULL; `object` may be NULL or no object. */
const struct json *json_member(const struct json *object, const char *name);
/* Member access with type checks. False if the member is absent, has another type or is out of range. */
MUST_CHECK bool json_get_int(const struct json *object, const char *name, int64_t least, int64_t most, int64_t *out);
MUST_CHECK bool json_get_text(const struct json *object, const char *name, const char **out);
MUST_CHECK bool json_get_uuid(const struct json *object, const char *name, struct uuid *out);
MUST_CHECK bool json_get_bool(const struct json *object, const char *name, bool *out);
/* False if it is not an integer within the range. */
MUST_CHECK bool json_int(const struct json *value, int64_t least, int64_t most, int64_t *out);

struct jsonw;

/* NULL only without memory. */
MUST_CHECK struct jsonw *jsonw_new(void);
void jsonw_free(struct jsonw *writer);
/* Empties the writer for the next document and keeps its memory. */
void jsonw_reset(struct jsonw *writer);
/* The finished text, valid until the next call on the writer. NULL after an error, or if an array or object is open. */
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
/* Appends finished JSON text without changes: a number, or a document from PostgreSQL. */
void jsonw_raw(struct jsonw *writer, const char *json, size_t length);
/* Writes a parsed value. */
void jsonw_value(struct jsonw *writer, const struct json *value);

/* Members: name and value in one call. */
void jsonw_put_bool(struct jsonw *writer, const char *name, bool value);
void jsonw_put_int(struct jsonw *writer, const char *name, int64_t value);
void jsonw_put_string(struct jsonw *writer, const char *name, const char *text);
void jsonw_put_uuid(struct jsonw *writer, const char *name, const struct uuid *id);
void jsonw_put_money(struct jsonw *writer, const char *name, int64_t minor);
void jsonw_put_time(struct jsonw *writer, const char *name, int64_t ms);
void jsonw_put_null(struct jsonw *writer, const char *name);

#endif
