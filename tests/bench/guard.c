/*
 * Runs the hot paths of a bid and of a join, each with the same input every time, for callgrind to count their
 * instructions. tests/bench/guard-run starts it, reads the counts and compares them with tests/bench/guard.txt.
 *
 *     guard     runs every path WARM_UP times uncounted, then OPERATIONS times; prints OPERATIONS
 *
 * A dump of callgrind follows each path and has its name. Every path calls code of the programs and nothing of its own
 * that grows with the work. Memory that the programs keep from batch to batch is made before the count begins. Without
 * callgrind it only runs them.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "bidworker/decide.h"
#include "bidworker/ledger_chain.h"
#include "bidworker/live_updates.h"
#include "common/protocol/sale_live.h"
#include "common/protocol/sale_message.h"
#include "common/protocol/snapshot.h"
#include "common/rules/sale_rules.h"
#include "gateway/access/idempotency.h"
#include "gateway/access/local_limits.h"
#include "gateway/core/token.h"
#include "gateway/http/scanner.h"
#include "gateway/live/live_message.h"
#include "tests/support/batch.h"

enum {
    BATCH = 64,             /* bids or joins that are decided together */
    OPERATIONS = 4 * BATCH, /* of each path */
    WARM_UP = BATCH,
    BODY_MAX = 4096,
    TITLE_SIZE = 32,
};
static const int64_t START_MS = INT64_C(1792000000000);
static const int64_t NOW_MS = INT64_C(1792000100000);
static const int64_t END_MS = INT64_C(1792003600000);
static const int64_t NOW_S = INT64_C(1792000100);

static const uint8_t secret[DEPLOYMENT_KEY_BYTES] = {1};

static struct jsonw *writer;
static struct command bids[BATCH];
static struct sale_message_command joins[BATCH];

/* Ends the program: a path did not do what is counted. */
static void require(bool done, const char *what)
{
    if (!done) {
        (void)fprintf(stderr, "guard: %s failed\n", what);
        exit(EXIT_FAILURE);
    }
}

static struct uuid id_of(uint8_t kind, unsigned number)
{
    return (struct uuid){.bytes = {[0] = kind, [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number}};
}

/* ---- the gateway: a request ---- */

static const char request[] =
    "POST /api/v1/auctions/018f3a5e-7c00-7000-8000-00000000a001/bids HTTP/1.1\r\n"
    "Host: auctions.example\r\n"
    "User-Agent: guard/1\r\n"
    "Accept: application/json\r\n"
    "Authorization: Bearer 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n"
    "Idempotency-Key: 0c9d9c6e-4f6f-4d3e-9b9e-0c9d9c6e4f6f\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 17\r\n"
    "\r\n"
    "{\"amount\": 55.25}";

static void scan_request(unsigned operations)
{
    char bytes[sizeof(request)];
    struct scanner scanner;
    for (unsigned i = 0; i < operations; i++) {
        memcpy(bytes, request, sizeof(request));
        scanner_begin(&scanner, BODY_MAX);
        require(scanner_read(&scanner, bytes, sizeof(request) - 1) == sizeof(request) - 1, "scanner_read");
    }
}

static void parse_body(unsigned operations)
{
    static const char body[] = "{\"amount\": 55.25, \"version\": 17}";
    for (unsigned i = 0; i < operations; i++) {
        int64_t amount = 0;
        struct json *json = json_parse(body, sizeof(body) - 1, NULL);
        const struct json *member = json_member(json, "amount");
        require(member != NULL && money_parse(member->text, member->length, &amount), "json_parse");
        json_free(json);
    }
}

static struct tokens *tokens;
static char token[TOKEN_TEXT_SIZE];

static void prepare_token(void)
{
    static const struct token_keys keys = {.count = 1, .seeds = {{7}}};
    struct token_claims claims = {.user_id = id_of('u', 1), .epoch = 7, .from_ms = START_MS, .expires_s = NOW_S + 60};
    (void)snprintf(claims.session, sizeof(claims.session), "0123456789abcdef0123456789abcdef");
    tokens = tokens_new(&keys);
    require(tokens != NULL && token_issue(tokens, &claims, NOW_S, token), "token_issue");
}

/* Verified before: each worker keeps the tokens that it has verified. */
static void verify_token(unsigned operations)
{
    struct token_claims claims;
    for (unsigned i = 0; i < operations; i++) {
        require(token_verify(tokens, token, strlen(token), NOW_S, &claims) == TOKEN_VALID, "token_verify");
    }
}

static void derive_bid_id(unsigned operations)
{
    for (unsigned i = 0; i < operations; i++) {
        struct uuid id = idempotency_bid_id(secret, &bids[i % BATCH], "0c9d9c6e-4f6f-4d3e-9b9e-0c9d9c6e4f6f");
        require(!uuid_is_nil(&id), "idempotency_bid_id");
    }
}

static struct local_limits *limits;

static void prepare_limits(void)
{
    limits = local_limits_new();
    require(limits != NULL, "local_limits_new");
}

/* The key of these limits is random, so the slots of the counters are, too. */
static void count_limit(unsigned operations)
{
    for (unsigned i = 0; i < operations; i++) {
        uint64_t key = local_limits_key(limits, "bid", "018f3a5e-7c00-7000-8000-00000000c001");
        require(local_limits_count(limits, key, 60000, NOW_MS).used > 0, "local_limits_count");
    }
}

/* ---- messages ---- */

static void make_bids(void)
{
    for (unsigned i = 0; i < BATCH; i++) {
        bids[i] = (struct command){
            .kind = COMMAND_BID,
            .id = id_of('b', i),
            .auction_id = id_of('a', 0),
            .user_id = id_of('u', i % 8 + 1),
            .reply_to = id_of('w', 0),
            .amount = 10000 + (int64_t)i * 100,
            .received_ms = NOW_MS,
            .terms_version = 1,
            .request_id = "018f3a5e-7c00-7000-8000-00000000f001-17",
            .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        };
    }
}

static void make_joins(void)
{
    for (unsigned i = 0; i < BATCH; i++) {
        joins[i] = (struct sale_message_command){
            .command = {.kind = SALE_COMMAND_JOIN,
                        .id = id_of('j', i),
                        .user_id = id_of('u', i + 1),
                        .quantity = 1,
                        .received_ms = NOW_MS},
            .sale_id = id_of('s', 0),
            .reply_to = id_of('w', 0),
            .request_id = "018f3a5e-7c00-7000-8000-00000000f001-17",
            .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        };
    }
}

static void write_bid(unsigned operations)
{
    for (unsigned i = 0; i < operations; i++) {
        jsonw_reset(writer);
        message_write_commands(writer, &bids[i % BATCH], 1);
        require(jsonw_text(writer, NULL) != NULL, "message_write_commands");
    }
}

static char message[8192];
static size_t message_length;

/* Keeps what the writer has, as the message that a path reads. */
static void keep_message(void)
{
    const char *text = jsonw_text(writer, &message_length);
    require(text != NULL && message_length < sizeof(message), "jsonw_text");
    memcpy(message, text, message_length + 1);
}

static void prepare_bid_message(void)
{
    jsonw_reset(writer);
    message_write_commands(writer, bids, 1);
    keep_message();
}

static void read_bid(unsigned operations)
{
    struct command_item items[2];
    for (unsigned i = 0; i < operations; i++) {
        const char *reason = NULL;
        size_t count = 0;
        require(message_read_commands(message, message_length, items, ARRAY_LEN(items), &count, &reason) && count == 1,
                "message_read_commands");
    }
}

static void write_join(unsigned operations)
{
    for (unsigned i = 0; i < operations; i++) {
        jsonw_reset(writer);
        sale_message_write_commands(writer, &joins[i % BATCH], 1);
        require(jsonw_text(writer, NULL) != NULL, "sale_message_write_commands");
    }
}

static void prepare_join_message(void)
{
    jsonw_reset(writer);
    sale_message_write_commands(writer, joins, 1);
    keep_message();
}

static void read_join(unsigned operations)
{
    struct sale_message_item items[2];
    for (unsigned i = 0; i < operations; i++) {
        const char *reason = NULL;
        size_t count = 0;
        require(sale_message_read_commands(message, message_length, items, ARRAY_LEN(items), &count, &reason),
                "sale_message_read_commands");
    }
}

static void write_decision(unsigned operations)
{
    const struct decision decision = {.bid_id = id_of('b', 0),
                                      .auction_id = id_of('a', 0),
                                      .user_id = id_of('u', 1),
                                      .kind = COMMAND_BID,
                                      .amount = 10000,
                                      .received_ms = NOW_MS,
                                      .decided_ms = NOW_MS + 3,
                                      .version = 8,
                                      .status = BID_ACCEPTED};
    for (unsigned i = 0; i < operations; i++) {
        jsonw_reset(writer);
        message_write_decision(writer, &decision);
        require(jsonw_text(writer, NULL) != NULL, "message_write_decision");
    }
}

/* ---- the bid worker: a batch ---- */

static struct batch *batch;

static const struct rules_auction auction_terms = {
    .seller_id = {{'v'}},
    .starting_price = 1000,
    .buy_now_price = 0,
    .increments = {0},
    .snipe_window_ms = 60000,
    .snipe_extension_ms = 60000,
    .snipe_max = -1,
    .terms_version = 1,
    .status = RULES_ACTIVE,
};

/* One batch as the ledger loads it: BATCH bids on one auction. */
static void load_batch(void)
{
    batch_clear(batch);
    for (unsigned i = 0; i < BATCH; i++) {
        (void)batch_add(batch, NULL, &bids[i]);
    }
    batch_prepare(batch);
    struct batch_auction *auction = &batch->auctions[0];
    auction->found = true;
    auction->seq = 10;
    auction->version = 20;
    auction->state = auction_terms;
    auction->state.increments = increments_fixed(100);
    auction->state.start_ms = START_MS;
    auction->state.end_ms = END_MS;
}

static void prepare_batch(void)
{
    batch_free(batch);
    batch = batch_new(BATCH);
    require(batch != NULL, "batch_new");
}

static void decide_bids(unsigned operations)
{
    for (unsigned i = 0; i < operations; i += BATCH) {
        load_batch();
        decide_batch(batch, NOW_MS);
        require(batch->row_count == BATCH && batch->rows[BATCH - 1].status == BID_ACCEPTED, "decide_batch");
    }
}

static void prepare_decided(void)
{
    prepare_batch();
    load_batch();
    decide_batch(batch, NOW_MS);
}

static void chain_rows(unsigned operations)
{
    for (unsigned i = 0; i < operations; i += BATCH) {
        ledger_chain(batch);
    }
    require(batch->rows[BATCH - 1].hash[0] != '\0', "ledger_chain");
}

static void write_events(unsigned operations)
{
    require(batch->event_count > 0, "an event");
    for (unsigned i = 0; i < operations; i += BATCH) {
        jsonw_reset(writer);
        message_write_events(writer, batch->events, batch->event_count);
        require(jsonw_text(writer, NULL) != NULL, "message_write_events");
    }
}

/* ---- live updates: one for each batch and auction ---- */

static void write_live(unsigned operations)
{
    for (unsigned i = 0; i < operations; i++) {
        struct live_updates_cursor cursor = {0};
        struct live_update update;
        live_updates_next(batch, &batch->auctions[0], &cursor, &update);
        jsonw_reset(writer);
        live_write(writer, &update);
        require(jsonw_text(writer, NULL) != NULL, "live_write");
    }
}

static void prepare_live(void)
{
    prepare_decided();
    write_live(1);
    keep_message();
}

static void show_live(unsigned operations)
{
    static char title[TITLE_SIZE] = "A chair";
    static struct live_state state;
    static struct live_update update;
    state = (struct live_state){.auction_id = id_of('a', 0), .title = title, .currency = "USD"};
    for (unsigned i = 0; i < operations; i++) {
        require(live_read(message, message_length, &update), "live_read");
        live_message_apply(&state, &update);
        jsonw_reset(writer);
        live_message_update(writer, &state, &update, secret);
        require(jsonw_text(writer, NULL) != NULL, "live_message_update");
    }
}

static void format_snapshot(unsigned operations)
{
    static char text[SNAPSHOT_TEXT_SIZE];
    const struct snapshot shown = {.auction_id = id_of('a', 0),
                                   .seller_id = id_of('v', 0),
                                   .leader_id = id_of('u', 1),
                                   .version = 20,
                                   .terms_version = 1,
                                   .status = RULES_ACTIVE,
                                   .start_ms = START_MS,
                                   .end_ms = END_MS,
                                   .minimum_bid = 10100,
                                   .current_bid = 10000};
    for (unsigned i = 0; i < operations; i++) {
        struct snapshot read = {0};
        snapshot_format(&shown, text);
        require(snapshot_parse(text, strlen(text), &read), "snapshot_parse");
    }
}

/* ---- the sale worker: a batch ---- */

static struct sale_set set;

/* An active sale of as many units as there are joins in half a batch, with its first row. */
static void decide_joins(unsigned operations)
{
    const struct sale sale = {.terms = {.price = 1000,
                                        .quantity = BATCH / 2,
                                        .per_user_limit = 1,
                                        .join_ms = START_MS - 1000,
                                        .start_ms = START_MS,
                                        .end_ms = END_MS,
                                        .turn_ms = 60000,
                                        .reservation_ms = 60000},
                              .status = SALE_ACTIVE};
    for (unsigned i = 0; i < operations; i += BATCH) {
        sale_set_begin(&set, &sale, NOW_MS, true);
        require(sale_set_ready(&set, BATCH), "sale_set_ready");
        for (unsigned j = 0; j < BATCH; j++) {
            require(sale_decide(&set, &joins[j].command).verdict == SALE_VERDICT_ACCEPTED, "sale_decide");
        }
    }
}

static void write_sale_live(unsigned operations)
{
    static struct sale_live read;
    const struct sale_live update = {.sale_id = id_of('s', 0),
                                     .version = 20,
                                     .at_ms = NOW_MS,
                                     .status = SALE_ACTIVE,
                                     .quantity = 100,
                                     .claimed = 10,
                                     .reserved = 5,
                                     .sold = 50,
                                     .waiting = 900,
                                     .head_seq = 70,
                                     .join_ms = START_MS - 1000,
                                     .start_ms = START_MS,
                                     .end_ms = END_MS,
                                     .granted = 3};
    for (unsigned i = 0; i < operations; i++) {
        size_t length = 0;
        jsonw_reset(writer);
        sale_live_write(writer, &update);
        const char *text = jsonw_text(writer, &length);
        require(text != NULL && sale_live_read(text, length, &read), "sale_live_read");
    }
}

/* ---- the paths ---- */

static const struct path {
    const char *name;
    void (*prepare)(void); /* NULL: nothing */
    void (*run)(unsigned operations);
} paths[] = {
    {"request_scan", NULL, scan_request},
    {"body_parse", NULL, parse_body},
    {"token_verify", prepare_token, verify_token},
    {"bid_id_of_key", NULL, derive_bid_id},
    {"local_limit_count", prepare_limits, count_limit},
    {"bid_write", NULL, write_bid},
    {"bid_read", prepare_bid_message, read_bid},
    {"bid_decide", prepare_batch, decide_bids},
    {"ledger_chain", prepare_decided, chain_rows},
    {"decision_write", NULL, write_decision},
    {"events_write", prepare_decided, write_events},
    {"snapshot", NULL, format_snapshot},
    {"live_write", prepare_decided, write_live},
    {"live_show", prepare_live, show_live},
    {"join_write", NULL, write_join},
    {"join_read", prepare_join_message, read_join},
    {"join_decide", NULL, decide_joins},
    {"sale_live", NULL, write_sale_live},
};

static void count_path(const struct path *path)
{
    if (path->prepare != NULL) {
        path->prepare();
    }
    path->run(WARM_UP);
    CALLGRIND_ZERO_STATS;
    path->run(OPERATIONS);
    CALLGRIND_DUMP_STATS_AT(path->name); /* and begins at 0 again */
}

static void free_all(void)
{
    sale_set_free(&set);
    batch_free(batch);
    local_limits_free(limits);
    tokens_free(tokens);
    jsonw_free(writer);
}

int main(void)
{
    writer = jsonw_new();
    require(writer != NULL, "jsonw_new");
    make_bids();
    make_joins();
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        count_path(&paths[i]);
    }
    printf("%d\n", OPERATIONS);
    free_all();
    return EXIT_SUCCESS;
}
