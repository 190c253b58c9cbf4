/*
 * See events.h.
 */
#include "saleworker/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/topology.h"

enum { EVENTS_PER_MESSAGE = 1000 /* below SALE_MESSAGE_EVENTS_MAX */ };

static struct sale_event *add(struct sale_batch *batch, const struct sale_batch_sale *sale, enum sale_event_kind kind,
                              const struct sale_row *row, const char *traceparent)
{
    struct sale_event *event = sale_batch_add_event(batch);
    if (event == NULL) {
        return NULL;
    }
    event->kind = kind;
    event->sale_id = sale->id;
    event->seq = row->seq;
    event->at_ms = row->decided_ms;
    (void)snprintf(event->traceparent, sizeof event->traceparent, "%s", traceparent);
    return event;
}

static bool add_of_entry(struct sale_batch *batch, const struct sale_batch_sale *sale, enum sale_event_kind kind,
                         const struct sale_row *row, const struct sale_entry *entry, const char *traceparent)
{
    struct sale_event *event = add(batch, sale, kind, row, traceparent);
    if (event == NULL) {
        return false;
    }
    event->user_id = entry->user_id;
    event->place = entry->seq;
    event->quantity = entry->claim;
    event->time_ms = kind == SALE_EVENT_TURN_STARTED ? entry->expires_ms : 0;
    return true;
}

static bool add_of_order(struct sale_batch *batch, const struct sale_batch_sale *sale, enum sale_event_kind kind,
                         const struct sale_row *row, const struct sale_order *order, const char *traceparent)
{
    struct sale_event *event = add(batch, sale, kind, row, traceparent);
    if (event == NULL) {
        return false;
    }
    event->user_id = order->user_id;
    event->order_id = order->id;
    event->quantity = order->quantity;
    event->amount = order->total_price;
    event->time_ms = kind == SALE_EVENT_ORDER_RESERVED ? order->expires_ms : 0;
    return true;
}

/* --- turns --- */

static int compare_place(const void *key, const void *element)
{
    int64_t a = *(const int64_t *)key;
    int64_t b = ((const struct sale_entry *)element)->seq;
    return (a > b) - (a < b);
}

static bool add_turns(struct sale_batch *batch, struct sale_batch_sale *sale, size_t first_row, const char *traceparent)
{
    const struct sale_set *set = sale->set;
    for (size_t i = first_row; i < set->row_count; i++) {
        const struct sale_row *row = &set->rows[i];
        if (row->kind != SALE_COMMAND_NONE) {
            continue;
        }
        const struct sale_entry *entry =
            bsearch(&row->place, set->entries, set->entry_count, sizeof *set->entries, compare_place);
        assert(entry != NULL);
        sale->granted++;
        if (!add_of_entry(batch, sale, SALE_EVENT_TURN_STARTED, row, entry, traceparent)) {
            return false;
        }
    }
    return true;
}

bool events_of_turns(struct sale_batch *batch, struct sale_batch_sale *sale, size_t first_row)
{
    return add_turns(batch, sale, first_row, "");
}

/* --- EXPIRE --- */

bool events_before_expire(struct sale_batch *batch, const struct sale_set *set)
{
    size_t count = set->entry_count + set->order_count;
    if (batch->held_size < count) {
        bool *held = realloc(batch->held, count * sizeof *held);
        if (held == NULL) {
            return false;
        }
        batch->held = held;
        batch->held_size = count;
    }
    for (size_t i = 0; i < set->entry_count; i++) {
        batch->held[i] = set->entries[i].status == SALE_ENTRY_TURN;
    }
    for (size_t i = 0; i < set->order_count; i++) {
        batch->held[set->entry_count + i] = set->orders[i].status == SALE_ORDER_RESERVED;
    }
    return true;
}

static bool add_expired(struct sale_batch *batch, const struct sale_batch_sale *sale, const struct sale_row *row,
                        const char *traceparent)
{
    const struct sale_set *set = sale->set;
    for (size_t i = 0; i < set->entry_count; i++) {
        const struct sale_entry *entry = &set->entries[i];
        if (batch->held[i] && entry->status == SALE_ENTRY_EXPIRED &&
            !add_of_entry(batch, sale, SALE_EVENT_TURN_EXPIRED, row, entry, traceparent)) {
            return false;
        }
    }
    for (size_t i = 0; i < set->order_count; i++) {
        const struct sale_order *order = &set->orders[i];
        if (batch->held[set->entry_count + i] && order->status == SALE_ORDER_EXPIRED &&
            !add_of_order(batch, sale, SALE_EVENT_ORDER_EXPIRED, row, order, traceparent)) {
            return false;
        }
    }
    return true;
}

/* --- a command --- */

static enum sale_event_kind kind_of_order(enum sale_command_kind kind)
{
    switch (kind) {
    case SALE_COMMAND_ORDER:
        return SALE_EVENT_ORDER_RESERVED;
    case SALE_COMMAND_CONFIRM:
        return SALE_EVENT_ORDER_CONFIRMED;
    case SALE_COMMAND_CANCEL:
        return SALE_EVENT_ORDER_CANCELLED;
    case SALE_COMMAND_FAIL:
        return SALE_EVENT_ORDER_FAILED;
    case SALE_COMMAND_NONE:
    case SALE_COMMAND_OPEN:
    case SALE_COMMAND_START:
    case SALE_COMMAND_JOIN:
    case SALE_COMMAND_LEAVE:
    case SALE_COMMAND_EXPIRE:
    case SALE_COMMAND_FENCE:
    case SALE_COMMAND_UPDATE:
    case SALE_COMMAND_EXTEND:
    case SALE_COMMAND_CLOSE:
    case SALE_COMMAND_ABORT:
        break;
    }
    return SALE_EVENT_NONE;
}

static bool add_refund(struct sale_batch *batch, const struct sale_batch_sale *sale, const struct sale_row *row,
                       const char *traceparent)
{
    struct sale_event *event = add(batch, sale, SALE_EVENT_REFUND_DUE, row, traceparent);
    if (event == NULL) {
        return false;
    }
    event->user_id = row->user_id;
    event->order_id = row->order_id;
    event->quantity = row->quantity;
    event->amount = row->amount;
    return true;
}

/* Of the order that the command changed. */
static bool add_ordered(struct sale_batch *batch, const struct sale_batch_sale *sale, const struct sale_row *row,
                        const struct sale_decision *decided, const char *traceparent)
{
    enum sale_event_kind kind = kind_of_order(row->kind);
    size_t index = SALE_NO_INDEX;
    if (decided->refund_due || decided->payment_unused) {
        return add_refund(batch, sale, row, traceparent);
    }
    if (kind == SALE_EVENT_NONE || decided->verdict != SALE_VERDICT_ACCEPTED ||
        !uuid_map_get(&sale->set->order_index, &row->order_id, &index) || index == SALE_NO_INDEX) {
        return true;
    }
    return add_of_order(batch, sale, kind, row, &sale->set->orders[index], traceparent);
}

static bool add_states(struct sale_batch *batch, const struct sale_batch_sale *sale, const struct sale_row *row,
                       const struct sale_decision *decided, const char *traceparent)
{
    const struct {
        bool reached;
        enum sale_event_kind kind;
    } states[] = {
        {decided->opened, SALE_EVENT_OPENED},     {decided->started, SALE_EVENT_STARTED},
        {decided->extended, SALE_EVENT_EXTENDED}, {decided->ended, SALE_EVENT_ENDED},
        {decided->sold_out, SALE_EVENT_SOLD_OUT}, {decided->cancelled, SALE_EVENT_CANCELLED},
        {decided->settled, SALE_EVENT_SETTLED},
    };
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (!states[i].reached) {
            continue;
        }
        struct sale_event *event = add(batch, sale, states[i].kind, row, traceparent);
        if (event == NULL) {
            return false;
        }
        event->time_ms = states[i].kind == SALE_EVENT_EXTENDED ? sale->set->sale.terms.end_ms : 0;
    }
    return true;
}

bool events_of_command(struct sale_batch *batch, struct sale_batch_sale *sale, const struct sale_batch_entry *entry,
                       const struct sale_decision *decided, size_t first_row)
{
    const char *traceparent = entry->command->traceparent;
    assert(sale->set->row_count > first_row);
    const struct sale_row *row = &sale->set->rows[first_row];
    bool expires = row->kind == SALE_COMMAND_EXPIRE;
    return add_ordered(batch, sale, row, decided, traceparent) &&
           (!expires || add_expired(batch, sale, row, traceparent)) &&
           add_states(batch, sale, row, decided, traceparent) && add_turns(batch, sale, first_row, traceparent);
}

/* --- the outbox --- */

bool events_add(struct outbox_batch *outbox_batch, const struct sale_batch *batch)
{
    bool ok = true;
    if (batch->event_count == 0) {
        return true;
    }
    struct jsonw *writer = jsonw_new();
    if (writer == NULL) {
        return false;
    }
    for (size_t done = 0; ok && done < batch->event_count; done += EVENTS_PER_MESSAGE) {
        size_t left = batch->event_count - done;
        jsonw_reset(writer);
        sale_message_write_events(writer, batch->events + done, left < EVENTS_PER_MESSAGE ? left : EVENTS_PER_MESSAGE);
        ok = outbox_batch_add(outbox_batch, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SALE_BATCH, jsonw_text(writer, NULL),
                              NULL);
    }
    jsonw_free(writer);
    return ok;
}
