/*
 * See house.h. The broker's topology depends on the number of shards, which PostgreSQL knows: so the connection to the
 * broker is made when the house's record has been read.
 */
#include "gateway/deployment.h"

#include <sodium.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/topology.h"
#include "gateway/bid/receipt.h"
#include "gateway/core/gateway.h"
#include "gateway/core/token.h"

enum {
    RECORD_POLL_MS = 200, /* while the house is unknown */
    CLOCK_POLL_MS = 5000, /* between two measurements of the clocks' offset */
};

enum { HOUSE_RECORD, HOUSE_CLOCK, HOUSE_TOKENS };

/* A key signs once it is so old that every gateway has read it: three polls. */
#define TOKEN_KEYS                                                                                                     \
    "(SELECT string_agg(secret, ',' ORDER BY created_at DESC, secret) FROM token_keys),"                               \
    " (SELECT count(*) FROM token_keys WHERE created_at > now() - interval '15 seconds')"

static const struct pg_statement list[] = {
    [HOUSE_RECORD] = {"gateway_house", "SELECT t.shards, (SELECT secret FROM house_keys WHERE name = 'idempotency'),"
                                       " (SELECT secret FROM house_keys WHERE name = 'pseudonym'),"
                                       " (SELECT secret FROM house_keys WHERE name = 'receipt'),"
                                       " " TOKEN_KEYS " FROM topology t"},
    [HOUSE_TOKENS] = {"gateway_tokens", "SELECT " TOKEN_KEYS},
    [HOUSE_CLOCK] = {"gateway_clock", "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"},
};

struct statements house_statements = {list, ARRAY_LEN(list), 0};

/* ---- the broker ---- */

static bool start_broker(struct gateway *gateway)
{
    char names[TOPOLOGY_SHARDS_MAX][TOPOLOGY_QUEUE_SIZE];
    const char *shards[TOPOLOGY_SHARDS_MAX + 1] = {NULL}; /* names of exchanges, and of queues */
    const struct config *config = gateway->config;
    for (unsigned shard = 0; shard < gateway->house.shards; shard++) {
        topology_shard_name(shard, names[shard]);
        shards[shard] = names[shard];
    }
    struct broker_options options = {
        .base = gateway->base,
        .url = config->amqp_url,
        .name = "rostrum-gateway",
        .heartbeat_s = config->amqp_heartbeat_s,
        .connect_timeout_ms = config->confirm_deadline_ms,
        .unconfirmed_max = (size_t)config->publish_pending_max_bids,
        .require_exchanges = shards,
        .require_queues = shards,
    };
    gateway->broker = broker_new(&options);
    return gateway->broker != NULL;
}

/* ---- the house's record ---- */

static void house_known(struct gateway *gateway)
{
    gateway->house.known = true;
    receipt_key_make(&gateway->receipts, gateway->house.receipt);
    gateway->tokens = tokens_new(&gateway->house.tokens);
    if (gateway->tokens == NULL || !start_broker(gateway)) {
        log_error("the house is known, but there is no memory to serve it");
        event_base_loopbreak(gateway->base);
    }
}

static bool read_key(const PGresult *result, int column, uint8_t key[static GATEWAY_KEY_BYTES])
{
    const char *text = pg_text(result, 0, column);
    size_t length = 0;
    return sodium_hex2bin(key, GATEWAY_KEY_BYTES, text, strlen(text), NULL, &length, NULL) == 0 &&
           length == GATEWAY_KEY_BYTES;
}

/* Seeds in hex, newest first, with commas between them; and behind them the number of those too young to sign. */
static bool read_token_keys(const PGresult *result, int column, struct token_keys *keys)
{
    const char *text = pg_text(result, 0, column);
    int64_t young = pg_int(result, 0, column + 1);
    *keys = (struct token_keys){.count = 0};
    while (keys->count < TOKEN_KEYS_MAX && *text != '\0') {
        size_t length = strcspn(text, ",");
        size_t bytes = 0;
        if (sodium_hex2bin(keys->seeds[keys->count], TOKEN_SEED_BYTES, text, length, NULL, &bytes, NULL) != 0 ||
            bytes != TOKEN_SEED_BYTES) {
            return false;
        }
        keys->count++;
        text += length;
        text += *text == ',';
    }
    keys->signer = (size_t)young < keys->count ? (size_t)young : keys->count - 1;
    return keys->count > 0;
}

static void token_keys_read(const struct pg_reply *reply, void *arg)
{
    const struct gateway *gateway = arg;
    struct token_keys keys;
    if (reply->outcome == PG_OK && read_token_keys(reply->result, 0, &keys)) {
        tokens_set(gateway->tokens, &keys);
        sodium_memzero(&keys, sizeof(keys));
    }
}

static void house_read(const struct pg_reply *reply, void *arg)
{
    struct gateway *gateway = arg;
    struct house house = {.known = false};
    if (gateway->house.known || reply->outcome != PG_OK) {
        return;
    }
    if (PQntuples(reply->result) == 1) {
        house.shards = (unsigned)pg_int(reply->result, 0, 0);
    }
    if (house.shards < 1 || house.shards > TOPOLOGY_SHARDS_MAX || !read_key(reply->result, 1, house.idempotency) ||
        !read_key(reply->result, 2, house.pseudonym) || !read_key(reply->result, 3, house.receipt) ||
        !read_token_keys(reply->result, 4, &house.tokens)) {
        log_warn("the house is not migrated yet");
        return;
    }
    gateway->house = house;
    if (!atomic_load(&gateway->record->known)) {
        gateway->record->house = house; /* two workers may do this at once, with the same bytes */
        atomic_store(&gateway->record->known, true);
    }
    house_known(gateway);
}

/* ---- the clock ---- */

static void clock_read(const struct pg_reply *reply, void *arg)
{
    struct gateway *gateway = arg;
    int64_t asked = gateway->clock_asked_ms;
    int64_t now = clock_now_ms();
    gateway->clock_asked_ms = 0;
    /* An answer that took long says little: the truth lies somewhere within its way. */
    if (reply->outcome == PG_OK && now - asked <= gateway->config->clock_skew_max_ms) {
        gateway->clock_offset_ms = asked + (now - asked) / 2 - pg_int(reply->result, 0, 0);
    }
}

static void set_clock(struct gateway *gateway)
{
    int ms = gateway->house.known ? CLOCK_POLL_MS : RECORD_POLL_MS;
    const struct timeval delay = {ms / 1000, (ms % 1000) * 1000L};
    if (event_add(gateway->clock, &delay) != 0) {
        log_error("cannot set a timer");
    }
}

static void do_clock(evutil_socket_t fd, short what, void *arg)
{
    struct gateway *gateway = arg;
    (void)fd;
    (void)what;
    set_clock(gateway);
    if (!pg_up(gateway->pg)) {
        return;
    }
    if (!gateway->house.known &&
        !statements_query(gateway, &house_statements, HOUSE_RECORD, 0, NULL, house_read, gateway)) {
        log_debug("the house's record cannot be read now");
    }
    if (gateway->tokens != NULL &&
        !statements_query(gateway, &house_statements, HOUSE_TOKENS, 0, NULL, token_keys_read, gateway)) {
        log_debug("the keys of access tokens cannot be read now");
    }
    if (gateway->clock_asked_ms == 0) {
        gateway->clock_asked_ms = clock_now_ms();
        if (!statements_query(gateway, &house_statements, HOUSE_CLOCK, 0, NULL, clock_read, gateway)) {
            gateway->clock_asked_ms = 0;
        }
    }
}

struct event *house_clock(struct gateway *gateway)
{
    return event_new(gateway->base, -1, 0, do_clock, gateway);
}

void house_begin(struct gateway *gateway)
{
    set_clock(gateway);
    if (atomic_load(&gateway->record->known)) {
        gateway->house = gateway->record->house;
        house_known(gateway);
    }
}

void house_look(struct gateway *gateway)
{
    if (!gateway->house.known) {
        event_active(gateway->clock, EV_TIMEOUT, 0);
    }
}
