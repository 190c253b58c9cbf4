/*
 * Idempotency keys over HTTP: a repeated request, a key with another request, and both again after Redis forgot the
 * key. The answer must always name the bid that the ledger holds, or will hold.
 */
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "gateway/access/idempotency.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/redis_run.h"

enum { PATH_SIZE = 128 };

static const struct reply *bid_with_key(const struct factory_user *who, const char *key, const char *auction,
                                        const char *body)
{
    client_header(fixture.client, client_format("X-Idempotency-Key: %s", key));
    return fixture_call(who, "POST", client_format("/api/v1/auctions/%s/bids", auction), body);
}

/* A request of Ann with the key `key`. `path` follows that of the auction: "/bids", "/proxy" or "/buy-now". */
static const struct reply *send_with_key(const char *auction, const char *path, const char *body)
{
    client_header(fixture.client, "X-Idempotency-Key: key");
    return fixture_call(&fixture.ann, "POST", client_format("/api/v1/auctions/%s%s", auction, path), body);
}

/* The same, and waits until the ledger holds the bid that the answer names. */
static const struct reply *decided_with_key(const char *auction, const char *path, const char *body,
                                            char bid[static UUID_TEXT_SIZE])
{
    char location[PATH_SIZE];
    EXPECT_STATUS(send_with_key(auction, path, body), 202);
    (void)snprintf(location, sizeof location, "%s", client_reply_header(fixture.client, "Location"));
    SUITE_WAIT(strcmp(reply_text(fixture_call(&fixture.ann, "GET", location, NULL), "status"), "pending") != 0,
               FACTORY_DECISION_MS);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", location, NULL);
    EXPECT_STATUS(reply, 200);
    (void)snprintf(bid, UUID_TEXT_SIZE, "%s", reply_text(reply, "bidId"));
    return reply;
}

static struct uuid parse_uuid(const char *text)
{
    struct uuid id;
    ck_assert(uuid_parse(text, strlen(text), &id));
    return id;
}

static int count_bids(const char *auction)
{
    return (int)sql_int(fixture.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid", auction, NULL);
}

static void list_auction(const char *more, char id[static UUID_TEXT_SIZE])
{
    const struct factory_terms terms = {.more = more};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
}

START_TEST(repeated_requests_with_one_key_place_one_bid)
{
    char bid[UUID_TEXT_SIZE];
    const struct reply *reply = bid_with_key(&fixture.ann, "k-1", fixture.auction, "{\"amount\": 20.00}");
    EXPECT_STATUS(reply, 202);
    (void)snprintf(bid, sizeof(bid), "%s", reply_text(reply, "bidId"));
    SUITE_WAIT(bid_with_key(&fixture.ann, "k-1", fixture.auction, "{\"amount\": 20.00}")->status == 200,
               FACTORY_DECISION_MS);
    /* The repeated request returns the first answer, although its amount is now below the minimum bid. */
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "40.00"), 200);
    reply = bid_with_key(&fixture.ann, "k-1", fixture.auction, "{\"amount\": 20.00}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "bidId", bid);
    EXPECT_TEXT(reply, "status", "accepted");
    EXPECT_TEXT(reply, "amount", "20.00");
    ck_assert_int_eq(
        sql_int(fixture.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid", fixture.auction, NULL), 2);
}
END_TEST

START_TEST(an_idempotency_key_is_bound_to_one_request_of_one_user)
{
    char other[UUID_TEXT_SIZE];
    char first[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    const struct reply *reply = bid_with_key(&fixture.ann, "k-2", fixture.auction, "{\"amount\": 20.00}");
    EXPECT_STATUS(reply, 202);
    (void)snprintf(first, sizeof(first), "%s", reply_text(reply, "bidId"));
    EXPECT_ERROR(bid_with_key(&fixture.ann, "k-2", fixture.auction, "{\"amount\": 21.00}"), 422,
                 "IDEMPOTENCY_KEY_REUSED");
    EXPECT_ERROR(bid_with_key(&fixture.ann, "k-2", other, "{\"amount\": 20.00}"), 422, "IDEMPOTENCY_KEY_REUSED");
    reply = bid_with_key(&fixture.bob, "k-2", fixture.auction, "{\"amount\": 30.00}");
    EXPECT_STATUS(reply, 202);
    ck_assert_str_ne(reply_text(reply, "bidId"), first);
}
END_TEST

/* Each retry follows at once on another connection, so that it can reach any of the gateway's workers. */
START_TEST(a_refused_bid_does_not_consume_its_key)
{
    enum { CONNECTIONS = 8, ATTEMPTS = 160 };
    struct client *clients[CONNECTIONS];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        clients[i] = client_new(deployment_http_url());
        ck_assert_ptr_nonnull(clients[i]);
        client_token(clients[i], fixture.ann.token);
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        const char *key = client_format("X-Idempotency-Key: free-%d", i);
        client_header(clients[i % CONNECTIONS], key);
        EXPECT_ERROR(client_call(clients[i % CONNECTIONS], "POST", fixture_path("/bids"), "{\"amount\": 1.00}"), 400,
                     "BID_TOO_LOW");
        client_header(clients[(i + 1) % CONNECTIONS], key);
        EXPECT_ERROR(client_call(clients[(i + 1) % CONNECTIONS], "POST", fixture_path("/bids"), "{\"amount\": 2.00}"),
                     400, "BID_TOO_LOW");
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        client_free(clients[i]);
    }
}
END_TEST

/* Requests of one key, sent at the same time by several clients. */
struct rival {
    pthread_t thread;
    char key[PATH_SIZE];
    int status;
    char bid[UUID_TEXT_SIZE];
};

static void *rival_bids(void *arg)
{
    struct rival *rival = arg;
    struct client *client = client_new(deployment_http_url());
    if (client != NULL) {
        client_token(client, fixture.ann.token);
        client_header(client, rival->key);
        const struct reply *reply = client_call(client, "POST", fixture_path("/bids"), "{\"amount\": 20.00}");
        rival->status = reply->status;
        (void)snprintf(rival->bid, sizeof rival->bid, "%s", reply_text(reply, "bidId"));
        client_free(client);
    }
    return NULL;
}

START_TEST(simultaneous_requests_with_one_key_place_one_bid)
{
    enum { RIVALS = 8, ROUNDS = 10 };
    struct rival rivals[RIVALS] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        list_auction(NULL, fixture.auction);
        for (int i = 0; i < RIVALS; i++) {
            (void)snprintf(rivals[i].key, sizeof rivals[i].key, "Idempotency-Key: together-%d", round);
            ck_assert_int_eq(pthread_create(&rivals[i].thread, NULL, rival_bids, &rivals[i]), 0);
        }
        for (int i = 0; i < RIVALS; i++) {
            ck_assert_int_eq(pthread_join(rivals[i].thread, NULL), 0);
        }
        for (int i = 0; i < RIVALS; i++) {
            ck_assert_msg(rivals[i].status == 202 || rivals[i].status == 200, "status %d", rivals[i].status);
            ck_assert_str_eq(rivals[i].bid, rivals[0].bid);
        }
        SUITE_WAIT(count_bids(fixture.auction) > 0, FACTORY_DECISION_MS);
        ck_assert_int_eq(count_bids(fixture.auction), 1);
    }
}
END_TEST

/* ---- after Redis forgot the key ---- */

START_TEST(a_forgotten_key_with_another_amount_places_another_bid)
{
    static const struct {
        const char *path;
        const char *bodies[2];
        const char *member;
        const char *amounts[2];
    } cases[] = {
        {"/bids", {"{\"amount\": 20.00}", "{\"amount\": 50.00}"}, "amount", {"20.00", "50.00"}},
        {"/proxy", {"{\"maxAmount\": 200.00}", "{\"maxAmount\": 500.00}"}, "maxAmount", {"200.00", "500.00"}},
    };
    char bids[2][UUID_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char auction[UUID_TEXT_SIZE];
        list_auction(NULL, auction);
        for (int attempt = 0; attempt < 2; attempt++) {
            redis_forget(fixture.ann.id, auction);
            const struct reply *reply =
                decided_with_key(auction, cases[i].path, cases[i].bodies[attempt], bids[attempt]);
            EXPECT_TEXT(reply, "status", "accepted");
            EXPECT_TEXT(reply, cases[i].member, cases[i].amounts[attempt]);
        }
        ck_assert_str_ne(bids[0], bids[1]);
        ck_assert_int_eq(count_bids(auction), 2);
    }
}
END_TEST

START_TEST(a_forgotten_key_for_another_auction_or_kind_places_another_bid)
{
    char other[UUID_TEXT_SIZE];
    char third[UUID_TEXT_SIZE];
    char bids[4][UUID_TEXT_SIZE];
    list_auction(NULL, other);
    list_auction("\"buyNowPrice\": 500.00", third);
    EXPECT_TEXT(decided_with_key(fixture.auction, "/bids", "{\"amount\": 20.00}", bids[0]), "isProxyBid", "false");
    redis_forget(fixture.ann.id, fixture.auction);
    EXPECT_TEXT(decided_with_key(fixture.auction, "/proxy", "{\"maxAmount\": 20.01}", bids[1]), "isProxyBid", "true");
    redis_forget(fixture.ann.id, other);
    EXPECT_TEXT(decided_with_key(other, "/bids", "{\"amount\": 20.00}", bids[2]), "auctionId", other);
    redis_forget(fixture.ann.id, third);
    EXPECT_TEXT(decided_with_key(third, "/buy-now", NULL, bids[3]), "status", "accepted");
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(bids[i], bids[j]);
        }
    }
    ck_assert_int_eq(count_bids(fixture.auction), 2);
    ck_assert_int_eq(count_bids(other), 1);
    ck_assert_int_eq(count_bids(third), 1);
}
END_TEST

START_TEST(a_forgotten_key_with_the_same_request_finds_its_bid)
{
    static const struct {
        const char *path;
        const char *body;
    } cases[] = {{"/bids", "{\"amount\": 20.00}"}, {"/proxy", "{\"maxAmount\": 200.00}"}, {"/buy-now", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char auction[UUID_TEXT_SIZE];
        char bid[UUID_TEXT_SIZE];
        list_auction("\"buyNowPrice\": 500.00", auction);
        redis_forget(fixture.ann.id, auction);
        EXPECT_TEXT(decided_with_key(auction, cases[i].path, cases[i].body, bid), "status", "accepted");
        redis_forget(fixture.ann.id, auction);
        client_header(fixture.client, "Prefer: wait=10");
        const struct reply *reply = send_with_key(auction, cases[i].path, cases[i].body);
        EXPECT_STATUS(reply, 200);
        EXPECT_TEXT(reply, "bidId", bid);
        EXPECT_TEXT(reply, "status", "accepted");
        ck_assert_int_eq(count_bids(auction), 1);
    }
}
END_TEST

START_TEST(a_key_survives_the_loss_of_its_bids_entry)
{
    char bid[UUID_TEXT_SIZE];
    char key[KEYS_SIZE];
    const char *const body = "{\"amount\": 20.00}";
    (void)decided_with_key(fixture.auction, "/bids", body, bid);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "40.00"), 200);
    struct uuid user_id = parse_uuid(fixture.ann.id);
    struct uuid bid_id = parse_uuid(bid);
    keys_bid(&user_id, &bid_id, key);
    const char *const states[] = {"a", "p"};
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        const char *const set[] = {"SETRANGE", key, "0", states[i]};
        redis_run(ARRAY_LEN(set), set);
        EXPECT_STATUS(send_with_key(fixture.auction, "/bids", body), 200);
    }
    const char *const lose[] = {"DEL", key};
    redis_run(ARRAY_LEN(lose), lose);
    EXPECT_ERROR(send_with_key(fixture.auction, "/bids", "{\"amount\": 50.00}"), 422, "IDEMPOTENCY_KEY_REUSED");
    const struct reply *reply = send_with_key(fixture.auction, "/bids", body);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "bidId", bid);
}
END_TEST

/* The id of a plain bid of Ann on the fixture's auction with the key `key`. */
static struct uuid bid_id_of(int64_t amount)
{
    uint8_t secret[DEPLOYMENT_KEY_BYTES];
    const struct command command = {.kind = COMMAND_BID,
                                    .user_id = parse_uuid(fixture.ann.id),
                                    .auction_id = parse_uuid(fixture.auction),
                                    .amount = amount};
    const char *hex = sql_text(fixture.sql, "SELECT secret FROM deployment_keys WHERE name = 'idempotency'", NULL);
    ck_assert_int_eq(sodium_hex2bin(secret, sizeof secret, hex, strlen(hex), NULL, NULL, NULL), 0);
    return idempotency_bid_id(secret, &command, "key");
}

/* After a restore of PostgreSQL Redis may remember the decision on a bid that the ledger no longer has. */
START_TEST(a_decided_bid_that_the_ledger_has_lost_is_placed_again)
{
    char key[KEYS_SIZE];
    char text[UUID_TEXT_SIZE];
    char bid[UUID_TEXT_SIZE];
    struct uuid user_id = parse_uuid(fixture.ann.id);
    struct uuid bid_id = bid_id_of(2000);
    keys_bid(&user_id, &bid_id, key);
    const char *const command[] = {"SETRANGE", key, "0", "d{\"receivedAt\":\"2026-01-01T00:00:00.000Z\"}"};
    redis_run(ARRAY_LEN(command), command);
    EXPECT_STATUS(send_with_key(fixture.auction, "/bids", "{\"amount\": 20.00}"), 202);
    SUITE_WAIT(count_bids(fixture.auction) == 1, FACTORY_DECISION_MS);
    const struct reply *reply = send_with_key(fixture.auction, "/bids", "{\"amount\": 20.00}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "accepted");
    (void)snprintf(bid, sizeof bid, "%s", reply_text(reply, "bidId"));
    uuid_format(&bid_id, text);
    ck_assert_str_eq(bid, text);
}
END_TEST

/* ---- the headers ---- */

START_TEST(both_headers_name_the_same_key_quoted_or_not)
{
    static const char *const forms[] = {
        "Idempotency-Key: key",       "Idempotency-Key: \"key\"", "X-Idempotency-Key: \"key\"",
        "idempotency-key:   \"key\"", "X-IDEMPOTENCY-KEY: key  ", "Idempotency-Key: \"k\\\\ey\"",
    };
    char bid[UUID_TEXT_SIZE];
    (void)decided_with_key(fixture.auction, "/bids", "{\"amount\": 20.00}", bid);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        bool same = i < ARRAY_LEN(forms) - 1; /* the last one is another key, with a backslash */
        client_header(fixture.client, forms[i]);
        const struct reply *reply = fixture_call(&fixture.ann, "POST", fixture_path("/bids"),
                                                 same ? "{\"amount\": 20.00}" : "{\"amount\": 30.00}");
        EXPECT_STATUS(reply, same ? 200 : 202);
        ck_assert_msg((strcmp(reply_text(reply, "bidId"), bid) == 0) == same, "%s", forms[i]);
    }
    client_header(fixture.client, "X-Idempotency-Key: key");
    client_header(fixture.client, "Idempotency-Key: \"key\"");
    EXPECT_TEXT(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 20.00}"), "bidId", bid);
}
END_TEST

START_TEST(two_keys_that_differ_are_400)
{
    static const char *const pairs[][2] = {
        {"Idempotency-Key: one", "X-Idempotency-Key: two"},
        {"Idempotency-Key: one", "Idempotency-Key: two"},
        {"X-Idempotency-Key: one", "X-Idempotency-Key: \"One\""},
        {"Idempotency-Key: one", "X-Idempotency-Key;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        client_header(fixture.client, pairs[i][0]);
        client_header(fixture.client, pairs[i][1]);
        const struct reply *reply = fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 20.00}");
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        EXPECT_TEXT(reply, "fields.0.field", "Idempotency-Key");
    }
    ck_assert_int_eq(count_bids(fixture.auction), 0);
}
END_TEST

/* ---- auctions and items ---- */

enum { BODY_SIZE = 512, TIMES_SIZE = 64 };

/* Something to create, with the members of two bodies that differ. All end at the same time. */
static const struct creation_case {
    const char *path;
    const char *count; /* of the seller's rows with this title */
    const char *members[2];
} creations[] = {
    {"/api/v1/items",
     "SELECT count(*) FROM items WHERE owner_id = $1::uuid AND title = 'A desk'",
     {"\"description\": \"Oak\"", "\"description\": \"Elm\""}},
    {"/api/v1/auctions",
     "SELECT count(*) FROM auctions WHERE seller_id = $1::uuid AND title = 'A desk'",
     {"\"startingPrice\": 10.00", "\"startingPrice\": 11.00"}},
};

static void write_body(const struct creation_case *creation, int which, int64_t end_ms, char body[static BODY_SIZE])
{
    char end[CLOCK_TEXT_SIZE];
    char times[TIMES_SIZE] = "";
    clock_format(end_ms, end);
    if (strcmp(creation->path, "/api/v1/auctions") == 0) {
        (void)snprintf(times, sizeof times, ", \"endTime\": \"%s\"", end);
    }
    (void)snprintf(body, BODY_SIZE, "{\"title\": \"A desk\", %s%s}", creation->members[which], times);
}

static const struct reply *create(const struct creation_case *creation, const char *body)
{
    client_header(fixture.client, "Idempotency-Key: new");
    return fixture_call(&fixture.seller, "POST", creation->path, body);
}

static int64_t count_created(const struct creation_case *creation)
{
    return sql_int(fixture.sql, creation->count, fixture.seller.id, NULL);
}

/* As after 24 hours. */
static void forget_keys(void)
{
    PQclear(sql_rows(fixture.sql, "DELETE FROM idempotency_keys WHERE user_id = $1::uuid", fixture.seller.id, NULL));
}

START_TEST(a_repeated_creation_returns_the_first_result)
{
    int64_t end_ms = clock_now_ms() + 3600000;
    for (size_t i = 0; i < ARRAY_LEN(creations); i++) {
        const struct creation_case *creation = &creations[i];
        char bodies[2][BODY_SIZE];
        char id[UUID_TEXT_SIZE];
        char location[PATH_SIZE];
        write_body(creation, 0, end_ms, bodies[0]);
        write_body(creation, 1, end_ms, bodies[1]);
        forget_keys();
        EXPECT_ERROR(create(creation, "{\"title\": \"\"}"), 400, "VALIDATION_FAILED"); /* keeps the key free */
        const struct reply *reply = create(creation, bodies[0]);
        EXPECT_STATUS(reply, 201);
        (void)snprintf(id, sizeof id, "%s", reply_text(reply, "id"));
        (void)snprintf(location, sizeof location, "%s", client_reply_header(fixture.client, "Location"));
        EXPECT_ERROR(create(creation, bodies[1]), 422, "IDEMPOTENCY_KEY_REUSED");
        for (int forgotten = 0; forgotten < 2; forgotten++) {
            reply = create(creation, bodies[0]);
            EXPECT_STATUS(reply, 201);
            EXPECT_TEXT(reply, "id", id);
            EXPECT_TEXT(reply, "title", "A desk");
            ck_assert_str_eq(client_reply_header(fixture.client, "Location"), location);
            forget_keys();
        }
        ck_assert_int_eq(count_created(creation), 1);
        reply = create(creation, bodies[1]);
        EXPECT_STATUS(reply, 201);
        ck_assert_str_ne(reply_text(reply, "id"), id);
        ck_assert_int_eq(count_created(creation), 2);
    }
}
END_TEST

START_TEST(a_repeated_creation_may_have_a_start_that_is_past_by_now)
{
    enum { SOON_MS = 1500 };
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    char body[BODY_SIZE];
    char id[UUID_TEXT_SIZE];
    int64_t start_ms = clock_now_ms() + SOON_MS;
    clock_format(start_ms, start);
    clock_format(start_ms + 3600000, end);
    (void)snprintf(body, sizeof body,
                   "{\"title\": \"A desk\", \"startingPrice\": 10.00, \"startTime\": \"%s\", \"endTime\": \"%s\"}",
                   start, end);
    const struct reply *reply = create(&creations[1], body);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(id, sizeof id, "%s", reply_text(reply, "id"));
    SUITE_WAIT(factory_has_status(fixture.client, id, "active"), FACTORY_DECISION_MS);
    reply = create(&creations[1], body);
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "id", id);
    EXPECT_TEXT(reply, "status", "active");
}
END_TEST

START_TEST(a_repeated_creation_with_an_item_finds_its_auction)
{
    char body[BODY_SIZE];
    char end[CLOCK_TEXT_SIZE];
    char item[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    clock_format(clock_now_ms() + 3600000, end);
    const struct reply *reply = fixture_call(&fixture.seller, "POST", "/api/v1/items", "{\"title\": \"A desk\"}");
    EXPECT_STATUS(reply, 201);
    (void)snprintf(item, sizeof item, "%s", reply_text(reply, "id"));
    (void)snprintf(body, sizeof body,
                   "{\"title\": \"A desk\", \"startingPrice\": 10.00, \"endTime\": \"%s\", \"itemId\": \"%s\"}", end,
                   item);
    reply = create(&creations[1], body);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(id, sizeof id, "%s", reply_text(reply, "id"));
    forget_keys();
    reply = create(&creations[1], body);
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "id", id);
    EXPECT_ERROR(fixture_call(&fixture.seller, "POST", "/api/v1/auctions", body), 409, "ITEM_ALREADY_LISTED");
}
END_TEST

struct creator {
    pthread_t thread;
    const struct creation_case *creation;
    const char *body;
    int status;
    char id[UUID_TEXT_SIZE];
};

static void *creator_creates(void *arg)
{
    struct creator *creator = arg;
    struct client *client = client_new(deployment_http_url());
    if (client != NULL) {
        client_token(client, fixture.seller.token);
        client_header(client, "Idempotency-Key: \"together\"");
        const struct reply *reply = client_call(client, "POST", creator->creation->path, creator->body);
        creator->status = reply->status;
        (void)snprintf(creator->id, sizeof creator->id, "%s", reply_text(reply, "id"));
        client_free(client);
    }
    return NULL;
}

START_TEST(simultaneous_creations_with_one_key_create_one)
{
    enum { CREATORS = 20 };
    struct creator creators[CREATORS];
    for (size_t i = 0; i < ARRAY_LEN(creations); i++) {
        char body[BODY_SIZE];
        char id[UUID_TEXT_SIZE] = "";
        write_body(&creations[i], 0, clock_now_ms() + 3600000, body);
        forget_keys();
        for (size_t j = 0; j < CREATORS; j++) {
            creators[j] = (struct creator){.creation = &creations[i], .body = body};
            ck_assert_int_eq(pthread_create(&creators[j].thread, NULL, creator_creates, &creators[j]), 0);
        }
        for (size_t j = 0; j < CREATORS; j++) {
            ck_assert_int_eq(pthread_join(creators[j].thread, NULL), 0);
        }
        for (size_t j = 0; j < CREATORS; j++) {
            bool made = creators[j].status == 201;
            ck_assert_msg(made || creators[j].status == 409, "status %d", creators[j].status);
            if (made) {
                ck_assert(id[0] == '\0' || strcmp(creators[j].id, id) == 0);
                (void)snprintf(id, sizeof id, "%s", creators[j].id);
            }
        }
        ck_assert_str_ne(id, "");
        ck_assert_int_eq(count_created(&creations[i]), 1);
    }
}
END_TEST

static Suite *idempotency_suite(void)
{
    const TTest *const tests[] = {
        repeated_requests_with_one_key_place_one_bid,
        an_idempotency_key_is_bound_to_one_request_of_one_user,
        a_refused_bid_does_not_consume_its_key,
        simultaneous_requests_with_one_key_place_one_bid,
        a_forgotten_key_with_another_amount_places_another_bid,
        a_forgotten_key_for_another_auction_or_kind_places_another_bid,
        a_forgotten_key_with_the_same_request_finds_its_bid,
        a_key_survives_the_loss_of_its_bids_entry,
        a_decided_bid_that_the_ledger_has_lost_is_placed_again,
        both_headers_name_the_same_key_quoted_or_not,
        two_keys_that_differ_are_400,
        a_repeated_creation_returns_the_first_result,
        a_repeated_creation_may_have_a_start_that_is_past_by_now,
        a_repeated_creation_with_an_item_finds_its_auction,
        simultaneous_creations_with_one_key_create_one,
        NULL,
    };
    return fixture_suite("idempotency", tests);
}

int main(void)
{
    return suite_run(idempotency_suite());
}
