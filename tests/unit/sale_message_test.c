/*
 * The messages of flash sales between the programs: each is read as it was written, and invalid ones are refused.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/base/money.h"
#include "common/protocol/sale_message.h"
#include "tests/support/suite.h"

#define NOW_MS INT64_C(1795215496123)

enum { COMMANDS = SALE_COMMAND_KIND_COUNT }; /* each kind, and CONFIRM by a payment */

/* ---- commands ---- */

static bool is_of_user(const struct sale_command *command)
{
    return command->kind == SALE_COMMAND_JOIN || command->kind == SALE_COMMAND_LEAVE ||
           command->kind == SALE_COMMAND_ORDER || command->kind == SALE_COMMAND_CANCEL ||
           (command->kind == SALE_COMMAND_CONFIRM && !command->paid);
}

static struct sale_message_command a_command(enum sale_command_kind kind, bool paid, struct uuid sale)
{
    struct sale_message_command message = {.command = {.kind = kind, .paid = paid}, .sale_id = sale};
    struct sale_command *command = &message.command;
    bool of_order = kind == SALE_COMMAND_CONFIRM || kind == SALE_COMMAND_FAIL || kind == SALE_COMMAND_CANCEL;
    command->id = uuid_new();
    command->received_ms = NOW_MS;
    command->user_id = is_of_user(command) ? uuid_new() : (struct uuid){{0}};
    command->quantity = kind == SALE_COMMAND_JOIN || kind == SALE_COMMAND_ORDER ? SALE_QUANTITY_MAX : 0;
    command->order_id = of_order ? uuid_new() : (struct uuid){{0}};
    command->amount = paid ? MONEY_MAX : 0;
    command->end_ms = kind == SALE_COMMAND_EXTEND ? NOW_MS + 1 : 0;
    command->refused_ms =
        kind == SALE_COMMAND_ORDER || kind == SALE_COMMAND_CONFIRM || kind == SALE_COMMAND_EXPIRE ? 4000 : 0;
    message.version = kind == SALE_COMMAND_UPDATE ? INT64_MAX : 0;
    message.reply_to = uuid_new();
    message.keyed = (int)kind % 2 == 0;
    if (paid) {
        memset(message.reference, 'x', sizeof message.reference - 1);
    }
    (void)snprintf(message.request_id, sizeof message.request_id, "request-%d", (int)kind);
    (void)snprintf(message.traceparent, sizeof message.traceparent, "00-%032d-%016d-01", 1, 2);
    return message;
}

static void check_same(const struct sale_message_command *a, const struct sale_message_command *b)
{
    const struct sale_command *c = &a->command;
    const struct sale_command *d = &b->command;
    ck_assert_int_eq(c->kind, d->kind);
    ck_assert_int_eq(c->paid, d->paid);
    ck_assert(!c->banned && !c->stale && c->terms == NULL);
    ck_assert(uuid_equal(&c->id, &d->id) && uuid_equal(&c->user_id, &d->user_id));
    ck_assert(uuid_equal(&c->order_id, &d->order_id) && uuid_equal(&a->sale_id, &b->sale_id));
    ck_assert(uuid_equal(&a->reply_to, &b->reply_to));
    ck_assert_int_eq(c->quantity, d->quantity);
    ck_assert_int_eq(c->amount, d->amount);
    ck_assert_int_eq(c->received_ms, d->received_ms);
    ck_assert_int_eq(c->refused_ms, d->refused_ms);
    ck_assert_int_eq(c->end_ms, d->end_ms);
    ck_assert_int_eq(a->version, b->version);
    ck_assert_int_eq(a->keyed, b->keyed);
    ck_assert_str_eq(a->reference, b->reference);
    ck_assert_str_eq(a->request_id, b->request_id);
    ck_assert_str_eq(a->traceparent, b->traceparent);
}

START_TEST(commands_are_read_as_written)
{
    struct uuid sale = uuid_new();
    struct sale_message_command sent[COMMANDS];
    for (int i = SALE_COMMAND_NONE + 1; i < SALE_COMMAND_KIND_COUNT; i++) {
        sent[i - 1] = a_command((enum sale_command_kind)i, i == SALE_COMMAND_FAIL, sale);
    }
    sent[COMMANDS - 1] = a_command(SALE_COMMAND_CONFIRM, true, sale);
    struct jsonw *writer = jsonw_new();
    sale_message_write_commands(writer, sent, ARRAY_LEN(sent));
    size_t length = 0;
    const char *text = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    struct sale_message_item items[SALE_MESSAGE_COMMANDS_MAX];
    size_t count = 0;
    const char *reason = NULL;
    ck_assert(sale_message_read_commands(text, length, items, SALE_MESSAGE_COMMANDS_MAX, &count, &reason));
    ck_assert_uint_eq(count, ARRAY_LEN(sent));
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(items[i].readable, "%s", items[i].reason);
        check_same(&items[i].command, &sent[i]);
    }
    ck_assert(!sale_message_read_commands(text, length, items, 4, &count, &reason));
    ck_assert_ptr_nonnull(reason);
    struct json *tree = json_parse(text, length, NULL);
    struct uuid about = {{0}};
    ck_assert(sale_message_sale(tree, &about) && uuid_equal(&about, &sale));
    json_free(tree);
    jsonw_free(writer);
}
END_TEST

/* A worker that cannot decide them refuses the version. */
START_TEST(commands_to_several_sales_have_version_2)
{
    struct uuid sale = uuid_new();
    struct sale_message_command sent[] = {a_command(SALE_COMMAND_JOIN, false, sale),
                                          a_command(SALE_COMMAND_JOIN, false, sale),
                                          a_command(SALE_COMMAND_LEAVE, false, uuid_new())};
    for (size_t sent_count = 2; sent_count <= ARRAY_LEN(sent); sent_count++) {
        struct jsonw *writer = jsonw_new();
        struct sale_message_item items[ARRAY_LEN(sent)];
        const char *reason = NULL;
        size_t length = 0;
        size_t count = 0;
        int64_t version = 0;
        sale_message_write_commands(writer, sent, sent_count);
        const char *text = jsonw_text(writer, &length);
        struct json *tree = json_parse(text, length, NULL);
        ck_assert(json_get_int(tree, "v", 1, INT64_MAX, &version));
        ck_assert_int_eq(version, sent_count == 2 ? 1 : 2);
        ck_assert(sale_message_read_commands(text, length, items, ARRAY_LEN(items), &count, &reason));
        ck_assert_uint_eq(count, sent_count);
        for (size_t i = 0; i < count; i++) {
            ck_assert_msg(items[i].readable, "%s", items[i].reason);
            check_same(&items[i].command, &sent[i]);
        }
        json_free(tree);
        jsonw_free(writer);
    }
}
END_TEST

#define ID      "0198aabb-ccdd-7eef-8011-223344556677"
#define IDS     "\"i\":\"" ID "\",\"s\":\"" ID "\",\"r\":1"
#define USER    ",\"u\":\"" ID "\""
#define ORDER   ",\"o\":\"" ID "\""
#define PAYMENT ",\"b\":true,\"m\":5,\"x\":\"p\""
#define GOOD    "{\"k\":\"join\"," IDS USER ",\"c\":1}"
#define WRAP(x) "{\"v\":1,\"commands\":[" GOOD "," x "," GOOD "]}"

/* A member that is missing, malformed, or of another kind of command. */
static const char *const unreadable[] = {
    WRAP("{}"),
    WRAP("7"),
    WRAP("{\"k\":\"\"," IDS USER ",\"c\":1}"),
    WRAP("{\"k\":\"turn\"," IDS "}"),
    WRAP("{\"k\":\"bid\"," IDS USER ",\"m\":1}"),
    WRAP("{\"k\":\"join\"," IDS ",\"c\":1}"),
    WRAP("{\"k\":\"join\"," IDS USER "}"),
    WRAP("{\"k\":\"join\"," IDS USER ",\"c\":0}"),
    WRAP("{\"k\":\"join\"," IDS USER ",\"c\":-1}"),
    WRAP("{\"k\":\"join\"," IDS USER ",\"c\":1000001}"),
    WRAP("{\"k\":\"join\"," IDS USER ",\"c\":1.5}"),
    WRAP("{\"k\":\"join\"," IDS USER ORDER ",\"c\":1}"),
    WRAP("{\"k\":\"join\"," IDS USER ",\"c\":1,\"h\":1}"),
    WRAP("{\"k\":\"join\"," IDS USER ",\"c\":1,\"x\":\"p\"}"),
    WRAP("{\"k\":\"join\"," IDS USER ",\"c\":1,\"y\":1}"),
    WRAP("{\"k\":\"leave\"," IDS "}"),
    WRAP("{\"k\":\"leave\"," IDS USER ",\"c\":1}"),
    WRAP("{\"k\":\"order\"," IDS USER "}"),
    WRAP("{\"k\":\"confirm\"," IDS USER "}"),
    WRAP("{\"k\":\"confirm\"," IDS ORDER "}"),
    WRAP("{\"k\":\"confirm\"," IDS USER ORDER PAYMENT "}"),
    WRAP("{\"k\":\"confirm\"," IDS ORDER ",\"b\":true,\"m\":5}"),
    WRAP("{\"k\":\"confirm\"," IDS ORDER ",\"b\":true,\"x\":\"p\"}"),
    WRAP("{\"k\":\"confirm\"," IDS USER ORDER ",\"m\":5}"),
    WRAP("{\"k\":\"fail\"," IDS USER ORDER "}"),
    WRAP("{\"k\":\"fail\"," IDS ORDER "}"),
    WRAP("{\"k\":\"fail\"," IDS ORDER PAYMENT ",\"h\":1}"),
    WRAP("{\"k\":\"cancel\"," IDS USER "}"),
    WRAP("{\"k\":\"update\"," IDS "}"),
    WRAP("{\"k\":\"update\"," IDS USER ",\"n\":1}"),
    WRAP("{\"k\":\"extend\"," IDS "}"),
    WRAP("{\"k\":\"close\"," IDS ",\"e\":1}"),
    WRAP("{\"k\":\"fence\"," IDS USER "}"),
    WRAP("{\"k\":\"fence\"," IDS ",\"b\":true}"),
    WRAP("{\"k\":\"start\"," IDS ",\"m\":5}"),
    WRAP("{\"k\":\"open\"," IDS ",\"n\":5}"),
    WRAP("{\"k\":\"open\"," IDS ",\"u\":\"x\"}"),
    WRAP("{\"k\":\"open\",\"i\":\"" ID "\",\"s\":\"" ID "\"}"),
    WRAP("{\"k\":\"open\",\"i\":\"" ID "\",\"s\":\"" ID "\",\"r\":-1}"),
    WRAP("{\"k\":\"open\",\"i\":\"x\",\"s\":\"" ID "\",\"r\":1}"),
    WRAP("{\"k\":\"open\",\"i\":\"" ID "\",\"r\":1}"),
};

START_TEST(an_invalid_command_does_not_affect_the_others)
{
    struct sale_message_item items[SALE_MESSAGE_COMMANDS_MAX];
    size_t count = 0;
    const char *reason = NULL;
    const char *text = unreadable[_i];
    ck_assert(sale_message_read_commands(text, strlen(text), items, SALE_MESSAGE_COMMANDS_MAX, &count, &reason));
    ck_assert_uint_eq(count, 3);
    ck_assert(items[0].readable && items[2].readable);
    ck_assert_msg(!items[1].readable, "%s", text);
    ck_assert_ptr_nonnull(items[1].reason);
}
END_TEST

START_TEST(the_first_command_needs_its_ids)
{
    static const char *const texts[] = {
        "{\"v\":1,\"commands\":[{\"k\":\"open\",\"i\":\"" ID "\",\"r\":1}]}",
        "{\"v\":1,\"commands\":[{\"k\":\"open\",\"s\":\"" ID "\",\"r\":1}]}",
        "{\"v\":1,\"commands\":[{\"k\":\"open\"," IDS ",\"u\":\"x\"}]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sale_message_item item;
        size_t count = 0;
        const char *reason = NULL;
        ck_assert(sale_message_read_commands(texts[i], strlen(texts[i]), &item, 1, &count, &reason));
        ck_assert_msg(!item.readable, "%s", texts[i]);
    }
}
END_TEST

START_TEST(a_command_may_be_received_at_0)
{
    static const char text[] = "{\"v\":1,\"commands\":[{\"k\":\"open\",\"i\":\"" ID "\",\"s\":\"" ID "\",\"r\":0}]}";
    struct sale_message_item item;
    size_t count = 0;
    const char *reason = NULL;
    ck_assert(sale_message_read_commands(text, strlen(text), &item, 1, &count, &reason));
    ck_assert(item.readable);
}
END_TEST

START_TEST(texts_have_their_lengths_at_most)
{
    static const struct {
        const char *member;
        int most;
    } texts[] = {{"x", 128}, {"q", 64}, {"p", 55}};
    for (int over = 0; over <= 1; over++) {
        char message[512];
        struct sale_message_item item;
        size_t count = 0;
        const char *reason = NULL;
        bool of_payment = _i == 0;
        int length =
            snprintf(message, sizeof message, "{\"v\":1,\"commands\":[{" IDS ORDER ",\"k\":\"%s\"%s,\"%s\":\"%0*d\"}]}",
                     of_payment ? "fail" : "cancel", of_payment ? ",\"b\":true,\"m\":1" : USER, texts[_i].member,
                     texts[_i].most + over, 0);
        ck_assert(sale_message_read_commands(message, (size_t)length, &item, 1, &count, &reason));
        ck_assert_int_eq(item.readable, over == 0);
    }
}
END_TEST

static const char *const no_messages[] = {
    "",
    "garbage",
    "{}",
    "{\"v\":3,\"commands\":[" GOOD "]}",
    "{\"v\":1}",
    "{\"v\":1,\"commands\":[]}",
    "{\"v\":1,\"commands\":{}}",
    "{\"v\":1,\"events\":[" GOOD "]}",
};

START_TEST(invalid_messages_are_refused)
{
    struct sale_message_item items[SALE_MESSAGE_COMMANDS_MAX];
    struct sale_event event;
    size_t count = 0;
    const char *reason = NULL;
    const char *text = no_messages[_i];
    const char *malformed = NULL; /* set if it is no JSON */
    json_free(json_parse(text, strlen(text), &malformed));
    ck_assert(!sale_message_read_commands(text, strlen(text), items, SALE_MESSAGE_COMMANDS_MAX, &count, &reason));
    ck_assert_ptr_nonnull(reason);
    ck_assert(malformed == NULL || strcmp(reason, malformed) == 0);
    reason = NULL;
    ck_assert(!sale_message_read_events(text, strlen(text), &event, 1, &count, &reason));
    ck_assert_ptr_nonnull(reason);
    ck_assert(malformed == NULL || strcmp(reason, malformed) == 0);
}
END_TEST

START_TEST(the_sale_of_a_message_is_that_of_its_first_command)
{
    static const char *const none[] = {"{}", "{\"commands\":7}", "{\"commands\":[]}", "{\"commands\":[{\"s\":\"x\"}]}"};
    struct uuid sale = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct json *tree = json_parse(none[i], strlen(none[i]), NULL);
        ck_assert(!sale_message_sale(tree, &sale));
        json_free(tree);
    }
}
END_TEST

/* ---- events ---- */

static struct sale_event an_event(enum sale_event_kind kind, unsigned members)
{
    return (struct sale_event){
        .kind = kind,
        .sale_id = uuid_new(),
        .seq = (members & SALE_EVENT_ROW) != 0 ? INT64_MAX : 0,
        .user_id = (members & SALE_EVENT_USER) != 0 ? uuid_new() : (struct uuid){{0}},
        .place = (members & SALE_EVENT_PLACE) != 0 ? 7 : 0,
        .quantity = (members & SALE_EVENT_QUANTITY) != 0 ? SALE_QUANTITY_MAX : 0,
        .order_id = (members & SALE_EVENT_ORDER) != 0 ? uuid_new() : (struct uuid){{0}},
        .amount = (members & SALE_EVENT_AMOUNT) != 0 ? MONEY_MAX : 0,
        .time_ms = (members & SALE_EVENT_TIME) != 0 ? NOW_MS + 5 : 0,
        .at_ms = NOW_MS,
        .traceparent = "00-1-2-01",
    };
}

static const struct {
    unsigned must;
    unsigned may;
} event_members[SALE_EVENT_KIND_COUNT] = {
#define MEMBERS(name, word, must, may) [SALE_EVENT_##name] = {(must), (may)},
    SALE_EVENTS(MEMBERS)
#undef MEMBERS
};

static void check_same_event(const struct sale_event *a, const struct sale_event *b)
{
    ck_assert_int_eq(a->kind, b->kind);
    ck_assert(uuid_equal(&a->sale_id, &b->sale_id) && uuid_equal(&a->user_id, &b->user_id));
    ck_assert(uuid_equal(&a->order_id, &b->order_id));
    ck_assert_int_eq(a->seq, b->seq);
    ck_assert_int_eq(a->place, b->place);
    ck_assert_int_eq(a->quantity, b->quantity);
    ck_assert_int_eq(a->amount, b->amount);
    ck_assert_int_eq(a->time_ms, b->time_ms);
    ck_assert_int_eq(a->at_ms, b->at_ms);
    ck_assert_str_eq(a->traceparent, b->traceparent);
}

static bool reads(struct jsonw *writer, const struct sale_event *event, struct sale_event *got)
{
    size_t length = 0;
    size_t count = 0;
    const char *reason = NULL;
    jsonw_reset(writer);
    sale_message_write_events(writer, event, 1);
    const char *text = jsonw_text(writer, &length);
    return sale_message_read_events(text, length, got, 1, &count, &reason) && count == 1;
}

START_TEST(events_are_read_as_written)
{
    struct sale_event sent[SALE_EVENT_KIND_COUNT - 1];
    for (int i = 0; i < SALE_EVENT_KIND_COUNT - 1; i++) {
        sent[i] = an_event((enum sale_event_kind)(i + 1), event_members[i + 1].must);
    }
    struct jsonw *writer = jsonw_new();
    sale_message_write_events(writer, sent, ARRAY_LEN(sent));
    size_t length = 0;
    const char *text = jsonw_text(writer, &length);
    struct sale_event events[ARRAY_LEN(sent)];
    size_t count = 0;
    const char *reason = NULL;
    ck_assert(sale_message_read_events(text, length, events, ARRAY_LEN(events), &count, &reason));
    ck_assert_uint_eq(count, ARRAY_LEN(sent));
    for (size_t i = 0; i < count; i++) {
        check_same_event(&events[i], &sent[i]);
    }
    ck_assert(!sale_message_read_events(text, length, events, ARRAY_LEN(events) - 1, &count, &reason));
    ck_assert_uint_eq(count, 0);
    ck_assert_ptr_nonnull(reason);
    jsonw_free(writer);
}
END_TEST

START_TEST(an_event_has_exactly_the_members_of_its_kind)
{
    struct jsonw *writer = jsonw_new();
    for (int kind = 1; kind < SALE_EVENT_KIND_COUNT; kind++) {
        for (unsigned bit = SALE_EVENT_ROW; bit <= SALE_EVENT_TIME; bit <<= 1U) {
            const struct sale_event event =
                an_event((enum sale_event_kind)kind, (unsigned)event_members[kind].must ^ bit);
            struct sale_event got;
            ck_assert_int_eq(reads(writer, &event, &got), (event_members[kind].may & bit) != 0);
        }
    }
    jsonw_free(writer);
}
END_TEST

/* A member counts as present from 1 on; a time may be 0. */
START_TEST(an_event_may_have_the_least_values)
{
    struct jsonw *writer = jsonw_new();
    for (int kind = 1; kind < SALE_EVENT_KIND_COUNT; kind++) {
        struct sale_event sent = an_event((enum sale_event_kind)kind, event_members[kind].must);
        struct sale_event got;
        int64_t *const values[] = {&sent.seq, &sent.place, &sent.quantity, &sent.amount, &sent.time_ms};
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
            *values[i] = *values[i] > 0 ? 1 : 0;
        }
        sent.at_ms = 0;
        ck_assert_msg(reads(writer, &sent, &got), "kind %d", kind);
        check_same_event(&got, &sent);
    }
    jsonw_free(writer);
}
END_TEST

START_TEST(an_event_of_an_unknown_kind_is_refused)
{
    static const char text[] = "{\"v\":1,\"events\":[{\"k\":\"other\",\"s\":\"" ID "\",\"d\":1}]}";
    struct sale_event event;
    size_t count = 1;
    const char *reason = NULL;
    ck_assert(!sale_message_read_events(text, strlen(text), &event, 1, &count, &reason));
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(the_largest_message_of_events_is_read)
{
    static struct sale_event sent[SALE_MESSAGE_EVENTS_MAX];
    static struct sale_event got[SALE_MESSAGE_EVENTS_MAX];
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        sent[i] = an_event(SALE_EVENT_ORDER_RESERVED, SALE_EVENT_ORDERED | SALE_EVENT_TIME);
    }
    struct jsonw *writer = jsonw_new();
    size_t length = 0;
    size_t count = 0;
    const char *reason = NULL;
    sale_message_write_events(writer, sent, ARRAY_LEN(sent));
    const char *text = jsonw_text(writer, &length);
    ck_assert_msg(sale_message_read_events(text, length, got, ARRAY_LEN(got), &count, &reason), "%s", reason);
    ck_assert_uint_eq(count, ARRAY_LEN(sent));
    jsonw_free(writer);
}
END_TEST

/* ---- decisions ---- */

static const struct sale_message_decision decisions[] = {
    {.kind = SALE_COMMAND_JOIN,
     .user_id = {{7}},
     .verdict = SALE_VERDICT_UNCHANGED,
     .quantity = 2,
     .place = 900,
     .entry_id = {{8}},
     .entry_status = SALE_ENTRY_WAITING,
     .position = 17},
    {.kind = SALE_COMMAND_JOIN,
     .user_id = {{7}},
     .verdict = SALE_VERDICT_ACCEPTED,
     .quantity = 2,
     .place = 900,
     .entry_id = {{8}},
     .entry_status = SALE_ENTRY_TURN,
     .position = 0,
     .turn_expires_ms = NOW_MS},
    {.kind = SALE_COMMAND_ORDER,
     .user_id = {{7}},
     .verdict = SALE_VERDICT_REJECTED,
     .reason = SALE_REASON_TURN_EXPIRED,
     .quantity = 3,
     .position = SALE_POSITION_UNKNOWN,
     .order_id = {{9}},
     .order_status = SALE_ORDER_REJECTED},
    {.kind = SALE_COMMAND_ORDER,
     .user_id = {{7}},
     .verdict = SALE_VERDICT_ACCEPTED,
     .quantity = SALE_QUANTITY_MAX,
     .place = 1,
     .entry_status = SALE_ENTRY_ORDERED,
     .position = SALE_POSITION_UNKNOWN,
     .order_id = {{9}},
     .order_status = SALE_ORDER_RESERVED,
     .total_price = MONEY_MAX,
     .order_expires_ms = NOW_MS + 9},
    {.kind = SALE_COMMAND_EXTEND, .verdict = SALE_VERDICT_ACCEPTED, .position = SALE_POSITION_UNKNOWN},
};

START_TEST(decisions_are_read_as_written)
{
    struct sale_message_decision sent = decisions[_i];
    struct sale_message_decision got;
    struct decision bid;
    struct user_signal user_signal;
    struct jsonw *writer = jsonw_new();
    size_t length = 0;
    sent.id = uuid_new();
    sent.sale_id = uuid_new();
    sent.received_ms = _i;
    sent.decided_ms = INT64_C(2) * _i;
    sent.version = INT64_MAX;
    sale_message_write_decision(writer, &sent);
    const char *text = jsonw_text(writer, &length);
    memset(&got, 0xff, sizeof got); /* absent members must not keep what was there */
    ck_assert(sale_message_read_decision(text, length, &got));
    ck_assert(uuid_equal(&got.id, &sent.id) && uuid_equal(&got.sale_id, &sent.sale_id));
    ck_assert(uuid_equal(&got.user_id, &sent.user_id) && uuid_equal(&got.entry_id, &sent.entry_id));
    ck_assert(uuid_equal(&got.order_id, &sent.order_id));
    ck_assert(got.kind == sent.kind && got.verdict == sent.verdict && got.reason == sent.reason);
    ck_assert(got.entry_status == sent.entry_status && got.order_status == sent.order_status);
    ck_assert_int_eq(got.quantity, sent.quantity);
    ck_assert_int_eq(got.place, sent.place);
    ck_assert_int_eq(got.position, sent.position);
    ck_assert_int_eq(got.turn_expires_ms, sent.turn_expires_ms);
    ck_assert_int_eq(got.total_price, sent.total_price);
    ck_assert_int_eq(got.order_expires_ms, sent.order_expires_ms);
    ck_assert_int_eq(got.received_ms, _i);
    ck_assert_int_eq(got.decided_ms, INT64_C(2) * _i);
    ck_assert_int_eq(got.version, INT64_MAX);
    /* The channels carry all three. */
    ck_assert(!message_read_decision(text, length, &bid) && !message_read_user_signal(text, length, &user_signal));
    jsonw_free(writer);
}
END_TEST

#define DECISION(members) "{\"v\":1," IDS ",\"d\":6," members "}"
static const char *const no_decisions[] = {
    "{}",
    "{\"v\":2," IDS ",\"d\":6,\"k\":\"join\",\"V\":\"accepted\"}",
    DECISION("\"k\":\"join\""),
    DECISION("\"V\":\"accepted\""),
    DECISION("\"k\":\"bid\",\"V\":\"accepted\""),
    DECISION("\"k\":\"join\",\"V\":\"lost\""),
    DECISION("\"k\":\"join\",\"V\":\"rejected\""),
    DECISION("\"k\":\"join\",\"V\":\"accepted\",\"w\":\"SOLD_OUT\""),
    DECISION("\"k\":\"join\",\"V\":\"rejected\",\"w\":\"SO_WHAT\""),
    DECISION("\"k\":\"join\",\"V\":\"rejected\",\"w\":7"),
    DECISION("\"k\":\"join\",\"V\":\"accepted\",\"l\":0,\"f\":\"waiting\""),
    DECISION("\"k\":\"join\",\"V\":\"accepted\",\"l\":1"),
    DECISION("\"k\":\"join\",\"V\":\"accepted\",\"l\":1,\"f\":\"gone\""),
    DECISION("\"k\":\"join\",\"V\":\"accepted\",\"a\":-1"),
    DECISION("\"k\":\"order\",\"V\":\"accepted\",\"o\":\"" ID "\""),
    DECISION("\"k\":\"order\",\"V\":\"accepted\",\"o\":\"" ID "\",\"z\":\"gone\""),
    DECISION("\"k\":\"order\",\"V\":\"accepted\",\"o\":\"x\",\"z\":\"reserved\""),
};

START_TEST(an_invalid_decision_is_refused)
{
    struct sale_message_decision got;
    const char *valid = DECISION("\"k\":\"join\",\"V\":\"accepted\"");
    ck_assert(sale_message_read_decision(valid, strlen(valid), &got));
    ck_assert_int_eq(got.position, SALE_POSITION_UNKNOWN);
    ck_assert_msg(!sale_message_read_decision(no_decisions[_i], strlen(no_decisions[_i]), &got), "%s",
                  no_decisions[_i]);
}
END_TEST

/* ---- the exact text of each message: programs of different versions run together ---- */

#define ID_1 "01000000-0000-0000-0000-000000000000"
#define ID_2 "02000000-0000-0000-0000-000000000000"
#define ID_3 "03000000-0000-0000-0000-000000000000"
#define ID_5 "05000000-0000-0000-0000-000000000000"
#define ID_6 "06000000-0000-0000-0000-000000000000"
#define ID_8 "08000000-0000-0000-0000-000000000000"

static struct uuid id(uint8_t first)
{
    return (struct uuid){{first}};
}

START_TEST(messages_have_this_text)
{
    const struct sale_message_command command = {.command = {.kind = SALE_COMMAND_CONFIRM,
                                                             .paid = true,
                                                             .id = id(1),
                                                             .user_id = id(3),
                                                             .quantity = 4,
                                                             .order_id = id(5),
                                                             .amount = 6,
                                                             .received_ms = 7,
                                                             .refused_ms = 8,
                                                             .end_ms = 9},
                                                 .sale_id = id(2),
                                                 .reply_to = id(6),
                                                 .version = 10,
                                                 .keyed = true,
                                                 .reference = "x1",
                                                 .request_id = "q1",
                                                 .traceparent = "t1"};
    const struct sale_event event = {.kind = SALE_EVENT_ORDER_RESERVED,
                                     .sale_id = id(1),
                                     .seq = 2,
                                     .user_id = id(3),
                                     .place = 4,
                                     .quantity = 5,
                                     .order_id = id(6),
                                     .amount = 7,
                                     .time_ms = 8,
                                     .at_ms = 9,
                                     .traceparent = "t1"};
    const struct sale_message_decision decision = {.id = id(1),
                                                   .sale_id = id(2),
                                                   .user_id = id(3),
                                                   .kind = SALE_COMMAND_JOIN,
                                                   .verdict = SALE_VERDICT_REJECTED,
                                                   .reason = SALE_REASON_SALE_ENDED,
                                                   .entry_status = SALE_ENTRY_TURN,
                                                   .order_status = SALE_ORDER_CONFIRMED,
                                                   .quantity = 4,
                                                   .place = 5,
                                                   .entry_id = id(6),
                                                   .turn_expires_ms = 7,
                                                   .order_id = id(8),
                                                   .total_price = 9,
                                                   .order_expires_ms = 10,
                                                   .received_ms = 11,
                                                   .decided_ms = 12,
                                                   .version = 13};
    struct jsonw *writer = jsonw_new();
    sale_message_write_commands(writer, &command, 1);
    ck_assert_str_eq(jsonw_text(writer, NULL),
                     "{\"v\":1,\"commands\":[{\"k\":\"confirm\",\"i\":\"" ID_1 "\",\"s\":\"" ID_2 "\",\"u\":\"" ID_3
                     "\",\"c\":4,\"o\":\"" ID_5 "\",\"b\":true,\"m\":6,\"x\":\"x1\",\"r\":7,\"h\":8,\"n\":10,\"e\":9,"
                     "\"g\":\"" ID_6 "\",\"y\":true,\"q\":\"q1\",\"p\":\"t1\"}]}");
    jsonw_reset(writer);
    sale_message_write_events(writer, &event, 1);
    ck_assert_str_eq(jsonw_text(writer, NULL),
                     "{\"v\":1,\"events\":[{\"k\":\"order_reserved\",\"s\":\"" ID_1 "\",\"q\":2,\"u\":\"" ID_3
                     "\",\"l\":4,\"c\":5,\"o\":\"" ID_6 "\",\"m\":7,\"e\":8,\"d\":9,\"p\":\"t1\"}]}");
    jsonw_reset(writer);
    sale_message_write_decision(writer, &decision);
    ck_assert_str_eq(jsonw_text(writer, NULL),
                     "{\"v\":1,\"k\":\"join\",\"i\":\"" ID_1 "\",\"s\":\"" ID_2 "\",\"u\":\"" ID_3
                     "\",\"V\":\"rejected\",\"w\":\"SALE_ENDED\",\"c\":4,\"l\":5,"
                     "\"j\":\"" ID_6 "\",\"f\":\"turn\",\"t\":7,\"a\":0,\"o\":"
                     "\"" ID_8 "\",\"z\":\"confirmed\","
                     "\"m\":9,\"e\":10,\"r\":"
                     "11,\"d\":12,\"n\":13}");
    jsonw_free(writer);
}
END_TEST

static Suite *sale_message_suite(void)
{
    Suite *suite = suite_create("sale_message");
    TCase *cases = tcase_create("sale_message");
    tcase_add_test(cases, commands_are_read_as_written);
    tcase_add_test(cases, commands_to_several_sales_have_version_2);
    tcase_add_loop_test(cases, an_invalid_command_does_not_affect_the_others, 0, (int)ARRAY_LEN(unreadable));
    tcase_add_test(cases, the_first_command_needs_its_ids);
    tcase_add_test(cases, a_command_may_be_received_at_0);
    tcase_add_loop_test(cases, texts_have_their_lengths_at_most, 0, 3);
    tcase_add_loop_test(cases, invalid_messages_are_refused, 0, (int)ARRAY_LEN(no_messages));
    tcase_add_test(cases, the_sale_of_a_message_is_that_of_its_first_command);
    tcase_add_test(cases, events_are_read_as_written);
    tcase_add_test(cases, an_event_has_exactly_the_members_of_its_kind);
    tcase_add_test(cases, an_event_may_have_the_least_values);
    tcase_add_test(cases, an_event_of_an_unknown_kind_is_refused);
    tcase_add_test(cases, the_largest_message_of_events_is_read);
    tcase_add_loop_test(cases, decisions_are_read_as_written, 0, (int)ARRAY_LEN(decisions));
    tcase_add_loop_test(cases, an_invalid_decision_is_refused, 0, (int)ARRAY_LEN(no_decisions));
    tcase_add_test(cases, messages_have_this_text);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(sale_message_suite());
}
