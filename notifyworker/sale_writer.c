/*
 * See sale_writer.h. The events of a slice are collected into two statements.
 */
#include "notifyworker/sale_writer.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/sale_message.h"
#include "notifyworker/notice_sql.h"
#include "notifyworker/notifyworker_metrics.h"
#include "notifyworker/push.h"
#include "notifyworker/sale_webhooks.h"

/* clang-format off */
const struct pg_statement sale_writer_table[SALE_WRITER_STATEMENTS] = {
    /* The admins are read at most once, and only for a refund. */
    [SALE_WRITER_NOTIFY] = {"sale_notify",
        "WITH admins AS MATERIALIZED (SELECT id FROM users WHERE role = 'admin' AND banned_at IS NULL),"
        " inserted AS (INSERT INTO notifications (user_id, id, kind, sale_id, order_id, amount, end_time, created_at)"
        " SELECT p.user_id, " NOTICE_ID("e.at_ms", "e.kind, e.sale_id, p.user_id, e.seq, e.order_id")
        ", e.kind, e.sale_id, e.order_id, e.amount, CASE WHEN e.time_ms > 0 THEN " NOTICE_AT("e.time_ms") " END, "
        NOTICE_AT("e.at_ms")
        " FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[], $5::uuid[], $6::numeric[], $7::bigint[],"
        "  $8::bigint[]) AS e (kind, sale_id, user_id, seq, order_id, amount, time_ms, at_ms)"
        " CROSS JOIN LATERAL (SELECT e.user_id WHERE e.user_id IS NOT NULL"
        "  UNION SELECT a.id FROM admins a WHERE e.kind = 'REFUND_DUE') p"
        " WHERE " NOTICE_UNLESS_MUTED("p", "e.kind") NOTIFYWORKER_METRICS_INSERT_ONCE},
    [SALE_WRITER_FAN_OUT] = {"sale_fan_out",
        "INSERT INTO sale_fanouts (sale_id, kind, at) SELECT e.sale_id, 'SALE_SOLD_OUT', e.at"
        " FROM unnest($1::uuid[], $2::timestamptz[]) AS e (sale_id, at) ON CONFLICT DO NOTHING"},
};
/* clang-format on */

/* The notification to the user of the event; NULL: none. */
static const char *user_kind(enum sale_event_kind kind)
{
    switch (kind) {
    case SALE_EVENT_TURN_STARTED:
        return "TURN_STARTED";
    case SALE_EVENT_TURN_EXPIRED:
        return "TURN_EXPIRED";
    case SALE_EVENT_ORDER_RESERVED:
        return "ORDER_RESERVED";
    case SALE_EVENT_ORDER_CONFIRMED:
        return "ORDER_CONFIRMED";
    case SALE_EVENT_ORDER_EXPIRED:
        return "ORDER_EXPIRED";
    case SALE_EVENT_REFUND_DUE:
        return "REFUND_DUE";
    default:
        return NULL;
    }
}

enum { KIND, SALE, USER, SEQ, ORDER, AMOUNT, TIME, AT, EVENT_COLUMNS };
enum { LINE_SALE, LINE_AT, LINE_COLUMNS };

struct sale_writer {
    struct push *push;
    size_t first_statement;
    size_t first_of_webhooks;
    struct sale_event *events; /* of the message being parsed, SALE_MESSAGE_EVENTS_MAX */
    size_t notices;
    struct pg_array notice[EVENT_COLUMNS];
    size_t lines;
    struct pg_array line[LINE_COLUMNS];
    size_t calls; /* events for webhooks of the deployment: all */
    struct pg_array call[EVENT_COLUMNS];
    int64_t written[NOTIFYWORKER_METRICS_KINDS]; /* notifications written by this transaction, by kind */
};

static void writer_reset(void *arg)
{
    struct sale_writer *writer = arg;
    push_forget(writer->push);
    writer->notices = 0;
    writer->lines = 0;
    writer->calls = 0;
    memset(writer->written, 0, sizeof(writer->written));
    for (size_t i = 0; i < EVENT_COLUMNS; i++) {
        pg_array_reset(&writer->notice[i]);
        pg_array_reset(&writer->call[i]);
    }
    for (size_t i = 0; i < LINE_COLUMNS; i++) {
        pg_array_reset(&writer->line[i]);
    }
}

static void add_id(struct pg_array *array, const struct uuid *id)
{
    if (uuid_is_nil(id)) {
        pg_array_null(array);
    } else {
        pg_array_uuid(array, id);
    }
}

static void add_event(struct pg_array columns[static EVENT_COLUMNS], const char *kind, const struct sale_event *event)
{
    pg_array_text_add(&columns[KIND], kind);
    pg_array_uuid(&columns[SALE], &event->sale_id);
    add_id(&columns[USER], &event->user_id);
    pg_array_int(&columns[SEQ], event->seq);
    add_id(&columns[ORDER], &event->order_id);
    if (event->amount == 0) {
        pg_array_null(&columns[AMOUNT]);
    } else {
        pg_array_money(&columns[AMOUNT], event->amount);
    }
    pg_array_int(&columns[TIME], event->time_ms);
    pg_array_int(&columns[AT], event->at_ms);
}

static void add_notice(struct sale_writer *writer, const struct sale_event *event)
{
    writer->notices++;
    add_event(writer->notice, user_kind(event->kind), event);
}

static void add_line(struct sale_writer *writer, const struct sale_event *event)
{
    writer->lines++;
    pg_array_uuid(&writer->line[LINE_SALE], &event->sale_id);
    pg_array_time(&writer->line[LINE_AT], event->at_ms);
}

static void log_traced(const struct sale_event *event)
{
    if (event->traceparent[0] != '\0') {
        struct log_about about = {.traceparent = event->traceparent,
                                  .user_id = uuid_is_nil(&event->user_id) ? NULL : &event->user_id,
                                  .duration_ms = clock_now_ms() - event->at_ms};
        log_line(LOG_INFO, &about, "notifying: %s", sale_message_event_text(event->kind));
    }
}

static bool writer_collect(void *arg, struct inapp_message *message)
{
    struct sale_writer *writer = arg;
    size_t count = 0;
    const char *reason = NULL;
    if (!sale_message_read_events(message->body, message->length, writer->events, SALE_MESSAGE_EVENTS_MAX, &count,
                                  &reason)) {
        log_error("a message about a sale cannot be parsed and becomes a dead letter: %s", reason);
        message->dead = reason;
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        const struct sale_event *event = &writer->events[i];
        writer->calls++;
        add_event(writer->call, sale_webhooks_kind(event->kind), event);
        if (user_kind(event->kind) != NULL) {
            add_notice(writer, event);
            log_traced(event);
        } else if (event->kind == SALE_EVENT_SOLD_OUT) {
            add_line(writer, event);
            log_traced(event);
        }
    }
    return true;
}

static size_t writer_count(const void *arg)
{
    const struct sale_writer *writer = arg;
    return writer->calls;
}

static void on_notified(const struct pg_reply *reply, void *arg)
{
    struct sale_writer *writer = arg;
    for (int row = 0; reply->outcome == PG_OK && row < PQntuples(reply->result); row++) {
        writer->written[notifyworker_metrics_kind(pg_text(reply->result, row, 0))] += pg_int(reply->result, row, 1);
        push_add(writer->push, pg_text(reply->result, row, 2));
    }
}

/* False: no memory, or the connection refused the statement. */
static bool send_arrays(struct sale_writer *writer, struct pg_tx *tx, size_t statement, struct pg_array *columns,
                        int count, pg_callback callback)
{
    const char *values[EVENT_COLUMNS];
    for (int i = 0; i < count; i++) {
        values[i] = pg_array_done(&columns[i]);
        if (values[i] == NULL) {
            return false;
        }
    }
    return pg_tx_send(tx, statement, count, values, callback, writer);
}

static bool writer_send(void *arg, struct pg_tx *tx)
{
    struct sale_writer *writer = arg;
    size_t first = writer->first_statement;
    return (writer->notices == 0 ||
            send_arrays(writer, tx, first + SALE_WRITER_NOTIFY, writer->notice, EVENT_COLUMNS, on_notified)) &&
           (writer->lines == 0 ||
            send_arrays(writer, tx, first + SALE_WRITER_FAN_OUT, writer->line, LINE_COLUMNS, NULL)) &&
           (writer->calls == 0 ||
            send_arrays(writer, tx, writer->first_of_webhooks + SALE_WEBHOOKS_ADD, writer->call, EVENT_COLUMNS, NULL));
}

static void writer_committed(void *arg)
{
    struct sale_writer *writer = arg;
    push_send(writer->push);
    for (size_t kind = 0; kind < NOTIFYWORKER_METRICS_KINDS; kind++) {
        notifyworker_metrics_notified(kind, writer->written[kind]);
    }
}

const struct inapp_writer sale_writer_calls = {writer_reset, writer_collect, writer_count, writer_send,
                                               writer_committed};

struct sale_writer *sale_writer_new(size_t first_statement, size_t first_of_webhooks, struct push *push)
{
    struct sale_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return NULL;
    }
    writer->push = push;
    writer->first_statement = first_statement;
    writer->first_of_webhooks = first_of_webhooks;
    writer->events = calloc(SALE_MESSAGE_EVENTS_MAX, sizeof(*writer->events));
    if (writer->events == NULL) {
        sale_writer_free(writer);
        return NULL;
    }
    writer_reset(writer);
    return writer;
}

void sale_writer_free(struct sale_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    for (size_t i = 0; i < EVENT_COLUMNS; i++) {
        pg_array_free(&writer->notice[i]);
        pg_array_free(&writer->call[i]);
    }
    for (size_t i = 0; i < LINE_COLUMNS; i++) {
        pg_array_free(&writer->line[i]);
    }
    free(writer->events);
    free(writer);
}
