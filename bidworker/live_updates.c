/*
 * See live_updates.h.
 */
#include "bidworker/live_updates.h"

bool live_updates_entry(const struct batch_row *row, struct ledger_entry *entry)
{
    *entry = (struct ledger_entry){
        .kind = row->automatic ? COMMAND_PROXY : row->kind,
        .answer = row->automatic,
        .effective = true, /* a bid that this batch voids is read again by clients: see needs_look */
        .verdict = bid_status_verdict(row->status),
        .raise = row->raise,
        .amount = row->amount,
        .max_amount = row->max_amount,
    };
    return ledger_entry_is_public(entry);
}

static struct live_bid live_bid_of_row(const struct batch *batch, const struct batch_row *row,
                                       const struct ledger_entry *entry)
{
    return (struct live_bid){
        .bid_id = row->bid_id,
        .bidder_id = row->bidder_id,
        .amount = ledger_entry_amount(entry),
        .at_ms = batch->decided_ms,
        .automatic = ledger_entry_is_automatic(entry),
    };
}

static void add_bid(struct live_update *update, const struct batch *batch, const struct batch_row *row)
{
    struct ledger_entry entry;
    if (update->bids < LIVE_BIDS_MAX && live_updates_entry(row, &entry) && ledger_entry_in_history(&entry)) {
        update->newest[update->bids++] = live_bid_of_row(batch, row, &entry);
    }
}

static enum live_kind kind_of_row(const struct batch_row *row)
{
    bool ok = row->reason == RULES_NONE;
    struct ledger_entry entry;
    bool moves = live_updates_entry(row, &entry) || (ok && row->kind == COMMAND_WITHDRAW);
    return moves ? LIVE_BIDS : LIVE_UPDATED;
}

static enum live_kind kind_of_event(enum event_kind event, enum rules_status status)
{
    switch (event) {
    case EVENT_STARTED:
        return LIVE_STARTED;
    case EVENT_EXTENDED:
        return LIVE_EXTENDED;
    case EVENT_ENDED:
        return LIVE_ENDED;
    case EVENT_CANCELLED:
        return LIVE_CANCELLED;
    case EVENT_SETTLED:
        return status == RULES_SOLD ? LIVE_SOLD : LIVE_UNSOLD;
    case EVENT_NONE:
    case EVENT_OUTBID:
    case EVENT_PROXY_EXHAUSTED:
    case EVENT_ENDING_SOON:
    case EVENT_VOIDED:
        break;
    }
    return LIVE_UPDATED;
}

/* Whether the change cannot be sent: voided bids and changed terms must be read from PostgreSQL. */
static bool needs_look(const struct batch *batch, const struct batch_auction *auction, size_t first, size_t end)
{
    bool look = first == end || auction->voiding; /* no rows: the batch was redelivered */
    for (size_t i = first; i < end; i++) {
        const struct batch_row *row = &batch->rows[i];
        look = look || (row->kind == COMMAND_UPDATE && row->reason == RULES_NONE);
    }
    return look;
}

static void advance_rows(const struct batch *batch, const struct uuid *auction, struct live_updates_cursor *cursor)
{
    size_t row = cursor->row;
    while (row < batch->row_count && uuid_compare(&batch->rows[row].auction_id, auction) < 0) {
        row++; /* rows of an unknown auction */
    }
    cursor->first_row = row;
    while (row < batch->row_count && uuid_equal(&batch->rows[row].auction_id, auction)) {
        row++;
    }
    cursor->row = row;
}

/* Returns the most important kind of the auction's events: enum live_kind is in that order. */
static enum live_kind advance_events(const struct batch *batch, const struct batch_auction *auction,
                                     struct live_updates_cursor *cursor)
{
    enum live_kind kind = LIVE_UPDATED;
    while (cursor->event < batch->event_count &&
           uuid_compare(&batch->events[cursor->event].auction_id, &auction->id) <= 0) {
        enum live_kind other = kind_of_event(batch->events[cursor->event].kind, auction->state.status);
        kind = other > kind ? other : kind;
        cursor->event++;
    }
    return kind;
}

/* The auction after the batch, without kind and bids. */
static struct live_update live_update_of_auction(const struct batch *batch, const struct batch_auction *auction)
{
    const struct rules_auction *state = &auction->state;
    int64_t minimum = rules_minimum_bid(state);
    return (struct live_update){
        .auction_id = auction->id,
        .version = auction->version,
        .at_ms = batch->decided_ms,
        .status = state->status,
        .end_ms = state->end_ms,
        .priced = true,
        .reserve_met = state->price >= state->reserve_price,
        .start_ms = state->start_ms,
        .current_bid = state->price,
        .minimum_bid = minimum > MONEY_MAX ? MONEY_MAX : minimum,
        .bid_count = state->bid_count,
    };
}

void live_updates_next(const struct batch *batch, const struct batch_auction *auction,
                       struct live_updates_cursor *cursor, struct live_update *update)
{
    advance_rows(batch, &auction->id, cursor);
    *update = live_update_of_auction(batch, auction);
    update->kind = advance_events(batch, auction, cursor);
    for (size_t i = cursor->row; i > cursor->first_row; i--) {
        enum live_kind other = kind_of_row(&batch->rows[i - 1]);
        update->kind = other > update->kind ? other : update->kind;
        add_bid(update, batch, &batch->rows[i - 1]);
    }
    if (needs_look(batch, auction, cursor->first_row, cursor->row)) {
        update->kind = LIVE_LOOK;
        update->bids = 0;
    }
}
