/*
 * rostrumctl verify and sale against flash sales in a real PostgreSQL: rows written by the rules show no difference,
 * and each way of tampering with them shows one. One sale was sold out, one is active with a line, one was cancelled,
 * one has not begun. Others were decided from random commands.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/sale_book.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/tables.h"
#include "tests/support/verifying.h"

enum {
    PRICE = 1000,
    TURN_MS = 100000,
    RESERVATION_MS = 200000,
    HOUR_MS = 3600000,
    RANDOM_SALES = 4,
    RANDOM_COMMANDS = 900,
    RANDOM_USERS = 60,
};

#define JOIN_MS  INT64_C(1577836800000) /* 2020 */
#define START_MS (JOIN_MS + HOUR_MS)
#define END_MS   (START_MS + HOUR_MS)
#define FAR_MS   INT64_C(4102444800000) /* an end in the year 2100, of sales that are still open */

enum { ADMIN = 1, ANN, BOB, CYD, DOT, EVE, BAN };

#define SOLD      "00000000-0000-7000-8000-00000000a001"
#define ACTIVE    "00000000-0000-7000-8000-00000000a002"
#define CANCELLED "00000000-0000-7000-8000-00000000a003"
#define UPCOMING  "00000000-0000-7000-8000-00000000a004"
#define RANDOM    "00000000-0000-7000-8000-00000000a005"
#define NONE      "00000000-0000-7000-8000-00000000a0ff"
#define OF_SOLD   " WHERE sale_id = '" SOLD "'"
#define OF_ACTIVE " WHERE sale_id = '" ACTIVE "'"

static struct sale_book book;

/* --- sales written by the rules --- */

static struct sale_terms terms(int64_t quantity, enum sale_payment payment, int64_t end_ms)
{
    return (struct sale_terms){.price = PRICE,
                               .quantity = quantity,
                               .per_user_limit = 2,
                               .join_ms = JOIN_MS,
                               .start_ms = START_MS,
                               .end_ms = end_ms,
                               .turn_ms = TURN_MS,
                               .reservation_ms = RESERVATION_MS,
                               .payment = payment};
}

static struct uuid send(enum sale_command_kind kind, int user, int64_t quantity, int64_t at_ms)
{
    return sale_book_send(&book, (struct sale_command){.kind = kind,
                                                       .user_id = user == 0 ? (struct uuid){{0}} : sale_book_user(user),
                                                       .quantity = quantity,
                                                       .banned = user == BAN,
                                                       .received_ms = at_ms});
}

static void send_about(enum sale_command_kind kind, int user, struct uuid order, int64_t at_ms)
{
    (void)sale_book_send(
        &book,
        (struct sale_command){.kind = kind, .user_id = sale_book_user(user), .order_id = order, .received_ms = at_ms});
}

static void pay(enum sale_command_kind kind, struct uuid order, int64_t amount, int64_t at_ms)
{
    (void)sale_book_send(&book, (struct sale_command){.kind = kind,
                                                      .paid = kind == SALE_COMMAND_CONFIRM,
                                                      .order_id = order,
                                                      .amount = amount,
                                                      .received_ms = at_ms});
}

/* The tampering below relies on these entries; the seq of each is in its comment. */
static void write_sold(void)
{
    struct sale_terms of = terms(2, SALE_PAYMENT_NONE, END_MS);
    sale_book_begin(&book, 1, &of);
    (void)send(SALE_COMMAND_JOIN, ANN, 1, JOIN_MS);                   /* 1 opens */
    (void)send(SALE_COMMAND_JOIN, BOB, 2, JOIN_MS + 1);               /* 2 */
    (void)send(SALE_COMMAND_JOIN, ANN, 1, JOIN_MS + 2);               /* 3 unchanged */
    (void)send(SALE_COMMAND_JOIN, CYD, 1, JOIN_MS + 3);               /* 4 */
    (void)send(SALE_COMMAND_JOIN, BAN, 1, JOIN_MS + 4);               /* 5 USER_BANNED */
    (void)send(SALE_COMMAND_START, 0, 0, START_MS);                   /* 6; 7 and 8: turns of ANN and BOB */
    struct uuid ann = send(SALE_COMMAND_ORDER, ANN, 1, START_MS + 1); /* 9 */
    (void)send(SALE_COMMAND_ORDER, CYD, 1, START_MS + 2);             /* 10 NOT_YOUR_TURN */
    send_about(SALE_COMMAND_CONFIRM, ANN, ann, START_MS + 3);         /* 11 */
    (void)send(SALE_COMMAND_EXPIRE, 0, 0, START_MS + TURN_MS);        /* 12 BOB's turn; 13: turn of CYD */
    int64_t later_ms = START_MS + TURN_MS;
    struct uuid cyd = send(SALE_COMMAND_ORDER, CYD, 1, later_ms + 1); /* 14 */
    send_about(SALE_COMMAND_CANCEL, CYD, cyd, later_ms + 2);          /* 15 */
    struct uuid dot = send(SALE_COMMAND_ORDER, DOT, 1, later_ms + 3); /* 16 */
    send_about(SALE_COMMAND_CONFIRM, DOT, dot, later_ms + 4);         /* 17 sold out */
    (void)send(SALE_COMMAND_JOIN, ANN, 1, later_ms + 5);              /* 18 SOLD_OUT */
    sale_book_write(&book, verifying.connection);
}

static void write_active(void)
{
    struct sale_terms of = terms(2, SALE_PAYMENT_CALLBACK, END_MS);
    struct sale_terms more = terms(3, SALE_PAYMENT_CALLBACK, END_MS);
    struct sale_command update = {.kind = SALE_COMMAND_UPDATE,
                                  .user_id = sale_book_user(ADMIN),
                                  .stale = true,
                                  .received_ms = JOIN_MS - 2,
                                  .terms = &more};
    int64_t paid_ms = START_MS + RESERVATION_MS;
    sale_book_begin(&book, 2, &of);
    (void)sale_book_send(&book, update); /* 1 VERSION_CONFLICT */
    update.stale = false;
    (void)sale_book_send(&book, update);                                           /* 2 */
    (void)sale_book_send(&book, (struct sale_command){.kind = SALE_COMMAND_EXTEND, /* 3 */
                                                      .user_id = sale_book_user(ADMIN),
                                                      .end_ms = FAR_MS,
                                                      .received_ms = JOIN_MS - 1});
    (void)send(SALE_COMMAND_JOIN, ANN, 1, START_MS);                  /* 4; 5: her turn */
    struct uuid ann = send(SALE_COMMAND_ORDER, ANN, 1, START_MS + 1); /* 6 */
    pay(SALE_COMMAND_CONFIRM, ann, PRICE + 1, START_MS + 2);          /* 7 WRONG_AMOUNT: a refund */
    (void)send(SALE_COMMAND_EXPIRE, 0, 0, paid_ms + 1);               /* 8 */
    pay(SALE_COMMAND_CONFIRM, ann, PRICE, paid_ms + 2);               /* 9 late, and confirmed */
    struct uuid bob = send(SALE_COMMAND_ORDER, BOB, 1, paid_ms + 3);  /* 10 */
    send_about(SALE_COMMAND_CANCEL, CYD, bob, paid_ms + 4);           /* 11 NOT_FOUND */
    pay(SALE_COMMAND_FAIL, bob, 0, paid_ms + 5);                      /* 12 */
    (void)send(SALE_COMMAND_JOIN, BOB, 1, paid_ms + 6);               /* 13; 14: his turn */
    (void)send(SALE_COMMAND_JOIN, CYD, 2, paid_ms + 7);               /* 15; 16: her turn, one unit */
    (void)send(SALE_COMMAND_JOIN, DOT, 1, paid_ms + 8);               /* 17 waits */
    (void)send(SALE_COMMAND_JOIN, EVE, 2, paid_ms + 9);               /* 18 waits */
    pay(SALE_COMMAND_CONFIRM, bob, PRICE, paid_ms + 10);              /* 19 refund due */
    struct uuid eve =
        sale_book_undecided(&book, (struct sale_command){.kind = SALE_COMMAND_ORDER, /* 20 INTERNAL_ERROR */
                                                         .user_id = sale_book_user(EVE),
                                                         .quantity = 1,
                                                         .received_ms = paid_ms + 11});
    send_about(SALE_COMMAND_CANCEL, EVE, eve, paid_ms + 12);                            /* 21 ORDER_CLOSED */
    (void)sale_book_undecided(&book, (struct sale_command){.kind = SALE_COMMAND_UPDATE, /* 22 without terms */
                                                           .user_id = sale_book_user(ADMIN),
                                                           .received_ms = paid_ms + 13});
    sale_book_write(&book, verifying.connection);
}

static void write_others(void)
{
    struct sale_terms of = terms(1, SALE_PAYMENT_NONE, END_MS);
    sale_book_begin(&book, 3, &of);
    (void)send(SALE_COMMAND_ORDER, ANN, 1, START_MS);       /* 1: starts it */
    (void)send(SALE_COMMAND_JOIN, BOB, 1, START_MS + 1);    /* 2 */
    (void)send(SALE_COMMAND_ABORT, ADMIN, 0, START_MS + 2); /* 3 */
    sale_book_write(&book, verifying.connection);

    of.join_ms = FAR_MS - 2;
    of.start_ms = FAR_MS - 1;
    of.end_ms = FAR_MS;
    sale_book_begin(&book, 4, &of);
    sale_book_write(&book, verifying.connection);
}

/* --- random sales --- */

static uint64_t random_state;

static int64_t random_below(int64_t end)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((random_state >> 33) % (uint64_t)end);
}

static void send_random(int64_t at_ms)
{
    static const enum sale_command_kind KINDS[] = {
        SALE_COMMAND_JOIN,  SALE_COMMAND_JOIN,    SALE_COMMAND_JOIN,    SALE_COMMAND_LEAVE,
        SALE_COMMAND_ORDER, SALE_COMMAND_ORDER,   SALE_COMMAND_ORDER,   SALE_COMMAND_EXPIRE,
        SALE_COMMAND_FAIL,  SALE_COMMAND_CONFIRM, SALE_COMMAND_CONFIRM, SALE_COMMAND_CANCEL,
    };
    struct sale_command command = {
        .kind = KINDS[random_below((int64_t)ARRAY_LEN(KINDS))],
        .user_id = sale_book_user((int)random_below(RANDOM_USERS) + BAN + 1),
        .quantity = random_below(3) + 1,
        .refused_ms = random_below(10) == 0 ? random_below(TURN_MS) : 0,
        .received_ms = at_ms,
    };
    bool about_order = command.kind == SALE_COMMAND_CONFIRM || command.kind == SALE_COMMAND_CANCEL ||
                       command.kind == SALE_COMMAND_FAIL;
    if (about_order && book.set.order_count > 0) {
        const struct sale_order *order = &book.set.orders[random_below((int64_t)book.set.order_count)];
        command.order_id = order->id;
        command.user_id = order->user_id;
        command.amount = order->total_price;
        command.paid = command.kind == SALE_COMMAND_CONFIRM && book.first.payment == SALE_PAYMENT_CALLBACK;
    }
    if (command.paid || command.kind == SALE_COMMAND_FAIL || command.kind == SALE_COMMAND_EXPIRE) {
        command.user_id = (struct uuid){{0}};
    }
    if (!command.paid) {
        command.amount = 0;
    }
    (void)sale_book_send(&book, command);
}

static void write_random(void)
{
    random_state = 20261122;
    for (int i = 0; i < RANDOM_SALES; i++) {
        bool paid = i % 2 == 1;
        struct sale_terms of = terms(15 + 100 * i, paid ? SALE_PAYMENT_CALLBACK : SALE_PAYMENT_NONE, FAR_MS);
        int64_t at_ms = START_MS;
        of.per_user_limit = 5;
        sale_book_begin(&book, (uint8_t)(5 + i), &of);
        for (int k = 0; k < RANDOM_COMMANDS; k++) {
            at_ms += random_below(k % 100 == 0 ? 2 * TURN_MS : 3000);
            send_random(at_ms);
        }
        sale_book_write(&book, verifying.connection);
    }
}

static void set_up(void)
{
    verifying_open("products, product_images, flash_sales, queue_entries, sale_line_blocks, orders, sale_ledger,"
                   " sale_terms, refunds");
    write_sold();
    write_active();
    write_others();
}

static void set_up_random(void)
{
    set_up();
    write_random();
}

/* --- the tests --- */

START_TEST(sales_written_by_the_rules_show_no_difference)
{
    verifying_expect(0, "4 sales, 43 entries: no difference", NULL);
    verifying_expect(0, "1 sales, 18 entries: no difference", SOLD);
    verifying_expect(0, "1 sales, 0 entries: no difference", UPCOMING);
    verifying_expect(1, "there is no auction or sale " NONE, NONE);
}
END_TEST

START_TEST(random_sales_with_several_pages_of_rows_show_no_difference)
{
    int64_t entries = sql_int(verifying.sql, "SELECT count(*) FROM sale_ledger", NULL);
    char due[SQL_TEXT_SIZE];
    (void)snprintf(due, sizeof(due), "8 sales, %lld entries: no difference", (long long)entries);
    ck_assert_int_gt(entries, 2000);
    ck_assert_int_gt(sql_int(verifying.sql, "SELECT count(*) FROM queue_entries WHERE status = 'waiting'", NULL), 0);
    ck_assert_int_gt(sql_int(verifying.sql, "SELECT count(DISTINCT block) FROM sale_line_blocks", NULL), 2);
    verifying_expect(0, due, NULL);
    PQclear(sql_rows(verifying.sql,
                     "UPDATE sale_line_blocks SET waiting = waiting + 1 WHERE block = 2 AND sale_id = '" RANDOM "'",
                     NULL));
    verifying_expect(1, "the number of places that wait in block 2 is", NULL);
}
END_TEST

static const struct tampering TAMPERINGS[] = {
    /* the sale's row */
    {"UPDATE flash_sales SET sold = 1 WHERE id = '" SOLD "'", "the number of sold units is 1, by the rules it is 2"},
    {"UPDATE flash_sales SET claimed = 1 WHERE id = '" ACTIVE "'", "the number of claimed units is 1, by the rules"},
    {"UPDATE flash_sales SET reserved = 1, claimed = 1 WHERE id = '" ACTIVE "'", "the number of reserved units is 1"},
    {"UPDATE flash_sales SET waiting = 3 WHERE id = '" ACTIVE "'", "the number of waiting places is 3, by the rules"},
    {"UPDATE flash_sales SET status = 'settled' WHERE id = '" SOLD "'",
     "its status is settled, by the rules it is sold"},
    {"UPDATE flash_sales SET status = 'active' WHERE id = '" UPCOMING "'",
     "its status is active, by the rules it is up"},
    {"UPDATE flash_sales SET price = 11.00 WHERE id = '" ACTIVE "'", "its price is 11.00, by the rules it is 10.00"},
    {"UPDATE flash_sales SET price = 11.00 WHERE id = '" SOLD "'", "the total price of order"},
    {"UPDATE flash_sales SET price = 'NaN' WHERE id = '" SOLD "'", "its terms are invalid"},
    {"UPDATE flash_sales SET quantity = 4 WHERE id = '" ACTIVE "'", "its quantity is 4, by the rules it is 3"},
    {"UPDATE flash_sales SET quantity = 3 WHERE id = '" SOLD "'", "its status is sold_out, by the rules it is active"},
    {"UPDATE flash_sales SET per_user_limit = 9 WHERE id = '" ACTIVE "'",
     "its limit per user is 9, by the rules it is"},
    {"UPDATE flash_sales SET join_time = join_time - interval '1 s' WHERE id = '" ACTIVE "'", "its join time is"},
    {"UPDATE flash_sales SET start_time = start_time - interval '1 s' WHERE id = '" ACTIVE "'", "its start time is"},
    {"UPDATE flash_sales SET end_time = end_time - interval '1 s' WHERE id = '" ACTIVE "'", "its end time is"},
    {"UPDATE flash_sales SET turn_s = 9 WHERE id = '" ACTIVE "'", "the time of a turn (ms) is 9000, by the rules"},
    {"UPDATE flash_sales SET turn_s = 9 WHERE id = '" SOLD "'", "the end of the turn of place 1 is"},
    {"UPDATE flash_sales SET reservation_s = 9 WHERE id = '" ACTIVE "'", "the time of a reservation (ms) is 9000"},
    {"UPDATE flash_sales SET payment = 'none' WHERE id = '" ACTIVE "'", "its payment is none, by the rules it is call"},
    {"UPDATE flash_sales SET payment = 'callback' WHERE id = '" SOLD "'", "its status is accepted, by the rules it is"},
    {"UPDATE flash_sales SET ledger_seq = 19 WHERE id = '" SOLD "'",
     "the number of its last entry is 19, by the rules"},
    {"UPDATE flash_sales SET decided_at = decided_at - interval '1 ms' WHERE id = '" SOLD "'", "its last decision is"},
    {"UPDATE flash_sales SET head_seq = 18 WHERE id = '" ACTIVE "'", "place 17 waits, but the line is read from 18"},
    {"DELETE FROM flash_sales WHERE id = '" SOLD "'", "the sale does not exist, but a place in its line does"},
    /* the ledger */
    {"DELETE FROM sale_ledger" OF_SOLD " AND seq = 18", "the number of its last entry is 18, by the rules it is 17"},
    {"DELETE FROM sale_ledger" OF_SOLD " AND seq = 10", "the entry before it is 9: the ledger has a gap"},
    {"DELETE FROM sale_ledger" OF_SOLD " AND seq = 10", "by the rules there is no order"},
    {"DELETE FROM sale_ledger" OF_SOLD " AND seq = 8", "1 turns before it are missing"},
    {"DELETE FROM sale_ledger" OF_SOLD " AND seq = 6", "a turn was granted that nobody has a right to"},
    {"DELETE FROM sale_ledger" OF_ACTIVE, "the number of its last entry is 22, by the rules it is 0"},
    {"UPDATE sale_ledger SET seq = 0" OF_SOLD " AND seq = 18", "the entry before it is 0: the ledger has a gap"},
    {"UPDATE sale_ledger SET status = 'accepted', reason = NULL" OF_SOLD " AND seq = 10",
     "its status is accepted, by the rules it is rejected"},
    {"UPDATE sale_ledger SET reason = 'NOT_IN_QUEUE'" OF_SOLD " AND seq = 10", "its reason is NOT_IN_QUEUE, by the"},
    {"UPDATE sale_ledger SET reason = 'NONSENSE'" OF_SOLD " AND seq = 10", "its kind or reason is unknown"},
    {"UPDATE sale_ledger SET reason = 'INTERNAL_ERROR'" OF_SOLD " AND seq = 10",
     "is NOT_YOUR_TURN, by the rules it is INTERNAL_ERROR"},
    {"UPDATE orders SET status = 'reserved', reason = NULL" OF_ACTIVE " AND seq = 20",
     "is reserved, by the rules it is"},
    {"DELETE FROM orders" OF_ACTIVE " AND seq = 20", "is missing"},
    {"UPDATE sale_ledger SET reason = 'SOLD_OUT'" OF_SOLD " AND seq = 5", "by the rules it is accepted"},
    {"UPDATE sale_ledger SET kind = 'leave'" OF_SOLD " AND seq = 3", "entry 3: its status is unchanged, by the rules"},
    {"UPDATE sale_ledger SET kind = 'turn', command_id = NULL" OF_SOLD " AND seq = 3", "that nobody has a right to"},
    {"UPDATE sale_ledger SET command_id = '" NONE "'" OF_SOLD " AND seq = 7", "the command of a turn is"},
    {"UPDATE sale_ledger SET command_id = '" NONE "'" OF_SOLD " AND seq = 1", "place 1 has another id or time than"},
    {"UPDATE sale_ledger SET command_id = '" NONE "', order_id = '" NONE "'" OF_SOLD " AND seq = 9",
     "the id of order " NONE " is"},
    {"UPDATE sale_ledger SET user_id = '" NONE "'" OF_SOLD " AND seq = 7", "entry 7: its user is"},
    {"UPDATE sale_ledger SET user_id = '" NONE "'" OF_SOLD " AND seq = 2", "the user of place 2 is"},
    {"UPDATE sale_ledger SET quantity = 2" OF_SOLD " AND seq = 8", "entry 8: its quantity is 2, by the rules it is 1"},
    {"UPDATE sale_ledger SET quantity = 2" OF_SOLD " AND seq = 12",
     "entry 12: its quantity is 2, by the rules it is 1"},
    {"UPDATE sale_ledger SET quantity = -5" OF_SOLD " AND seq = 1", "by the rules it is rejected"},
    {"UPDATE sale_ledger SET place = 4" OF_SOLD " AND seq = 8", "entry 8: its place is 4, by the rules it is 2"},
    {"UPDATE sale_ledger SET order_id = '" NONE "'" OF_SOLD " AND seq = 11", "by the rules it is rejected"},
    {"UPDATE sale_ledger SET order_id = '" NONE "'" OF_SOLD " AND seq = 9", "entry 9: its order is"},
    {"UPDATE sale_ledger SET amount = 10.00" OF_ACTIVE " AND seq = 7", "entry 7: its status is rejected, by the rules"},
    {"UPDATE sale_ledger SET amount = 'NaN'" OF_ACTIVE " AND seq = 9", "by the rules it is rejected"},
    {"UPDATE sale_ledger SET paid = false" OF_ACTIVE " AND seq = 9", "its status is accepted, by the rules it is rej"},
    {"UPDATE sale_ledger SET end_time = NULL" OF_ACTIVE " AND seq = 3", "its status is accepted, by the rules it is r"},
    {"UPDATE sale_ledger SET refused_ms = -1" OF_SOLD " AND seq = 9", "in which the deployment refused is impossible"},
    {"UPDATE sale_ledger SET refused_ms = 99" OF_SOLD " AND seq = 12", "without effect, and no entry"},
    {"UPDATE sale_ledger SET received_at = received_at + interval '1 h'" OF_SOLD " AND seq = 9", "by the rules it is"},
    {"UPDATE sale_ledger SET decided_at = decided_at - interval '1 h'" OF_SOLD " AND seq = 10",
     "entry 10: its time of decision is"},
    {"UPDATE sale_ledger SET decided_at = decided_at + interval '1 ms'" OF_SOLD " AND seq = 8",
     "entry 12: its status is accepted, by the rules it is without effect"},
    {"UPDATE sale_ledger SET command_id = (SELECT command_id FROM sale_ledger" OF_ACTIVE " AND seq = 1)"
     " WHERE sale_id = '" CANCELLED "' AND seq = 3",
     "has 2 decisions"},
    {"UPDATE sale_ledger SET sale_id = '" NONE "', reason = 'SOLD_OUT'" OF_SOLD " AND seq = 18",
     "the sale does not exist, but an entry of its ledger does"},
    /* hashes */
    {"UPDATE sale_ledger SET hash = sha256('')" OF_SOLD " AND seq = 18",
     "entry 18: its hash is not that of its columns and of the entry before"},
    {"UPDATE sale_ledger SET hash = ''" OF_SOLD " AND seq = 3", "entry 4: its hash is not that of its columns"},
    {"UPDATE sale_ledger SET hash_version = 2" OF_SOLD " AND seq = 3", "entry 3: its hash has version 2, which this"},
    {"UPDATE flash_sales SET ledger_hash = NULL WHERE id = '" SOLD "'", "its newest hash is none, by the rules it is"},
    {"UPDATE sale_ledger SET received_at = received_at + interval '1 ms'" OF_SOLD " AND seq = 5",
     "entry 5: its hash is not that of its columns and of the entry before"},
    /* terms */
    {"DELETE FROM sale_terms" OF_ACTIVE " AND id <> sale_id", "its new terms are missing"},
    {"UPDATE sale_terms SET join_time = '2019-01-01'" OF_ACTIVE " AND id = sale_id",
     "its reason is VERSION_CONFLICT, by the rules it is SALE_ALREADY_OPEN"},
    {"UPDATE sale_terms SET payment = 'gold'" OF_ACTIVE " AND id <> sale_id", "its new terms are missing or invalid"},
    {"UPDATE sale_terms SET quantity = 5" OF_ACTIVE " AND id <> sale_id", "its quantity is 3, by the rules it is 5"},
    {"UPDATE sale_terms SET quantity = 0" OF_ACTIVE " AND id = sale_id", "its terms are invalid, so its ledger"},
    /* places */
    {"DELETE FROM queue_entries" OF_SOLD " AND seq = 4", "place 4 is missing"},
    {"DELETE FROM queue_entries" OF_ACTIVE " AND seq = 18", "place 18 is missing"},
    {"INSERT INTO queue_entries SELECT sale_id, 9, id, '" NONE "', wanted, claim, status, turn_expires_at, joined_at"
     " FROM queue_entries" OF_SOLD " AND seq = 4",
     "by the rules there is no place 9"},
    {"UPDATE queue_entries SET user_id = '" NONE "'" OF_ACTIVE " AND seq = 17", "the user of place 17 is"},
    {"UPDATE queue_entries SET wanted = 9" OF_ACTIVE " AND seq = 17", "the wanted units of place 17 is 9, by the"},
    {"UPDATE queue_entries SET claim = 2" OF_ACTIVE " AND seq = 15",
     "the claim of place 15 is 2, by the rules it is 1"},
    {"UPDATE queue_entries SET status = 'left'" OF_ACTIVE " AND seq = 17", "the status of place 17 is left, by the"},
    {"UPDATE queue_entries SET turn_expires_at = NULL" OF_ACTIVE " AND seq = 15", "the end of the turn of place 15 is"},
    {"UPDATE queue_entries SET id = gen_random_uuid()" OF_ACTIVE " AND seq = 17", "place 17 has another id or time"},
    {"UPDATE queue_entries SET joined_at = joined_at - interval '1 s'" OF_ACTIVE " AND seq = 17", "or time than its"},
    /* orders */
    {"DELETE FROM orders" OF_SOLD " AND seq = 16", "is missing"},
    {"UPDATE orders SET seq = 15" OF_SOLD " AND seq = 16", "by the rules there is no order"},
    {"UPDATE orders SET user_id = '" NONE "'" OF_SOLD " AND seq = 16", "the user of order"},
    {"UPDATE orders SET quantity = 2" OF_SOLD " AND seq = 16", "the quantity of order"},
    {"UPDATE orders SET total_price = 1" OF_SOLD " AND seq = 16", "is 1.00, by the rules it is 10.00"},
    {"UPDATE orders SET status = 'confirmed'" OF_SOLD " AND seq = 14", "is confirmed, by the rules it is cancelled"},
    {"UPDATE orders SET status = 'refunded'" OF_SOLD " AND seq = 14", "is refund_due, by the rules it is cancelled"},
    {"UPDATE orders SET reason = 'SOLD_OUT'" OF_SOLD " AND seq = 10", "is SOLD_OUT, by the rules it is NOT_YOUR_TURN"},
    {"UPDATE orders SET expires_at = NULL" OF_SOLD " AND seq = 16", "the end of order"},
    {"UPDATE orders SET payment_id = NULL" OF_ACTIVE " AND seq = 6", "the payment of order"},
    {"UPDATE orders SET created_at = created_at - interval '1 s'" OF_SOLD " AND seq = 16", "has another time than its"},
    {"UPDATE orders SET status = 'refunded'" OF_ACTIVE " AND seq = 10", "is refunded, but its refund is still due"},
    /* the line and the refunds */
    {"UPDATE sale_line_blocks SET waiting = 1" OF_ACTIVE, "that wait in block 0 is 1, by the rules it is 2"},
    {"DELETE FROM sale_line_blocks" OF_ACTIVE, "that wait in block 0 is 0, by the rules it is 2"},
    {"UPDATE sale_line_blocks SET block = 1" OF_ACTIVE, "that wait in block 1 is 2, by the rules it is 0"},
    {"DELETE FROM refunds WHERE amount = 10.01", "its payment bought nothing, and no refund is kept"},
    {"UPDATE refunds SET amount = 10.02 WHERE amount = 10.01", "the amount of its refund is 10.02, by the rules it is"},
    {"INSERT INTO refunds SELECT gen_random_uuid(), sale_id, order_id, user_id, amount, reference, now() FROM refunds"
     " LIMIT 1",
     "which it does not have"},
    {"INSERT INTO refunds SELECT command_id, sale_id, order_id, user_id, amount, 'PAY', now() FROM "
     "sale_ledger" OF_ACTIVE " AND seq = 9",
     "a refund is kept for it, and none is due"},
};

START_TEST(each_way_of_tampering_shows_a_difference)
{
    (void)verifying_tamper(&TAMPERINGS[_i]);
}
END_TEST

START_TEST(a_sale_that_has_not_ended_in_time_is_a_difference)
{
    PQclear(sql_rows(verifying.sql,
                     "UPDATE flash_sales SET join_time = '2020-01-01', start_time = '2020-01-01', end_time = now() -"
                     " interval '70 s' WHERE id = '" UPCOMING "'",
                     NULL));
    verifying_expect(1, "it is upcoming, its end was due at", NULL);
}
END_TEST

START_TEST(refunds_that_an_admin_has_paid_are_no_difference)
{
    PQclear(sql_rows(verifying.sql, "UPDATE orders SET status = 'refunded' WHERE status = 'refund_due'", NULL));
    PQclear(sql_rows(verifying.sql, "UPDATE refunds SET refunded_at = now()", NULL));
    verifying_expect(0, "4 sales, 43 entries: no difference", NULL);
}
END_TEST

static void expect_sale(const char *id, const char *const *words, size_t count)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int code = deployment_ctl(out, sizeof(out), "sale", id, NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(strstr(out, words[i]) != NULL, "no \"%s\" in: %s", words[i], out);
    }
}

START_TEST(a_sale_is_printed_with_what_holds_units_and_its_ledger)
{
    static const char *const of_active[] = {"status           active",
                                            "claimed          2",
                                            "waiting          2",
                                            "turns: 2",
                                            "waiting: 2",
                                            "17  1  ",
                                            "undecided: 1",
                                            "refunds due: 2",
                                            "PAY  10.01",
                                            "confirm (paid)",
                                            "INTERNAL_ERROR"};
    static const char *const of_sold[] = {"status           sold_out", "free             0", "NOT_YOUR_TURN"};
    char out[DEPLOYMENT_OUTPUT_SIZE];
    PQclear(sql_rows(verifying.sql, "INSERT INTO sale_suspects VALUES ('" ACTIVE "', '" NONE "', 2)", NULL));
    expect_sale(ACTIVE, of_active, ARRAY_LEN(of_active));
    PQclear(sql_rows(verifying.sql, "DELETE FROM sale_suspects", NULL));
    expect_sale(SOLD, of_sold, ARRAY_LEN(of_sold));
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "sale", NONE, NULL), 1);
    ck_assert_msg(strstr(out, "there is no sale " NONE) != NULL, "%s", out);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "sale", "lamp", NULL), 2);
}
END_TEST

/* A reservation of a cancelled sale holds nothing. */
START_TEST(rows_of_a_sale_that_is_over_are_not_printed_as_holders_of_units)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "sale", CANCELLED, NULL), 0);
    ck_assert_msg(strstr(out, "reservations:") == NULL && strstr(out, "turns:") == NULL, "%s", out);
    ck_assert_msg(strstr(out, "abort") != NULL, "%s", out);
}
END_TEST

/* As the sale worker keeps it. */
START_TEST(an_order_of_a_sale_that_does_not_exist_is_no_difference)
{
    PQclear(sql_rows(verifying.sql,
                     "INSERT INTO sale_ledger (sale_id, seq, command_id, kind, status, reason, order_id, received_at,"
                     " decided_at, hash_version, hash) VALUES ('" NONE "', 1, '" NONE "', 'order', 'rejected',"
                     " 'NOT_FOUND', '" NONE "', now(), now(), 1, '')",
                     NULL));
    PQclear(sql_rows(verifying.sql,
                     "INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, reason, created_at,"
                     " updated_at) SELECT command_id, sale_id, seq, '" NONE "', 1, 0, 'rejected', reason, received_at,"
                     " received_at FROM sale_ledger WHERE reason = 'NOT_FOUND' AND kind = 'order'",
                     NULL));
    ck_assert_int_eq(sql_int(verifying.sql, "SELECT count(*) FROM orders WHERE user_id = '" NONE "'", NULL), 1);
    verifying_expect(0, "4 sales, 44 entries: no difference", NULL);
    PQclear(sql_rows(verifying.sql, "UPDATE orders SET status = 'reserved', reason = NULL WHERE sale_id = '" NONE "'",
                     NULL));
    verifying_expect(1, "the sale does not exist, but an order does", NULL);
}
END_TEST

START_TEST(the_watch_of_a_sale_that_is_over_ends_with_its_counters)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "watch", SOLD, NULL), 0);
    ck_assert_msg(strstr(out, "sold_out   free 0, claimed 0, reserved 0, sold 2, waiting 0\n") != NULL, "%s", out);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "watch", NONE, NULL), 1);
    ck_assert_msg(strstr(out, "there is no auction or sale " NONE) != NULL, "%s", out);
}
END_TEST

static Suite *sale_verify_suite(void)
{
    Suite *suite = suite_create("sale_verify");
    TCase *tcase = tcase_create("sales");
    TCase *random = tcase_create("random sales");
    tcase_add_checked_fixture(tcase, set_up, verifying_close);
    tcase_add_test(tcase, sales_written_by_the_rules_show_no_difference);
    tcase_add_loop_test(tcase, each_way_of_tampering_shows_a_difference, 0, (int)ARRAY_LEN(TAMPERINGS));
    tcase_add_test(tcase, a_sale_that_has_not_ended_in_time_is_a_difference);
    tcase_add_test(tcase, refunds_that_an_admin_has_paid_are_no_difference);
    tcase_add_test(tcase, a_sale_is_printed_with_what_holds_units_and_its_ledger);
    tcase_add_test(tcase, rows_of_a_sale_that_is_over_are_not_printed_as_holders_of_units);
    tcase_add_test(tcase, an_order_of_a_sale_that_does_not_exist_is_no_difference);
    tcase_add_test(tcase, the_watch_of_a_sale_that_is_over_ends_with_its_counters);
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(random, set_up_random, verifying_close);
    tcase_add_test(random, random_sales_with_several_pages_of_rows_show_no_difference);
    suite_add_tcase(suite, random);
    return suite;
}

int main(void)
{
    tables_make("sale_verify_test");
    int code = suite_run(sale_verify_suite());
    tables_drop();
    return code;
}
