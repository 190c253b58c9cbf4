/*
 * The members of a flash sale that commands change. The table has their names in JSON, and where they are in a struct
 * sale_snapshot. Its order is that of their columns and of the text in Redis. It is the only list of them: whatever
 * reads, writes or shows a sale goes through it.
 *
 * Callers: sale_snapshot.c, saleworker/rows.c, gateway/sale/sale_view.c, gateway/sale/sale_terms.c.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_SALE_MEMBERS_H
#define ROSTRUM_COMMON_PROTOCOL_SALE_MEMBERS_H

#include "common/io/pg.h"
#include "common/rules/sale_set.h"

struct sale_snapshot {
    struct uuid sale_id;
    int64_t version;  /* flash_sales.version */
    int64_t head_seq; /* no place with a lower seq waits */
    struct sale sale;
    bool updating; /* an UPDATE may be queued; only as a gateway reads it from PostgreSQL, never in Redis */
};

/* In the order of the columns. Those of the terms are adjacent, and so are those from the price to `waiting`. */
enum sale_member {
    SALE_MEMBER_VERSION,
    SALE_MEMBER_HEAD,
    SALE_MEMBER_PRICE,
    SALE_MEMBER_QUANTITY,
    SALE_MEMBER_LIMIT,
    SALE_MEMBER_JOIN,
    SALE_MEMBER_START,
    SALE_MEMBER_END,
    SALE_MEMBER_TURN,
    SALE_MEMBER_RESERVATION,
    SALE_MEMBER_PAYMENT,
    SALE_MEMBER_STATUS,
    SALE_MEMBER_CLAIMED,
    SALE_MEMBER_RESERVED,
    SALE_MEMBER_SOLD,
    SALE_MEMBER_WAITING,
    SALE_MEMBER_LEDGER_SEQ,
    SALE_MEMBER_DECIDED,
    SALE_MEMBER_COUNT
};

/* The terms are those from the price on. */
enum { SALE_MEMBER_TERMS_COUNT = SALE_MEMBER_PAYMENT - SALE_MEMBER_PRICE + 1 };

enum sale_member_type {
    SALE_MEMBER_NUMBER,
    SALE_MEMBER_MONEY,
    SALE_MEMBER_SECONDS, /* of the column and in JSON; the member has milliseconds */
    SALE_MEMBER_TIME,
    SALE_MEMBER_WORD, /* status and payment */
};

struct sale_member_of {
    const char *name; /* in JSON; NULL: not shown */
    enum sale_member_type type;
    size_t offset; /* of the int64_t in a struct sale_snapshot; unused by a word */
};

extern const struct sale_member_of sale_members[SALE_MEMBER_COUNT];

/* The member, unless it is a word. */
int64_t *sale_member(struct sale_snapshot *snapshot, enum sale_member member);
int64_t sale_member_value(const struct sale_snapshot *snapshot, enum sale_member member);
/* The text of a word. */
const char *sale_member_text(const struct sale_snapshot *snapshot, enum sale_member member);
/* Parses it; false if it is unknown. */
MUST_CHECK bool sale_member_parse(struct sale_snapshot *snapshot, enum sale_member member, const char *text);
/* Reads `count` members, from `first` on, from columns that begin at `column`. False if a word is unknown. */
MUST_CHECK bool sale_members_read(struct sale_snapshot *snapshot, enum sale_member first, size_t count,
                                  const PGresult *result, int row, int column);

#endif
