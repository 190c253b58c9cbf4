/*
 * The codec of the JSON messages between the programs: a table says which members of an object hold which members of a
 * struct. Their order in the table is that in the message. A message is an object with a version, or has the frame
 * {"v":1,"NAME":[…]}. Callers: message.c and sale_message.c.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_WIRE_H
#define ROSTRUM_COMMON_PROTOCOL_WIRE_H

#include <stddef.h>

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/base/json.h"

#define WIRE_TIME_MAX_MS INT64_C(253402300799999) /* the last millisecond of the year 9999 */

enum wire_type { WIRE_INT, WIRE_UUID, WIRE_BOOL, WIRE_TEXT, WIRE_WORD };

/* Whether a member that is 0, nil or empty is written, and whether it must be there when it is read. */
enum wire_presence { WIRE_OPTIONAL, WIRE_ALWAYS };

struct wire_member {
    const char *name;
    const char *malformed; /* the reader's reason */
    enum wire_presence presence;
    enum wire_type type;
    size_t offset;            /* in the struct */
    size_t size;              /* of the struct's member; a text must be shorter */
    int64_t most;             /* of an integer: the largest value; the least is 0 */
    const char *const *words; /* of an enumeration: by value; NULL is no word */
    size_t word_count;
};

/* clang-format off */
#define WIRE_MEMBER_OF(of, member, name, presence, type, most, words, word_count)                                      \
    {(name), "member " name " is missing or malformed", (presence), (type), offsetof(of, member),                      \
     sizeof(((of *)0)->member), (most), (words), (word_count)}
/* clang-format on */

/* One row of a table: a member of struct `of` that is an int64_t of at most `most`, an id, a bool or a text. */
#define WIRE_MEMBER(of, member, name, presence, most)                                                                  \
    WIRE_MEMBER_OF(of, member, name, presence,                                                                         \
                   _Generic(((of *)0)->member,                                                                         \
                       int64_t: WIRE_INT,                                                                              \
                       struct uuid: WIRE_UUID,                                                                         \
                       bool: WIRE_BOOL,                                                                                \
                       char *: WIRE_TEXT),                                                                             \
                   most, NULL, 0)
/* A member that is an enumeration; `words` is an array. */
#define WIRE_MEMBER_WORD(of, member, name, presence, words)                                                            \
    WIRE_MEMBER_OF(of, member, name, presence, WIRE_WORD, 0, words, ARRAY_LEN(words))

struct wire_table {
    const struct wire_member *members;
    size_t count;
};
#define WIRE_TABLE(members)                                                                                            \
    {                                                                                                                  \
        (members), ARRAY_LEN(members)                                                                                  \
    }

/* Writes the members into the open object. */
void wire_write_members(struct jsonw *writer, const struct wire_table *table, const void *item);
/*
 * Reads all members, also behind a malformed one, into a zeroed struct. Returns the reason of the first that is missing
 * or malformed; static. NULL: all are valid.
 */
MUST_CHECK const char *wire_read_members(const struct json *object, const struct wire_table *table, void *item);

/* A message that is one object. The reader returns false unless version and members are valid. */
void wire_write_object(struct jsonw *writer, int64_t version, const struct wire_table *table, const void *item);
MUST_CHECK bool wire_read_object(const void *bytes, size_t length, int64_t version, const struct wire_table *table,
                                 void *item);

/* A message that is a list. `size`: of one of the items. */
void wire_write_list(struct jsonw *writer, const char *name, int64_t version, const struct wire_table *table,
                     const void *items, size_t size, size_t count);
/*
 * Calls `read` for each object of the list, which reads it into item `index`. It returns NULL, or a static reason that
 * makes the whole message invalid. False, with `*reason` set and `*count` 0, if the message is invalid, or if its
 * version is not 1 to `newest`.
 */
MUST_CHECK bool wire_read_list(const void *bytes, size_t length, const char *name, int64_t newest,
                               const char *(*read)(const struct json *object, void *items, size_t index), void *items,
                               size_t items_max, size_t *count, const char **reason);
/* Reads the id `member` of the first object of the list `name`. The rest may be invalid. */
MUST_CHECK bool wire_first_uuid(const struct json *root, const char *name, const char *member, struct uuid *id);

#endif
