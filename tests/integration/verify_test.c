/*
 * rostrumctl verify against ledgers in a real PostgreSQL: a ledger written by the rules shows no difference, and each
 * way of tampering with it shows one. The ledger holds every kind of entry. One auction is scheduled, started, raised,
 * withdrawn, extended, ended and sold. Another had its terms changed and was bought at once. Others stay unsold, are
 * cancelled, or have voided bids. Some entries belong to no auction.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/io/pg.h"
#include "common/rules/rules.h"
#include "common/rules/voids.h"
#include "tests/support/deployment.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/tables.h"
#include "tests/support/values.h"
#include "tests/support/verifying.h"

enum {
    CREATED_MS = 1000000,
    START_MS = 2000000,
    END_MS = 9000000,
    WINDOW_S = 60,
    EXTENSION_S = 90,
    MS_PER_S = 1000,
};

#define FAR_MS INT64_C(4102444800000) /* an end in the year 2100, of auctions that are still open */

enum { SELLER = 1, ANN, BOB, CYD, BAN };

#define SOLD      "01900000-0000-7000-8000-00000000a001"
#define UNSOLD    "01900000-0000-7000-8000-00000000a002"
#define CANCELLED "01900000-0000-7000-8000-00000000a003"
#define OPEN      "01900000-0000-7000-8000-00000000a004"
#define CHANGED   "01900000-0000-7000-8000-00000000a005"
#define VOIDED    "01900000-0000-7000-8000-00000000a006"
#define ANN_ID    "00000000-0000-7000-8000-000000000002"
#define NONE      "01900000-0000-7000-8000-00000000a000"

/* --- a ledger written by the rules --- */

struct book {
    const char *id;
    struct rules_auction state;
    int64_t seq;
    int entries; /* number of entries, from which the next id is made */
    struct voids_list voids;
};

static struct uuid user(int number)
{
    struct uuid id = {.bytes = {[6] = 0x70, [8] = 0x80, [15] = (uint8_t)number}};
    return number == 0 ? (struct uuid){{0}} : id;
}

static void write_entry(struct book *book, const struct uuid *id, const struct uuid *bidder, const char *kind,
                        const struct rules_decision *decision, int64_t amount, int64_t max_amount, int64_t received_ms)
{
    static const char *const STATUSES[] = {
        [RULES_ACCEPTED] = "accepted", [RULES_OUTBID] = "outbid", [RULES_REJECTED] = "rejected"};
    struct values values = {.count = 0};
    values_text(&values, book->id);
    values_int(&values, ++book->seq);
    values_id(&values, id);
    values_id(&values, bidder);
    values_text(&values, kind);
    values_text(&values, STATUSES[decision->verdict]);
    values_text(&values, decision->verdict == RULES_REJECTED ? rules_reason_text(decision->reason) : NULL);
    values_bool(&values, decision->raise);
    values_money(&values, amount);
    values_money(&values, max_amount);
    values_time(&values, received_ms);
    values_run(verifying.connection,
               "INSERT INTO bids (auction_id, seq, bid_id, bidder_id, kind, status, reason, raise, amount, max_amount,"
               " received_at, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
               &values);
}

static struct uuid entry_id(struct book *book)
{
    uint8_t of_book = (uint8_t)book->id[UUID_TEXT_SIZE - 2];
    struct uuid id = {.bytes = {[6] = 0x70, [8] = 0x80, [13] = of_book, [14] = 0xe0, [15] = (uint8_t)++book->entries}};
    return id;
}

/* Decides by the rules and stores the decision. Makes `command.id` and returns it. */
static struct uuid enter(struct book *book, struct rules_command command)
{
    command.id = entry_id(book);
    struct rules_decision decision = rules_decide(&book->state, &command);
    ck_assert_int_ne(decision.verdict, RULES_DROPPED);
    bool proxy = command.kind == COMMAND_PROXY;
    write_entry(book, &command.id, &command.bidder_id, command_kind_ledger_text(command.kind), &decision,
                command.kind == COMMAND_BID ? command.amount : decision.amount, proxy ? command.amount : 0,
                command.received_ms);
    ck_assert(voids_reserve(&book->voids, 1));
    (void)voids_add(&book->voids, &command, &decision, book->seq);
    if (decision.automatic) {
        struct uuid id = entry_id(book);
        struct rules_decision answer = {.verdict = RULES_ACCEPTED};
        write_entry(book, &id, &decision.automatic_bidder, "auto", &answer, decision.automatic_amount, 0,
                    command.received_ms);
    }
    return command.id;
}

static void enter_at(struct book *book, enum command_kind kind, int bidder, int64_t amount, int64_t received_ms)
{
    (void)enter(book, (struct rules_command){.kind = kind,
                                             .bidder_id = user(bidder),
                                             .amount = amount,
                                             .received_ms = received_ms,
                                             .banned = bidder == BAN});
}

static struct book open_book(const char *id, int64_t start_ms, int64_t end_ms)
{
    struct book book = {
        .id = id,
        .state =
            {
                .seller_id = user(SELLER),
                .starting_price = 1000,
                .reserve_price = 5000,
                .increments = increments_fixed(100),
                .snipe_window_ms = (int64_t)WINDOW_S * MS_PER_S,
                .snipe_extension_ms = (int64_t)EXTENSION_S * MS_PER_S,
                .snipe_max = -1,
                .start_ms = start_ms,
                .terms_version = 1,
                .status = start_ms > CREATED_MS ? RULES_SCHEDULED : RULES_ACTIVE,
                .end_ms = end_ms,
            },
    };
    struct values values = {.count = 0};
    values_text(&values, id);
    values_id(&values, &book.state.seller_id);
    values_int(&values, WINDOW_S);
    values_int(&values, EXTENSION_S);
    values_time(&values, start_ms);
    values_time(&values, end_ms);
    values_time(&values, CREATED_MS);
    values_run(
        verifying.connection,
        "INSERT INTO auctions (id, seller_id, title, starting_price, reserve_price, increments, bid_increment,"
        " snipe_window_s, snipe_extension_s, start_time, original_end_time, end_time, status, minimum_bid, created_at,"
        " updated_at) VALUES ($1, $2, 'A chair', 10.00, 50.00, '[{\"from\": 0, \"increment\": 1.00}]', 1.00, $3, $4,"
        " $5, $6, $6, 'active', 10.00, $7, $7)",
        &values);
    return book;
}

static void close_book(const struct book *book, const char *status, bool sold)
{
    const struct rules_auction *state = &book->state;
    bool settled = sold || strcmp(status, "unsold") == 0;
    struct values values = {.count = 0};
    values_text(&values, book->id);
    values_text(&values, status);
    values_time(&values, state->end_ms);
    values_int(&values, state->extensions_used);
    values_money(&values, state->price);
    values_money(&values, rules_minimum_bid(state));
    values_int(&values, state->bid_count);
    values_id(&values, &state->leader_id);
    values_money(&values, state->leader_max);
    values_id(&values, &state->leader_bid_id);
    values_bool(&values, state->leader_by_proxy);
    values_money(&values, state->runner_up_max);
    values_int(&values, book->seq);
    values_id(&values, sold ? &state->leader_id : &(struct uuid){{0}});
    values_id(&values, sold ? &state->leader_bid_id : &(struct uuid){{0}});
    values_text(&values, NULL);
    if (settled) {
        values.count--;
        values_time(&values, state->end_ms);
    }
    values_run(
        verifying.connection,
        "UPDATE auctions SET status = $2, end_time = $3, extensions_used = $4, current_bid = $5, minimum_bid = $6,"
        " bid_count = $7, leader_id = $8, leader_max = $9, leader_bid_id = $10, leader_by_proxy = $11,"
        " runner_up_max = $12, ledger_seq = $13, winner_id = $14, winning_bid_id = $15, settled_at = $16 WHERE id = $1",
        &values);
}

/* The entries that the tampering below relies on; each seq is in its comment. */
static void write_sold(void)
{
    struct book book = open_book(SOLD, START_MS, END_MS);
    enter_at(&book, COMMAND_BID, ANN, 1000, START_MS - 1);         /* 1 AUCTION_NOT_STARTED */
    enter_at(&book, COMMAND_START, 0, 0, START_MS);                /* 2 */
    enter_at(&book, COMMAND_PROXY, ANN, 4000, START_MS + 1);       /* 3 accepted at 10.00 */
    enter_at(&book, COMMAND_BID, BOB, 2000, START_MS + 2);         /* 4 outbid */
                                                                   /* 5 the answer, 21.00 */
    enter_at(&book, COMMAND_BID, BOB, 2150, START_MS + 3);         /* 6 BID_TOO_LOW */
    enter_at(&book, COMMAND_PROXY, ANN, 6000, START_MS + 4);       /* 7 a raise that meets the reserve: 50.00 */
    enter_at(&book, COMMAND_PROXY, BOB, 5500, START_MS + 5);       /* 8 outbid */
                                                                   /* 9 the answer, 56.00 */
    enter_at(&book, COMMAND_BID, SELLER, 9000, START_MS + 6);      /* 10 OWN_AUCTION */
    enter_at(&book, COMMAND_BID, BAN, 9000, START_MS + 7);         /* 11 USER_BANNED */
    enter_at(&book, COMMAND_PROXY, ANN, 6000, START_MS + 8);       /* 12 MAXIMUM_NOT_RAISED */
    enter_at(&book, COMMAND_WITHDRAW, BOB, 0, START_MS + 9);       /* 13 NO_MAXIMUM */
    enter_at(&book, COMMAND_WITHDRAW, ANN, 0, START_MS + 10);      /* 14 */
    enter_at(&book, COMMAND_PROXY, CYD, 8000, END_MS - MS_PER_S);  /* 15 accepted at 57.00, extends */
    (void)enter(&book, (struct rules_command){.kind = COMMAND_BID, /* 16 TERMS_CHANGED */
                                              .bidder_id = user(BOB),
                                              .amount = 9000,
                                              .received_ms = END_MS - 1,
                                              .terms_version = 7});
    struct uuid poison = entry_id(&book); /* 17 */
    struct uuid bidder = user(BOB);
    struct rules_decision undecided = {.verdict = RULES_REJECTED, .reason = RULES_INTERNAL_ERROR};
    write_entry(&book, &poison, &bidder, "bid", &undecided, 0, 0, END_MS - 1);
    enter_at(&book, COMMAND_FENCE, 0, 0, book.state.end_ms); /* 18 */
    enter_at(&book, COMMAND_BID, BOB, 9000, END_MS - 1);     /* 19 AUCTION_ENDED */
    close_book(&book, "sold", true);
    voids_free(&book.voids);
}

/* The terms that an update of write_changed asks for. */
static const struct rules_terms asked = {
    .starting_price = 2000,
    .reserve_price = 6000,
    .buy_now_price = 9000,
    .increments = {.count = 1, .steps = {{.increment = 100}}},
    .snipe_window_ms = 0,
    .snipe_extension_ms = (int64_t)EXTENSION_S * MS_PER_S,
    .snipe_max = -1,
    .start_ms = START_MS + 1,
    .end_ms = END_MS - 1,
};

#define TERMS_OF_AUCTION                                                                                               \
    "INSERT INTO terms (auction_id, id, title, description, category, starting_price, reserve_price, buy_now_price,"   \
    " increments, bid_increment, snipe_window_s, snipe_extension_s, start_time, end_time, created_at)"                 \
    " SELECT id, "

static void write_update(struct book *book, bool stale)
{
    struct values values = {.count = 0};
    struct uuid id = enter(book, (struct rules_command){.kind = COMMAND_UPDATE,
                                                        .bidder_id = user(SELLER),
                                                        .received_ms = START_MS - 2,
                                                        .stale = stale,
                                                        .terms = &asked});
    values_text(&values, book->id);
    values_id(&values, &id);
    values_time(&values, asked.start_ms);
    values_time(&values, asked.end_ms);
    values_run(verifying.connection,
               TERMS_OF_AUCTION "$2, title, description, category, 20.00, 60.00, 90.00, increments, bid_increment, 0,"
                                " snipe_extension_s, $3, $4, created_at FROM auctions WHERE id = $1",
               &values);
}

static void write_changed(void)
{
    struct book book = open_book(CHANGED, START_MS, END_MS);
    struct values values = {.count = 0};
    values_text(&values, book.id);
    values_run(verifying.connection,
               TERMS_OF_AUCTION
               "id, title, description, category, starting_price, reserve_price, buy_now_price, increments,"
               " bid_increment, snipe_window_s, snipe_extension_s, start_time, original_end_time, created_at"
               " FROM auctions WHERE id = $1",
               &values);
    write_update(&book, true);                                        /* 1 VERSION_CONFLICT */
    write_update(&book, false);                                       /* 2 */
    (void)enter(&book, (struct rules_command){.kind = COMMAND_EXTEND, /* 3 */
                                              .bidder_id = user(CYD),
                                              .received_ms = START_MS - 1,
                                              .end_ms = END_MS + 1});
    enter_at(&book, COMMAND_START, 0, 0, START_MS + 1);       /* 4 */
    enter_at(&book, COMMAND_PROXY, ANN, 3000, START_MS + 2);  /* 5 accepted at 20.00 */
    enter_at(&book, COMMAND_CANCEL, SELLER, 0, START_MS + 3); /* 6 HAS_BIDS */
    enter_at(&book, COMMAND_BUY, BOB, 0, START_MS + 4);       /* 7 at 90.00: sold */
    values_time(&values, asked.start_ms);
    values_time(&values, asked.end_ms);
    values_time(&values, END_MS + 1);
    values_run(
        verifying.connection,
        "WITH extended AS (UPDATE bids SET end_time = $4 WHERE auction_id = $1 AND kind = 'extend')"
        " UPDATE auctions SET starting_price = 20.00, reserve_price = 60.00, buy_now_price = 90.00, snipe_window_s = 0,"
        " start_time = $2, original_end_time = $3, terms_version = 2 WHERE id = $1",
        &values);
    close_book(&book, "sold", true);
    voids_free(&book.voids);
}

static void enter_void(struct book *book, enum command_kind kind, const struct uuid *target, int64_t since_ms)
{
    struct rules_command command = {.kind = kind,
                                    .id = entry_id(book),
                                    .bidder_id = user(CYD),
                                    .target = *target,
                                    .received_ms = CREATED_MS + 1,
                                    .since_ms = since_ms};
    struct rules_decision decision = voids_decide(&book->state, &command, &book->voids, book->seq);
    struct values values = {.count = 0};
    write_entry(book, &command.id, &command.bidder_id, command_kind_ledger_text(kind), &decision, 0, 0,
                command.received_ms);
    values_text(&values, book->id);
    values_int(&values, book->seq);
    values_id(&values, target);
    values_run(verifying.connection, "UPDATE bids SET voids = $3 WHERE auction_id = $1 AND seq = $2", &values);
}

static void restate(const struct book *book, int64_t seq, bool effective, const char *status, int64_t amount)
{
    struct values values = {.count = 0};
    values_text(&values, book->id);
    values_int(&values, seq);
    values_bool(&values, effective);
    values_text(&values, status);
    values_money(&values, amount);
    values_run(
        verifying.connection,
        "UPDATE bids SET effective = $3, effective_status = $4, effective_amount = $5 WHERE auction_id = $1 AND seq = "
        "$2",
        &values);
}

static void write_voided(void)
{
    struct book book = open_book(VOIDED, CREATED_MS, FAR_MS);
    struct uuid nothing = {{1}};
    struct rules_command proxy = {
        .kind = COMMAND_PROXY, .bidder_id = user(ANN), .amount = 2000, .received_ms = CREATED_MS};
    struct rules_command high = {
        .kind = COMMAND_PROXY, .bidder_id = user(BOB), .amount = 9000, .received_ms = CREATED_MS};
    struct rules_command bid = {.kind = COMMAND_BID, .bidder_id = user(CYD), .amount = 3000, .received_ms = CREATED_MS};
    struct uuid first = enter(&book, proxy);                  /* 1 accepted at 10.00 */
    enter_at(&book, COMMAND_BID, BOB, 1500, CREATED_MS);      /* 2 outbid */
                                                              /* 3 the answer, 16.00 */
    struct uuid own = enter(&book, bid);                      /* 4 accepted */
    struct uuid leading = enter(&book, high);                 /* 5 accepted at 50.00 */
    enter_void(&book, COMMAND_VOID, &leading, 0);             /* 6 */
    enter_void(&book, COMMAND_VOID, &leading, 0);             /* 7 BID_VOIDED */
    enter_void(&book, COMMAND_VOID, &nothing, 0);             /* 8 NOT_FOUND */
    enter_void(&book, COMMAND_VOID, &first, 0);               /* 9: 2 has no answer any more */
    enter_void(&book, COMMAND_RETRACT, &own, CREATED_MS + 1); /* 10 RETRACT_TOO_LATE */
    enter_at(&book, COMMAND_BID, ANN, 3100, CREATED_MS + 2);  /* 11 accepted */
    restate(&book, 1, false, NULL, 0);
    restate(&book, 2, true, "accepted", 1500);
    restate(&book, 3, false, NULL, 0);
    restate(&book, 5, false, NULL, 0);
    close_book(&book, "active", false);
    voids_free(&book.voids);
}

static void write_others(void)
{
    struct book unsold = open_book(UNSOLD, CREATED_MS, END_MS);
    enter_at(&unsold, COMMAND_BID, ANN, 1000, CREATED_MS);
    enter_at(&unsold, COMMAND_FENCE, 0, 0, END_MS);
    close_book(&unsold, "unsold", false);
    voids_free(&unsold.voids);

    struct book cancelled = open_book(CANCELLED, CREATED_MS, END_MS);
    enter_at(&cancelled, COMMAND_CANCEL, SELLER, 0, CREATED_MS);
    enter_at(&cancelled, COMMAND_BID, ANN, 1000, CREATED_MS);
    close_book(&cancelled, "cancelled", false);
    voids_free(&cancelled.voids);

    struct book running = open_book(OPEN, CREATED_MS, FAR_MS);
    enter_at(&running, COMMAND_PROXY, ANN, 777700, CREATED_MS);
    close_book(&running, "active", false);
    voids_free(&running.voids);

    struct book none = {.id = NONE};
    struct uuid id = entry_id(&none);
    struct uuid bidder = user(BOB);
    struct rules_decision unknown = {.verdict = RULES_REJECTED, .reason = RULES_NOT_FOUND};
    write_entry(&none, &id, &bidder, "bid", &unknown, 1000, 0, START_MS);
}

/* As the notification worker writes them. The lead of VOIDED was given back, so its notifications are not checked. */
static void write_notifications(void)
{
    static const char insert[] = "INSERT INTO notifications (user_id, id, kind, auction_id, amount, created_at)"
                                 " VALUES ($1::uuid, gen_random_uuid(), $2, $3::uuid, $4::numeric, now())";
    static const char *const rows[][3] = {
        {"OUTBID", SOLD, "57.00"}, {"AUCTION_LOST", SOLD, "57.00"}, {"OUTBID", VOIDED, "1.00"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct values values = {.count = 0};
        values_text(&values, ANN_ID);
        for (size_t k = 0; k < ARRAY_LEN(rows[i]); k++) {
            values_text(&values, rows[i][k]);
        }
        values_run(verifying.connection, insert, &values);
    }
}

static void set_up(void)
{
    verifying_open("auctions, bids, terms, users, notifications");
    for (int i = SELLER; i <= BAN; i++) {
        struct uuid id = user(i);
        char text[UUID_TEXT_SIZE];
        uuid_format(&id, text);
        PQclear(sql_rows(verifying.sql,
                         "INSERT INTO users (id, email, display_name, password_hash, created_at)"
                         " VALUES ($1::uuid, $1::text, 'A', '', now())",
                         text, NULL));
    }
    write_sold();
    write_changed();
    write_voided();
    write_others();
    write_notifications();
}

/* --- the tests --- */

START_TEST(a_ledger_written_by_the_rules_shows_no_difference)
{
    verifying_expect(0, "6 auctions, 43 entries: no difference", NULL);
    verifying_expect(0, "1 auctions, 19 entries: no difference", SOLD);
}
END_TEST

static const struct tampering TAMPERINGS[] = {
    /* the auction's row */
    {"UPDATE auctions SET current_bid = 58.00 WHERE id = '" SOLD "'", "its price is 58.00, by the rules it is 57.00"},
    {"UPDATE auctions SET current_bid = NULL WHERE id = '" UNSOLD "'", "its price is none, by the rules it is 10.00"},
    {"UPDATE auctions SET leader_id = seller_id WHERE id = '" SOLD "'", "its leader is"},
    {"UPDATE auctions SET leader_id = NULL WHERE id = '" OPEN "'", "its leader is none"},
    {"UPDATE auctions SET leader_bid_id = gen_random_uuid() WHERE id = '" OPEN "'", "the entry that leads is"},
    {"UPDATE auctions SET end_time = end_time + interval '1 ms' WHERE id = '" SOLD "'", "its end time is"},
    {"UPDATE auctions SET end_time = original_end_time WHERE id = '" SOLD "'", "its end time is"},
    {"UPDATE auctions SET original_end_time = original_end_time + interval '1 h' WHERE id = '" UNSOLD "'", "its end"},
    {"UPDATE auctions SET extensions_used = 0 WHERE id = '" SOLD "'", "the number of extensions is 0"},
    {"UPDATE auctions SET minimum_bid = 57.50 WHERE id = '" SOLD "'", "its minimum bid is 57.50"},
    {"UPDATE auctions SET bid_count = bid_count + 1 WHERE id = '" UNSOLD "'", "its number of bids is 2"},
    {"UPDATE auctions SET leader_max = 7778.00 WHERE id = '" OPEN "'", "the leader's maximum differs"},
    {"UPDATE auctions SET leader_by_proxy = false WHERE id = '" OPEN "'", "by the rules the lead is held by a proxy"},
    {"UPDATE auctions SET runner_up_max = NULL WHERE id = '" SOLD "'", "the second maximum is none"},
    {"UPDATE auctions SET ledger_seq = 18 WHERE id = '" SOLD "'", "the number of its last entry is 18"},
    {"UPDATE auctions SET status = 'unsold' WHERE id = '" SOLD "'", "its status is unsold, by the rules it is sold"},
    {"UPDATE auctions SET status = 'sold' WHERE id = '" UNSOLD "'", "its status is sold, by the rules it is unsold"},
    {"UPDATE auctions SET status = 'ended' WHERE id = '" OPEN "'", "its status is ended, by the rules it is active"},
    {"UPDATE auctions SET status = 'cancelled' WHERE id = '" UNSOLD "'", "its status is cancelled"},
    {"UPDATE auctions SET status = 'cancelled' WHERE id = '" OPEN "'", "its status is cancelled, by the rules it is"},
    {"UPDATE auctions SET status = 'active' WHERE id = '" CANCELLED "'", "by the rules it is cancelled"},
    {"UPDATE auctions SET terms_version = 1 WHERE id = '" CHANGED "'", "the version of its terms is 1"},
    {"UPDATE auctions SET starting_price = 21.00 WHERE id = '" CHANGED "'", "its starting price is 21.00"},
    {"UPDATE auctions SET reserve_price = 61.00 WHERE id = '" CHANGED "'", "its reserve is 61.00"},
    {"UPDATE auctions SET buy_now_price = NULL WHERE id = '" CHANGED "'", "its buy-now price is none"},
    {"UPDATE terms SET starting_price = 2.00 WHERE auction_id = '" CHANGED "' AND id <> auction_id",
     "its amount is 20"},
    {"UPDATE terms SET buy_now_price = 91.00 WHERE auction_id = '" CHANGED "' AND id <> auction_id",
     "its amount is 90.00, by the rules it is 91.00"},
    {"UPDATE terms SET increments = '1' WHERE auction_id = '" CHANGED "' AND id <> auction_id", "its new terms are"},
    {"DELETE FROM terms WHERE auction_id = '" CHANGED "' AND id <> auction_id", "its new terms are missing"},
    {"DELETE FROM terms WHERE auction_id = '" CHANGED "' AND id = auction_id", "the version of its terms is 2"},
    {"UPDATE auctions SET settled_at = NULL WHERE id = '" SOLD "'", "its status is sold, by the rules it is ended"},
    {"UPDATE auctions SET winner_id = seller_id WHERE id = '" SOLD "'", "its winner is"},
    {"UPDATE auctions SET winner_id = leader_id WHERE id = '" UNSOLD "'", "its winner is"},
    {"UPDATE auctions SET winning_bid_id = NULL WHERE id = '" SOLD "'", "its winning bid is none"},
    {"UPDATE auctions SET reserve_price = NULL WHERE id = '" UNSOLD "'", "by the rules it is sold"},
    {"UPDATE auctions SET starting_price = 60.00 WHERE id = '" OPEN "'", "its price is 50.00, by the rules it is 60"},
    {"UPDATE auctions SET increments = '[]' WHERE id = '" OPEN "'", "its terms are invalid"},
    {"UPDATE auctions SET starting_price = 'NaN' WHERE id = '" OPEN "'", "its terms are invalid"},
    {"UPDATE auctions SET current_bid = -1 WHERE id = '" OPEN "'", "its price is no amount, by the rules it is 50.00"},
    {"DELETE FROM auctions WHERE id = '" OPEN "'", "the auction does not exist"},
    /* the ledger */
    {"UPDATE bids SET decided_at = received_at - interval '1 ms' WHERE auction_id = '" SOLD "' AND kind = 'end'",
     "entry 18: the end was decided at"},
    {"DELETE FROM bids WHERE auction_id = '" SOLD "' AND seq = 15", "the entry before it is 14: the ledger has a gap"},
    {"DELETE FROM bids WHERE auction_id = '" SOLD "' AND seq = 15", "its price is 57.00, by the rules it is 56.00"},
    {"DELETE FROM bids WHERE auction_id = '" SOLD "' AND seq = 5", "the automatic answer of 21.00"},
    {"DELETE FROM bids WHERE auction_id = '" SOLD "' AND seq = 19", "the number of its last entry is 19"},
    {"DELETE FROM bids WHERE auction_id = '" UNSOLD "'", "by the rules it is none"},
    {"UPDATE bids SET amount = 22.00 WHERE auction_id = '" SOLD "' AND seq = 5", "the automatic answer's amount is 22"},
    {"UPDATE bids SET bidder_id = '" NONE "' WHERE auction_id = '" SOLD "' AND seq = 9", "answer's bidder is " NONE},
    {"UPDATE bids SET kind = 'auto' WHERE auction_id = '" SOLD "' AND seq = 3", "an automatic answer without"},
    {"UPDATE bids SET status = 'accepted' WHERE auction_id = '" SOLD "' AND seq = 4", "its status is accepted, by"},
    {"UPDATE bids SET status = 'outbid' WHERE auction_id = '" SOLD "' AND seq = 15", "its status is outbid, by"},
    {"UPDATE bids SET status = 'rejected', reason = 'BID_TOO_LOW' WHERE auction_id = '" SOLD "' AND seq = 15",
     "its reason is BID_TOO_LOW, by the rules it is none"},
    {"UPDATE bids SET reason = 'OWN_AUCTION' WHERE auction_id = '" SOLD "' AND seq = 6", "its reason is OWN_AUCTION"},
    {"UPDATE bids SET reason = 'NONSENSE' WHERE auction_id = '" SOLD "' AND seq = 6", "its kind or reason is unknown"},
    {"UPDATE bids SET raise = false WHERE auction_id = '" SOLD "' AND seq = 7", "by the rules it is a raise"},
    {"UPDATE bids SET raise = true WHERE auction_id = '" SOLD "' AND seq = 3", "by the rules it is a bid"},
    {"UPDATE bids SET amount = 10.01 WHERE auction_id = '" SOLD "' AND seq = 3", "its amount is 10.01"},
    {"UPDATE bids SET max_amount = 70.00 WHERE auction_id = '" SOLD "' AND seq = 8", "its status is outbid, by"},
    {"UPDATE bids SET bidder_id = '" NONE "' WHERE auction_id = '" SOLD "' AND seq = 15", "its leader is"},
    {"UPDATE bids SET received_at = received_at - interval '1 ms' WHERE auction_id = '" SOLD "' AND seq = 15",
     "its end time is"},
    {"UPDATE bids SET received_at = received_at - interval '1 h' WHERE auction_id = '" SOLD "' AND seq = 18",
     "without effect"},
    {"UPDATE bids SET amount = 'NaN' WHERE auction_id = '" UNSOLD "' AND seq = 1", "by the rules it is rejected"},
    {"UPDATE bids SET end_time = end_time - interval '1 s' WHERE auction_id = '" CHANGED "' AND seq = 3",
     "by the rules it is rejected"},
    {"UPDATE bids SET amount = 80.00 WHERE auction_id = '" CHANGED "' AND seq = 7", "its amount is 80.00"},
    {"UPDATE bids SET kind = 'abort' WHERE auction_id = '" CHANGED "' AND seq = 6", "by the rules it is accepted"},
    /* effective state of bids after others were voided */
    {"UPDATE bids SET effective = true WHERE auction_id = '" VOIDED "' AND seq = 5", "by the rules it was voided"},
    {"UPDATE bids SET effective = false WHERE auction_id = '" VOIDED "' AND seq = 4", "by the rules it counts"},
    {"UPDATE bids SET effective = false WHERE auction_id = '" SOLD "' AND seq = 15", "by the rules it counts"},
    {"UPDATE bids SET effective = true WHERE auction_id = '" VOIDED "' AND seq = 3", "it does not count any more"},
    {"UPDATE bids SET effective = false WHERE auction_id = '" SOLD "' AND seq = 5", "by the rules it still counts"},
    {"UPDATE bids SET effective_amount = 22.00 WHERE auction_id = '" SOLD "' AND seq = 5",
     "its present amount is 22.00"},
    {"UPDATE bids SET effective_bidder_id = '" NONE "' WHERE auction_id = '" SOLD "' AND seq = 5",
     "its present bidder is"},
    {"UPDATE bids SET effective_status = NULL WHERE auction_id = '" VOIDED "' AND seq = 2",
     "its present status is outbid"},
    {"UPDATE bids SET effective_amount = 14.00 WHERE auction_id = '" VOIDED "' AND seq = 2",
     "its present amount is 14.00"},
    {"UPDATE bids SET effective_raise = true WHERE auction_id = '" VOIDED "' AND seq = 2",
     "by the rules it is a bid now"},
    {"UPDATE bids SET voids = bid_id WHERE auction_id = '" VOIDED "' AND seq = 6", "by the rules it is rejected"},
    {"UPDATE bids SET reason = 'NOT_FOUND' WHERE auction_id = '" VOIDED "' AND seq = 7", "its reason is NOT_FOUND"},
    {"DELETE FROM bids WHERE auction_id = '" VOIDED "' AND seq = 6", "the ledger has a gap"},
    {"UPDATE bids SET seq = seq + 1 WHERE auction_id = '" UNSOLD "' AND seq = 2", "the ledger has a gap"},
    {"UPDATE bids SET status = 'accepted', reason = NULL WHERE auction_id = '" NONE "'", "the auction does not exist"},
    /* rows that do not fit together */
    {"UPDATE bids SET bid_id = (SELECT bid_id FROM bids WHERE auction_id = '" OPEN "') WHERE auction_id = '" NONE "'",
     "has 2 decisions"},
    {"UPDATE auctions SET status = 'ended', settled_at = NULL, winner_id = NULL, winning_bid_id = NULL"
     " WHERE id = '" SOLD "'",
     "it is ended, its end was due at 1970-01-01T02:31:"},
    {"UPDATE auctions SET end_time = now() - interval '70 s' WHERE id = '" OPEN "'",
     "it is active, its end was due at"},
    {"UPDATE notifications SET amount = 56.00 WHERE auction_id = '" SOLD "' AND kind = 'OUTBID'",
     "user " ANN_ID " has 1 notifications of a lead lost at 56.00, and lost 0"},
    {"INSERT INTO notifications (user_id, id, kind, auction_id, amount, created_at) SELECT user_id, gen_random_uuid(),"
     " 'PROXY_EXHAUSTED', auction_id, amount, created_at FROM notifications WHERE auction_id = '" SOLD "'"
     " AND kind = 'OUTBID'",
     "has 2 notifications of a lead lost at 57.00, and lost 1"},
    {"INSERT INTO notifications (user_id, id, kind, auction_id, amount, created_at) SELECT user_id, gen_random_uuid(),"
     " 'AUCTION_WON', auction_id, amount, created_at FROM notifications WHERE kind = 'AUCTION_LOST'",
     "has 2 notifications of its outcome"},
};

START_TEST(each_way_of_tampering_shows_a_difference)
{
    const char *out = verifying_tamper(&TAMPERINGS[_i]);
    /* With their decimals: an id, which is random, may hold any digits. */
    ck_assert_msg(strstr(out, "7777.00") == NULL && strstr(out, "7778.00") == NULL, "a standing maximum is printed: %s",
                  out);
}
END_TEST

START_TEST(one_auction_can_be_verified_alone)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    PQclear(sql_rows(verifying.sql, "UPDATE auctions SET current_bid = 58.00 WHERE id = '" SOLD "'", NULL));
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "verify", UNSOLD, NULL), 0);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "verify", SOLD, NULL), 1);
    ck_assert_msg(strstr(out, "1 differences in 1 auctions") != NULL, "%s", out);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "verify", NONE, NULL), 1);
    ck_assert_msg(strstr(out, "there is no auction") != NULL, "%s", out);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "verify", "chair", NULL), 2);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "verify", SOLD, UNSOLD, NULL), 2);
}
END_TEST

START_TEST(many_differences_of_one_auction_are_summed_up)
{
    PQclear(sql_rows(verifying.sql, "UPDATE bids SET seq = seq + 100 * seq WHERE auction_id = '" SOLD "'", NULL));
    PQclear(sql_rows(verifying.sql, "UPDATE bids SET raise = NOT raise WHERE auction_id = '" SOLD "'", NULL));
    verifying_expect(1, " more\n", NULL);
}
END_TEST

START_TEST(verify_reads_every_page_of_auctions)
{
    /* More rows of both kinds than verify reads at once. */
    PQclear(sql_rows(verifying.sql,
                     "INSERT INTO auctions (id, seller_id, title, starting_price, increments, snipe_window_s,"
                     " snipe_extension_s, start_time, original_end_time, end_time, status, minimum_bid, created_at,"
                     " updated_at) SELECT gen_random_uuid(), seller_id, title, starting_price, increments, 0, 0,"
                     " created_at, original_end_time, original_end_time, 'active', 10.00, created_at, created_at"
                     " FROM auctions, generate_series(1, 2500) WHERE id = '" OPEN "'",
                     NULL));
    PQclear(sql_rows(verifying.sql,
                     "INSERT INTO bids (auction_id, seq, bid_id, bidder_id, kind, status, reason, amount, received_at,"
                     " decided_at) SELECT id, 1, gen_random_uuid(), seller_id, 'bid', 'rejected', 'OWN_AUCTION', 10.00,"
                     " start_time, start_time FROM auctions WHERE ledger_seq = 0",
                     NULL));
    PQclear(sql_rows(verifying.sql, "UPDATE auctions SET ledger_seq = 1 WHERE ledger_seq = 0", NULL));
    verifying_expect(0, "2506 auctions, 2543 entries: no difference", NULL);
}
END_TEST

/* Since the confirm deadline is on record, an end is due once no bid in time can be answered 202 any more. */
START_TEST(an_end_within_the_confirm_deadline_is_a_difference)
{
    static const char decided[] = "UPDATE bids SET decided_at = received_at + $1::integer * interval '1 ms'"
                                  " WHERE auction_id = '" SOLD "' AND kind = 'end'";
    char since[SQL_TEXT_SIZE];
    char out[DEPLOYMENT_OUTPUT_SIZE];
    (void)snprintf(since, sizeof(since), "%s", sql_text(verifying.sql, "SELECT timing_since FROM topology", NULL));
    ck_assert_str_ne(since, "");
    PQclear(
        sql_rows(verifying.sql, "UPDATE topology SET timing_since = '1970-01-01', confirm_deadline_ms = 1500", NULL));
    PQclear(sql_rows(verifying.sql, decided, "1499", NULL));
    int early = deployment_ctl(out, sizeof(out), "verify", SOLD, NULL);
    PQclear(sql_rows(verifying.sql, decided, "1500", NULL));
    int due = deployment_ctl(out, sizeof(out), "verify", SOLD, NULL);
    PQclear(sql_rows(verifying.sql, "UPDATE topology SET timing_since = $1::timestamptz", since, NULL));
    ck_assert_int_eq(early, 1);
    ck_assert_int_eq(due, 0);
}
END_TEST

/* The grace before a fence may be longer than a minute. */
START_TEST(an_auction_whose_fence_is_not_due_is_no_difference)
{
    char grace[SQL_TEXT_SIZE];
    char out[DEPLOYMENT_OUTPUT_SIZE];
    (void)snprintf(grace, sizeof(grace), "%s", sql_text(verifying.sql, "SELECT fence_grace_ms FROM topology", NULL));
    PQclear(
        sql_rows(verifying.sql, "UPDATE auctions SET end_time = now() - interval '70 s' WHERE id = '" OPEN "'", NULL));
    PQclear(sql_rows(verifying.sql, "UPDATE topology SET fence_grace_ms = 120000", NULL));
    (void)deployment_ctl(out, sizeof(out), "verify", OPEN, NULL);
    PQclear(sql_rows(verifying.sql, "UPDATE topology SET fence_grace_ms = $1::integer", grace, NULL));
    ck_assert_msg(strstr(out, "its end was due") == NULL, "%s", out);
}
END_TEST

static Suite *verify_suite(void)
{
    Suite *suite = suite_create("verify");
    TCase *tcase = tcase_create("verify");
    tcase_add_checked_fixture(tcase, set_up, verifying_close);
    tcase_add_test(tcase, a_ledger_written_by_the_rules_shows_no_difference);
    tcase_add_loop_test(tcase, each_way_of_tampering_shows_a_difference, 0, (int)ARRAY_LEN(TAMPERINGS));
    tcase_add_test(tcase, one_auction_can_be_verified_alone);
    tcase_add_test(tcase, many_differences_of_one_auction_are_summed_up);
    tcase_add_test(tcase, verify_reads_every_page_of_auctions);
    tcase_add_test(tcase, an_end_within_the_confirm_deadline_is_a_difference);
    tcase_add_test(tcase, an_auction_whose_fence_is_not_due_is_no_difference);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    tables_make("verify_test");
    int code = suite_run(verify_suite());
    tables_drop();
    return code;
}
