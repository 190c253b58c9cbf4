/*
 * See deployment.h. The broker's topology depends on the number of shards, which PostgreSQL knows: so the connection to
 * the broker is made when the deployment's record has been read.
 */
#include "gateway/deployment.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/schema.h"
#include "common/protocol/topology.h"
#include "gateway/bid/receipt.h"
#include "gateway/core/gateway.h"
#include "gateway/core/token.h"

enum {
    RECORD_POLL_MS = 200, /* while the deployment is unknown */
    CLOCK_POLL_MS = 5000, /* between two measurements of the clocks' offset */
};

enum { DEPLOYMENT_RECORD, DEPLOYMENT_CLOCK, DEPLOYMENT_TOKENS, DEPLOYMENT_COUNT };

/* A key signs once it is so old that every gateway has read it: three polls. */
#define TOKEN_KEYS                                                                                                     \
    "(SELECT string_agg(secret, ',' ORDER BY created_at DESC, secret) FROM token_keys),"                               \
    " (SELECT count(*) FROM token_keys WHERE created_at > now() - interval '15 seconds')"

static const struct pg_statement list[] = {
    [DEPLOYMENT_RECORD] = {"gateway_deployment",
                           "SELECT t.shards, (SELECT secret FROM deployment_keys WHERE name = 'idempotency'),"
                           " (SELECT secret FROM deployment_keys WHERE name = 'pseudonym'),"
                           " (SELECT secret FROM deployment_keys WHERE name = 'receipt'),"
                           " " TOKEN_KEYS " FROM topology t WHERE " SCHEMA_IS_CURRENT},
    [DEPLOYMENT_TOKENS] = {"gateway_tokens", "SELECT " TOKEN_KEYS},
    [DEPLOYMENT_CLOCK] = {"gateway_clock", "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"},
};
static_assert(ARRAY_LEN(list) == DEPLOYMENT_COUNT, "each statement has its entry");

struct statements deployment_statements = {list, ARRAY_LEN(list), 0};

/* ---- the broker ---- */

static bool start_broker(struct gateway *gateway)
{
    char names[TOPOLOGY_SHARDS_MAX][TOPOLOGY_QUEUE_SIZE];
    const char *shards[TOPOLOGY_SHARDS_MAX + 1] = {NULL}; /* names of exchanges, and of queues */
    const struct config *config = gateway->config;
    for (unsigned shard = 0; shard < gateway->deployment.shards; shard++) {
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

/* ---- the deployment's record ---- */

static void deployment_known(struct gateway *gateway)
{
    gateway->deployment.known = true;
    receipt_key_make(&gateway->receipts, gateway->deployment.receipt);
    gateway->tokens = tokens_new(&gateway->deployment.tokens);
    if (gateway->tokens == NULL || !start_broker(gateway)) {
        log_error("the deployment is known, but there is no memory to serve it");
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

static void deployment_read(const struct pg_reply *reply, void *arg)
{
    struct gateway *gateway = arg;
    struct deployment deployment = {.known = false};
    if (gateway->deployment.known || reply->outcome != PG_OK) {
        return;
    }
    if (PQntuples(reply->result) != 1) {
        log_warn(SCHEMA_MISSING);
        return;
    }
    deployment.shards = (unsigned)pg_int(reply->result, 0, 0);
    if (deployment.shards < 1 || deployment.shards > TOPOLOGY_SHARDS_MAX ||
        !read_key(reply->result, 1, deployment.idempotency) || !read_key(reply->result, 2, deployment.pseudonym) ||
        !read_key(reply->result, 3, deployment.receipt) || !read_token_keys(reply->result, 4, &deployment.tokens)) {
        log_warn("shards or keys of the deployment are missing: run rostrumctl migrate");
        return;
    }
    gateway->deployment = deployment;
    if (!atomic_load(&gateway->record->known)) {
        gateway->record->deployment = deployment; /* two workers may do this at once, with the same bytes */
        atomic_store(&gateway->record->known, true);
    }
    deployment_known(gateway);
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
    int ms = gateway->deployment.known ? CLOCK_POLL_MS : RECORD_POLL_MS;
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
    if (!gateway->deployment.known &&
        !statements_query(gateway, &deployment_statements, DEPLOYMENT_RECORD, 0, NULL, deployment_read, gateway)) {
        log_debug("the deployment's record cannot be read now");
    }
    if (gateway->tokens != NULL &&
        !statements_query(gateway, &deployment_statements, DEPLOYMENT_TOKENS, 0, NULL, token_keys_read, gateway)) {
        log_debug("the keys of access tokens cannot be read now");
    }
    if (gateway->clock_asked_ms == 0) {
        gateway->clock_asked_ms = clock_now_ms();
        if (!statements_query(gateway, &deployment_statements, DEPLOYMENT_CLOCK, 0, NULL, clock_read, gateway)) {
            gateway->clock_asked_ms = 0;
        }
    }
}

struct event *deployment_clock(struct gateway *gateway)
{
    return event_new(gateway->base, -1, 0, do_clock, gateway);
}

void deployment_begin(struct gateway *gateway)
{
    set_clock(gateway);
    if (atomic_load(&gateway->record->known)) {
        gateway->deployment = gateway->record->deployment;
        deployment_known(gateway);
    }
}

void deployment_look(struct gateway *gateway)
{
    if (!gateway->deployment.known) {
        event_active(gateway->clock, EV_TIMEOUT, 0);
    }
}
