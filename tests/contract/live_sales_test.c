/*
 * Live updates of flash sales over WebSockets: the inventory, the place in the waiting line, orders. The rows are
 * written by SQL and the messages published by the test, in place of the sale worker (published_sale.h). Joins and
 * leaves over the WebSocket are decided by the deployment's sale worker.
 *
 * At the end all messages that were sent and received are validated against gateway/asyncapi.yaml, and each kind of
 * message about sales that it describes must have been among them.
 *
 * Runs alone: load of other tests would delay its live updates.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/live_client.h"
#include "tests/support/live_recording.h"
#include "tests/support/published_sale.h"
#include "tests/support/redis_run.h"

enum { TURN_MS = 120000 };

static struct published_sale sale;

static void set_up(void)
{
    fixture_setup();
    published_sale_make(&sale);
}

static const char *command_text(const char *type, const char *id)
{
    return client_format("{\"type\": \"%s\", \"flashSaleId\": \"%s\", \"id\": \"%s\"}", type, sale.id, id);
}

static const struct json *watch(struct websocket *socket)
{
    const struct json *answer = live_exchange(socket, command_text("inventory:watch", "w"), "inventory:update");
    live_expect(answer, "id", "w");
    return answer;
}

/* ---- the inventory ---- */

START_TEST(a_guest_gets_the_state_and_then_every_version_once)
{
    struct websocket *guest = live_open(NULL);
    const struct json *message = watch(guest);
    live_expect(message, "flashSaleId", sale.id);
    live_expect(message, "status", "active");
    live_expect_number(message, "version", 1);
    live_expect_number(message, "available", 100);
    for (int64_t version = 2; version < 6; version++) {
        sale.now.reserved = version;
        sale.now.sold = version - 2;
        published_sale_commit(&sale, false);
        message = live_receive(guest, NULL);
        live_expect(message, "type", "inventory:update");
        live_expect_number(message, "version", version);
        live_expect_number(message, "reserved", version);
        live_expect_number(message, "sold", version - 2);
        live_expect_number(message, "available", 100 - version - (version - 2));
    }
    sale.now.status = SALE_ENDED;
    published_sale_commit(&sale, false);
    message = live_receive(guest, NULL);
    live_expect(message, "type", "sale:status-change");
    live_expect(message, "status", "ended");
    live_expect_number(message, "version", 6);
    live_expect(live_exchange(guest, "{\"type\": \"ping\", \"id\": 1}", "pong"), "id", "1");
    websocket_free(guest);
}
END_TEST

START_TEST(a_later_end_is_a_change_of_the_sale)
{
    struct websocket *guest = live_open(NULL);
    (void)watch(guest);
    sale.now.end_ms += 60000;
    published_sale_commit(&sale, false);
    const struct json *message = live_receive(guest, NULL);
    live_expect(message, "type", "sale:status-change");
    live_expect(message, "status", "active");
    websocket_free(guest);
}
END_TEST

START_TEST(a_gap_is_read_from_postgresql)
{
    struct websocket *guest = live_open(NULL);
    (void)watch(guest);
    sale.now.sold = 7;
    published_sale_commit(&sale, true);
    sale.now.reserved = 3;
    published_sale_commit(&sale, false);
    const struct json *message = live_receive(guest, NULL);
    live_expect(message, "type", "inventory:update");
    live_expect_number(message, "version", 3);
    live_expect_number(message, "sold", 7);
    live_expect_number(message, "reserved", 3);
    sale.now.status = SALE_SOLD_OUT;
    published_sale_commit(&sale, true);
    published_sale_commit(&sale, false);
    message = live_receive(guest, NULL);
    live_expect(message, "type", "sale:status-change");
    live_expect(message, "status", "sold_out");
    live_expect_number(message, "version", 5);
    websocket_free(guest);
}
END_TEST

START_TEST(a_lost_message_is_found_in_postgresql)
{
    struct websocket *guest = live_open(NULL);
    (void)watch(guest);
    sale.now.sold = 1;
    published_sale_commit(&sale, true);
    live_expect_number(live_receive(guest, "inventory:update"), "version", 2);
    websocket_free(guest);
}
END_TEST

START_TEST(an_undecodable_message_changes_nothing)
{
    struct websocket *guest = live_open(NULL);
    (void)watch(guest);
    published_sale_say(&sale, "{\"t\":\"sale\"}");
    published_sale_say(&sale, "nonsense");
    sale.now.sold = 1;
    published_sale_commit(&sale, false);
    const struct json *message = live_receive(guest, NULL);
    live_expect_number(message, "version", 2);
    live_expect_number(message, "sold", 1);
    websocket_free(guest);
}
END_TEST

static bool gateway_waits_for_the_row(void)
{
    return sql_int(fixture.sql,
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                   " AND query LIKE '%head_seq%FROM flash_sales WHERE id = ANY%' AND pid <> pg_backend_pid()",
                   NULL) > 0;
}

/* The second message arrives while the gateway reads the sale because of the first one. */
START_TEST(an_undecodable_message_during_a_read_changes_nothing)
{
    struct websocket *guest = live_open(NULL);
    (void)watch(guest);
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL));
    PQclear(sql_rows(fixture.sql, "LOCK TABLE flash_sales IN ACCESS EXCLUSIVE MODE", NULL));
    published_sale_say(&sale, "nonsense");
    SUITE_WAIT(gateway_waits_for_the_row(), FACTORY_DECISION_MS);
    published_sale_say(&sale, "nonsense");
    for (int i = 0; i < 3; i++) { /* until the gateway has read the message, too */
        (void)live_exchange(guest, "{\"type\": \"ping\"}", "pong");
    }
    PQclear(sql_rows(fixture.sql, "ROLLBACK", NULL));
    for (int i = 0; i < 3; i++) {
        (void)live_exchange(guest, "{\"type\": \"ping\"}", "pong");
    }
    sale.now.sold = 1;
    published_sale_commit(&sale, false);
    live_expect_number(live_receive(guest, NULL), "version", 2);
    websocket_free(guest);
}
END_TEST

static bool is_subscribed(void)
{
    char channel[KEYS_SIZE];
    keys_live_channel(&sale.now.sale_id, channel);
    const char *const command[] = {"EVAL", "return redis.call('PUBSUB', 'NUMSUB', ARGV[1])[2]", "0", channel};
    return redis_number(ARRAY_LEN(command), command) > 0;
}

/* The gateway reads the sale again when its subscription is new. A version that was sent is not sent again. */
START_TEST(a_new_subscription_repeats_nothing)
{
    static const char *const kill[] = {"CLIENT", "KILL", "TYPE", "pubsub"};
    struct published_sale other;
    struct websocket *guest = live_open(NULL);
    published_sale_make(&other);
    (void)watch(guest);
    redis_run(ARRAY_LEN(kill), kill);
    SUITE_WAIT(is_subscribed(), FACTORY_DECISION_MS);
    /* This sale is read after the other one. */
    ck_assert(websocket_send_text(
        guest, client_format("{\"type\": \"inventory:watch\", \"flashSaleId\": \"%s\", \"id\": \"o\"}", other.id)));
    live_expect(live_receive(guest, NULL), "flashSaleId", other.id);
    sale.now.sold = 1;
    published_sale_commit(&sale, false);
    live_expect_number(live_receive(guest, NULL), "version", 2);
    websocket_free(guest);
}
END_TEST

START_TEST(no_updates_arrive_after_unwatching)
{
    struct websocket *guest = live_open(NULL);
    (void)watch(guest);
    live_expect(live_exchange(guest, command_text("inventory:unwatch", "u"), "inventory:unwatched"), "id", "u");
    sale.now.sold = 1;
    published_sale_commit(&sale, false);
    (void)live_exchange(guest, "{\"type\": \"ping\"}", "pong");
    live_expect_number(watch(guest), "version", 2);
    websocket_free(guest);
}
END_TEST

START_TEST(wrong_commands_are_refused)
{
    struct websocket *guest = live_open(NULL);
    static const char *const ids[] = {"0190aaaa-0000-7000-8000-000000000000", "nonsense"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const struct json *answer = live_exchange(
            guest, client_format("{\"type\": \"inventory:watch\", \"flashSaleId\": \"%s\", \"id\": 1}", ids[i]),
            "error");
        live_expect(answer, "error", "NOT_FOUND");
        live_expect(answer, "id", "1");
    }
    live_expect(live_exchange(guest, "{\"type\": \"inventory:watch\"}", "error"), "error", "VALIDATION_FAILED");
    live_expect(
        live_exchange(guest, client_format("{\"type\": \"inventory:watch\", \"auctionId\": \"%s\"}", sale.id), "error"),
        "error", "VALIDATION_FAILED");
    websocket_free(guest);
}
END_TEST

START_TEST(sales_and_auctions_count_together)
{
    enum { LIMIT = 100 };
    static const char *const types[] = {"inventory:watch", "queue:join"};
    struct websocket *ann = live_open(&fixture.ann);
    (void)live_subscribe(ann, fixture.auction);
    for (int i = 1; i < LIMIT; i++) {
        published_sale_make(&sale);
        (void)watch(ann);
    }
    published_sale_make(&sale);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const struct json *answer = live_exchange(ann, command_text(types[i], "x"), "error");
        live_expect(answer, "error", "TOO_MANY_SUBSCRIPTIONS");
        live_expect(answer, "flashSaleId", sale.id);
    }
    ck_assert_int_eq(
        (int)sql_int(fixture.sql, "SELECT count(*) FROM sale_ledger WHERE sale_id = $1::uuid", sale.id, NULL), 0);
    websocket_free(ann);
}
END_TEST

/* ---- the line ---- */

START_TEST(a_position_follows_what_happens_ahead)
{
    int64_t seqs[6];
    for (size_t i = 0; i < ARRAY_LEN(seqs); i++) {
        seqs[i] = published_sale_join(&sale, i == 4 ? fixture.ann.id : published_sale_user());
    }
    published_sale_commit(&sale, false);
    struct websocket *ann = live_open(&fixture.ann);
    struct websocket *bob = live_open(&fixture.bob);
    (void)watch(bob);
    (void)watch(ann);
    live_expect_number(published_sale_position(&sale, ann, 5), "version", 2);
    published_sale_leave(&sale, seqs[2]);
    published_sale_leave(&sale, seqs[5]); /* behind Ann */
    published_sale_turn(&sale, seqs[0], clock_now_ms() + TURN_MS);
    published_sale_commit(&sale, false);
    published_sale_await_position(ann, 3);
    published_sale_turn(&sale, seqs[1], clock_now_ms() + TURN_MS);
    published_sale_commit(&sale, false);
    published_sale_turn(&sale, seqs[3], clock_now_ms() + TURN_MS);
    published_sale_commit(&sale, false);
    published_sale_await_position(ann, 1);
    published_sale_turn(&sale, seqs[4], clock_now_ms() + TURN_MS);
    published_sale_commit(&sale, false);
    const struct json *message = live_receive(ann, "queue:position-update");
    live_expect(message, "status", "turn");
    live_expect_number(message, "position", 0);
    ck_assert_str_ne(websocket_text(message, "turnExpiresAt"), "");
    sale.now.status = SALE_ENDED;
    published_sale_commit(&sale, false);
    message = live_receive(ann, "queue:position-update");
    live_expect(message, "status", "closed");
    live_expect_number(message, "version", 7); /* that of the end, or a client might take it for an old message */
    ck_assert_int_eq((int)json_member(message, "position")->type, JSON_NULL);
    /* Bob has no place: the next message after the versions is the answer. */
    for (int64_t version = 3; version <= 7; version++) {
        live_expect_number(live_receive(bob, NULL), "version", version);
    }
    (void)live_exchange(bob, "{\"type\": \"ping\"}", "pong");
    websocket_free(ann);
    websocket_free(bob);
}
END_TEST

/* Nothing is in PostgreSQL: the position comes from the decision and the messages alone. */
START_TEST(the_decision_on_a_join_begins_the_position)
{
    struct websocket *ann = live_open(&fixture.ann);
    struct sale_message_decision joined = {
        .kind = SALE_COMMAND_JOIN,
        .verdict = SALE_VERDICT_ACCEPTED,
        .quantity = 1,
        .place = 5000,
        .entry_id = uuid_new(),
        .entry_status = SALE_ENTRY_WAITING,
        .position = 20,
        .version = 2,
    };
    (void)watch(ann);
    published_sale_commit(&sale, false); /* version 2 */
    sale.now.granted = 4;
    sale_live_add_gone(&sale.now, 100);
    sale_live_add_gone(&sale.now, 6000);
    published_sale_commit(&sale, false); /* version 3, before the decision of version 2 arrives */
    live_expect_number(live_receive(ann, "inventory:update"), "version", 2);
    live_expect_number(live_receive(ann, "inventory:update"), "version", 3);
    published_sale_decide(&sale, fixture.ann.id, joined);
    live_expect_number(published_sale_position(&sale, ann, 15), "version", 3);
    joined.position = 3;
    joined.version = 4; /* a decision before its version */
    joined.place = 7000;
    published_sale_decide(&sale, fixture.ann.id, joined);
    live_expect_number(published_sale_position(&sale, ann, 3), "version", 4);
    sale.now.granted = 9; /* of version 4: contained in the decision */
    published_sale_commit(&sale, false);
    sale.now.granted = 1;
    published_sale_commit(&sale, false);
    live_expect_number(published_sale_position(&sale, ann, 2), "version", 5);
    websocket_free(ann);
}
END_TEST

START_TEST(a_place_is_read_again_after_a_gap)
{
    int64_t first = published_sale_join(&sale, published_sale_user());
    int64_t second = published_sale_join(&sale, published_sale_user());
    (void)published_sale_join(&sale, fixture.ann.id);
    published_sale_commit(&sale, false);
    struct websocket *ann = live_open(&fixture.ann);
    (void)watch(ann);
    (void)published_sale_position(&sale, ann, 3);
    published_sale_leave(&sale, second);
    published_sale_commit(&sale, true);
    published_sale_commit(&sale, false);
    published_sale_await_position(ann, 2);
    published_sale_leave(&sale, first);
    sale.now.look = true; /* more were left than a message holds */
    published_sale_commit(&sale, false);
    published_sale_await_position(ann, 1);
    websocket_free(ann);
}
END_TEST

START_TEST(a_client_that_authenticates_later_gets_its_place)
{
    (void)published_sale_join(&sale, fixture.ann.id);
    published_sale_commit(&sale, false);
    struct websocket *socket = live_open(NULL);
    (void)watch(socket);
    (void)live_exchange(socket, client_format("{\"type\": \"auth\", \"token\": \"%s\"}", fixture.ann.token),
                        "authenticated");
    (void)published_sale_position(&sale, socket, 1);
    websocket_free(socket);
}
END_TEST

/* A promoted standby lacks the newest version, in which the place ahead was left. The sessions go on. */
START_TEST(after_a_restore_a_place_has_its_older_position)
{
    int64_t ahead = published_sale_join(&sale, published_sale_user());
    (void)published_sale_join(&sale, fixture.ann.id);
    published_sale_commit(&sale, false);
    struct websocket *ann = live_open(&fixture.ann);
    (void)watch(ann);
    (void)published_sale_position(&sale, ann, 2);
    published_sale_leave(&sale, ahead);
    published_sale_commit(&sale, false);
    published_sale_await_position(ann, 1);
    published_sale_restore(&sale, ahead);
    live_expect_number(live_receive(ann, "inventory:update"), "version", 2);
    live_expect_number(published_sale_position(&sale, ann, 2), "version", 2);
    published_sale_leave(&sale, ahead);
    published_sale_commit(&sale, false);
    published_sale_await_position(ann, 1);
    websocket_free(ann);
    published_sale_end_restore();
}
END_TEST

START_TEST(a_turn_that_ran_out_is_found_without_a_message)
{
    int64_t seq = published_sale_join(&sale, fixture.ann.id);
    published_sale_turn(&sale, seq, clock_now_ms());
    published_sale_commit(&sale, false);
    struct websocket *ann = live_open(&fixture.ann);
    (void)watch(ann);
    live_expect(live_receive(ann, "queue:position-update"), "status", "turn");
    PQclear(sql_rows(fixture.sql, "UPDATE queue_entries SET status = 'expired' WHERE sale_id = $1", sale.id, NULL));
    live_expect(live_receive(ann, "queue:position-update"), "status", "expired");
    websocket_free(ann);
}
END_TEST

/* Each worker has more followers than it visits in one pass. */
START_TEST(every_one_of_many_turns_that_ran_out_is_found)
{
    enum { USERS = 3, SOCKETS = USERS * 95 };
    const struct factory_user *const users[USERS] = {&fixture.ann, &fixture.bob, &fixture.seller};
    struct websocket *sockets[SOCKETS];
    bool found[SOCKETS]; /* already: on a slow machine the end worker has the turns expired meanwhile */
    for (int i = 0; i < USERS; i++) {
        published_sale_turn(&sale, published_sale_join(&sale, users[i]->id), clock_now_ms());
    }
    published_sale_commit(&sale, false);
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = live_open(users[i % USERS]);
        (void)watch(sockets[i]);
        const struct json *message = live_receive(sockets[i], "queue:position-update");
        found[i] = strcmp(websocket_text(message, "status"), "expired") == 0;
        live_expect(message, "status", found[i] ? "expired" : "turn");
    }
    PQclear(sql_rows(fixture.sql, "UPDATE queue_entries SET status = 'expired' WHERE sale_id = $1", sale.id, NULL));
    for (int i = 0; i < SOCKETS; i++) {
        if (!found[i]) {
            live_expect(live_receive(sockets[i], "queue:position-update"), "status", "expired");
        }
        websocket_free(sockets[i]);
    }
}
END_TEST

/* ---- joining and leaving, decided by the sale worker ---- */

static const char *join_text(const char *more)
{
    return client_format("{\"type\": \"queue:join\", \"flashSaleId\": \"%s\", \"id\": \"j\"%s}", sale.id, more);
}

/* Receives until the decision on the join and the place have arrived, in whichever order. */
static void await_turn(struct websocket *socket, const char *entry)
{
    bool joined = false;
    bool placed = false;
    while (!joined || !placed) {
        const struct json *message = live_receive(socket, NULL);
        if (strcmp(websocket_text(message, "type"), "queue:joined") == 0) {
            live_expect(message, "id", "j");
            live_expect(message, "flashSaleId", sale.id);
            live_expect(message, "entryId", entry);
            live_expect(message, "status", "turn");
            joined = true;
        } else if (strcmp(websocket_text(message, "type"), "queue:position-update") == 0) {
            live_expect(message, "status", "turn");
            placed = true;
        } else {
            ck_assert_ptr_nonnull(strstr("inventory:update sale:status-change", websocket_text(message, "type")));
        }
    }
}

START_TEST(a_join_and_a_leave_are_answered_by_their_ids)
{
    char entry[UUID_TEXT_SIZE];
    struct websocket *ann = live_open(&fixture.ann);
    const struct json *message = live_exchange(ann, join_text(", \"idempotencyKey\": \"once\""), "queue:pending");
    live_expect(message, "id", "j");
    live_expect(message, "flashSaleId", sale.id);
    (void)snprintf(entry, sizeof(entry), "%s", websocket_text(message, "entryId"));
    await_turn(ann, entry);
    ck_assert(websocket_send_text(ann, join_text(", \"idempotencyKey\": \"once\"")));
    live_expect(live_receive(ann, "queue:joined"), "entryId", entry);
    const char *leave = client_format("{\"type\": \"queue:leave\", \"flashSaleId\": \"%s\", \"id\": \"l\","
                                      " \"idempotencyKey\": \"leave\"}",
                                      sale.id);
    ck_assert(websocket_send_text(ann, leave));
    message = live_receive(ann, "queue:left");
    live_expect(message, "id", "l");
    live_expect(message, "flashSaleId", sale.id);
    live_expect(live_receive(ann, "queue:position-update"), "status", "left");
    ck_assert(websocket_send_text(ann, leave));
    live_expect(live_receive(ann, "queue:left"), "id", "l");
    ck_assert(websocket_send_text(ann, command_text("queue:leave", "m")));
    message = live_receive(ann, "error");
    live_expect(message, "error", "NOT_IN_QUEUE");
    live_expect(message, "id", "m");
    websocket_free(ann);
}
END_TEST

/* The answer is that of the place that one has, also while its line does not move. */
START_TEST(a_repeated_join_has_the_time_and_the_position_of_the_place)
{
    char joined[CLOCK_TEXT_SIZE];
    char entry[UUID_TEXT_SIZE];
    PGresult *result = sql_rows(fixture.sql, "UPDATE flash_sales SET quantity = 1 WHERE id = $1", sale.id, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
    struct websocket *ann = live_open(&fixture.ann);
    struct websocket *bob = live_open(&fixture.bob);
    (void)live_exchange(ann, join_text(""), "queue:pending");
    (void)live_receive(ann, "queue:joined");
    (void)live_exchange(bob, join_text(""), "queue:pending");
    const struct json *message = live_receive(bob, "queue:joined");
    live_expect(message, "status", "waiting");
    (void)snprintf(joined, sizeof(joined), "%s", websocket_text(message, "joinedAt"));
    (void)snprintf(entry, sizeof(entry), "%s", websocket_text(message, "entryId"));
    for (int i = 0; i < 2; i++) {
        ck_assert(websocket_send_text(bob, join_text("")));
        (void)live_receive(bob, "queue:pending");
        message = live_receive(bob, "queue:joined");
        live_expect(message, "entryId", entry);
        live_expect(message, "position", "1");
        live_expect(message, "joinedAt", joined);
    }
    websocket_free(ann);
    websocket_free(bob);
}
END_TEST

/* A lock on the sale's row delays the decision beyond the 3 s of the answer. */
START_TEST(a_late_leave_is_pending_and_then_decided)
{
    char entry[UUID_TEXT_SIZE];
    struct websocket *ann = live_open(&fixture.ann);
    (void)snprintf(entry, sizeof(entry), "%s",
                   websocket_text(live_exchange(ann, join_text(""), "queue:pending"), "entryId"));
    await_turn(ann, entry);
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL));
    ck_assert_int_eq(
        (int)sql_int(fixture.sql, "SELECT 1 FROM flash_sales WHERE id = $1::uuid FOR UPDATE", sale.id, NULL), 1);
    ck_assert(websocket_send_text(ann, command_text("queue:leave", "l")));
    live_expect(live_receive(ann, "queue:pending"), "id", "l");
    PQclear(sql_rows(fixture.sql, "COMMIT", NULL));
    live_expect(live_receive(ann, "queue:left"), "id", "l");
    websocket_free(ann);
}
END_TEST

START_TEST(a_join_that_the_worker_refuses_is_answered_by_its_id)
{
    char entry[UUID_TEXT_SIZE];
    struct websocket *ann = live_open(&fixture.ann);
    const struct json *message = live_exchange(ann, join_text(", \"quantity\": 2"), "queue:pending");
    (void)snprintf(entry, sizeof(entry), "%s", websocket_text(message, "entryId"));
    await_turn(ann, entry);
    client_header(fixture.client, "Prefer: wait=10");
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/orders",
                               client_format("{\"flashSaleId\": \"%s\", \"quantity\": 2}", sale.id)),
                  200);
    ck_assert(websocket_send_text(ann, join_text(""))); /* the gateway counts confirmed units only */
    (void)live_receive(ann, "queue:pending");
    message = live_receive(ann, "error");
    live_expect(message, "error", "LIMIT_REACHED");
    live_expect(message, "id", "j");
    live_expect(message, "flashSaleId", sale.id);
    websocket_free(ann);
}
END_TEST

START_TEST(wrong_joins_and_leaves_have_the_codes_of_http)
{
    static const char *const wrong[] = {", \"quantity\": 0", ", \"quantity\": \"1\"", ", \"quantity\": 1000001",
                                        ", \"auctionId\": \"x\"", ", \"idempotencyKey\": 1"};
    struct websocket *ann = live_open(&fixture.ann);
    struct websocket *guest = live_open(NULL);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct json *answer = live_exchange(ann, join_text(wrong[i]), "error");
        live_expect(answer, "error", "VALIDATION_FAILED");
        live_expect(answer, "id", "j");
    }
    live_expect(live_exchange(guest, join_text(""), "error"), "error", "UNAUTHORIZED");
    live_expect(live_exchange(guest, command_text("queue:leave", "l"), "error"), "error", "UNAUTHORIZED");
    (void)snprintf(sale.id, sizeof(sale.id), "%s", published_sale_user()); /* no sale */
    live_expect(live_exchange(ann, join_text(""), "error"), "error", "NOT_FOUND");
    live_expect(live_exchange(ann, command_text("queue:leave", "l"), "error"), "error", "NOT_FOUND");
    websocket_free(ann);
    websocket_free(guest);
}
END_TEST

/* ---- orders ---- */

START_TEST(an_order_is_shown_to_its_user_alone)
{
    struct websocket *ann = live_open(&fixture.ann);
    struct websocket *unwatching = live_open(&fixture.ann);
    struct websocket *bob = live_open(&fixture.bob);
    struct sale_message_decision ordered = {
        .kind = SALE_COMMAND_ORDER,
        .verdict = SALE_VERDICT_ACCEPTED,
        .quantity = 2,
        .place = 5000,
        .entry_id = uuid_new(),
        .entry_status = SALE_ENTRY_ORDERED,
        .position = SALE_POSITION_UNKNOWN,
        .order_id = uuid_new(),
        .order_status = SALE_ORDER_RESERVED,
        .total_price = 4000,
        .order_expires_ms = clock_now_ms() + TURN_MS,
        .version = 2,
    };
    (void)watch(ann);
    (void)watch(bob);
    published_sale_decide(&sale, fixture.ann.id, ordered);
    const struct json *message = live_receive(ann, NULL);
    live_expect(message, "type", "order:update");
    live_expect(message, "status", "reserved");
    live_expect(message, "totalPrice", "40.00");
    live_expect(live_receive(ann, NULL), "status", "ordered");
    live_expect(live_receive(unwatching, NULL), "type", "order:update");
    (void)live_exchange(bob, "{\"type\": \"ping\"}", "pong");
    websocket_free(ann);
    websocket_free(unwatching);
    websocket_free(bob);
}
END_TEST

START_TEST(a_reservation_that_ran_out_is_found_without_a_message)
{
    struct uuid id = uuid_new();
    char order[UUID_TEXT_SIZE];
    uuid_format(&id, order);
    PQclear(sql_rows(fixture.sql,
                     "INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, expires_at,"
                     " created_at, updated_at) VALUES ($1, $2, 7, $3, 1, 20, 'reserved', now(), now(), now())",
                     order, sale.id, fixture.ann.id, NULL));
    (void)published_sale_join(&sale, fixture.ann.id);
    published_sale_commit(&sale, false);
    struct websocket *ann = live_open(&fixture.ann);
    (void)watch(ann);
    (void)published_sale_position(&sale, ann, 1); /* it was read, with the order */
    PQclear(sql_rows(fixture.sql, "UPDATE orders SET status = 'expired' WHERE id = $1", order, NULL));
    const struct json *message = live_receive(ann, "order:update");
    live_expect(message, "orderId", order);
    live_expect(message, "status", "expired");
    websocket_free(ann);
}
END_TEST

START_TEST(a_reservation_of_a_cancelled_sale_is_found_without_a_message)
{
    struct uuid id = uuid_new();
    char order[UUID_TEXT_SIZE];
    uuid_format(&id, order);
    PQclear(sql_rows(fixture.sql,
                     "INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, expires_at,"
                     " created_at, updated_at) VALUES ($1, $2, 7, $3, 1, 20, 'reserved', now() + interval '1 hour',"
                     " now(), now())",
                     order, sale.id, fixture.ann.id, NULL));
    (void)published_sale_join(&sale, fixture.ann.id);
    published_sale_commit(&sale, false);
    struct websocket *ann = live_open(&fixture.ann);
    (void)watch(ann);
    (void)published_sale_position(&sale, ann, 1); /* it was read, with the order */
    sale.now.status = SALE_CANCELLED;
    published_sale_commit(&sale, false);
    const struct json *message = live_receive(ann, "order:update");
    live_expect(message, "orderId", order);
    live_expect(message, "status", "cancelled");
    websocket_free(ann);
}
END_TEST

/* ---- the whole path, decided by the sale worker ---- */

static void join(struct websocket *socket)
{
    live_expect(live_exchange(socket, join_text(""), "queue:pending"), "flashSaleId", sale.id);
}

static void await_status(struct websocket *socket, const char *status)
{
    const struct json *message = NULL;
    do {
        message = live_receive(socket, "queue:position-update");
    } while (strcmp(websocket_text(message, "status"), status) != 0);
}

/* Ann lets her turn run out, and Bob buys the only unit. Her turn ends once he waits, however long his join takes. */
START_TEST(a_unit_goes_down_the_line_until_it_is_sold)
{
    char order[UUID_TEXT_SIZE];
    struct websocket *ann = live_open(&fixture.ann);
    struct websocket *bob = live_open(&fixture.bob);
    PQclear(
        sql_rows(fixture.sql, "UPDATE flash_sales SET quantity = 1, per_user_limit = 1 WHERE id = $1", sale.id, NULL));
    join(ann);
    await_status(ann, "turn");
    join(bob);
    live_expect_number(published_sale_position(&sale, bob, 1), "waiting", 1);
    PQclear(sql_rows(fixture.sql,
                     "UPDATE queue_entries SET turn_expires_at = now() WHERE sale_id = $1 AND status = 'turn'", sale.id,
                     NULL));
    await_status(ann, "expired");
    await_status(bob, "turn");
    client_header(fixture.client, "Prefer: wait=10");
    const struct reply *reply = fixture_call(&fixture.bob, "POST", "/api/v1/orders",
                                             client_format("{\"flashSaleId\": \"%s\", \"quantity\": 1}", sale.id));
    EXPECT_STATUS(reply, 200);
    (void)snprintf(order, sizeof(order), "%s", reply_text(reply, "orderId"));
    live_expect(live_receive(bob, "order:update"), "status", "reserved");
    client_header(fixture.client, "Prefer: wait=10");
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", client_format("/api/v1/orders/%s/confirm", order), NULL), 200);
    const struct json *message = live_receive(ann, "sale:status-change");
    live_expect(message, "status", "sold_out");
    live_expect_number(message, "available", 0);
    live_expect_number(message, "reserved", 0);
    live_expect_number(message, "sold", 1);
    message = live_receive(bob, "order:update");
    live_expect(message, "orderId", order);
    live_expect(message, "status", "confirmed");
    websocket_free(ann);
    websocket_free(bob);
}
END_TEST

/* A client that watches would also read it from PostgreSQL. */
START_TEST(a_reservation_that_runs_out_is_pushed_to_who_does_not_watch)
{
    char order[UUID_TEXT_SIZE];
    struct websocket *ann = live_open(&fixture.ann);
    PQclear(sql_rows(fixture.sql, "UPDATE flash_sales SET reservation_s = 1 WHERE id = $1", sale.id, NULL));
    client_header(fixture.client, "Prefer: wait=10");
    const struct reply *reply = fixture_call(&fixture.ann, "POST", "/api/v1/orders",
                                             client_format("{\"flashSaleId\": \"%s\", \"quantity\": 1}", sale.id));
    EXPECT_STATUS(reply, 200);
    (void)snprintf(order, sizeof(order), "%s", reply_text(reply, "orderId"));
    live_expect(live_receive(ann, "order:update"), "status", "reserved");
    const struct json *message = live_receive(ann, "order:update");
    live_expect(message, "orderId", order);
    live_expect(message, "status", "expired");
    websocket_free(ann);
}
END_TEST

static Suite *live_sales_suite(void)
{
    const TTest *const tests[] = {
        a_guest_gets_the_state_and_then_every_version_once,
        a_later_end_is_a_change_of_the_sale,
        a_gap_is_read_from_postgresql,
        a_lost_message_is_found_in_postgresql,
        an_undecodable_message_changes_nothing,
        an_undecodable_message_during_a_read_changes_nothing,
        a_new_subscription_repeats_nothing,
        no_updates_arrive_after_unwatching,
        wrong_commands_are_refused,
        sales_and_auctions_count_together,
        a_position_follows_what_happens_ahead,
        the_decision_on_a_join_begins_the_position,
        a_place_is_read_again_after_a_gap,
        a_client_that_authenticates_later_gets_its_place,
        after_a_restore_a_place_has_its_older_position,
        a_turn_that_ran_out_is_found_without_a_message,
        every_one_of_many_turns_that_ran_out_is_found,
        a_join_and_a_leave_are_answered_by_their_ids,
        a_repeated_join_has_the_time_and_the_position_of_the_place,
        a_late_leave_is_pending_and_then_decided,
        a_join_that_the_worker_refuses_is_answered_by_its_id,
        wrong_joins_and_leaves_have_the_codes_of_http,
        an_order_is_shown_to_its_user_alone,
        a_reservation_that_ran_out_is_found_without_a_message,
        a_reservation_of_a_cancelled_sale_is_found_without_a_message,
        a_unit_goes_down_the_line_until_it_is_sold,
        a_reservation_that_runs_out_is_pushed_to_who_does_not_watch,
    };
    Suite *suite = suite_create("live-sales");
    TCase *tcase = tcase_create("live-sales");
    tcase_add_checked_fixture(tcase, set_up, fixture_teardown);
    tcase_set_timeout(tcase, 120);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    if (!live_recording_begin()) {
        return EXIT_FAILURE;
    }
    bool passed = suite_run(live_sales_suite()) == EXIT_SUCCESS;
    return live_recording_check(getenv("ROSTRUM_TEST") == NULL ? "sales" : "part") && passed ? EXIT_SUCCESS
                                                                                             : EXIT_FAILURE;
}
