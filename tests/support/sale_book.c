/*
 * See sale_book.h.
 */
#include "tests/support/sale_book.h"

#include <string.h>

#include "common/protocol/sale_hash.h"
#include "common/rules/sale_check.h"
#include "tests/support/suite.h"
#include "tests/support/values.h"

enum { MS_PER_S = 1000, BLOCK_SEQS = 256 };

struct uuid sale_book_user(int number)
{
    struct uuid id = {.bytes = {[6] = 0x70, [8] = 0x80, [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number}};
    return id;
}

void sale_book_begin(struct sale_book *book, uint8_t number, const struct sale_terms *terms)
{
    struct sale sale = {.terms = *terms};
    *book = (struct sale_book){.id = {.bytes = {[6] = 0x70, [8] = 0x80, [14] = 0xa0, [15] = number}}, .first = *terms};
    ck_assert(sale_terms_valid(terms));
    sale_set_begin(&book->set, &sale, 0, true);
}

static struct uuid next_id(struct sale_book *book)
{
    size_t number = ++book->commands;
    return (struct uuid){.bytes = {[6] = 0x70,
                                   [8] = 0x80,
                                   [12] = book->id.bytes[15],
                                   [13] = 0xc0,
                                   [14] = (uint8_t)(number >> 8),
                                   [15] = (uint8_t)number}};
}

static void begin_command(struct sale_book *book, struct sale_command *command)
{
    if (uuid_is_nil(&command->id)) {
        command->id = next_id(book);
    }
    sale_set_written(&book->set, command->received_ms);
    bool ready = sale_set_ready(&book->set, 1);
    ck_assert(ready);
}

static void keep_rows(struct sale_book *book)
{
    ck_assert_uint_le(book->row_count + book->set.row_count, SALE_BOOK_ROWS_MAX);
    memcpy(&book->rows[book->row_count], book->set.rows, book->set.row_count * sizeof *book->rows);
    book->row_count += book->set.row_count;
}

struct uuid sale_book_send(struct sale_book *book, struct sale_command command)
{
    begin_command(book, &command);
    if (command.kind == SALE_COMMAND_UPDATE) {
        ck_assert_uint_lt(book->update_count, SALE_BOOK_UPDATES_MAX);
        book->updates[book->update_count].id = command.id;
        book->updates[book->update_count].terms = *command.terms;
        book->update_count++;
    }
    struct sale_decision decision = sale_decide(&book->set, &command);
    if (decision.refund_due || decision.payment_unused) {
        ck_assert_uint_lt(book->refund_count, SALE_BOOK_REFUNDS_MAX);
        book->refunds[book->refund_count++] = book->row_count;
    }
    keep_rows(book);
    book->changed = book->changed || (decision.verdict == SALE_VERDICT_ACCEPTED &&
                                      (command.kind == SALE_COMMAND_UPDATE || command.kind == SALE_COMMAND_EXTEND ||
                                       command.kind == SALE_COMMAND_CLOSE));
    const char *violated = sale_check(&book->set);
    ck_assert_msg(violated == NULL, "%s", violated);
    return command.id;
}

struct uuid sale_book_undecided(struct sale_book *book, struct sale_command command)
{
    begin_command(book, &command);
    if (command.kind == SALE_COMMAND_ORDER) {
        const struct sale_order order = {.id = command.id,
                                         .seq = book->set.sale.ledger_seq + 1,
                                         .user_id = command.user_id,
                                         .quantity = command.quantity,
                                         .status = SALE_ORDER_REJECTED,
                                         .reason = SALE_REASON_INTERNAL_ERROR};
        (void)sale_set_new_order(&book->set, &order);
    }
    sale_set_new_row(&book->set,
                     (struct sale_row){.command_id = command.id,
                                       .kind = command.kind,
                                       .verdict = SALE_VERDICT_REJECTED,
                                       .reason = SALE_REASON_INTERNAL_ERROR,
                                       .user_id = command.user_id,
                                       .quantity = command.quantity,
                                       .order_id = command.kind == SALE_COMMAND_ORDER ? command.id : command.order_id,
                                       .received_ms = command.received_ms});
    keep_rows(book);
    return command.id;
}

/* --- rows --- */

static void put_terms(struct values *values, const struct sale_terms *terms)
{
    values_money(values, terms->price);
    values_int(values, terms->quantity);
    values_int(values, terms->per_user_limit);
    values_time(values, terms->join_ms);
    values_time(values, terms->start_ms);
    values_time(values, terms->end_ms);
    values_int(values, terms->turn_ms / MS_PER_S);
    values_int(values, terms->reservation_ms / MS_PER_S);
    values_text(values, sale_payment_text(terms->payment));
}

static void put_place(struct values *values, int64_t seq)
{
    if (seq == 0) {
        values_text(values, NULL);
    } else {
        values_int(values, seq);
    }
}

static void put_time(struct values *values, int64_t ms)
{
    if (ms == 0) {
        values_text(values, NULL);
    } else {
        values_time(values, ms);
    }
}

static void put_reason(struct values *values, enum sale_reason reason)
{
    values_text(values, reason == SALE_REASON_NONE ? NULL : sale_reason_text(reason));
}

static void write_sale(struct sale_book *book, PGconn *connection)
{
    const struct sale *sale = &book->set.sale;
    struct values values = {.count = 0};
    struct uuid admin = sale_book_user(1);
    values_id(&values, &book->id);
    values_id(&values, &admin);
    put_terms(&values, &sale->terms);
    values_text(&values, sale_status_text(sale->status));
    values_int(&values, sale->claimed);
    values_int(&values, sale->reserved);
    values_int(&values, sale->sold);
    values_int(&values, sale->waiting);
    values_int(&values, sale->ledger_seq);
    put_time(&values, sale->decided_ms);
    values_text(&values, book->hash[0] == '\0' ? NULL : book->hash);
    values_run(
        connection,
        "WITH product AS (INSERT INTO products (id, name, base_price, created_by, created_at, updated_at)"
        " VALUES ($1, 'A lamp', 99.00, $2, now(), now()))"
        " INSERT INTO flash_sales (id, product_id, created_by, price, quantity, per_user_limit, join_time,"
        " start_time, end_time, turn_s, reservation_s, payment, status, claimed, reserved, sold, waiting,"
        " ledger_seq, decided_at, ledger_hash, created_at, updated_at) VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8,"
        " $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, decode($19, 'hex'), now(), now())",
        &values);
}

static void write_terms(const struct sale_book *book, const struct uuid *id, const struct sale_terms *terms,
                        PGconn *connection)
{
    struct values values = {.count = 0};
    values_id(&values, &book->id);
    values_id(&values, id);
    put_terms(&values, terms);
    values_run(connection,
               "INSERT INTO sale_terms (sale_id, id, price, quantity, per_user_limit, join_time, start_time, end_time,"
               " turn_s, reservation_s, payment, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
               " now())",
               &values);
}

static void write_entry(struct sale_book *book, const struct sale_row *row, PGconn *connection)
{
    struct values values = {.count = 0};
    values_id(&values, &book->id);
    values_int(&values, row->seq);
    values_id(&values, &row->command_id);
    values_text(&values, sale_ledger_text(row->kind));
    values_text(&values, sale_verdict_text(row->verdict));
    put_reason(&values, row->reason);
    values_bool(&values, row->paid);
    values_id(&values, &row->user_id);
    values_int(&values, row->quantity);
    put_place(&values, row->place);
    values_id(&values, &row->order_id);
    values_money(&values, row->amount);
    put_time(&values, row->end_ms);
    values_int(&values, row->refused_ms);
    values_time(&values, row->received_ms);
    values_time(&values, row->decided_ms);
    sale_hash(book->hash, &book->id, row, book->hash);
    values_text(&values, SALE_HASH_VERSION_TEXT);
    values_text(&values, book->hash);
    values_run(
        connection,
        "INSERT INTO sale_ledger (sale_id, seq, command_id, kind, status, reason, paid, user_id, quantity,"
        " place, order_id, amount, end_time, refused_ms, received_at, decided_at, hash_version, hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, decode($18, 'hex'))",
        &values);
}

static void write_place(const struct sale_book *book, const struct sale_entry *entry, PGconn *connection)
{
    const struct sale_row *join = &book->rows[entry->seq - 1];
    struct values values = {.count = 0};
    values_id(&values, &book->id);
    values_int(&values, entry->seq);
    values_id(&values, &join->command_id);
    values_id(&values, &entry->user_id);
    values_int(&values, entry->wanted);
    values_int(&values, entry->claim);
    values_text(&values, sale_entry_text(entry->status));
    put_time(&values, entry->expires_ms);
    values_time(&values, join->received_ms);
    values_run(
        connection,
        "INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, claim, status, turn_expires_at, joined_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &values);
}

static void write_order(const struct sale_book *book, const struct sale_order *order, PGconn *connection)
{
    struct values values = {.count = 0};
    values_id(&values, &order->id);
    values_id(&values, &book->id);
    values_int(&values, order->seq);
    values_id(&values, &order->user_id);
    values_int(&values, order->quantity);
    values_money(&values, order->total_price);
    values_text(&values, sale_order_text(order->status));
    put_reason(&values, order->reason);
    put_time(&values, order->expires_ms);
    values_id(&values, &order->payment_id);
    values_time(&values, book->rows[order->seq - 1].received_ms);
    values_run(connection,
               "INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, reason, expires_at,"
               " payment_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, coalesce($6::numeric, 0), $7, $8, $9,"
               " $10, $11, $11)",
               &values);
}

static void write_refund(const struct sale_book *book, const struct sale_row *row, PGconn *connection)
{
    struct values values = {.count = 0};
    values_id(&values, &row->command_id);
    values_id(&values, &book->id);
    values_id(&values, &row->order_id);
    values_id(&values, &row->user_id);
    values_money(&values, row->amount);
    values_run(connection,
               "INSERT INTO refunds (id, sale_id, order_id, user_id, amount, reference, created_at)"
               " VALUES ($1, $2, $3, $4, $5, 'PAY', now())",
               &values);
}

static void write_line(const struct sale_book *book, PGconn *connection)
{
    struct values values = {.count = 0};
    values_id(&values, &book->id);
    values_int(&values, BLOCK_SEQS);
    values_run(connection,
               "INSERT INTO sale_line_blocks (sale_id, block, waiting) SELECT sale_id, seq / $2::bigint,"
               " count(*) FILTER (WHERE status = 'waiting') FROM queue_entries WHERE sale_id = $1 GROUP BY 1, 2",
               &values);
    values.count = 1;
    values_run(connection,
               "UPDATE flash_sales SET head_seq = coalesce((SELECT min(seq) FROM queue_entries WHERE sale_id = $1"
               " AND status = 'waiting'), ledger_seq + 1) WHERE id = $1",
               &values);
}

void sale_book_write(struct sale_book *book, PGconn *connection)
{
    PQclear(PQexec(connection, "BEGIN"));
    if (book->changed) {
        write_terms(book, &book->id, &book->first, connection);
    }
    for (size_t i = 0; i < book->update_count; i++) {
        write_terms(book, &book->updates[i].id, &book->updates[i].terms, connection);
    }
    for (size_t i = 0; i < book->row_count; i++) {
        write_entry(book, &book->rows[i], connection);
    }
    write_sale(book, connection);
    for (size_t i = 0; i < book->set.entry_count; i++) {
        write_place(book, &book->set.entries[i], connection);
    }
    for (size_t i = 0; i < book->set.order_count; i++) {
        write_order(book, &book->set.orders[i], connection);
    }
    for (size_t i = 0; i < book->refund_count; i++) {
        write_refund(book, &book->rows[book->refunds[i]], connection);
    }
    write_line(book, connection);
    PQclear(PQexec(connection, "COMMIT"));
    sale_set_free(&book->set);
}
