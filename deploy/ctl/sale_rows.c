/*
 * See sale_rows.h.
 */
#include "deploy/ctl/sale_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deploy/ctl/store.h"

enum { BLOCK_SEQS = 256 /* numbers of a block: schema/0025-flash-sales.sql */, WHAT_SIZE = 96 };

enum place_column {
    PLACE_SALE,
    PLACE_SEQ,
    PLACE_USER,
    PLACE_WANTED,
    PLACE_CLAIM,
    PLACE_STATUS,
    PLACE_EXPIRES_MS,
    PLACE_OF_JOIN,
};

enum order_column {
    ORDER_SALE,
    ORDER_SEQ,
    ORDER_ID,
    ORDER_USER,
    ORDER_QUANTITY,
    ORDER_TOTAL_PRICE,
    ORDER_STATUS,
    ORDER_REASON,
    ORDER_EXPIRES_MS,
    ORDER_PAYMENT,
    ORDER_RECEIVED,
    ORDER_UNDECIDED,
};

enum block_column {
    BLOCK_SALE,
    BLOCK_NUMBER,
    BLOCK_WAITING,
};

const struct stream_query SALE_ROWS_PLACES = {
    .name = "places_seen",
    .columns = "q.sale_id, q.seq, q.user_id, q.wanted, q.claim, q.status, " STORE_MS(
        "q.turn_expires_at") ", q.id IS NOT DISTINCT FROM l.command_id AND q.joined_at IS NOT DISTINCT FROM "
                             "l.received_at",
    .tables = "queue_entries q LEFT JOIN sale_ledger l ON l.sale_id = q.sale_id AND l.seq = q.seq",
    .id_column = "q.sale_id",
    .order = "q.sale_id, q.seq",
};

const struct stream_query SALE_ROWS_ORDERS = {
    .name = "orders_seen",
    .columns = "o.sale_id, o.seq, o.id, o.user_id, o.quantity, o.total_price, o.status, o.reason, " STORE_MS(
        "o.expires_at") ", o.payment_id, o.created_at IS NOT DISTINCT FROM l.received_at,"
                        " o.status = 'rejected' AND o.reason = l.reason AND l.command_id = o.id"
                        " AND l.reason IN ('INTERNAL_ERROR', 'NOT_FOUND')",
    .tables = "orders o LEFT JOIN sale_ledger l ON l.sale_id = o.sale_id AND l.seq = o.seq",
    .id_column = "o.sale_id",
    .order = "o.sale_id, o.seq",
};

const struct stream_query SALE_ROWS_BLOCKS = {
    .name = "blocks_seen",
    .columns = "b.sale_id, b.block, b.waiting",
    .tables = "sale_line_blocks b",
    .id_column = "b.sale_id",
    .order = "b.sale_id, b.block",
};

struct sale_rows sale_rows_begin(struct sale_replay *replay)
{
    return (struct sale_rows){.replay = replay};
}

/* The name of a value in a sentence: "the claim of place 12". */
struct what {
    char text[WHAT_SIZE];
};

static struct what of_place(const char *value, int64_t seq)
{
    struct what what;
    (void)snprintf(what.text, sizeof what.text, "the %s of place %" PRId64, value, seq);
    return what;
}

static struct what of_order(const char *value, const struct uuid *id)
{
    struct what what;
    (void)snprintf(what.text, sizeof what.text, "the %s of order %s", value, format_id(id).text);
    return what;
}

/* --- places --- */

/* Reports those of the rules before `seq`. */
static void skip_places(struct sale_rows *rows, int64_t seq)
{
    const struct sale_set *set = &rows->replay->set;
    for (; rows->places < set->entry_count && set->entries[rows->places].seq < seq; rows->places++) {
        differ(&rows->replay->found, 0, "place %" PRId64 " is missing", set->entries[rows->places].seq);
    }
}

static void compare_place(struct sale_rows *rows, const PGresult *result, int row, const struct sale_entry *due)
{
    struct differences *found = &rows->replay->found;
    differ_id(found, 0, of_place("user", due->seq).text, pg_uuid(result, row, PLACE_USER), due->user_id);
    differ_number(found, 0, of_place("wanted units", due->seq).text, pg_int(result, row, PLACE_WANTED), due->wanted);
    differ_number(found, 0, of_place("claim", due->seq).text, pg_int(result, row, PLACE_CLAIM), due->claim);
    differ_text(found, 0, of_place("status", due->seq).text, pg_text(result, row, PLACE_STATUS),
                sale_entry_text(due->status));
    differ_time(found, 0, of_place("end of the turn", due->seq).text, pg_int(result, row, PLACE_EXPIRES_MS),
                due->expires_ms);
    if (!pg_bool(result, row, PLACE_OF_JOIN)) {
        differ(found, 0, "place %" PRId64 " has another id or time than its join", due->seq);
    }
}

void sale_rows_place(struct sale_rows *rows, const PGresult *result, int row)
{
    int64_t seq = pg_int(result, row, PLACE_SEQ);
    const struct sale_set *set = &rows->replay->set;
    if (!rows->replay->readable) {
        return;
    }
    skip_places(rows, seq);
    if (rows->places == set->entry_count || set->entries[rows->places].seq != seq) {
        differ(&rows->replay->found, 0, "by the rules there is no place %" PRId64, seq);
        return;
    }
    compare_place(rows, result, row, &set->entries[rows->places]);
    rows->places++;
}

/* --- orders --- */

static void skip_orders(struct sale_rows *rows, int64_t seq)
{
    const struct sale_set *set = &rows->replay->set;
    for (; rows->orders < set->order_count && set->orders[rows->orders].seq < seq; rows->orders++) {
        differ(&rows->replay->found, 0, "order %s is missing", format_id(&set->orders[rows->orders].id).text);
    }
}

/* An admin has marked the money as returned. */
static const char *order_status(const PGresult *result, int row)
{
    const char *stored = pg_text(result, row, ORDER_STATUS);
    return strcmp(stored, sale_order_text(SALE_ORDER_REFUNDED)) == 0 ? sale_order_text(SALE_ORDER_REFUND_DUE) : stored;
}

static void compare_order(struct sale_rows *rows, const PGresult *result, int row, const struct sale_order *due)
{
    struct differences *found = &rows->replay->found;
    const struct uuid *id = &due->id;
    differ_id(found, 0, of_order("id", id).text, pg_uuid(result, row, ORDER_ID), *id);
    differ_id(found, 0, of_order("user", id).text, pg_uuid(result, row, ORDER_USER), due->user_id);
    differ_number(found, 0, of_order("quantity", id).text, pg_int(result, row, ORDER_QUANTITY), due->quantity);
    differ_money(found, 0, of_order("total price", id).text, store_money(result, row, ORDER_TOTAL_PRICE),
                 due->total_price);
    differ_text(found, 0, of_order("status", id).text, order_status(result, row), sale_order_text(due->status));
    differ_text(found, 0, of_order("reason", id).text, pg_text(result, row, ORDER_REASON),
                sale_reason_text(due->reason));
    differ_time(found, 0, of_order("end", id).text, pg_int(result, row, ORDER_EXPIRES_MS), due->expires_ms);
    differ_id(found, 0, of_order("payment", id).text, pg_uuid(result, row, ORDER_PAYMENT), due->payment_id);
    if (!pg_bool(result, row, ORDER_RECEIVED)) {
        differ(found, 0, "order %s has another time than its command", format_id(id).text);
    }
}

bool sale_rows_order_rejected(const PGresult *result, int row)
{
    return pg_bool(result, row, ORDER_UNDECIDED);
}

void sale_rows_order(struct sale_rows *rows, const PGresult *result, int row)
{
    int64_t seq = pg_int(result, row, ORDER_SEQ);
    const struct sale_set *set = &rows->replay->set;
    const struct uuid id = pg_uuid(result, row, ORDER_ID);
    if (!rows->replay->readable) {
        return;
    }
    skip_orders(rows, seq);
    if (rows->orders < set->order_count && set->orders[rows->orders].seq == seq) {
        compare_order(rows, result, row, &set->orders[rows->orders]);
        rows->orders++;
    } else if (!sale_rows_order_rejected(result, row)) {
        differ(&rows->replay->found, 0, "by the rules there is no order %s", format_id(&id).text);
    }
}

/* --- blocks of the line --- */

static int64_t count_block(struct sale_rows *rows, int64_t block)
{
    const struct sale_set *set = &rows->replay->set;
    int64_t waiting = 0;
    for (; rows->line < set->entry_count && set->entries[rows->line].seq / BLOCK_SEQS == block; rows->line++) {
        waiting += set->entries[rows->line].status == SALE_ENTRY_WAITING;
    }
    return waiting;
}

static void compare_block(struct sale_rows *rows, int64_t block, int64_t stored)
{
    char what[WHAT_SIZE];
    (void)snprintf(what, sizeof what, "the number of places that wait in block %" PRId64, block);
    differ_number(&rows->replay->found, 0, what, stored, count_block(rows, block));
}

/* Blocks without a row count nobody. */
static void skip_blocks(struct sale_rows *rows, int64_t block)
{
    const struct sale_set *set = &rows->replay->set;
    while (rows->line < set->entry_count && set->entries[rows->line].seq / BLOCK_SEQS < block) {
        compare_block(rows, set->entries[rows->line].seq / BLOCK_SEQS, 0);
    }
}

void sale_rows_block(struct sale_rows *rows, const PGresult *result, int row)
{
    int64_t block = pg_int(result, row, BLOCK_NUMBER);
    if (rows->replay->readable && !sale_over(&rows->replay->set.sale)) {
        skip_blocks(rows, block);
        compare_block(rows, block, pg_int(result, row, BLOCK_WAITING));
    }
}

void sale_rows_end(struct sale_rows *rows)
{
    if (rows->replay->readable) {
        skip_places(rows, INT64_MAX);
        skip_orders(rows, INT64_MAX);
        if (!sale_over(&rows->replay->set.sale)) {
            skip_blocks(rows, INT64_MAX);
        }
    }
}
