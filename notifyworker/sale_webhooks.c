/*
 * See sale_webhooks.h. The id of a delivery is a hash of event and webhook, so a repeated event makes the same row.
 */
#include "notifyworker/sale_webhooks.h"

#include "common/protocol/topology.h"

/* clang-format off */
#define AT_MS(expression) "timestamptz 'epoch' + " expression " * interval '1 millisecond'"

/* The sentence of a notification, but about the user where that one addresses its reader. */
#define TOTAL "coalesce(format(' The total is %s USD.', e.amount), '')"
#define TEXT                                                                                                           \
    "CASE e.kind WHEN 'SALE_OPENED' THEN format('The waiting line for “%s” is open.', p.name)"                         \
    " WHEN 'SALE_STARTED' THEN format('The sale of “%s” has started.', p.name)"                                        \
    " WHEN 'SALE_EXTENDED' THEN format('The sale of “%s” was extended.', p.name)"                                      \
    " WHEN 'SALE_ENDED' THEN format('The sale of “%s” has ended.', p.name)"                                            \
    " WHEN 'SALE_SETTLED' THEN format('The sale of “%s” is settled.', p.name)"                                         \
    " WHEN 'SALE_CANCELLED' THEN format('The sale of “%s” was cancelled.', p.name)"                                    \
    " WHEN 'TURN_STARTED' THEN format('A user may order “%s”.', p.name)"                                               \
    " WHEN 'TURN_EXPIRED' THEN format('The turn of a user for “%s” has run out.', p.name)"                             \
    " WHEN 'ORDER_RESERVED' THEN format('An order of “%s” is reserved.', p.name) || " TOTAL                            \
    " WHEN 'ORDER_CONFIRMED' THEN format('An order of “%s” is confirmed.', p.name) || " TOTAL                          \
    " WHEN 'ORDER_CANCELLED' THEN format('An order of “%s” was cancelled.', p.name)"                                   \
    " WHEN 'ORDER_FAILED' THEN format('The payment of an order of “%s” failed.', p.name)"                              \
    " WHEN 'ORDER_EXPIRED' THEN format('The reservation of an order of “%s” has run out.', p.name)"                    \
    " ELSE notification_text(e.kind, p.name, e.amount, CASE WHEN e.time_ms > 0 THEN " AT_MS("e.time_ms") " END) END"

const struct pg_statement sale_webhooks_table[SALE_WEBHOOKS_STATEMENTS] = {
    /* Ids as in deployment_webhooks.c. */
    [SALE_WEBHOOKS_ADD] = {"sale_webhooks",
        "WITH w AS MATERIALIZED (SELECT id, events FROM webhooks"
        "  WHERE owner_id = '00000000-0000-0000-0000-000000000000' AND off_reason IS NULL AND NOT webhook_is_full(id))"
        " INSERT INTO deliveries (id, channel, kind, endpoint, payload, created_at)"
        " SELECT (lpad(to_hex(e.at_ms), 12, '0') || '8' || substr(h, 1, 3)"
        "  || translate(substr(h, 4, 1), '0123456789abcdef', '89ab89ab89ab89ab') || substr(h, 5, 15))::uuid,"
        "  '" TOPOLOGY_KEY_WEBHOOK "', e.kind, w.id::text,"
        "  webhook_body(e.kind, " AT_MS("e.at_ms") ", jsonb_build_object('userId', e.user_id, 'flashSaleId', s.id,"
        "   'productName', p.name, 'orderId', e.order_id, 'amount', e.amount,"
        "   'endTime', webhook_time(CASE WHEN e.time_ms > 0 THEN " AT_MS("e.time_ms") " END),"
        "   'text', " TEXT ", 'link', notification_link(NULL, s.id, e.order_id))), now()"
        " FROM w CROSS JOIN unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[], $5::uuid[], $6::numeric[],"
        "  $7::bigint[], $8::bigint[]) AS e (kind, sale_id, user_id, seq, order_id, amount, time_ms, at_ms)"
        " JOIN flash_sales s ON s.id = e.sale_id JOIN products p ON p.id = s.product_id"
        " CROSS JOIN LATERAL encode(sha256(convert_to(concat_ws('/', e.kind, s.id, e.seq, e.user_id, e.order_id, w.id),"
        "  'UTF8')), 'hex') h WHERE e.kind = ANY (w.events) ON CONFLICT DO NOTHING"},
};
/* clang-format on */

/* As in webhook_deployment_kinds: those about a user or an order have their own names, the others are of the sale. */
static const char *const kinds[SALE_EVENT_KIND_COUNT] = {
#define EVENT_KIND(name, word, must, may)                                                                              \
    [SALE_EVENT_##name] = ((must) & (SALE_EVENT_USER | SALE_EVENT_ORDER)) != 0 ? #name : "SALE_" #name,
    SALE_EVENTS(EVENT_KIND)
#undef EVENT_KIND
};

const char *sale_webhooks_kind(enum sale_event_kind kind)
{
    return kinds[kind];
}
