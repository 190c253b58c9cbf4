/*
 * See components.h.
 */
#include "gateway/components.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "common/protocol/snapshot.h"
#include "common/protocol/topology.h"
#include "common/protocol/topology_prepare.h"
#include "gateway/access/admission_call.h"
#include "gateway/access/credentials.h"
#include "gateway/access/dispatch.h"
#include "gateway/access/known_sessions.h"
#include "gateway/access/limits.h"
#include "gateway/access/local_limits.h"
#include "gateway/access/refusals.h"
#include "gateway/account/hashpool.h"
#include "gateway/account/verification.h"
#include "gateway/auction/auction_document.h"
#include "gateway/bid/bid_family.h"
#include "gateway/bid/bid_metrics.h"
#include "gateway/bid/leaderboard.h"
#include "gateway/bid/snapshots.h"
#include "gateway/deployment_reader.h"
#include "gateway/http/conn.h"
#include "gateway/http/router.h"
#include "gateway/image/images.h"
#include "gateway/live/auction_watch.h"
#include "gateway/live/positions.h"
#include "gateway/live/presence.h"
#include "gateway/live/sale_watch.h"
#include "gateway/live/stream.h"
#include "gateway/live/watch.h"
#include "gateway/query/cache.h"
#include "gateway/redis_policy.h"
#include "gateway/routes.h"
#include "gateway/sale/sale_family.h"
#include "gateway/sale/sale_metrics.h"
#include "gateway/sale/sale_snapshots.h"
#include "gateway/search/queries.h"
#include "gateway/statement_registry.h"

enum {
    REDIS_PENDING_MAX = 65536, /* commands: some per request, for connections_max requests */
    PG_PENDING_MAX = 1000,     /* statements per connection; further ones could not be answered within the deadline */
};

static const struct redis_script *const script_list[GATEWAY_SCRIPT_COUNT] = {
    [GATEWAY_SCRIPT_USER] = &admission_script,        [GATEWAY_SCRIPT_MARK] = &admission_mark_script,
    [GATEWAY_SCRIPT_LIMIT] = &limits_script,          [GATEWAY_SCRIPT_LIMIT_BACK] = &limits_back_script,
    [GATEWAY_SCRIPT_SNAPSHOT] = &snapshot_script,     [GATEWAY_SCRIPT_CREDENTIALS] = &credentials_script,
    [GATEWAY_SCRIPT_HISTORY] = &cache_history_script, [GATEWAY_SCRIPT_HISTORY_STORE] = &cache_history_store_script,
    [GATEWAY_SCRIPT_LEADERS] = &leaderboard_script,   [GATEWAY_SCRIPT_LEADERS_KEEP] = &leaderboard_keep_script,
    [GATEWAY_SCRIPT_DOCUMENT] = &documents_script,    [GATEWAY_SCRIPT_SNAPSHOT_FRESH] = &snapshot_fresh_script,
};

/* ---- the back ends ---- */

static void pg_changed(struct pg *pg, bool up, void *arg)
{
    struct gateway *gateway = arg;
    (void)pg;
    log_info("PostgreSQL is %s", up ? "connected" : "unavailable");
    if (up) {
        deployment_reader_read_now(gateway->reader);
    }
}

static bool pg_opened(const PGresult *result, void *arg)
{
    const struct gateway *gateway = arg;
    struct epoch epoch;
    bool known = epoch_read(result, &epoch);
    if (known) {
        deployment_reader_set_epoch(gateway->reader, &epoch);
    }
    return known;
}

/* Rows were restored: everything that this worker remembers of them is replaced. */
static void epoch_renewed(bool ended, void *arg)
{
    struct gateway *gateway = arg;
    watches_renew(gateway->watches);
    watches_renew(gateway->sale_watches);
    positions_renew(gateway->positions);
    if (ended) {
        presences_end_all(gateway->presences);
    }
}

static bool start_pg(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    size_t count = 0;
    char links[CONFIG_LINKS_SIZE];
    config_links_session(config, links);
    gateway->statements = statement_registry_gather(&count);
    if (gateway->statements == NULL) {
        return false;
    }
    struct pg_options options = {
        .base = gateway->base,
        .url = config->pg_url,
        .application = "rostrum-gateway",
        .session = links,
        .statements = gateway->statements,
        .statement_count = count,
        .connections = config->pg_connections,
        .timeout_ms = config->pg_timeout_ms,
        .pending_max = PG_PENDING_MAX,
        .opening = EPOCH_SQL,
        .opened = pg_opened,
        .on_change = pg_changed,
        .arg = gateway,
    };
    gateway->pg = pg_new(&options);
    options.application = "rostrum-gateway search";
    options.session = QUERIES_SETTINGS;
    options.statements = queries_all;
    options.statement_count = QUERIES_COUNT;
    options.connections = config->pg_search_connections;
    options.opening = NULL;
    options.opened = NULL;
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
        log_info("Redis is %s", up ? "connected" : "unavailable");
        if (up) {
            snapshot_loads_reconnected(gateway->snapshots);
            snapshot_loads_reconnected(gateway->sale_snapshots);
        }
    } else {
        watches_set_connected(gateway->watches, up);
        watches_set_connected(gateway->sale_watches, up);
        presences_set_connected(gateway->presences, up);
        if (up) {
            positions_ask_all(gateway->positions); /* decisions may have been lost */
        }
    }
}

static void listener_message(struct redis *redis, const char *channel, const char *bytes, size_t length, void *arg)
{
    const struct gateway *gateway = arg;
    struct uuid id;
    bool of_user = false;
    (void)redis;
    if (!keys_parse_channel(channel, &of_user, &id)) {
        if (!waiters_message(gateway->bids.waiters, bytes, length) &&
            !waiters_message(gateway->sales.waiters, bytes, length)) {
            log_warn("decision dropped: undecodable message");
        }
    } else if (of_user) {
        presences_message(gateway->presences, &id, bytes, length);
    } else if (!sale_watch_message(gateway->sale_watches, &id, bytes, length)) {
        auction_watch_message(gateway->watches, &id, bytes, length);
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
    gateway->redis_policy = gateway->redis == NULL ? NULL : redis_policy_new(gateway->base, gateway->redis);
    options.scripts = NULL;
    options.script_count = 0;
    options.on_message = listener_message;
    gateway->listener = redis_new(&options);
    keys_reply_channel(&gateway->id, gateway->channel);
    return gateway->redis_policy != NULL && gateway->listener != NULL &&
           redis_listen(gateway->listener, gateway->channel);
}

/* Connects to the broker once the deployment is known: the topology depends on the number of shards. */
static bool start_broker(void *arg)
{
    struct gateway *gateway = arg;
    const struct config *config = gateway->config;
    unsigned count = gateway->deployment.facts.shards;
    char names[2 * TOPOLOGY_SHARDS_MAX][TOPOLOGY_QUEUE_SIZE];
    const char *shards[2 * TOPOLOGY_SHARDS_MAX + 1] = {NULL}; /* names of exchanges, and of queues */
    for (unsigned shard = 0; shard < count; shard++) {
        topology_shard_name(&topology_bids, shard, names[shard]);
        topology_shard_name(&topology_sales, shard, names[count + shard]);
        shards[shard] = names[shard];
        shards[count + shard] = names[count + shard];
    }
    struct broker_options options = {
        .base = gateway->base,
        .url = config->amqp_url,
        .name = "rostrum-gateway",
        .heartbeat_s = config->amqp_heartbeat_s,
        .connect_timeout_ms = BROKER_CONNECT_TIMEOUT_MS,
        .unconfirmed_max = (size_t)config->publish_pending_max_bids + (size_t)config->publish_pending_max_joins,
        .confirm_deadline_ms = config->confirm_deadline_ms,
        .require_exchanges = shards,
        .require_queues = shards,
    };
    gateway->broker = broker_new(&options);
    if (gateway->broker == NULL) {
        return false;
    }
    publisher_connect(gateway->bids.publisher, gateway->broker, count);
    publisher_connect(gateway->sales.publisher, gateway->broker, count);
    return topology_prepare_shards(gateway->broker, &topology_bids, count) &&
           topology_prepare_shards(gateway->broker, &topology_sales, count);
}

static void contradicted(void *arg)
{
    struct gateway *gateway = arg;
    gateway->contradicted = true;
    (void)event_base_loopbreak(gateway->base);
}

static bool start_reader(struct gateway *gateway, struct deployment_record *record)
{
    const struct deployment_reader_options options = {
        .base = gateway->base,
        .config = gateway->config,
        .pg = gateway->pg,
        .record = record,
        .deployment = &gateway->deployment,
        .known = start_broker,
        .contradicted = contradicted,
        .renewed = epoch_renewed,
        .arg = gateway,
    };
    gateway->reader = deployment_reader_new(&options);
    return gateway->reader != NULL;
}

/* ---- the components ---- */

static bool start_submitting(struct gateway *gateway)
{
    struct submitting_options options = {
        .base = gateway->base,
        .config = gateway->config,
        .deployment = &gateway->deployment,
        .family = &bid_family,
        .open_max = (size_t)gateway->config->publish_pending_max_bids,
        .pg = gateway->pg,
        .redis = gateway->redis,
        .timing = deployment_reader_timing(gateway->reader),
        .id = gateway->id,
        .measured = bid_metrics_set_shard,
    };
    bool ok = submitting_start(&gateway->bids, &options);
    options.family = &sale_family;
    options.open_max = (size_t)gateway->config->publish_pending_max_joins;
    options.measured = sale_metrics_set_shard;
    return submitting_start(&gateway->sales, &options) && ok;
}

static bool start_bids(struct gateway *gateway)
{
    gateway->snapshots = snapshots_new(&gateway->deployment, gateway->pg, gateway->redis);
    gateway->sale_snapshots = sale_snapshots_new(&gateway->deployment, gateway->pg, gateway->redis);
    return start_submitting(gateway) && gateway->snapshots != NULL && gateway->sale_snapshots != NULL;
}

static struct documents *start_kind(const struct gateway *gateway, const struct documents_kind *kind)
{
    return documents_new(kind, gateway->base, &gateway->deployment, gateway->pg, gateway->redis);
}

static bool start_documents(struct gateway *gateway)
{
    gateway->documents = start_kind(gateway, &auction_document_kind);
    gateway->sale_documents = start_kind(gateway, &sale_document_kind);
    gateway->product_documents = start_kind(gateway, &product_document_kind);
    return gateway->documents != NULL && gateway->sale_documents != NULL && gateway->product_documents != NULL;
}

static bool start_accounts(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const struct hashpool_options pool = {
        .base = gateway->base,
        .threads = config->hash_threads,
        .queue_max = config->hash_queue_max,
        .ops = config->argon2_ops,
        .memory_kib = config->argon2_memory_kib,
    };
    const struct images_options images = {gateway->base, config, &gateway->deployment, gateway->pg, gateway->redis};
    gateway->refusals = refusals_new(gateway->base, gateway->pg, gateway->clients.counts);
    gateway->hashpool = hashpool_new(&pool);
    gateway->images = images_new(&images);
    gateway->verification = verification_new(config, gateway->pg);
    return gateway->refusals != NULL && gateway->hashpool != NULL && gateway->images != NULL &&
           gateway->verification != NULL;
}

static bool start_live(struct gateway *gateway)
{
    const struct watches_options watches = {
        .base = gateway->base,
        .config = gateway->config,
        .deployment = &gateway->deployment,
        .pg = gateway->pg,
        .listener = gateway->listener,
    };
    const struct presences_options presences = {
        .base = gateway->base,
        .config = gateway->config,
        .access = &gateway->access,
        .pg = gateway->pg,
        .redis = gateway->redis,
        .listener = gateway->listener,
        .waiters = gateway->bids.waiters,
        .sale_waiters = gateway->sales.waiters,
    };
    gateway->streams = streams_new(gateway->base, gateway->config, &gateway->clients);
    gateway->watches = watches_new(&watches, &auction_watch_kind);
    gateway->sale_watches = watches_new(&watches, &sale_watch_kind);
    gateway->positions = positions_new(gateway->base, gateway->pg);
    gateway->presences = presences_new(&presences);
    return gateway->streams != NULL && gateway->watches != NULL && gateway->sale_watches != NULL &&
           gateway->positions != NULL && gateway->presences != NULL;
}

/* Fills the context of each module's handlers. */
static void fill_contexts(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const struct deployment *deployment = &gateway->deployment;
    struct pg *pg = gateway->pg;
    struct redis *redis = gateway->redis;
    struct hashpool *hashpool = gateway->hashpool;
    struct documents *documents = gateway->documents;
    struct snapshot_loads *snapshots = gateway->snapshots;
    const struct submissions *submissions = &gateway->bids.submissions;
    gateway->contexts = (struct routes_contexts){
        .pg = pg,
        .verification = gateway->verification,
        .images = gateway->images,
        .accounts = {config, deployment, pg, redis, hashpool},
        .recovery = {config, pg, hashpool},
        .webhooks = {config, pg},
        .bids = {config, deployment, &gateway->bids.backlog, pg, snapshots, gateway->verification, submissions},
        .sale_commands = {{config, deployment, &gateway->sales.backlog, pg, gateway->sale_snapshots,
                           gateway->verification, &gateway->sales.submissions},
                          redis},
        .orders = {pg, redis},
        .places = {pg, redis},
        .ledger = {config, deployment, pg, redis},
        .leaderboard = {deployment, pg, redis, snapshots},
        .auctions = {pg, documents},
        .items = {pg},
        .changes = {config, pg, documents, submissions},
        .sales = {deployment, pg, redis, gateway->sale_documents, &gateway->contexts.payments.keys},
        .products = {deployment, pg, redis, gateway->product_documents, gateway->pg_search},
        .sale_changes = {pg, gateway->sale_documents, &gateway->sales.submissions, &gateway->contexts.payments.keys},
        .watchlist = {deployment, pg, redis},
        .listing = {deployment, gateway->pg_search, gateway->pg_words, redis},
        .admin = {deployment, pg},
        .admin_bids = {deployment, pg},
        .deadletters = {deployment, pg},
        .stats = {deployment, pg, redis},
        .health = {config, deployment, deployment_reader_timing(gateway->reader), &gateway->bids.backlog, pg, redis,
                   gateway->redis_policy, gateway->bids.publisher, gateway->images},
    };
    gateway->contexts.payments = (struct payments_context){
        deployment, pg, redis, &gateway->sales.submissions, &gateway->sales.backlog, {.count = 0}};
    if (!webhook_keys_parse(config->payment_secret, &gateway->contexts.payments.keys)) {
        gateway->contexts.payments.keys.count = 0; /* "none": config_check has refused other values */
    }
    gateway->contexts.live = (struct live_context){
        .config = config,
        .deployment = deployment,
        .access = &gateway->access,
        .own_view = {deployment, pg, gateway->http.json},
        .json = gateway->http.json,
        .streams = gateway->streams,
        .watches = gateway->watches,
        .sale_watches = gateway->sale_watches,
        .positions = gateway->positions,
        .presences = gateway->presences,
        .bids = &gateway->contexts.bids,
        .sale_commands = &gateway->contexts.sale_commands,
        .waiters = gateway->bids.waiters,
        .sale_waiters = gateway->sales.waiters,
    };
}

static void fill_pages(struct gateway *gateway, const struct components_options *options)
{
    gateway->pages = (struct pages_context){
        .table = options->pages,
        .public_url = gateway->config->public_url,
        .documents = gateway->documents,
        .older_serve = options->older_serve,
        .arg = options->older_arg,
    };
    page_head_write(&gateway->pages.head, gateway->config->public_url);
}

static bool start_dispatch(struct gateway *gateway, const struct components_options *started)
{
    struct router_table tables[ROUTES_TABLES_MAX];
    gateway->access = (struct access){gateway->config,    &gateway->deployment, gateway->pg,         gateway->redis,
                                      local_limits_new(), gateway->refusals,    known_sessions_new()};
    if (gateway->access.local_limits == NULL || gateway->access.known_sessions == NULL) {
        return false;
    }
    fill_contexts(gateway);
    fill_pages(gateway, started);
    routes_list(&gateway->contexts, tables);
    gateway->router = router_new(tables);
    const struct dispatch_options options = {
        .base = gateway->base,
        .config = gateway->config,
        .router = gateway->router,
        .http = &gateway->http,
        .access = &gateway->access,
        .id = &gateway->id,
        .find_page = started->pages == NULL ? NULL : pages_find,
        .pages = &gateway->pages,
    };
    gateway->dispatch = gateway->router == NULL ? NULL : dispatch_new(&options);
    gateway->contexts.live.dispatch = gateway->dispatch; /* bids over a WebSocket are dispatched as requests again */
    return gateway->dispatch != NULL;
}

static bool start_http(struct gateway *gateway, const struct components_options *options)
{
    const struct config *config = gateway->config;
    const struct conns_options conns = {
        .base = gateway->base,
        .clients = &gateway->clients,
        .connections_max = config->connections_max,
        .header_max_bytes = config->header_max_bytes,
        .body_max_bytes = config->body_max_bytes,
        .read_timeout_ms = config->request_read_timeout_ms,
        .first_byte_timeout_ms = config->first_byte_timeout_ms,
        .idle_timeout_s = config->idle_timeout_s,
        .is_upload = images_is_upload,
        .upload_max_bytes = config->image_max_bytes,
        .upload_timeout_ms = config->image_receive_timeout_ms,
        .upload_min_bytes_per_s = config->image_receive_min_bytes_per_s,
        .cors_origins = config->cors_origins,
        .request = dispatch_take,
        .arg = gateway->dispatch,
        .turn = options->turn,
        .turn_arg = options->turn_arg,
    };
    gateway->http.uploads_max = config->image_uploads_max;
    gateway->http.public_url = config->public_url;
    gateway->http.cors_origins = config->cors_origins;
    gateway->http.conns = conns_new(&conns);
    return gateway->http.conns != NULL;
}

bool components_start(struct gateway *gateway, const struct components_options *options)
{
    *gateway = (struct gateway){.base = options->base, .config = options->config, .id = uuid_new()};
    gateway->http.json = jsonw_new();
    gateway->http.clients = &gateway->clients;
    bool started = gateway->http.json != NULL && clients_open(&gateway->clients, options->config) &&
                   start_redis(gateway) && start_pg(gateway) && start_reader(gateway, options->record) &&
                   start_bids(gateway) && start_documents(gateway) && start_accounts(gateway) && start_live(gateway);
    if (!started || !start_dispatch(gateway, options) || !start_http(gateway, options)) {
        log_error("the gateway cannot start: no memory, or an invalid address of a back end");
        return false;
    }
    deployment_reader_begin(gateway->reader);
    return true;
}

bool components_ready(const struct gateway *gateway)
{
    return publisher_ready(gateway->bids.publisher) && pg_up(gateway->pg) && redis_up(gateway->redis) &&
           deployment_tokens_current(&gateway->deployment) &&
           timing_guard_measured(deployment_reader_timing(gateway->reader));
}

void components_drain(struct gateway *gateway)
{
    gateway->http.draining = true;
    images_drain(gateway->images);
    conns_drain(gateway->http.conns);
    streams_drain(gateway->streams);
}

bool components_drained(const struct gateway *gateway)
{
    return dispatch_open(gateway->dispatch) == 0 && publisher_open(gateway->bids.publisher) == 0 &&
           publisher_open(gateway->sales.publisher) == 0 && conns_open(gateway->http.conns) == 0;
}

void components_stop(struct gateway *gateway)
{
    assert(gateway->dispatch == NULL || dispatch_open(gateway->dispatch) == 0);
    streams_free(gateway->streams); /* their ends unsubscribe channels of the listener */
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
    redis_policy_free(gateway->redis_policy);
    watches_free(gateway->watches);
    watches_free(gateway->sale_watches);
    positions_free(gateway->positions);
    presences_free(gateway->presences);
    refusals_free(gateway->refusals);
    hashpool_free(gateway->hashpool);
    images_free(gateway->images);
    verification_free(gateway->verification);
    conns_free(gateway->http.conns);
    documents_free(gateway->documents);
    documents_free(gateway->sale_documents);
    documents_free(gateway->product_documents);
    snapshot_loads_free(gateway->snapshots);
    snapshot_loads_free(gateway->sale_snapshots);
    submitting_stop(&gateway->sales);
    submitting_stop(&gateway->bids);
    dispatch_free(gateway->dispatch);
    known_sessions_free(gateway->access.known_sessions);
    local_limits_free(gateway->access.local_limits);
    router_free(gateway->router);
    deployment_reader_free(gateway->reader);
    jsonw_free(gateway->http.json);
    clients_close(&gateway->clients);
    free(gateway->statements);
}
