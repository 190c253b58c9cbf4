/*
 * SQL that the writers of notifications share. Callers: recipients.c, sale_writer.c, watchers.c, fanout.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_NOTICE_SQL_H
#define ROSTRUM_NOTIFYWORKER_NOTICE_SQL_H

/* Milliseconds since the epoch as a time. */
#define NOTICE_AT(expression) "timestamptz 'epoch' + " expression " * interval '1 millisecond'"

/* The same id as from uuid_from_hash_at in C: 48 bits of time, version 8, variant, and 74 bits of a hash of `seed`. */
#define NOTICE_ID(ms, seed)                                                                                            \
    "(SELECT (lpad(to_hex(" ms "), 12, '0') || '8' || substr(h, 1, 3) || "                                             \
    "translate(substr(h, 4, 1), '0123456789abcdef', '89ab89ab89ab89ab') || substr(h, 5, 15))::uuid "                   \
    "FROM encode(sha256(convert_to(concat_ws('/', " seed "), 'UTF8')), 'hex') AS h)"

/*
 * Selects users of `p` who have not muted this kind, or who want it by email or webhook. OFFSET 0 forbids a join, which
 * would read all users who muted something.
 */
#define NOTICE_UNLESS_MUTED(p, kind)                                                                                   \
    "NOT EXISTS (SELECT FROM users u WHERE u.id = " p ".user_id AND u.muted <> '{}' AND " kind                         \
    " = ANY (u.muted) AND NOT wanted_elsewhere(u.id, " kind ") OFFSET 0) "

/* The watchers of an auction with more of them are notified in pages (fanout.h). */
#define NOTICE_WATCHERS_AT_ONCE "500"

#endif
