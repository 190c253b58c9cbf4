/*
 * A user's place in the waiting line of a flash sale, with its exact position: 1 + the number of places that wait ahead
 * of it, 0 in a turn. The number is a sum over the blocks of the line (schema: sale_line_blocks) and a count within one
 * block, so that no statement reads the whole line.
 *
 * The place is the newest one of the user, also after it has ended. Its status is the effective one: the end of the
 * sale closes every place.
 *
 * Callers: sales.c (member `you`), places.c, live positions; sale_family.c uses POSITION_EXACT.
 */
#ifndef ROSTRUM_GATEWAY_SALE_POSITION_H
#define ROSTRUM_GATEWAY_SALE_POSITION_H

#include "common/base/json.h"
#include "common/rules/sale_words.h"
#include "gateway/query/columns.h"
#include "gateway/query/statements.h"

enum { POSITION_NONE = -1 };

struct position {
    enum sale_status sale_status;
    int64_t version; /* of the sale */
    int64_t waiting; /* places in its line */
    bool placed;     /* the user has, or had, a place: the members below are set */
    struct uuid entry_id;
    int64_t seq;
    enum sale_entry_status status;
    int64_t position;   /* POSITION_NONE: neither waiting nor in a turn */
    int64_t claim;      /* units of the turn; 0 before */
    int64_t expires_ms; /* of the turn; 0 before */
};

// clang-format off
/*
 * SQL of a statement with a row of flash_sales `s`: its columns in the order of enum position_column, and what follows `FROM flash_sales s`. `user` is the text of the parameter, such as "$2". The index
 * queue_entries_of_user holds the newest place, however many the user or the sale has.
 */
#define POSITION_COLUMNS \
    "s.status, s.version, s.waiting, e.id, e.seq, e.status, e.claim, " COLUMNS_MS("e.turn_expires_at") \
    ", " POSITION_EXACT
/* The exact position of a row of queue_entries `e` that waits, else NULL. */
#define POSITION_EXACT \
    "CASE WHEN e.status = 'waiting' AND s.status IN ('upcoming', 'open', 'active') THEN" \
    " 1 + (SELECT coalesce(sum(b.waiting), 0) FROM sale_line_blocks b" \
    "  WHERE b.sale_id = s.id AND b.block >= s.head_seq >> 8 AND b.block < e.seq >> 8)" \
    " + (SELECT count(*) FROM queue_entries w WHERE w.sale_id = s.id AND w.status = 'waiting'" \
    "  AND w.seq >= (e.seq >> 8) << 8 AND w.seq < e.seq) END"
#define POSITION_JOIN(user) \
    " LEFT JOIN queue_entries e ON e.sale_id = s.id AND e.seq =" \
    " (SELECT max(m.seq) FROM queue_entries m WHERE m.user_id = " user " AND m.sale_id = s.id)"
// clang-format on

enum position_column {
    POSITION_SALE_STATUS,
    POSITION_SALE_VERSION,
    POSITION_WAITING,
    POSITION_ENTRY,
    POSITION_SEQ,
    POSITION_STATUS,
    POSITION_CLAIM,
    POSITION_EXPIRES,
    POSITION_POSITION,
    POSITION_COLUMN_COUNT
};

extern struct statements position_statements;

/* Queries the user's place in a sale: `then` gets one row of POSITION_COLUMNS, or none if there is no such sale. */
MUST_CHECK bool position_query(struct pg *pg, const struct uuid *sale, const struct uuid *user, pg_callback then,
                               void *arg);
/* Reads a row. `first` is the number of its column POSITION_SALE_STATUS. */
void position_read(const PGresult *result, int row, int first, struct position *out);
/* Writes the members position, status and turnExpiresAt into the open object; null where there is none. */
void position_write(struct jsonw *json, const struct position *position);

#endif
