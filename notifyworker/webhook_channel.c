/*
 * See webhook_channel.h.
 */
#include "notifyworker/webhook_channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/topology.h"
#include "notifyworker/push.h"
#include "notifyworker/webhook_call.h"

enum { NUMBER_SIZE = 16, WAITING_MAX = 64 /* of one endpoint: enough to start its next call at once */ };

/* clang-format off */
const struct pg_statement webhook_channel_table[WEBHOOK_CHANNEL_STATEMENTS] = {
    [WEBHOOK_CHANNEL_HEALTHY] = {"webhook_healthy",
        "UPDATE webhooks SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL"},
    /* $1 webhook, $2 now, $3 reason to switch it off at once, or NULL; $4 a delivery was given up, $5 seconds */
    [WEBHOOK_CHANNEL_FAILING] = {"webhook_failing",
        "WITH failing AS (SELECT id, coalesce($3::text, CASE WHEN $4::boolean AND failing_since"
        "   <= $2::timestamptz - $5::integer * interval '1 second' THEN 'FAILING' END) AS reason"
        "  FROM webhooks WHERE id = $1 AND off_reason IS NULL FOR UPDATE),"
        " noted AS (UPDATE webhooks w SET failing_since = coalesce(w.failing_since, $2::timestamptz),"
        "   off_reason = failing.reason, off_at = CASE WHEN failing.reason IS NOT NULL THEN $2::timestamptz END"
        "  FROM failing WHERE w.id = failing.id RETURNING w.created_by, w.off_reason, w.url),"
        " inserted AS (INSERT INTO notifications (user_id, id, kind, created_at)"
        "  SELECT created_by, delivery_id(), 'WEBHOOK_OFF', $2::timestamptz FROM noted WHERE off_reason IS NOT NULL"
        "  RETURNING user_id, id),"
        " mailed AS (INSERT INTO deliveries (id, channel, kind, user_id, endpoint, payload)"
        "  SELECT delivery_id(), '" TOPOLOGY_KEY_EMAIL "', 'WEBHOOK_OFF', u.id, u.email,"
        "   jsonb_build_object('title', split_part(n.url, '?', 1), 'createdAt', webhook_time($2))"
        "  FROM noted n JOIN users u ON u.id = n.created_by"
        "  WHERE n.off_reason IS NOT NULL AND u.verified_at IS NOT NULL)"
        " SELECT off_reason, (SELECT " PUSH_COLUMN " FROM inserted) FROM noted WHERE off_reason IS NOT NULL"},
};

static const char lookup[] =
    "SELECT " DELIVERY_COLUMNS ", w.url, w.secret, CASE WHEN w.old_until > now() THEN w.old_secret END,"
    " w.id IS NULL OR w.off_reason IS NOT NULL, w.failing_since IS NOT NULL"
    " FROM deliveries d LEFT JOIN webhooks w ON w.id = d.endpoint::uuid"
    " WHERE d.id = $1 AND d.channel = '" TOPOLOGY_KEY_WEBHOOK "'";
/* clang-format on */

enum { COL_URL = DELIVERY_OWN_COLUMN, COL_SECRET, COL_OLD_SECRET, COL_OFF, COL_FAILING };

struct webhook_channel {
    struct pg *pg;
    struct push *push;
    size_t first_statement;
    struct webhook_call_limits limits;
    char ca_file[CONFIG_TEXT_SIZE];
    int transfers_max;
    int endpoint_max;
    int off_after_s;
};

/* The state of an attempt. */
struct attempt {
    struct webhook_call *call;
    char webhook[UUID_TEXT_SIZE];
    bool failing; /* the stored state: failing_since is set */
};

/* ---- health ---- */

static void on_noted(const struct pg_reply *reply, void *arg)
{
    const struct webhook_channel *channel = arg;
    if (reply->outcome != PG_OK) {
        log_warn("the health of a webhook could not be stored: %s",
                 reply->outcome == PG_LOST ? "the connection was lost" : reply->message);
    } else if (PQntuples(reply->result) > 0) {
        log_info("a webhook was switched off: %s", pg_text(reply->result, 0, 0));
        push_add(channel->push, pg_text(reply->result, 0, 1));
        push_send(channel->push);
    }
}

static void note(struct webhook_channel *channel, enum webhook_channel_statement statement, int count,
                 const char *const *values)
{
    if (!pg_query(channel->pg, channel->first_statement + (size_t)statement, count, values, on_noted, channel)) {
        log_debug("the health of a webhook will be stored at its next failure: PostgreSQL is down");
    }
}

static void note_success(struct webhook_channel *channel, const struct attempt *attempt)
{
    const char *values[] = {attempt->webhook};
    if (attempt->failing) {
        note(channel, WEBHOOK_CHANNEL_HEALTHY, ARRAY_LEN(values), values);
    }
}

/* Records the first failure, and failures that may switch the endpoint off; others change nothing. */
static void note_failure(struct webhook_channel *channel, const struct attempt *attempt,
                         const struct webhook_result *result, bool given_up)
{
    char now[CLOCK_TEXT_SIZE];
    char seconds[NUMBER_SIZE];
    clock_format(clock_now_ms(), now);
    (void)snprintf(seconds, sizeof(seconds), "%d", channel->off_after_s);
    const char *values[] = {attempt->webhook, now, result->gone ? "GONE" : NULL, given_up ? "true" : "false", seconds};
    if (!attempt->failing || given_up) {
        note(channel, WEBHOOK_CHANNEL_FAILING, ARRAY_LEN(values), values);
    }
}

/* ---- the channel ---- */

static enum delivery_verdict begin(struct delivery *delivery, const PGresult *row, void *arg)
{
    struct webhook_channel *channel = arg;
    if (pg_bool(row, 0, COL_OFF)) {
        return DELIVERY_DROPPED;
    }
    struct attempt *attempt = calloc(1, sizeof(*attempt));
    if (attempt == NULL) {
        (void)snprintf(delivery->error, sizeof(delivery->error), "NO_MEMORY");
        return DELIVERY_FAILED;
    }
    char id[UUID_TEXT_SIZE];
    uuid_format(&delivery->id, id);
    const struct webhook_request request = {
        .id = id,
        .url = pg_text(row, 0, COL_URL),
        .secret = pg_text(row, 0, COL_SECRET),
        .old_secret = pg_null(row, 0, COL_OLD_SECRET) ? NULL : pg_text(row, 0, COL_OLD_SECRET),
        .body = pg_text(row, 0, DELIVERY_COLUMN_PAYLOAD),
    };
    delivery->channel_state = attempt;
    attempt->failing = pg_bool(row, 0, COL_FAILING);
    (void)snprintf(attempt->webhook, sizeof(attempt->webhook), "%s", pg_text(row, 0, DELIVERY_COLUMN_ENDPOINT));
    attempt->call = webhook_call_new(&channel->limits, delivery->curl, &request);
    if (attempt->call == NULL) {
        (void)snprintf(delivery->error, sizeof(delivery->error), "NO_MEMORY");
        return DELIVERY_FAILED;
    }
    return DELIVERY_GO;
}

static enum delivery_verdict judge(struct delivery *delivery, CURLcode outcome, void *arg)
{
    struct webhook_channel *channel = arg;
    const struct attempt *attempt = delivery->channel_state;
    struct webhook_result result = webhook_call_result(attempt->call, outcome);
    delivery->status = result.status;
    if (result.error == NULL) {
        note_success(channel, attempt);
        return DELIVERY_SENT;
    }
    (void)snprintf(delivery->error, sizeof(delivery->error), "%s", result.error);
    note_failure(channel, attempt, &result, result.for_good || delivery->tries >= DELIVERY_RETRIES);
    if (result.gone) {
        return DELIVERY_DROPPED;
    }
    return result.for_good ? DELIVERY_REFUSED : DELIVERY_FAILED;
}

static void end(struct delivery *delivery, void *arg)
{
    (void)arg;
    struct attempt *attempt = delivery->channel_state;
    if (attempt != NULL) {
        webhook_call_free(attempt->call);
        free(attempt);
        delivery->channel_state = NULL;
    }
}

struct delivery_channel webhook_channel_describe(struct webhook_channel *channel)
{
    return (struct delivery_channel){.name = TOPOLOGY_KEY_WEBHOOK,
                                     .queue = TOPOLOGY_WEBHOOK_QUEUE,
                                     .dead_key = TOPOLOGY_KEY_DEAD_WEBHOOK,
                                     .lookup = lookup,
                                     .transfers_max = channel->transfers_max,
                                     .endpoint_max = channel->endpoint_max,
                                     .waiting_max = WAITING_MAX,
                                     .begin = begin,
                                     .judge = judge,
                                     .end = end,
                                     .arg = channel};
}

struct webhook_channel *webhook_channel_new(const struct config *config, struct pg *pg, size_t first_statement,
                                            struct push *push)
{
    struct webhook_channel *channel = calloc(1, sizeof(*channel));
    if (channel == NULL) {
        return NULL;
    }
    channel->pg = pg;
    channel->push = push;
    channel->first_statement = first_statement;
    channel->transfers_max = config->webhook_calls_max;
    channel->endpoint_max = config->webhook_endpoint_calls_max;
    channel->off_after_s = config->webhook_off_after_s;
    (void)snprintf(channel->ca_file, sizeof(channel->ca_file), "%s", config->webhook_ca_file);
    channel->limits =
        (struct webhook_call_limits){.rules = {.http = config->webhook_http},
                                     .ca_file = strcmp(channel->ca_file, "none") == 0 ? NULL : channel->ca_file,
                                     .connect_timeout_ms = config->webhook_connect_timeout_ms,
                                     .timeout_ms = config->webhook_timeout_ms,
                                     .response_max_bytes = (size_t)config->webhook_response_max_bytes};
    if (!address_networks_parse(config->webhook_networks, &channel->limits.rules.networks)) {
        channel->limits.rules.networks.count = 0; /* cannot happen: the settings were checked at the start */
    }
    return channel;
}

void webhook_channel_free(struct webhook_channel *channel)
{
    free(channel);
}
