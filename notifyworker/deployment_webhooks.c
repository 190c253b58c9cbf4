/*
 * See deployment_webhooks.h. Many extensions of an auction in one minute are one event for each minute of the new end,
 * as in notifications.
 */
#include "notifyworker/deployment_webhooks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/io/pg_column.h"
#include "common/protocol/topology.h"

enum { MINUTE_MS = 60000, SEED_SIZE = 2 * UUID_TEXT_SIZE + 48 };

#define AT_MS(expression) "timestamptz 'epoch' + " expression " * interval '1 millisecond'"

/*
 * The id's time. For an extension it is the earliest time that can lead to that minute, so that all of them get the
 * same id.
 */
#define ID_MS                                                                                                          \
    "(CASE WHEN e.kind = 'AUCTION_EXTENDED' THEN greatest(0, least(e.at_ms,"                                           \
    " e.end_ms / 60000 * 60000 - a.snipe_extension_s * 1000::bigint)) ELSE e.at_ms END)"

/* The sentence of a notification, but about the bidder where that one addresses its reader. */
#define PRICE "CASE WHEN e.amount IS NULL THEN '' ELSE format(' The price is %s USD.', e.amount) END"
#define TEXT                                                                                                           \
    "CASE e.kind WHEN 'OUTBID' THEN format('A bidder was outbid on “%s”.', a.title) || " PRICE                         \
    " WHEN 'PROXY_EXHAUSTED' THEN format('The maximum of a bidder on “%s” was outbid.', a.title) || " PRICE            \
    " WHEN 'AUCTION_STARTED' THEN format('“%s” has started.', a.title)"                                            \
    " ELSE notification_text(e.kind, a.title, e.amount, CASE WHEN e.end_ms > 0 THEN " AT_MS("e.end_ms") " END) END"

/* clang-format off */
const struct pg_statement deployment_webhooks_table[DEPLOYMENT_WEBHOOKS_STATEMENTS] = {
    /* The same id as from uuid_from_hash_at in C: 48 bits of time, version 8, variant, and 74 bits of a hash. */
    [DEPLOYMENT_WEBHOOKS_ADD] = {"deployment_webhooks",
        "WITH w AS MATERIALIZED (SELECT id, events FROM webhooks"
        "  WHERE owner_id = '00000000-0000-0000-0000-000000000000' AND off_reason IS NULL AND NOT webhook_is_full(id))"
        " INSERT INTO deliveries (id, channel, kind, endpoint, payload, created_at)"
        " SELECT (lpad(to_hex(" ID_MS "), 12, '0') || '8' || substr(h, 1, 3)"
        "  || translate(substr(h, 4, 1), '0123456789abcdef', '89ab89ab89ab89ab') || substr(h, 5, 15))::uuid,"
        "  '" TOPOLOGY_KEY_WEBHOOK "', e.kind, w.id::text,"
        "  webhook_body(e.kind, " AT_MS("e.at_ms") ", jsonb_build_object('userId', e.user_id, 'auctionId', a.id,"
        "   'auctionTitle', a.title, 'amount', e.amount,"
        "   'endTime', webhook_time(CASE WHEN e.end_ms > 0 THEN " AT_MS("e.end_ms") " END),"
        "   'text', " TEXT ", 'link', notification_link(a.id))), now()"
        " FROM w CROSS JOIN unnest($1::text[], $2::uuid[], $3::uuid[], $4::numeric[], $5::bigint[],"
        "  $6::bigint[], $7::text[]) AS e (kind, auction_id, user_id, amount, end_ms, at_ms, seed)"
        " JOIN auctions a ON a.id = e.auction_id"
        " CROSS JOIN LATERAL encode(sha256(convert_to(concat_ws('/', e.kind, a.id, e.seed, w.id), 'UTF8')), 'hex') h"
        " WHERE e.kind = ANY (w.events) ON CONFLICT DO NOTHING"},
};
/* clang-format on */

enum { KIND, AUCTION, USER, AMOUNT, END, AT, SEED, COLUMNS };

struct deployment_webhooks {
    size_t first_statement;
    size_t count;
    struct pg_column columns[COLUMNS];
};

struct deployment_webhooks *deployment_webhooks_new(size_t first_statement)
{
    struct deployment_webhooks *calls = calloc(1, sizeof(*calls));
    if (calls != NULL) {
        calls->first_statement = first_statement;
        deployment_webhooks_reset(calls);
    }
    return calls;
}

void deployment_webhooks_free(struct deployment_webhooks *calls)
{
    for (size_t i = 0; calls != NULL && i < COLUMNS; i++) {
        pg_column_free(&calls->columns[i]);
    }
    free(calls);
}

void deployment_webhooks_reset(struct deployment_webhooks *calls)
{
    calls->count = 0;
    for (size_t i = 0; i < COLUMNS; i++) {
        pg_column_reset(&calls->columns[i]);
    }
}

size_t deployment_webhooks_count(const struct deployment_webhooks *calls)
{
    return calls->count;
}

/* As in webhook_deployment_kinds; NULL: not one of them. */
static const char *kind_of(const struct auction_event *event)
{
    switch (event->kind) {
    case EVENT_OUTBID:
        return "OUTBID";
    case EVENT_PROXY_EXHAUSTED:
        return "PROXY_EXHAUSTED";
    case EVENT_EXTENDED:
        return "AUCTION_EXTENDED";
    case EVENT_STARTED:
        return "AUCTION_STARTED";
    case EVENT_SETTLED:
        return uuid_is_nil(&event->user_id) ? "AUCTION_UNSOLD" : "AUCTION_SOLD";
    case EVENT_ENDING_SOON:
        return "AUCTION_ENDING_SOON";
    case EVENT_CANCELLED:
        return "AUCTION_CANCELLED";
    case EVENT_VOIDED:
        return "BID_VOIDED";
    case EVENT_NONE:
    case EVENT_ENDED:
        break; /* the settlement follows at once */
    }
    return NULL;
}

/* The part of the id's hash that differs between events of the same kind and auction. */
static void seed_of(const struct auction_event *event, char out[static SEED_SIZE])
{
    char user[UUID_TEXT_SIZE];
    uuid_format(&event->user_id, user);
    if (event->kind == EVENT_EXTENDED) {
        (void)snprintf(out, SEED_SIZE, "%" PRId64, event->end_ms / MINUTE_MS);
    } else if (event->kind == EVENT_CANCELLED || event->kind == EVENT_STARTED) {
        out[0] = '\0'; /* only once per auction */
    } else if (event->kind == EVENT_ENDING_SOON) {
        (void)snprintf(out, SEED_SIZE, "%" PRId64, event->end_ms);
    } else {
        (void)snprintf(out, SEED_SIZE, "%s/%" PRId64 "/%" PRId64, user, event->version, event->amount);
    }
}

void deployment_webhooks_add(struct deployment_webhooks *calls, const struct auction_event *event)
{
    char seed[SEED_SIZE];
    const char *kind = kind_of(event);
    if (kind == NULL) {
        return;
    }
    calls->count++;
    seed_of(event, seed);
    pg_column_text(&calls->columns[KIND], kind);
    pg_column_uuid(&calls->columns[AUCTION], &event->auction_id);
    if (uuid_is_nil(&event->user_id)) {
        pg_column_null(&calls->columns[USER], PG_COLUMN_UUID);
    } else {
        pg_column_uuid(&calls->columns[USER], &event->user_id);
    }
    if (event->amount == 0) {
        pg_column_null(&calls->columns[AMOUNT], PG_COLUMN_MONEY);
    } else {
        pg_column_money(&calls->columns[AMOUNT], event->amount);
    }
    pg_column_int(&calls->columns[END], event->end_ms);
    pg_column_int(&calls->columns[AT], event->at_ms);
    pg_column_text(&calls->columns[SEED], seed);
}

bool deployment_webhooks_send(struct deployment_webhooks *calls, struct pg_tx *tx)
{
    struct pg_parameter parameters[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!pg_column_done(&calls->columns[i], &parameters[i])) {
            return false;
        }
    }
    return calls->count == 0 ||
           pg_tx_send_parameters(tx, calls->first_statement + DEPLOYMENT_WEBHOOKS_ADD, COLUMNS, parameters, NULL, NULL);
}
