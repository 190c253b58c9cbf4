/*
 * See sale_members.h.
 */
#include "common/protocol/sale_members.h"

#include <assert.h>
#include <stddef.h>

enum { SECOND_MS = 1000 };

#define OF(member) offsetof(struct sale_snapshot, member)

const struct sale_member_of sale_members[SALE_MEMBER_COUNT] = {
    [SALE_MEMBER_VERSION] = {"version", SALE_MEMBER_NUMBER, OF(version)},
    [SALE_MEMBER_HEAD] = {NULL, SALE_MEMBER_NUMBER, OF(head_seq)},
    [SALE_MEMBER_PRICE] = {"flashPrice", SALE_MEMBER_MONEY, OF(sale.terms.price)},
    [SALE_MEMBER_QUANTITY] = {"quantityAvailable", SALE_MEMBER_NUMBER, OF(sale.terms.quantity)},
    [SALE_MEMBER_LIMIT] = {"perUserLimit", SALE_MEMBER_NUMBER, OF(sale.terms.per_user_limit)},
    [SALE_MEMBER_JOIN] = {"joinTime", SALE_MEMBER_TIME, OF(sale.terms.join_ms)},
    [SALE_MEMBER_START] = {"startTime", SALE_MEMBER_TIME, OF(sale.terms.start_ms)},
    [SALE_MEMBER_END] = {"endTime", SALE_MEMBER_TIME, OF(sale.terms.end_ms)},
    [SALE_MEMBER_TURN] = {"turnSeconds", SALE_MEMBER_SECONDS, OF(sale.terms.turn_ms)},
    [SALE_MEMBER_RESERVATION] = {"reservationSeconds", SALE_MEMBER_SECONDS, OF(sale.terms.reservation_ms)},
    [SALE_MEMBER_PAYMENT] = {"payment", SALE_MEMBER_WORD, 0},
    [SALE_MEMBER_STATUS] = {"status", SALE_MEMBER_WORD, 0},
    [SALE_MEMBER_CLAIMED] = {"claimed", SALE_MEMBER_NUMBER, OF(sale.claimed)},
    [SALE_MEMBER_RESERVED] = {"reserved", SALE_MEMBER_NUMBER, OF(sale.reserved)},
    [SALE_MEMBER_SOLD] = {"sold", SALE_MEMBER_NUMBER, OF(sale.sold)},
    [SALE_MEMBER_WAITING] = {"waiting", SALE_MEMBER_NUMBER, OF(sale.waiting)},
    [SALE_MEMBER_LEDGER_SEQ] = {NULL, SALE_MEMBER_NUMBER, OF(sale.ledger_seq)},
    [SALE_MEMBER_DECIDED] = {"updatedAt", SALE_MEMBER_TIME, OF(sale.decided_ms)},
};

int64_t *sale_member(struct sale_snapshot *snapshot, enum sale_member member)
{
    assert(sale_members[member].type != SALE_MEMBER_WORD);
    return (int64_t *)(void *)((char *)snapshot + sale_members[member].offset);
}

int64_t sale_member_value(const struct sale_snapshot *snapshot, enum sale_member member)
{
    assert(sale_members[member].type != SALE_MEMBER_WORD);
    return *(const int64_t *)(const void *)((const char *)snapshot + sale_members[member].offset);
}

const char *sale_member_text(const struct sale_snapshot *snapshot, enum sale_member member)
{
    assert(sale_members[member].type == SALE_MEMBER_WORD);
    return member == SALE_MEMBER_STATUS ? sale_status_text(snapshot->sale.status)
                                        : sale_payment_text(snapshot->sale.terms.payment);
}

bool sale_member_parse(struct sale_snapshot *snapshot, enum sale_member member, const char *text)
{
    assert(sale_members[member].type == SALE_MEMBER_WORD);
    return member == SALE_MEMBER_STATUS ? sale_status_parse(text, &snapshot->sale.status)
                                        : sale_payment_parse(text, &snapshot->sale.terms.payment);
}

bool sale_members_read(struct sale_snapshot *snapshot, enum sale_member first, size_t count, const PGresult *result,
                       int row, int column)
{
    bool known = true;
    for (size_t i = 0; i < count; i++, column++) {
        enum sale_member member = first + i;
        switch (sale_members[member].type) {
        case SALE_MEMBER_NUMBER:
        case SALE_MEMBER_TIME:
            *sale_member(snapshot, member) = pg_int(result, row, column);
            break;
        case SALE_MEMBER_MONEY:
            *sale_member(snapshot, member) = pg_money(result, row, column);
            break;
        case SALE_MEMBER_SECONDS:
            *sale_member(snapshot, member) = pg_int(result, row, column) * SECOND_MS;
            break;
        case SALE_MEMBER_WORD:
            known = sale_member_parse(snapshot, member, pg_text(result, row, column)) && known;
            break;
        }
    }
    return known;
}
