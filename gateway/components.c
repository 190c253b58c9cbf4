/*
 * See parts.h.
 */
#include "gateway/components.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "common/protocol/snapshot.h"
#include "gateway/access/admission.h"
#include "gateway/access/bans.h"
#include "gateway/access/dispatch.h"
#include "gateway/access/limits.h"
#include "gateway/access/sessions.h"
#include "gateway/account/hashpool.h"
#include "gateway/account/verification.h"
#include "gateway/auction/documents.h"
#include "gateway/bid/leaderboard.h"
#include "gateway/bid/publisher.h"
#include "gateway/bid/snapshots.h"
#include "gateway/bid/waiters.h"
#include "gateway/core/token.h"
#include "gateway/deployment.h"
#include "gateway/http/conn.h"
#include "gateway/http/router.h"
#include "gateway/image/images.h"
#include "gateway/live/presence.h"
#include "gateway/live/stream.h"
#include "gateway/live/watch.h"
#include "gateway/query/cache.h"
#include "gateway/routes.h"
#include "gateway/search/queries.h"
#include "gateway/statement_registry.h"

enum {
    REDIS_PENDING_MAX = 65536, /* commands: some for each of connections_max requests */
    PG_PENDING_MAX = 1000,     /* statements per connection; what waits longer than the deadline helps nobody */
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

static void pg_changed(struct pg *pg, bool up, void *arg)
{
    struct gateway *gateway = arg;
    (void)pg;
    log_info("PostgreSQL is %s", up ? "there" : "gone");
    if (up) {
        deployment_look(gateway);
        bans_restore(gateway);
    }
}

/* ---- start and stop ---- */

static bool start_pg(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    size_t count = 0;
    gateway->statements = statement_registry_gather(&count);
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

static bool start_components(struct gateway *gateway, const struct components_options *options)
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
    gateway->clock = deployment_clock(gateway);
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

bool components_start(struct gateway *gateway, const struct components_options *options)
{
    *gateway =
        (struct gateway){.base = options->base, .config = options->config, .record = options->record, .id = uuid_new()};
    if (!start_components(gateway, options) || !start_redis(gateway) || !start_pg(gateway)) {
        log_error("the gateway cannot start: no memory, or an address of a back end that makes no sense");
        return false;
    }
    deployment_begin(gateway);
    return true;
}

void components_stop(struct gateway *gateway)
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
    sodium_memzero(&gateway->deployment, sizeof(gateway->deployment));
}
