/*
 * See recipients.h. Each group of events has its own arrays, one for each parameter of the group's statement.
 *
 * A popular auction is extended many times in a minute, and its ledger is long. So extensions are merged by auction and
 * minute of the new end within one transaction. Across transactions, `notified` stores how far the ledger was read for
 * a minute, and the next statement reads newer entries only. It is a cache: a lost entry costs a longer scan and
 * changes nothing, because the ids are the same.
 */
#include "notifyworker/recipients.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/pg_column.h"
#include "notifyworker/notice_sql.h"
#include "notifyworker/notifyworker_metrics.h"
#include "notifyworker/push.h"

enum {
    NOTIFIED_SLOTS = 4096, /* auctions that are being extended at about the same time */
    MINUTE_MS = 60000,
    HASH_BYTES = 16, /* shortest output of BLAKE2b; an id uses ten bytes */
    SEED_BYTES = 16 + 16 + 8 + 8 + 1,
    EXTENSIONS_FIRST = 64, /* initial size of the list, doubling */
};

#define COLUMNS "INSERT INTO notifications (user_id, id, kind, auction_id, amount, end_time, created_at) "

/* clang-format off */
const struct pg_statement recipients_table[RECIPIENTS_STATEMENTS] = {
    [RECIPIENTS_USER] = {"notify_user",
        "WITH inserted AS (INSERT INTO notifications (user_id, id, kind, auction_id, amount, created_at)"
        " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::numeric[], $6::timestamptz[])"
        " AS p (user_id, id, kind) WHERE " NOTICE_UNLESS_MUTED("p", "p.kind") NOTIFYWORKER_METRICS_INSERT_ONCE},
    /*
     * The id's time is that of the earliest extension that can lead to that minute, so that all of them get the same
     * id.
     */
    [RECIPIENTS_EXTENDED] = {"notify_extended",
        "WITH inserted AS (" COLUMNS "SELECT p.user_id, "
        NOTICE_ID("greatest(0, least(e.at_ms, e.end_ms / 60000 * 60000 - a.snipe_extension_s * 1000::bigint))",
                "'AUCTION_EXTENDED', e.auction_id, p.user_id, e.end_ms / 60000")
        ", 'AUCTION_EXTENDED', e.auction_id, e.amount, " NOTICE_AT("e.end_ms") ", " NOTICE_AT("e.at_ms")
        " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::numeric[], $5::bigint[])"
        " AS e (auction_id, end_ms, at_ms, amount, after_seq) JOIN auctions a ON a.id = e.auction_id"
        " CROSS JOIN LATERAL (SELECT a.seller_id AS user_id UNION SELECT b.bidder_id FROM public_bids b"
        "  WHERE b.auction_id = e.auction_id AND b.seq > e.after_seq) p"
        " WHERE " NOTICE_UNLESS_MUTED("p", "'AUCTION_EXTENDED'") "ON CONFLICT DO NOTHING RETURNING user_id, id)"
        " SELECT id, ledger_seq, (SELECT count(*) FROM inserted), CASE row_number() OVER (ORDER BY id) WHEN 1 THEN"
        " (SELECT " PUSH_COLUMN " FROM inserted) END FROM auctions WHERE id = ANY ($1::uuid[]) ORDER BY id"},
    [RECIPIENTS_SETTLED] = {"notify_settled",
        "WITH inserted AS (" COLUMNS "SELECT p.user_id, "
        NOTICE_ID("e.at_ms", "p.kind, e.auction_id, p.user_id, e.version")
        ", p.kind, e.auction_id, e.amount, NULL, " NOTICE_AT("e.at_ms")
        " FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::numeric[])"
        " AS e (auction_id, winner_id, version, at_ms, amount) JOIN auctions a ON a.id = e.auction_id"
        " CROSS JOIN LATERAL (SELECT a.seller_id AS user_id,"
        "  CASE WHEN e.winner_id IS NULL THEN 'AUCTION_UNSOLD' ELSE 'AUCTION_SOLD' END AS kind"
        "  UNION ALL SELECT DISTINCT b.bidder_id,"
        "  CASE WHEN b.bidder_id = e.winner_id THEN 'AUCTION_WON' ELSE 'AUCTION_LOST' END"
        "  FROM public_bids b WHERE b.auction_id = e.auction_id) p"
        " WHERE " NOTICE_UNLESS_MUTED("p", "p.kind") NOTIFYWORKER_METRICS_INSERT_ONCE},
    [RECIPIENTS_ENDING_SOON] = {"notify_ending_soon",
        "WITH e AS MATERIALIZED (SELECT e.*, coalesce((SELECT c.watchers FROM watch_counts c"
        "  WHERE c.auction_id = e.auction_id), 0) > " NOTICE_WATCHERS_AT_ONCE " AS many"
        "  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::numeric[]) AS e (auction_id, end_ms, at_ms, amount)),"
        " jobs AS (INSERT INTO watch_fanouts (auction_id, kind, at, amount, end_time, seed, not_bidders)"
        "  SELECT e.auction_id, 'AUCTION_ENDING_SOON', " NOTICE_AT("e.at_ms") ", e.amount, " NOTICE_AT("e.end_ms")
        ", e.end_ms::text, false FROM e WHERE e.many ON CONFLICT DO NOTHING),"
        " inserted AS (" COLUMNS "SELECT p.user_id, "
        NOTICE_ID("e.at_ms", "'AUCTION_ENDING_SOON', e.auction_id, p.user_id, e.end_ms")
        ", 'AUCTION_ENDING_SOON', e.auction_id, e.amount, " NOTICE_AT("e.end_ms") ", " NOTICE_AT("e.at_ms")
        " FROM e CROSS JOIN LATERAL (SELECT DISTINCT b.bidder_id AS user_id FROM public_bids b"
        "  WHERE b.auction_id = e.auction_id"
        " UNION SELECT w.user_id FROM watchlist w WHERE w.auction_id = e.auction_id AND NOT e.many) p"
        " WHERE " NOTICE_UNLESS_MUTED("p", "'AUCTION_ENDING_SOON'") NOTIFYWORKER_METRICS_INSERT_ONCE},
    /* Only once per auction: the version is not part of the id. */
    [RECIPIENTS_CANCELLED] = {"notify_cancelled",
        "WITH inserted AS (" COLUMNS "SELECT p.user_id, "
        NOTICE_ID("e.at_ms", "'AUCTION_CANCELLED', e.auction_id, p.user_id")
        ", 'AUCTION_CANCELLED', e.auction_id, e.amount, NULL, " NOTICE_AT("e.at_ms")
        " FROM unnest($1::uuid[], $2::bigint[], $3::numeric[]) AS e (auction_id, at_ms, amount)"
        " JOIN auctions a ON a.id = e.auction_id CROSS JOIN LATERAL (SELECT a.seller_id AS user_id"
        "  UNION SELECT b.bidder_id FROM public_bids b WHERE b.auction_id = e.auction_id) p"
        " WHERE " NOTICE_UNLESS_MUTED("p", "'AUCTION_CANCELLED'") NOTIFYWORKER_METRICS_INSERT_ONCE},
    /* Like RECIPIENTS_CANCELLED, and the bidder of the void bid, once for each bidder whose bids one batch voided. */
    [RECIPIENTS_VOIDED] = {"notify_voided",
        "WITH inserted AS (" COLUMNS "SELECT p.user_id, "
        NOTICE_ID("e.at_ms", "'BID_VOIDED', e.auction_id, p.user_id, e.version, e.bidder_id")
        ", 'BID_VOIDED', e.auction_id, e.amount, NULL, " NOTICE_AT("e.at_ms")
        " FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::numeric[])"
        " AS e (auction_id, bidder_id, version, at_ms, amount) JOIN auctions a ON a.id = e.auction_id"
        " CROSS JOIN LATERAL (SELECT a.seller_id AS user_id UNION SELECT e.bidder_id UNION SELECT b.bidder_id"
        "  FROM public_bids b WHERE b.auction_id = e.auction_id) p"
        " WHERE " NOTICE_UNLESS_MUTED("p", "'BID_VOIDED'") NOTIFYWORKER_METRICS_INSERT_ONCE},
    /*
     * A new deployment's ledger grows much faster than its statistics. A plan for a short ledger would scan all of it
     * for each auction.
     */
    [RECIPIENTS_BY_INDEX] = {"by_index", "SELECT set_config('enable_seqscan', 'off', true)"},
};
/* clang-format on */

enum { COLUMNS_MAX = 6 };

/* The parameters of a group. */
struct group {
    size_t count;
    struct pg_column columns[COLUMNS_MAX];
};

struct extension {
    struct uuid auction_id;
    int64_t end_ms;
    int64_t at_ms;
    int64_t amount;
    int64_t after_seq; /* ledger seq up to which this minute was processed */
    int64_t seen_seq;  /* ledger seq that this transaction has read; 0: none */
};

struct notified {
    struct uuid auction_id;
    int64_t minute;
    int64_t seq;
};

struct recipients {
    struct push *push;
    size_t count;
    struct group groups[RECIPIENTS_GROUPS];
    struct extension *extensions;
    size_t extension_count;
    size_t extension_size;
    struct notified notified[NOTIFIED_SLOTS];
    int64_t written[NOTIFYWORKER_METRICS_KINDS]; /* notifications written by this transaction, by kind */
};

struct recipients *recipients_new(struct push *push)
{
    struct recipients *recipients = calloc(1, sizeof(*recipients));
    if (recipients != NULL) {
        recipients->push = push;
        recipients_reset(recipients);
    }
    return recipients;
}

void recipients_free(struct recipients *recipients)
{
    if (recipients == NULL) {
        return;
    }
    for (size_t i = 0; i < RECIPIENTS_GROUPS; i++) {
        for (size_t k = 0; k < COLUMNS_MAX; k++) {
            pg_column_free(&recipients->groups[i].columns[k]);
        }
    }
    free(recipients->extensions);
    free(recipients);
}

void recipients_reset(struct recipients *recipients)
{
    push_forget(recipients->push);
    recipients->count = 0;
    recipients->extension_count = 0;
    memset(recipients->written, 0, sizeof(recipients->written));
    for (size_t i = 0; i < RECIPIENTS_GROUPS; i++) {
        recipients->groups[i].count = 0;
        for (size_t k = 0; k < COLUMNS_MAX; k++) {
            pg_column_reset(&recipients->groups[i].columns[k]);
        }
    }
}

size_t recipients_count(const struct recipients *recipients)
{
    return recipients->count;
}

static void add_amount(struct pg_column *column, int64_t minor)
{
    if (minor == 0) {
        pg_column_null(column, PG_COLUMN_MONEY);
    } else {
        pg_column_money(column, minor);
    }
}

/*
 * One batch, and so one version, may outbid the same user several times. The amount is then different each time: no two
 * bids that take the lead have the same amount.
 */
static struct uuid user_notification_id(const struct auction_event *event)
{
    uint8_t seed[SEED_BYTES];
    uint8_t hash[HASH_BYTES];
    memcpy(seed, event->auction_id.bytes, 16);
    memcpy(seed + 16, event->user_id.bytes, 16);
    memcpy(seed + 32, &event->version, 8);
    memcpy(seed + 40, &event->amount, 8);
    seed[48] = (uint8_t)event->kind;
    (void)crypto_generichash(hash, sizeof(hash), seed, sizeof(seed), NULL, 0); /* cannot fail with these sizes */
    return uuid_from_hash_at(event->at_ms, hash);
}

static void add_user(struct group *group, const struct auction_event *event)
{
    struct uuid id = user_notification_id(event);
    group->count++;
    pg_column_uuid(&group->columns[0], &event->user_id);
    pg_column_uuid(&group->columns[1], &id);
    pg_column_text(&group->columns[2], event->kind == EVENT_OUTBID ? "OUTBID" : "PROXY_EXHAUSTED");
    pg_column_uuid(&group->columns[3], &event->auction_id);
    add_amount(&group->columns[4], event->amount);
    pg_column_time(&group->columns[5], event->at_ms);
}

static void add_settled(struct group *group, const struct auction_event *event)
{
    group->count++;
    pg_column_uuid(&group->columns[0], &event->auction_id);
    if (uuid_is_nil(&event->user_id)) {
        pg_column_null(&group->columns[1], PG_COLUMN_UUID);
    } else {
        pg_column_uuid(&group->columns[1], &event->user_id);
    }
    pg_column_int(&group->columns[2], event->version);
    pg_column_int(&group->columns[3], event->at_ms);
    add_amount(&group->columns[4], event->amount);
}

static void add_ending_soon(struct group *group, const struct auction_event *event)
{
    group->count++;
    pg_column_uuid(&group->columns[0], &event->auction_id);
    pg_column_int(&group->columns[1], event->end_ms);
    pg_column_int(&group->columns[2], event->at_ms);
    add_amount(&group->columns[3], event->amount);
}

static void add_cancelled(struct group *group, const struct auction_event *event)
{
    group->count++;
    pg_column_uuid(&group->columns[0], &event->auction_id);
    pg_column_int(&group->columns[1], event->at_ms);
    add_amount(&group->columns[2], event->amount);
}

static bool add_extension(struct recipients *recipients, const struct auction_event *event)
{
    if (recipients->extension_count == recipients->extension_size) {
        size_t size = recipients->extension_size == 0 ? EXTENSIONS_FIRST : recipients->extension_size * 2;
        struct extension *grown = realloc(recipients->extensions, size * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        recipients->extensions = grown;
        recipients->extension_size = size;
    }
    recipients->extensions[recipients->extension_count++] = (struct extension){
        .auction_id = event->auction_id, .end_ms = event->end_ms, .at_ms = event->at_ms, .amount = event->amount};
    return true;
}

bool recipients_add(struct recipients *recipients, const struct auction_event *event)
{
    recipients->count++;
    switch (event->kind) {
    case EVENT_OUTBID:
    case EVENT_PROXY_EXHAUSTED:
        add_user(&recipients->groups[RECIPIENTS_USER], event);
        return true;
    case EVENT_EXTENDED:
        return add_extension(recipients, event);
    case EVENT_SETTLED:
        add_settled(&recipients->groups[RECIPIENTS_SETTLED], event);
        return true;
    case EVENT_ENDING_SOON:
        add_ending_soon(&recipients->groups[RECIPIENTS_ENDING_SOON], event);
        return true;
    case EVENT_CANCELLED:
        add_cancelled(&recipients->groups[RECIPIENTS_CANCELLED], event);
        return true;
    case EVENT_VOIDED:
        add_settled(&recipients->groups[RECIPIENTS_VOIDED],
                    event); /* the bidder of the void bid takes the place of the winner */
        return true;
    case EVENT_NONE:
    case EVENT_STARTED:
    case EVENT_ENDED:
        break; /* no recipients: the settlement follows at once */
    }
    recipients->count--;
    return true;
}

static struct notified *notified_slot(struct recipients *recipients, const struct extension *extension)
{
    uint32_t hash = 0;
    memcpy(&hash, extension->auction_id.bytes + 12, sizeof(hash));
    return &recipients->notified[(hash + (uint64_t)(extension->end_ms / MINUTE_MS)) % NOTIFIED_SLOTS];
}

static bool notified_is_of(const struct notified *notified, const struct extension *extension)
{
    return notified->minute == extension->end_ms / MINUTE_MS &&
           uuid_equal(&notified->auction_id, &extension->auction_id);
}

/* Orders by auction and minute, the latest extension last. */
static int compare_extensions(const void *left, const void *right)
{
    const struct extension *a = left;
    const struct extension *b = right;
    int order = uuid_compare(&a->auction_id, &b->auction_id);
    if (order != 0) {
        return order;
    }
    return a->end_ms < b->end_ms ? -1 : a->end_ms > b->end_ms;
}

/* Keeps the latest extension for each auction and minute. */
static void merge_extensions(struct recipients *recipients)
{
    struct extension *list = recipients->extensions;
    size_t kept = 0;
    if (recipients->extension_count > 1) {
        qsort(list, recipients->extension_count, sizeof(*list), compare_extensions);
    }
    for (size_t i = 0; i < recipients->extension_count; i++) {
        bool same = kept > 0 && list[kept - 1].end_ms / MINUTE_MS == list[i].end_ms / MINUTE_MS &&
                    uuid_equal(&list[kept - 1].auction_id, &list[i].auction_id);
        kept = same ? kept : kept + 1;
        list[kept - 1] = list[i];
    }
    recipients->extension_count = kept;
}

static void group_extensions(struct recipients *recipients)
{
    struct group *group = &recipients->groups[RECIPIENTS_EXTENDED];
    merge_extensions(recipients);
    for (size_t i = 0; i < recipients->extension_count; i++) {
        struct extension *extension = &recipients->extensions[i];
        const struct notified *notified = notified_slot(recipients, extension);
        extension->after_seq = notified_is_of(notified, extension) ? notified->seq : 0;
        extension->seen_seq = 0;
        group->count++;
        pg_column_uuid(&group->columns[0], &extension->auction_id);
        pg_column_int(&group->columns[1], extension->end_ms);
        pg_column_int(&group->columns[2], extension->at_ms);
        add_amount(&group->columns[3], extension->amount);
        pg_column_int(&group->columns[4], extension->after_seq);
    }
}

/* Both the rows and the list are ordered by auction id. */
static void on_extended(const struct pg_reply *reply, void *arg)
{
    struct recipients *recipients = arg;
    struct extension *extension = recipients->extensions;
    const struct extension *end = recipients->extensions + recipients->extension_count;
    int rows = reply->outcome == PG_OK ? PQntuples(reply->result) : 0;
    for (int row = 0; row < rows; row++) {
        struct uuid auction_id = pg_uuid(reply->result, row, 0);
        for (; extension < end && uuid_compare(&extension->auction_id, &auction_id) <= 0; extension++) {
            if (uuid_equal(&extension->auction_id, &auction_id)) {
                extension->seen_seq = pg_int(reply->result, row, 1);
            }
        }
    }
    if (rows > 0) {
        recipients->written[NOTIFICATION_AUCTION_EXTENDED] += pg_int(reply->result, 0, 2);
        push_add(recipients->push, pg_text(reply->result, 0, 3));
    }
}

void recipients_committed(struct recipients *recipients)
{
    push_send(recipients->push);
    for (size_t i = 0; i < recipients->extension_count; i++) {
        const struct extension *extension = &recipients->extensions[i];
        if (extension->seen_seq > 0) {
            *notified_slot(recipients, extension) = (struct notified){.auction_id = extension->auction_id,
                                                                      .minute = extension->end_ms / MINUTE_MS,
                                                                      .seq = extension->seen_seq};
        }
    }
    for (size_t kind = 0; kind < NOTIFYWORKER_METRICS_KINDS; kind++) {
        notifyworker_metrics_notified(kind, recipients->written[kind]);
    }
}

static bool looks_at_ledger(const struct recipients *recipients)
{
    return recipients->groups[RECIPIENTS_EXTENDED].count + recipients->groups[RECIPIENTS_SETTLED].count +
               recipients->groups[RECIPIENTS_ENDING_SOON].count + recipients->groups[RECIPIENTS_CANCELLED].count +
               recipients->groups[RECIPIENTS_VOIDED].count >
           0;
}

static void on_notified(const struct pg_reply *reply, void *arg)
{
    struct recipients *recipients = arg;
    for (int row = 0; reply->outcome == PG_OK && row < PQntuples(reply->result); row++) {
        recipients->written[notifyworker_metrics_kind(pg_text(reply->result, row, 0))] += pg_int(reply->result, row, 1);
        push_add(recipients->push, pg_text(reply->result, row, 2));
    }
}

bool recipients_send(struct recipients *recipients, struct pg_tx *tx)
{
    static const int columns[RECIPIENTS_GROUPS] = {
        [RECIPIENTS_USER] = 6,        [RECIPIENTS_EXTENDED] = 5,  [RECIPIENTS_SETTLED] = 5,
        [RECIPIENTS_ENDING_SOON] = 4, [RECIPIENTS_CANCELLED] = 3, [RECIPIENTS_VOIDED] = 5,
    };
    group_extensions(recipients);
    if (looks_at_ledger(recipients) && !pg_tx_send(tx, RECIPIENTS_BY_INDEX, 0, NULL, NULL, NULL)) {
        return false;
    }
    for (size_t i = 0; i < RECIPIENTS_GROUPS; i++) {
        struct group *group = &recipients->groups[i];
        struct pg_parameter parameters[COLUMNS_MAX];
        for (int k = 0; group->count > 0 && k < columns[i]; k++) {
            if (!pg_column_done(&group->columns[k], &parameters[k])) {
                return false;
            }
        }
        pg_callback callback = i == RECIPIENTS_EXTENDED ? on_extended : on_notified;
        if (group->count > 0 && !pg_tx_send_parameters(tx, i, columns[i], parameters, callback, recipients)) {
            return false;
        }
    }
    return true;
}
