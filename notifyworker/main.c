/*
 * rostrum-notifyworker: turns events into notifications. This file creates and connects the components: a pool, two
 * brokers (one consumes, one publishes dead letters, because an alarm must not stop notifications), and the drain. All
 * but the pool are created once the database is known to have the schema of this version.
 *
 *     queue notify -> event_reader -> inapp -> auction_writer -> table notifications
 *     queue sale_notify -> event_reader -> inapp -> sale_writer -> the same, and table sale_fanouts
 *     tables auctions, watch_counts -> watchers -> table notifications, or table watch_fanouts
 *     tables sale_fanouts, watch_fanouts -> fanout -> table notifications
 *     queue deliveries.CHANNEL -> deliveries -> mail, webhook_channel
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/io/pg.h"
#include "common/io/timer.h"
#include "common/protocol/deadletter.h"
#include "common/protocol/schema.h"
#include "common/protocol/topology.h"
#include "common/service/broker_pair.h"
#include "common/service/config.h"
#include "common/service/daemon.h"
#include "common/service/service_loop.h"
#include "notifyworker/auction_writer.h"
#include "notifyworker/dead_letter_sink.h"
#include "notifyworker/deliveries.h"
#include "notifyworker/deployment_webhooks.h"
#include "notifyworker/event_reader.h"
#include "notifyworker/fanout.h"
#include "notifyworker/inapp.h"
#include "notifyworker/mail.h"
#include "notifyworker/notifyworker_metrics.h"
#include "notifyworker/push.h"
#include "notifyworker/recipients.h"
#include "notifyworker/retention.h"
#include "notifyworker/sale_webhooks.h"
#include "notifyworker/sale_writer.h"
#include "notifyworker/watchers.h"
#include "notifyworker/webhook_channel.h"

enum {
    PG_CONNECTIONS = 3,     /* a transaction for each queue, and statements of dead_letter_sink, watchers, fanouts */
    PG_PENDING_MAX = 16,    /* its statements, BEGIN and COMMIT, and a pending ROLLBACK */
    PG_TIMEOUT_FACTOR = 12, /* notifying all bidders of a large auction takes longer than a request may */
    UNCONFIRMED_MAX = 2048, /* dead letters: the largest prefetch */
    SCHEMA_RETRY_MS = 500,
    CALL_DESCRIPTORS = 4,     /* of a transfer: sockets, two if a host has two addresses, and name resolution */
    DESCRIPTORS_BESIDE = 128, /* servers, loop, log */
};

static const struct daemon_program program = {
    .name = "rostrum-notifyworker",
    .login = LOGIN_NOTIFYWORKER,
    .purpose = "turns events into notifications, and delivers them by email and webhook",
    .description =
        "  Consumes queue notify and writes in-app notifications for all users that an event concerns:\n\n"
        "    OUTBID, PROXY_EXHAUSTED        the user who lost the lead\n"
        "    AUCTION_EXTENDED               all bidders and the seller; once for each minute of the new end\n"
        "    AUCTION_ENDING_SOON            all bidders and watchers\n"
        "    WATCHED_BID                    all watchers, at most once a minute\n"
        "    AUCTION_CANCELLED              all bidders and watchers, and the seller\n"
        "    AUCTION_WON, AUCTION_LOST      the winner and the other bidders\n"
        "    AUCTION_SOLD, AUCTION_UNSOLD   the seller\n\n"
        "  Consumes queue sale_notify in the same way:\n\n"
        "    TURN_STARTED, TURN_EXPIRED     the user whose turn it is\n"
        "    ORDER_RESERVED, ORDER_CONFIRMED, ORDER_EXPIRED  the buyer\n"
        "    REFUND_DUE                     the buyer and all admins\n"
        "    SALE_SOLD_OUT                  all who wait in the line\n"
        "    SALE_STARTING_SOON             the same, once the end worker announces the start\n\n"
        "  Up to notify_batch_max messages are written in one transaction and then acknowledged. A\n"
        "  notification's id is a hash of event, user and kind, so that a redelivered message writes no\n"
        "  duplicates. Any number of these programs may run.\n\n"
        "  Kinds that a user has muted are skipped. Those that a user wants by email or webhook, and account\n"
        "  mail, are stored in table deliveries and queued in deliveries.email or deliveries.webhook, in the\n"
        "  transaction of their cause. A failed delivery is retried after 1, 2, 4, 8 and 16 s through delayed\n"
        "  queues, and then becomes a dead letter. A delivery is made at least once, under an id (Message-ID,\n"
        "  webhook-id) that stays the same.\n\n"
        "  Messages of queue dead_letters are moved to table dead_letters, for admins.\n\n"
        "  A message that cannot be parsed, or whose notifications the database refuses permanently, is\n"
        "  copied to queue dead_letters, with the reason, before it is acknowledged. PostgreSQL and RabbitMQ\n"
        "  may be down at any time, also at the start: everything else is retried without limit.\n"
        "  'rostrumctl migrate' creates the schema and the queues. Redis notifies connected users at once;\n"
        "  without it, users see notifications at their next request.",
};

/* The statements of all components in one table; those of recipients come first, as inapp expects. */
enum {
    DEAD_LETTER_SINK_FIRST = RECIPIENTS_STATEMENTS,
    WATCHERS_FIRST = DEAD_LETTER_SINK_FIRST + DEAD_LETTER_SINK_STATEMENTS,
    RETENTION_FIRST = WATCHERS_FIRST + WATCHERS_STATEMENTS,
    DEPLOYMENT_WEBHOOKS_FIRST = RETENTION_FIRST + RETENTION_STATEMENTS,
    WEBHOOKS_FIRST = DEPLOYMENT_WEBHOOKS_FIRST + DEPLOYMENT_WEBHOOKS_STATEMENTS,
    SALE_WRITER_FIRST = WEBHOOKS_FIRST + WEBHOOK_CHANNEL_STATEMENTS,
    FANOUT_FIRST = SALE_WRITER_FIRST + SALE_WRITER_STATEMENTS,
    SALE_WEBHOOKS_FIRST = FANOUT_FIRST + FANOUT_STATEMENTS,
    SCHEMA_STATEMENT = SALE_WEBHOOKS_FIRST + SALE_WEBHOOKS_STATEMENTS,
    STATEMENTS
};
static struct pg_statement statements[STATEMENTS];

/* The queues of events. */
enum { QUEUE_AUCTIONS, QUEUE_SALES, QUEUES };

/* The components of the process; NULL until created. */
struct notifyworker {
    struct config config;
    struct service_loop loop;
    struct broker_pair brokers;
    struct pg *pg;
    struct event *schema_timer; /* the next look at the schema */
    bool complete;              /* the schema is known, and the components below exist */
    struct deadletters *deadletters;
    struct auction_writer *auction_writer;
    struct sale_writer *sale_writer;
    struct inapp *inapps[QUEUES];
    struct event_reader *event_readers[QUEUES];
    struct fanout *fanouts[FANOUT_STATEMENTS];
    struct dead_letter_sink *dead_letter_sink;
    struct watchers *watchers;
    struct retention *retention;
    struct mail *mail;
    struct webhook_channel *webhooks;
    struct deliveries *deliveries;
    struct delivery_channel channels[DELIVERY_CHANNELS_MAX];
    struct push *event_pushes[QUEUES]; /* for the transactions of event_readers */
    struct push *watchers_push;        /* for single statements */
};

static void report(struct notifyworker *worker)
{
    bool pg_is_up = worker->pg != NULL && pg_up(worker->pg);
    bool consumes = broker_pair_consumes(&worker->brokers);
    daemon_status(worker->loop.daemon, "PostgreSQL %s, consuming %s", pg_is_up ? "up" : "down",
                  consumes ? "up" : "down");
    if (pg_is_up && consumes) {
        daemon_ready(worker->loop.daemon);
    }
}

static void look_at_schema_in(struct notifyworker *worker, int ms)
{
    if (!worker->complete) {
        timer_set(worker->schema_timer, ms);
    }
}

static void on_pg(struct pg *pg, bool up, void *arg)
{
    (void)pg;
    log_info("PostgreSQL is %s", up ? "up" : "down");
    if (up) {
        look_at_schema_in(arg, 0);
    }
    report(arg);
}

static void on_brokers(void *arg)
{
    report(arg);
}

static bool is_busy(void *arg)
{
    const struct notifyworker *worker = arg;
    return worker->complete && (event_reader_busy(worker->event_readers[QUEUE_AUCTIONS]) ||
                                event_reader_busy(worker->event_readers[QUEUE_SALES]) ||
                                dead_letter_sink_busy(worker->dead_letter_sink) || deliveries_busy(worker->deliveries));
}

static void on_drain(void *arg)
{
    struct notifyworker *worker = arg;
    (void)evtimer_del(worker->schema_timer);
    if (!worker->complete) {
        return;
    }
    for (size_t i = 0; i < QUEUES; i++) {
        event_reader_drain(worker->event_readers[i]);
    }
    for (size_t i = 0; i < FANOUT_STATEMENTS; i++) {
        fanout_drain(worker->fanouts[i]);
    }
    dead_letter_sink_drain(worker->dead_letter_sink);
    watchers_drain(worker->watchers);
    retention_drain(worker->retention);
    deliveries_drain(worker->deliveries);
}

static bool connect_pg(struct notifyworker *worker)
{
    memcpy(statements, recipients_table, sizeof(recipients_table));
    memcpy(statements + DEAD_LETTER_SINK_FIRST, dead_letter_sink_table, sizeof(dead_letter_sink_table));
    memcpy(statements + WATCHERS_FIRST, watchers_table, sizeof(watchers_table));
    memcpy(statements + RETENTION_FIRST, retention_table, sizeof(retention_table));
    memcpy(statements + DEPLOYMENT_WEBHOOKS_FIRST, deployment_webhooks_table, sizeof(deployment_webhooks_table));
    memcpy(statements + WEBHOOKS_FIRST, webhook_channel_table, sizeof(webhook_channel_table));
    memcpy(statements + SALE_WRITER_FIRST, sale_writer_table, sizeof(sale_writer_table));
    memcpy(statements + SALE_WEBHOOKS_FIRST, sale_webhooks_table, sizeof(sale_webhooks_table));
    memcpy(statements + FANOUT_FIRST, fanout_table, sizeof(fanout_table));
    statements[SCHEMA_STATEMENT] = (struct pg_statement){"schema", "SELECT " SCHEMA_IS_CURRENT};
    char links[CONFIG_LINKS_SIZE];
    config_links_session(&worker->config, links);
    struct pg_options options = {.base = worker->loop.base,
                                 .url = worker->config.pg_url,
                                 .application = program.name,
                                 .session = links,
                                 .statements = statements,
                                 .statement_count = STATEMENTS,
                                 .connections = PG_CONNECTIONS,
                                 .timeout_ms = worker->config.pg_timeout_ms * PG_TIMEOUT_FACTOR,
                                 .pending_max = PG_PENDING_MAX,
                                 .on_change = on_pg,
                                 .arg = worker};
    worker->pg = pg_new(&options);
    return worker->pg != NULL;
}

static bool connect_brokers(struct notifyworker *worker)
{
    static const char *const exchanges[] = {TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_WAIT_NAMES,
                                            NULL};
    static const char *const queues[] = {TOPOLOGY_NOTIFY_QUEUE, TOPOLOGY_SALE_NOTIFY_QUEUE, TOPOLOGY_DEAD_QUEUE,
                                         TOPOLOGY_EMAIL_QUEUE,  TOPOLOGY_WEBHOOK_QUEUE,     NULL};
    const struct broker_pair_options options = {.base = worker->loop.base,
                                                .config = &worker->config,
                                                .login = LOGIN_NOTIFYWORKER,
                                                .publisher_name = "rostrum-notifyworker publisher",
                                                .consumer_name = "rostrum-notifyworker consumer",
                                                .unconfirmed_max = UNCONFIRMED_MAX,
                                                .exchanges = exchanges,
                                                .queues = queues,
                                                .on_change = on_brokers,
                                                .arg = worker};
    return broker_pair_open(&worker->brokers, &options);
}

static bool make_deliveries(struct notifyworker *worker)
{
    size_t count = 0;
    worker->mail = mail_new(&worker->config);
    worker->webhooks = webhook_channel_new(&worker->config, worker->pg, WEBHOOKS_FIRST, worker->watchers_push);
    if (worker->mail == NULL || worker->webhooks == NULL) {
        return false;
    }
    mail_channel(worker->mail, &worker->channels[count++]);
    worker->channels[count++] = webhook_channel_describe(worker->webhooks);
    const struct deliveries_options options = {.base = worker->loop.base,
                                               .config = &worker->config,
                                               .consumes = worker->brokers.consumer,
                                               .publishes = worker->brokers.publisher,
                                               .deadletters = worker->deadletters,
                                               .channels = worker->channels,
                                               .channel_count = count};
    worker->deliveries = deliveries_new(&options);
    return worker->deliveries != NULL;
}

/* The readers of both queues, and what they write. */
static bool make_readers(struct notifyworker *worker)
{
    static const char *const queues[QUEUES][2] = {
        [QUEUE_AUCTIONS] = {TOPOLOGY_NOTIFY_QUEUE, TOPOLOGY_KEY_DEAD_NOTIFY},
        [QUEUE_SALES] = {TOPOLOGY_SALE_NOTIFY_QUEUE, TOPOLOGY_KEY_DEAD_SALE_NOTIFY},
    };
    worker->watchers = watchers_new(worker->loop.base, worker->pg, WATCHERS_FIRST, worker->watchers_push,
                                    worker->config.watch_poll_ms);
    if (worker->watchers == NULL) {
        return false;
    }
    worker->auction_writer =
        auction_writer_new(DEPLOYMENT_WEBHOOKS_FIRST, worker->event_pushes[QUEUE_AUCTIONS], worker->watchers);
    worker->sale_writer = sale_writer_new(SALE_WRITER_FIRST, SALE_WEBHOOKS_FIRST, worker->event_pushes[QUEUE_SALES]);
    if (worker->auction_writer == NULL || worker->sale_writer == NULL) {
        return false;
    }
    worker->inapps[QUEUE_AUCTIONS] =
        inapp_new(worker->loop.base, worker->pg, &auction_writer_calls, worker->auction_writer);
    worker->inapps[QUEUE_SALES] = inapp_new(worker->loop.base, worker->pg, &sale_writer_calls, worker->sale_writer);
    for (size_t i = 0; i < QUEUES && worker->inapps[i] != NULL; i++) {
        const struct event_reader_options options = {.base = worker->loop.base,
                                                     .consumes = worker->brokers.consumer,
                                                     .queue = queues[i][0],
                                                     .dead_key = queues[i][1],
                                                     .deadletters = worker->deadletters,
                                                     .inapp = worker->inapps[i],
                                                     .batch_max = worker->config.notify_batch_max,
                                                     .interval_ms = worker->config.notify_interval_ms};
        worker->event_readers[i] = event_reader_new(&options);
    }
    return worker->event_readers[QUEUE_AUCTIONS] != NULL && worker->event_readers[QUEUE_SALES] != NULL;
}

static bool make_components(struct notifyworker *worker)
{
    worker->deadletters = deadletters_new(worker->loop.base, worker->brokers.publisher);
    worker->watchers_push = push_new(worker->loop.base, &worker->config);
    for (size_t i = 0; i < QUEUES; i++) {
        worker->event_pushes[i] = push_new(worker->loop.base, &worker->config);
        if (worker->event_pushes[i] == NULL) {
            return false;
        }
    }
    if (worker->deadletters == NULL || worker->watchers_push == NULL || !make_readers(worker)) {
        return false;
    }
    const struct dead_letter_sink_options dead_letter_sink = {.base = worker->loop.base,
                                                              .consumes = worker->brokers.consumer,
                                                              .pg = worker->pg,
                                                              .first_statement = DEAD_LETTER_SINK_FIRST};
    worker->dead_letter_sink = dead_letter_sink_new(&dead_letter_sink);
    worker->retention =
        retention_new(worker->loop.base, worker->pg, RETENTION_FIRST, worker->config.delivery_keep_days);
    for (size_t i = 0; i < FANOUT_STATEMENTS; i++) {
        worker->fanouts[i] =
            fanout_new(worker->loop.base, worker->pg, FANOUT_FIRST, (enum fanout_statement)i, worker->watchers_push);
        if (worker->fanouts[i] == NULL) {
            return false;
        }
    }
    return worker->dead_letter_sink != NULL && worker->retention != NULL && make_deliveries(worker);
}

static void on_schema(const struct pg_reply *reply, void *arg)
{
    struct notifyworker *worker = arg;
    if (worker->complete || daemon_draining(worker->loop.daemon)) {
        return;
    }
    if (reply->outcome != PG_OK || !pg_bool(reply->result, 0, 0)) {
        log_warn(reply->outcome == PG_OK ? SCHEMA_MISSING : "the version of the schema cannot be read");
        look_at_schema_in(worker, SCHEMA_RETRY_MS);
        return;
    }
    if (!connect_brokers(worker) || !make_components(worker)) {
        log_error("cannot start: no memory, or the RabbitMQ URL is invalid");
        service_loop_fail(&worker->loop);
        return;
    }
    worker->complete = true;
}

static void look_at_schema(evutil_socket_t fd, short what, void *arg)
{
    struct notifyworker *worker = arg;
    (void)fd;
    (void)what;
    if (!pg_query(worker->pg, SCHEMA_STATEMENT, 0, NULL, on_schema, worker)) {
        look_at_schema_in(worker, SCHEMA_RETRY_MS);
    }
}

/* Frees brokers and pool first: their last callbacks use the other components. */
static void on_close(void *arg)
{
    struct notifyworker *worker = arg;
    broker_pair_close(&worker->brokers);
    pg_free(worker->pg);
    worker->pg = NULL;
    if (worker->schema_timer != NULL) {
        event_free(worker->schema_timer);
    }
    deliveries_free(worker->deliveries);
    webhook_channel_free(worker->webhooks);
    mail_free(worker->mail);
    retention_free(worker->retention);
    watchers_free(worker->watchers);
    dead_letter_sink_free(worker->dead_letter_sink);
    for (size_t i = 0; i < FANOUT_STATEMENTS; i++) {
        fanout_free(worker->fanouts[i]);
    }
    for (size_t i = 0; i < QUEUES; i++) {
        event_reader_free(worker->event_readers[i]);
        inapp_free(worker->inapps[i]);
    }
    auction_writer_free(worker->auction_writer);
    sale_writer_free(worker->sale_writer);
    for (size_t i = 0; i < QUEUES; i++) {
        push_free(worker->event_pushes[i]);
    }
    push_free(worker->watchers_push);
    deadletters_free(worker->deadletters);
}

static bool on_open(void *arg)
{
    struct notifyworker *worker = arg;
    worker->schema_timer = evtimer_new(worker->loop.base, look_at_schema, worker);
    return worker->schema_timer != NULL && connect_pg(worker);
}

int main(int argc, char **argv)
{
    static struct notifyworker worker;
    const struct service_loop_calls calls = {.families = notifyworker_metrics_families,
                                             .open = on_open,
                                             .close = on_close,
                                             .drain = on_drain,
                                             .busy = is_busy,
                                             .arg = &worker};
    int exit_code = EXIT_OK;
    if (!daemon_start(&program, argc, argv, &worker.config, &exit_code)) {
        return exit_code;
    }
    daemon_want_descriptors(CALL_DESCRIPTORS * (worker.config.webhook_calls_max + worker.config.mail_connections_max) +
                                DESCRIPTORS_BESIDE,
                            "webhook calls may fail and be retried");
    return service_loop_run(&worker.loop, &worker.config, &calls);
}
