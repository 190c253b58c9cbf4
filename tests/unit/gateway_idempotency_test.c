/*
 * Idempotency keys: their forms in a header, and the ids of bids and rows that are made from key and request. Two
 * requests have the same id exactly if user, key, auction, kind, amount and expected price are the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/access/idempotency.h"
#include "tests/support/suite.h"

static const uint8_t secret[DEPLOYMENT_KEY_BYTES] = {1};

static uint64_t random_state;

static size_t random_below(size_t end)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((random_state >> 33) % end);
}

/* ---- keys ---- */

START_TEST(a_key_has_1_to_64_bytes)
{
    char longest[IDEMPOTENCY_KEY_SIZE + 1] = "";
    char quoted[IDEMPOTENCY_KEY_SIZE + 3] = "";
    char key[IDEMPOTENCY_KEY_SIZE];
    memset(longest, 'k', IDEMPOTENCY_KEY_MAX);
    ck_assert(idempotency_key_read("k", key));
    ck_assert_str_eq(key, "k");
    ck_assert(idempotency_key_read(longest, key));
    ck_assert_str_eq(key, longest);
    (void)snprintf(quoted, sizeof(quoted), "\"%s\"", longest); /* the quotation marks do not count */
    ck_assert(idempotency_key_read(quoted, key));
    ck_assert_str_eq(key, longest);
    longest[IDEMPOTENCY_KEY_MAX] = 'k';
    ck_assert(!idempotency_key_read(longest, key));
    (void)snprintf(quoted, sizeof(quoted), "\"%s\"", longest);
    ck_assert(!idempotency_key_read(quoted, key));
    ck_assert(!idempotency_key_read("", key));
    ck_assert(!idempotency_key_read("\"\"", key));
}
END_TEST

START_TEST(a_key_has_no_control_characters)
{
    char key[IDEMPOTENCY_KEY_SIZE];
    for (int byte = 1; byte < 256; byte++) {
        const char value[] = {'a', (char)byte, 'b', '\0'};
        const char quoted[] = {'"', 'a', (char)byte, 'b', '"', '\0'};
        bool ok = byte >= 0x20 && byte != 0x7f;
        ck_assert_msg(idempotency_key_read(value, key) == ok, "byte %d", byte);
        ck_assert_msg(!ok || strcmp(key, value) == 0, "byte %d", byte);
        ck_assert_msg(idempotency_key_read(quoted, key) == (ok && byte != '"' && byte != '\\'), "byte %d", byte);
    }
}
END_TEST

START_TEST(a_quoted_key_is_a_whole_string)
{
    static const struct {
        const char *value;
        const char *key; /* NULL: refused */
    } cases[] = {
        {"\"key\"", "key"},  {"\"a b;c,d\"", "a b;c,d"}, {"\"a\\\"b\\\\c\"", "a\"b\\c"},
        {"\"\\\"\"", "\""},  {"a\"b\"", "a\"b\""}, /* not a quoted string: quotation marks are ordinary */
        {"a\\b", "a\\b"},    {"key\"", "key\""},         {"\"", NULL},
        {"\"key", NULL},     {"\"key\\\"", NULL},        {"\"key\\", NULL},
        {"\"k\\ey\"", NULL}, {"\"key\"x", NULL},         {"\"key\" ", NULL},
        {"\"key\"\"", NULL}, {"\"key\";p=1", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char key[IDEMPOTENCY_KEY_SIZE];
        bool ok = idempotency_key_read(cases[i].value, key);
        ck_assert_msg(ok == (cases[i].key != NULL), "%s", cases[i].value);
        ck_assert_msg(!ok || strcmp(key, cases[i].key) == 0, "%s is %s", cases[i].value, key);
    }
}
END_TEST

static void random_key(char key[static IDEMPOTENCY_KEY_SIZE])
{
    static const char bytes[] = "ab\"\\ ;=,\xc3\xa4"; /* many that a quoted string treats specially */
    size_t length = 1 + random_below(IDEMPOTENCY_KEY_MAX);
    for (size_t i = 0; i < length; i++) {
        key[i] = bytes[random_below(sizeof(bytes) - 1)];
    }
    key[length] = '\0';
}

static void quote(const char *key, char *out)
{
    *out++ = '"';
    for (; *key != '\0'; key++) {
        if (*key == '"' || *key == '\\') {
            *out++ = '\\';
        }
        *out++ = *key;
    }
    *out++ = '"';
    *out = '\0';
}

START_TEST(a_quoted_key_equals_the_bare_one)
{
    enum { ROUNDS = 20000 };
    for (int i = 0; i < ROUNDS; i++) {
        char key[IDEMPOTENCY_KEY_SIZE];
        char read[IDEMPOTENCY_KEY_SIZE];
        char quoted[2 * IDEMPOTENCY_KEY_SIZE + 2];
        random_key(key);
        quote(key, quoted);
        ck_assert(idempotency_key_read(quoted, read));
        ck_assert_str_eq(read, key);
        if (key[0] != '"') {
            ck_assert(idempotency_key_read(key, read));
            ck_assert_str_eq(read, key);
        }
    }
}
END_TEST

START_TEST(the_hash_of_a_key_never_changes)
{
    char hash[IDEMPOTENCY_HASH_SIZE];
    char other[IDEMPOTENCY_HASH_SIZE];
    idempotency_key_hash("order-1", hash);
    ck_assert_str_eq(hash, "56eea00bbcad2f0a2ca2cc13492405d7");
    idempotency_key_hash("order-2", other);
    ck_assert_str_ne(hash, other);
}
END_TEST

/* ---- ids of bids ---- */

/*
 * A key repeated after an upgrade must still find its bid. The values were computed with BLAKE2b of Python's hashlib,
 * over user, auction, kind, a NUL, the amount as 8 bytes (big endian), key.
 */
START_TEST(ids_of_bids_never_change)
{
    static const struct {
        enum command_kind kind;
        const char *id;
    } cases[] = {
        {COMMAND_PROXY, "7d1c561e-fda6-856a-b419-9da5b62fae1f"},
        {COMMAND_BID, "863883d8-38af-87f7-a7b1-4fd25f31599a"},
        {COMMAND_BUY, "539a1760-12cf-84b9-9030-291b60e4e432"}, /* without the amount and without a price */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct command command = {.kind = cases[i].kind, .user_id = {{3}}, .auction_id = {{2}}, .amount = 5500};
        struct uuid id = idempotency_bid_id(secret, &command, "order-1");
        char text[UUID_TEXT_SIZE];
        uuid_format(&id, text);
        ck_assert_str_eq(text, cases[i].id);
    }
}
END_TEST

START_TEST(an_id_depends_on_the_secret)
{
    const uint8_t other_secret[DEPLOYMENT_KEY_BYTES] = {2};
    const struct command command = {.kind = COMMAND_BID, .user_id = {{3}}, .auction_id = {{2}}, .amount = 5500};
    struct uuid id = idempotency_bid_id(secret, &command, "order-1");
    struct uuid other = idempotency_bid_id(other_secret, &command, "order-1");
    ck_assert(!uuid_equal(&id, &other));
}
END_TEST

START_TEST(an_id_depends_on_nothing_but_the_request)
{
    struct command command = {.kind = COMMAND_BID, .user_id = {{3}}, .auction_id = {{2}}, .amount = 5500};
    struct uuid id = idempotency_bid_id(secret, &command, "order-1");
    command.id = uuid_new();
    command.received_ms = 7;
    command.terms_version = 8;
    command.version = 9;
    command.end_ms = 10;
    command.since_ms = 11;
    command.target = uuid_new();
    command.reply_to = uuid_new();
    command.keyed = true;
    (void)snprintf(command.request_id, sizeof(command.request_id), "r-1");
    (void)snprintf(command.traceparent, sizeof(command.traceparent), "t-1");
    struct uuid again = idempotency_bid_id(secret, &command, "order-1");
    ck_assert(uuid_equal(&id, &again));
}
END_TEST

/*
 * Few values of each field, so that neighbours are common. Keys look like the bytes of amounts, and amounts like those
 * of keys, so that a form without fixed lengths would confuse them.
 */
static const enum command_kind kinds[] = {COMMAND_BID, COMMAND_PROXY, COMMAND_BUY};
static const int64_t amounts[] = {1,           5500, 5501, INT64_C(0x6161616161616161), INT64_C(0x0100000000000000),
                                  999999999999};
static const char *const keys[] = {"a", "aa", "aaaaaaaa", "aaaaaaaaa", "aaaaaaaaaaaaaaaa", "bid", "proxy", "5500"};

enum { IDS = 3, NO_PRICE = ARRAY_LEN(amounts) };

struct request {
    size_t user;
    size_t auction;
    size_t kind;
    size_t amount; /* the amount, or a purchase's expected price; NO_PRICE */
    size_t key;
    struct uuid id;
};

static struct request random_request(void)
{
    struct request request = {
        .user = random_below(IDS),
        .auction = random_below(IDS),
        .kind = random_below(ARRAY_LEN(kinds)),
        .amount = random_below(ARRAY_LEN(amounts)),
        .key = random_below(ARRAY_LEN(keys)),
    };
    bool buys = kinds[request.kind] == COMMAND_BUY;
    if (buys && random_below(2) == 0) {
        request.amount = NO_PRICE;
    }
    const int64_t amount = request.amount == NO_PRICE ? 0 : amounts[request.amount];
    const struct command command = {
        .kind = kinds[request.kind],
        .user_id = {{(uint8_t)request.user}},
        .auction_id = {{(uint8_t)request.auction}},
        .amount = buys ? 5500 : amount, /* no part of a purchase */
        .price = buys ? amount : 0,
    };
    request.id = idempotency_bid_id(secret, &command, keys[request.key]);
    return request;
}

static int compare_fields(const struct request *a, const struct request *b)
{
    const size_t of_a[] = {a->user, a->auction, a->kind, a->amount, a->key};
    const size_t of_b[] = {b->user, b->auction, b->kind, b->amount, b->key};
    for (size_t i = 0; i < ARRAY_LEN(of_a); i++) {
        if (of_a[i] != of_b[i]) {
            return of_a[i] < of_b[i] ? -1 : 1;
        }
    }
    return 0;
}

static int compare_requests(const void *a, const void *b)
{
    return compare_fields(a, b);
}

static int compare_ids(const void *a, const void *b)
{
    return uuid_compare(&((const struct request *)a)->id, &((const struct request *)b)->id);
}

START_TEST(two_requests_have_one_id_only_if_they_are_the_same)
{
    enum { REQUESTS = 20000 };
    static struct request requests[REQUESTS];
    for (size_t i = 0; i < REQUESTS; i++) {
        requests[i] = random_request();
    }
    qsort(requests, REQUESTS, sizeof(requests[0]), compare_requests);
    for (size_t i = 1; i < REQUESTS; i++) {
        bool same = compare_fields(&requests[i - 1], &requests[i]) == 0;
        ck_assert(uuid_equal(&requests[i - 1].id, &requests[i].id) == same);
    }
    qsort(requests, REQUESTS, sizeof(requests[0]), compare_ids);
    for (size_t i = 1; i < REQUESTS; i++) {
        bool same = uuid_equal(&requests[i - 1].id, &requests[i].id);
        ck_assert((compare_fields(&requests[i - 1], &requests[i]) == 0) == same);
    }
}
END_TEST

/* ---- ids of auctions and items ---- */

/* Computed as above, over user, kind, a NUL, key, a NUL, body. */
START_TEST(ids_of_rows_never_change)
{
    static const char body[] = "{\"title\":\"A desk\"}";
    const struct uuid user = {{3}};
    char text[UUID_TEXT_SIZE];
    struct uuid id = idempotency_row_id(secret, &user, "item", "order-1", body, sizeof(body) - 1);
    uuid_format(&id, text);
    ck_assert_str_eq(text, "f288078b-6e5a-8648-984e-4a83c6c531b2");
}
END_TEST

START_TEST(each_part_of_a_creation_changes_the_id_of_its_row)
{
    static const struct {
        const char *kind;
        const char *key;
        const char *body;
    } parts[] = {
        {"item", "key", "{}"}, {"auction", "key", "{}"}, {"item", "ke", "{}"},    {"item", "key", "{1}"},
        {"item", "key{", "}"}, {"itemk", "ey", "{}"},    {"item", "key", "{}{}"},
    };
    struct uuid ids[ARRAY_LEN(parts) + 2];
    const uint8_t other_secret[DEPLOYMENT_KEY_BYTES] = {2};
    const struct uuid user = {{3}};
    const struct uuid other_user = {{4}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        ids[i] = idempotency_row_id(secret, &user, parts[i].kind, parts[i].key, parts[i].body, strlen(parts[i].body));
    }
    ids[ARRAY_LEN(parts)] = idempotency_row_id(other_secret, &user, "item", "key", "{}", 2);
    ids[ARRAY_LEN(parts) + 1] = idempotency_row_id(secret, &other_user, "item", "key", "{}", 2);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        for (size_t j = 0; j < i; j++) {
            ck_assert_msg(!uuid_equal(&ids[i], &ids[j]), "%zu and %zu", i, j);
        }
    }
}
END_TEST

static Suite *idempotency_suite(void)
{
    Suite *suite = suite_create("idempotency");
    TCase *tcase = tcase_create("idempotency");
    tcase_add_test(tcase, a_key_has_1_to_64_bytes);
    tcase_add_test(tcase, a_key_has_no_control_characters);
    tcase_add_test(tcase, a_quoted_key_is_a_whole_string);
    tcase_add_test(tcase, a_quoted_key_equals_the_bare_one);
    tcase_add_test(tcase, the_hash_of_a_key_never_changes);
    tcase_add_test(tcase, ids_of_bids_never_change);
    tcase_add_test(tcase, an_id_depends_on_the_secret);
    tcase_add_test(tcase, an_id_depends_on_nothing_but_the_request);
    tcase_add_test(tcase, two_requests_have_one_id_only_if_they_are_the_same);
    tcase_add_test(tcase, ids_of_rows_never_change);
    tcase_add_test(tcase, each_part_of_a_creation_changes_the_id_of_its_row);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(idempotency_suite());
}
