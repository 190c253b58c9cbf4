/*
 * What the files of one gateway worker share; see gateway.h. The broker's topology depends on the number of shards,
 * which PostgreSQL knows: so the connection to the broker is made when the house's record has been read.
 */
#include "gateway/gateway.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/snapshot.h"
#include "common/topology.h"
#include "gateway/admission.h"
#include "gateway/bans.h"
#include "gateway/cache.h"
#include "gateway/catalogue.h"
#include "gateway/conn.h"
#include "gateway/dispatch.h"
#include "gateway/documents.h"
#include "gateway/images.h"
#include "gateway/leaderboard.h"
#include "gateway/limits.h"
#include "gateway/presence.h"
#include "gateway/publisher.h"
#include "gateway/queries.h"
#include "gateway/receipt.h"
#include "gateway/router.h"
#include "gateway/routes.h"
#include "gateway/sessions.h"
#include "gateway/snapshots.h"
#include "gateway/stream.h"
#include "gateway/token.h"
#include "gateway/verification.h"
#include "gateway/waiters.h"
#include "gateway/watch.h"

enum {
    REDIS_PENDING_MAX = 65536, /* commands: some for each of connections_max requests */
    PG_PENDING_MAX = 1000,     /* statements per connection; what waits longer than the deadline helps nobody */
    RECORD_POLL_MS = 200,      /* while the house is unknown */
    CLOCK_POLL_MS = 5000,      /* between two measurements of the clocks' offset */
};

static const struct redis_script *const script_list[GATEWAY_SCRIPT_COUNT] = {
    [GATEWAY_SCRIPT_USER] = &admission_script,
    [GATEWAY_SCRIPT_MARK] = &admission_mark_script,
    [GATEWAY_SCRIPT_LIMIT] = &limits_script,
    [GATEWAY_SCRIPT_SNAPSHOT] = &snapshot_script,
    [GATEWAY_SCRIPT_SESSION_BEGIN] = &sessions_begin_script,
    [GATEWAY_SCRIPT_SESSION_END] = &sessions_end_script,
    [GATEWAY_SCRIPT_SESSION_LIST] = &sessions_list_script,
    [GATEWAY_SCRIPT_HISTORY] = &cache_history_script,
    [GATEWAY_SCRIPT_HISTORY_KEEP] = &cache_history_keep_script,
    [GATEWAY_SCRIPT_LEADERS] = &leaderboard_script,
    [GATEWAY_SCRIPT_LEADERS_KEEP] = &leaderboard_keep_script,
    [GATEWAY_SCRIPT_DOCUMENT] = &documents_script,
};

enum { GATEWAY_HOUSE, GATEWAY_CLOCK, GATEWAY_TOKENS };

/* A key signs once it is so old that every gateway has read it: three polls. */
#define TOKEN_KEYS                                                                                                     \
    "(SELECT string_agg(secret, ',' ORDER BY created_at DESC, secret) FROM token_keys),"                               \
    " (SELECT count(*) FROM token_keys WHERE created_at > now() - interval '15 seconds')"

static const struct pg_statement list[] = {
    [GATEWAY_HOUSE] = {"gateway_house", "SELECT t.shards, (SELECT secret FROM house_keys WHERE name = 'idempotency'),"
                                        " (SELECT secret FROM house_keys WHERE name = 'pseudonym'),"
                                        " (SELECT secret FROM house_keys WHERE name = 'receipt'),"
                                        " " TOKEN_KEYS " FROM topology t"},
    [GATEWAY_TOKENS] = {"gateway_tokens", "SELECT " TOKEN_KEYS},
    [GATEWAY_CLOCK] = {"gateway_clock", "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"},
};

struct statements gateway_statements = {list, ARRAY_LEN(list), 0};

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
        !statements_query(gateway, &gateway_statements, GATEWAY_HOUSE, 0, NULL, house_read, gateway)) {
        log_debug("the house's record cannot be read now");
    }
    if (gateway->tokens != NULL &&
        !statements_query(gateway, &gateway_statements, GATEWAY_TOKENS, 0, NULL, token_keys_read, gateway)) {
        log_debug("the keys of access tokens cannot be read now");
    }
    if (gateway->clock_asked_ms == 0) {
        gateway->clock_asked_ms = clock_now_ms();
        if (!statements_query(gateway, &gateway_statements, GATEWAY_CLOCK, 0, NULL, clock_read, gateway)) {
            gateway->clock_asked_ms = 0;
        }
    }
}

static void pg_changed(struct pg *pg, bool up, void *arg)
{
    struct gateway *gateway = arg;
    (void)pg;
    log_info("PostgreSQL is %s", up ? "there" : "gone");
    if (up && !gateway->house.known) {
        event_active(gateway->clock, EV_TIMEOUT, 0);
    }
    if (up) {
        bans_restore(gateway);
    }
}

/* ---- start and stop ---- */

static bool start_pg(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    size_t count = 0;
    gateway->statements = catalogue_gather(&count);
    if (gateway->statements == NULL) {
        return false;
    }
    struct pg_options options = {
        .base = gateway->base,
        .url = config->pg_url,
        .application = "rostrum-gateway",
        .statements = gateway->statements,
        .statement_count = count,
        .connections = config->pg_connections,
        .timeout_ms = config->pg_timeout_ms,
        .pending_max = PG_PENDING_MAX,
        .on_change = pg_changed,
        .arg = gateway,
    };
    gateway->pg = pg_new(&options);
    options.application = "rostrum-gateway search";
    options.session = QUERIES_SETTINGS;
    options.statements = queries_all;
    options.statement_count = QUERIES_COUNT;
    options.connections = config->pg_search_connections;
    options.on_change = NULL;
    gateway->pg_search = pg_new(&options);
    options.connections = 1;
    gateway->pg_words = pg_new(&options);
    return gateway->pg != NULL && gateway->pg_search != NULL && gateway->pg_words != NULL;
}

static void redis_changed(struct redis *redis, bool up, void *arg)
{
    struct gateway *gateway = arg;
    if (redis == gateway->redis) {
        log_info("Redis is %s", up ? "there" : "gone");
        if (up) {
            bans_restore(gateway);
        }
    } else {
        watches_listening(gateway->watches, up);
        presences_listening(gateway->presences, up);
    }
}

static void listener_heard(struct redis *redis, const char *channel, const char *bytes, size_t length, void *arg)
{
    const struct gateway *gateway = arg;
    struct uuid id;
    bool of_user = false;
    (void)redis;
    if (!keys_parse_channel(channel, &of_user, &id)) {
        waiters_message(gateway->waiters, bytes, length);
    } else if (of_user) {
        presences_message(gateway->presences, &id, bytes, length);
    } else {
        watches_message(gateway->watches, &id, bytes, length);
    }
}

static bool start_redis(struct gateway *gateway)
{
    for (size_t i = 0; i < GATEWAY_SCRIPT_COUNT; i++) {
        gateway->scripts[i] = *script_list[i];
    }
    struct redis_options options = {
        .base = gateway->base,
        .url = gateway->config->redis_url,
        .scripts = gateway->scripts,
        .script_count = GATEWAY_SCRIPT_COUNT,
        .timeout_ms = gateway->config->redis_timeout_ms,
        .pending_max = REDIS_PENDING_MAX,
        .on_change = redis_changed,
        .arg = gateway,
    };
    gateway->redis = redis_new(&options);
    options.scripts = NULL;
    options.script_count = 0;
    options.on_message = listener_heard;
    gateway->listener = redis_new(&options);
    keys_reply_channel(&gateway->id, gateway->channel);
    return gateway->redis != NULL && gateway->listener != NULL && redis_listen(gateway->listener, gateway->channel);
}

static bool start_parts(struct gateway *gateway, const struct gateway_options *options)
{
    const struct config *config = gateway->config;
    const struct hashpool_options pool = {
        .base = gateway->base,
        .threads = config->hash_threads,
        .queue_max = config->hash_queue_max,
        .ops = config->argon2_ops,
        .memory_kib = config->argon2_memory_kib,
    };
    gateway->json = jsonw_new();
    gateway->router = router_new(routes_all);
    gateway->dispatch = dispatch_new(gateway);
    gateway->publisher = publisher_new(gateway);
    gateway->waiters = waiters_new(gateway);
    gateway->snapshots = snapshots_new(gateway);
    gateway->documents = documents_new(gateway);
    gateway->hashpool = hashpool_new(&pool);
    gateway->images = images_new(gateway);
    gateway->verification = verification_new();
    gateway->streams = streams_new(gateway);
    gateway->watches = watches_new(gateway);
    gateway->presences = presences_new(gateway);
    gateway->clock = event_new(gateway->base, -1, 0, do_clock, gateway);
    const struct conns_options conns = {
        .base = gateway->base,
        .connections_max = config->connections_max,
        .header_max_bytes = config->header_max_bytes,
        .body_max_bytes = config->body_max_bytes,
        .read_timeout_ms = config->request_read_timeout_ms,
        .idle_timeout_s = config->idle_timeout_s,
        .is_upload = images_is_upload,
        .upload_max_bytes = config->image_max_bytes,
        .upload_timeout_ms = config->image_receive_timeout_ms,
        .uploads_max = config->image_uploads_max,
        .request = dispatch_take,
        .arg = gateway->dispatch,
        .turn = options->turn,
        .turn_arg = options->turn_arg,
    };
    gateway->conns = conns_new(&conns);
    return gateway->json != NULL && gateway->router != NULL && gateway->dispatch != NULL &&
           gateway->publisher != NULL && gateway->waiters != NULL && gateway->snapshots != NULL &&
           gateway->documents != NULL && gateway->hashpool != NULL && gateway->images != NULL &&
           gateway->verification != NULL && gateway->streams != NULL && gateway->watches != NULL &&
           gateway->presences != NULL && gateway->clock != NULL && gateway->conns != NULL;
}

bool gateway_start(struct gateway *gateway, const struct gateway_options *options)
{
    *gateway =
        (struct gateway){.base = options->base, .config = options->config, .record = options->record, .id = uuid_new()};
    if (!start_parts(gateway, options) || !start_redis(gateway) || !start_pg(gateway)) {
        log_error("the gateway cannot start: no memory, or an address of a back end that makes no sense");
        return false;
    }
    set_clock(gateway);
    if (atomic_load(&gateway->record->known)) {
        gateway->house = gateway->record->house;
        house_known(gateway);
    }
    return true;
}

void gateway_stop(struct gateway *gateway)
{
    assert(gateway->dispatch == NULL || dispatch_open(gateway->dispatch) == 0);
    streams_free(gateway->streams); /* who is still connected leaves channels of the listener */
    if (gateway->broker != NULL) {
        broker_free(gateway->broker);
    }
    if (gateway->redis != NULL) {
        redis_free(gateway->redis);
    }
    if (gateway->listener != NULL) {
        redis_free(gateway->listener);
    }
    if (gateway->pg != NULL) {
        pg_free(gateway->pg);
    }
    if (gateway->pg_search != NULL) {
        pg_free(gateway->pg_search);
    }
    if (gateway->pg_words != NULL) {
        pg_free(gateway->pg_words);
    }
    watches_free(gateway->watches);
    presences_free(gateway->presences);
    hashpool_free(gateway->hashpool);
    images_free(gateway->images);
    verification_free(gateway->verification);
    conns_free(gateway->conns);
    documents_free(gateway->documents);
    snapshots_free(gateway->snapshots);
    waiters_free(gateway->waiters);
    publisher_free(gateway->publisher);
    dispatch_free(gateway->dispatch);
    router_free(gateway->router);
    tokens_free(gateway->tokens);
    if (gateway->clock != NULL) {
        event_free(gateway->clock);
    }
    jsonw_free(gateway->json);
    free(gateway->statements);
    sodium_memzero(&gateway->house, sizeof(gateway->house));
}

bool gateway_takes_bids(const struct gateway *gateway)
{
    return gateway->house.known && gateway->broker != NULL && broker_state(gateway->broker) == BROKER_UP;
}
