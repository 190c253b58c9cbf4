/*
 * Fuzz target: messages between the programs. The first byte selects the decoder: c commands, e events, d a decision, w
 * a user's signal, s a snapshot, l a live update. Of a flash sale: C commands, E events, D a decision, S and L the last
 * two.
 *
 * Properties: no decoder reads outside its bytes. An accepted message, encoded and decoded again, has the same members.
 */
#include <string.h>

#include "common/protocol/live_update.h"
#include "common/protocol/message.h"
#include "common/protocol/sale_live.h"
#include "common/protocol/sale_message.h"
#include "common/protocol/sale_snapshot.h"
#include "common/protocol/snapshot.h"
#include "tests/fuzz/support/fuzz.h"

static struct jsonw *writer;

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer declares it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    writer = jsonw_new();
    fuzz_check(writer != NULL);
    return 0;
}

static struct jsonw *fresh(void)
{
    jsonw_reset(writer);
    return writer;
}

static const char *finished(size_t *length)
{
    const char *text = jsonw_text(writer, length);
    fuzz_check(text != NULL);
    return text;
}

/*
 * The messages of tables: what was read of the writer's text must have the same text again. One row of a table writes
 * and reads a member, so equal texts have equal members.
 */
enum { TEXT_SIZE = 4 << 20 };

static char first_text[TEXT_SIZE];

static const char *keep_text(size_t *length)
{
    const char *text = finished(length);
    fuzz_check(*length < TEXT_SIZE);
    return memcpy(first_text, text, *length + 1);
}

static void check_text(void)
{
    size_t length = 0;
    fuzz_check(strcmp(finished(&length), first_text) == 0);
}

/* ---- commands ---- */

static void check_commands(const void *bytes, size_t length)
{
    static struct command_item items[MESSAGE_COMMANDS_MAX];
    static struct command commands[MESSAGE_COMMANDS_MAX];
    const char *reason = NULL;
    size_t count = 0;
    size_t readable = 0;
    if (!message_read_commands(bytes, length, items, MESSAGE_COMMANDS_MAX, &count, &reason)) {
        fuzz_check(reason != NULL);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        fuzz_check(items[i].readable == (items[i].reason == NULL));
        if (items[i].readable) {
            commands[readable++] = items[i].command;
        }
    }
    if (readable == 0) {
        return;
    }
    message_write_commands(fresh(), commands, readable);
    const char *text = keep_text(&length);
    fuzz_check(message_read_commands(text, length, items, MESSAGE_COMMANDS_MAX, &count, &reason));
    fuzz_check(count == readable);
    for (size_t i = 0; i < readable; i++) {
        fuzz_check(items[i].readable);
        commands[i] = items[i].command;
    }
    message_write_commands(fresh(), commands, readable);
    check_text();
}

/* ---- events ---- */

static void check_events(const void *bytes, size_t length)
{
    static struct auction_event events[MESSAGE_EVENTS_MAX];
    const char *reason = NULL;
    size_t count = 0;
    if (!message_read_events(bytes, length, events, MESSAGE_EVENTS_MAX, &count, &reason)) {
        fuzz_check(reason != NULL);
        return;
    }
    message_write_events(fresh(), events, count);
    const char *text = keep_text(&length);
    fuzz_check(message_read_events(text, length, events, MESSAGE_EVENTS_MAX, &count, &reason));
    message_write_events(fresh(), events, count);
    check_text();
}

/* ---- to gateways ---- */

static void check_decision(const void *bytes, size_t length)
{
    struct decision read;
    if (!message_read_decision(bytes, length, &read)) {
        return;
    }
    message_write_decision(fresh(), &read);
    const char *text = keep_text(&length);
    fuzz_check(message_read_decision(text, length, &read));
    message_write_decision(fresh(), &read);
    check_text();
}

static void check_word(const void *bytes, size_t length)
{
    struct user_signal read;
    if (!message_read_user_signal(bytes, length, &read)) {
        return;
    }
    message_write_user_signal(fresh(), &read);
    const char *text = keep_text(&length);
    fuzz_check(message_read_user_signal(text, length, &read));
    message_write_user_signal(fresh(), &read);
    check_text();
}

static void check_snapshot(const char *bytes, size_t length)
{
    struct snapshot a = {.version = 0};
    struct snapshot b = {.version = 0};
    char text[SNAPSHOT_TEXT_SIZE];
    if (!snapshot_parse(bytes, length, &a)) {
        return;
    }
    snapshot_format(&a, text);
    fuzz_check(snapshot_parse(text, strlen(text), &b));
    fuzz_check(a.version == b.version && a.terms_version == b.terms_version && a.start_ms == b.start_ms);
    fuzz_check(a.end_ms == b.end_ms && a.minimum_bid == b.minimum_bid && a.current_bid == b.current_bid);
    fuzz_check(uuid_equal(&a.seller_id, &b.seller_id) && uuid_equal(&a.leader_id, &b.leader_id));
    fuzz_check(a.status == b.status);
}

static bool same_bid(const struct live_bid *a, const struct live_bid *b)
{
    return uuid_equal(&a->bid_id, &b->bid_id) && uuid_equal(&a->bidder_id, &b->bidder_id) && a->amount == b->amount &&
           a->at_ms == b->at_ms && a->automatic == b->automatic;
}

static void check_live(const char *bytes, size_t length)
{
    static struct live_update a;
    static struct live_update b;
    if (!live_read(bytes, length, &a)) {
        return;
    }
    live_write(fresh(), &a);
    const char *text = finished(&length);
    fuzz_check(live_read(text, length, &b));
    fuzz_check(a.kind == b.kind && uuid_equal(&a.auction_id, &b.auction_id) && a.version == b.version);
    fuzz_check(a.at_ms == b.at_ms && a.status == b.status && a.end_ms == b.end_ms && a.priced == b.priced);
    fuzz_check(a.reserve_met == b.reserve_met && a.start_ms == b.start_ms && a.current_bid == b.current_bid);
    fuzz_check(a.minimum_bid == b.minimum_bid && a.bid_count == b.bid_count && a.bids == b.bids);
    for (size_t i = 0; i < a.bids; i++) {
        fuzz_check(same_bid(&a.newest[i], &b.newest[i]));
    }
}

/* Equal texts have equal members: each member has its place in them. */
static void check_sale_snapshot(const char *bytes, size_t length)
{
    struct sale_snapshot a = {.version = 0};
    struct sale_snapshot b = {.version = 0};
    char text[SALE_SNAPSHOT_TEXT_SIZE];
    char again[SALE_SNAPSHOT_TEXT_SIZE];
    if (!sale_snapshot_parse(bytes, length, &a)) {
        return;
    }
    sale_snapshot_format(&a, text);
    fuzz_check(sale_snapshot_parse(text, strlen(text), &b));
    sale_snapshot_format(&b, again);
    fuzz_check(strcmp(text, again) == 0);
}

static void check_sale_live(const char *bytes, size_t length)
{
    static struct sale_live a;
    static struct sale_live b;
    if (!sale_live_read(bytes, length, &a)) {
        return;
    }
    fuzz_check(a.claimed + a.reserved + a.sold <= a.quantity);
    sale_live_write(fresh(), &a);
    const char *text = finished(&length);
    fuzz_check(sale_live_read(text, length, &b));
    fuzz_check(uuid_equal(&a.sale_id, &b.sale_id) && a.version == b.version && a.at_ms == b.at_ms);
    fuzz_check(a.status == b.status && a.quantity == b.quantity && a.claimed == b.claimed && a.reserved == b.reserved);
    fuzz_check(a.sold == b.sold && a.waiting == b.waiting && a.head_seq == b.head_seq && a.join_ms == b.join_ms);
    fuzz_check(a.start_ms == b.start_ms && a.end_ms == b.end_ms && a.granted == b.granted && a.look == b.look);
    fuzz_check(a.gone_count == b.gone_count && memcmp(a.gone, b.gone, a.gone_count * sizeof(a.gone[0])) == 0);
}

/* ---- flash sales ---- */

static void check_sale_commands(const void *bytes, size_t length)
{
    static struct sale_message_item items[SALE_MESSAGE_COMMANDS_MAX];
    static struct sale_message_command commands[SALE_MESSAGE_COMMANDS_MAX];
    const char *reason = NULL;
    size_t count = 0;
    size_t readable = 0;
    if (!sale_message_read_commands(bytes, length, items, SALE_MESSAGE_COMMANDS_MAX, &count, &reason)) {
        fuzz_check(reason != NULL);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        fuzz_check(items[i].readable == (items[i].reason == NULL));
        if (items[i].readable) {
            commands[readable++] = items[i].command;
        }
    }
    if (readable == 0) {
        return;
    }
    sale_message_write_commands(fresh(), commands, readable);
    const char *text = keep_text(&length);
    fuzz_check(sale_message_read_commands(text, length, items, SALE_MESSAGE_COMMANDS_MAX, &count, &reason));
    fuzz_check(count == readable);
    for (size_t i = 0; i < readable; i++) {
        fuzz_check(items[i].readable);
        commands[i] = items[i].command;
    }
    sale_message_write_commands(fresh(), commands, readable);
    check_text();
}

static void check_sale_events(const void *bytes, size_t length)
{
    static struct sale_event events[SALE_MESSAGE_EVENTS_MAX];
    const char *reason = NULL;
    size_t count = 0;
    if (!sale_message_read_events(bytes, length, events, SALE_MESSAGE_EVENTS_MAX, &count, &reason)) {
        fuzz_check(reason != NULL);
        return;
    }
    sale_message_write_events(fresh(), events, count);
    const char *text = keep_text(&length);
    fuzz_check(sale_message_read_events(text, length, events, SALE_MESSAGE_EVENTS_MAX, &count, &reason));
    sale_message_write_events(fresh(), events, count);
    check_text();
}

static void check_sale_decision(const void *bytes, size_t length)
{
    struct sale_message_decision read;
    if (!sale_message_read_decision(bytes, length, &read)) {
        return;
    }
    sale_message_write_decision(fresh(), &read);
    const char *text = keep_text(&length);
    fuzz_check(sale_message_read_decision(text, length, &read));
    sale_message_write_decision(fresh(), &read);
    check_text();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *rest = (const char *)bytes + 1;
    switch (length == 0 ? 0 : bytes[0]) {
    case 'c':
        check_commands(rest, length - 1);
        break;
    case 'e':
        check_events(rest, length - 1);
        break;
    case 'd':
        check_decision(rest, length - 1);
        break;
    case 'w':
        check_word(rest, length - 1);
        break;
    case 's':
        check_snapshot(rest, length - 1);
        break;
    case 'l':
        check_live(rest, length - 1);
        break;
    case 'S':
        check_sale_snapshot(rest, length - 1);
        break;
    case 'L':
        check_sale_live(rest, length - 1);
        break;
    case 'C':
        check_sale_commands(rest, length - 1);
        break;
    case 'E':
        check_sale_events(rest, length - 1);
        break;
    case 'D':
        check_sale_decision(rest, length - 1);
        break;
    default:
        break;
    }
    return 0;
}
