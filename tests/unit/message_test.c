/*
 * The messages between the programs: each is read as it was written, and invalid ones are refused.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/base/money.h"
#include "common/protocol/message.h"
#include "tests/support/suite.h"

#define NOW_MS INT64_C(1795215496123)

static struct command a_command(enum command_kind kind, struct uuid auction)
{
    struct command command = {.kind = kind, .id = uuid_new(), .auction_id = auction, .received_ms = NOW_MS};
    if (kind != COMMAND_START && kind != COMMAND_FENCE) {
        command.user_id = uuid_new();
        command.terms_version = 3;
        command.reply_to = uuid_new();
        command.keyed = true;
        (void)snprintf(command.request_id, sizeof command.request_id, "request-%d", (int)kind);
        (void)snprintf(command.traceparent, sizeof command.traceparent, "00-%032d-%016d-01", 1, 2);
    }
    if (kind == COMMAND_BID || kind == COMMAND_PROXY) {
        command.amount = MONEY_MAX;
    }
    command.price = kind == COMMAND_BUY ? MONEY_MAX : 0;
    command.version = kind == COMMAND_UPDATE ? INT64_MAX : 0;
    command.end_ms = kind == COMMAND_EXTEND || kind == COMMAND_REOPEN ? NOW_MS + 1 : 0;
    command.target = kind == COMMAND_VOID || kind == COMMAND_RETRACT ? uuid_new() : (struct uuid){{0}};
    command.since_ms = kind == COMMAND_RETRACT ? NOW_MS - 1 : 0;
    return command;
}

static void check_same(const struct command *a, const struct command *b)
{
    ck_assert_int_eq(a->kind, b->kind);
    ck_assert(uuid_equal(&a->id, &b->id) && uuid_equal(&a->auction_id, &b->auction_id));
    ck_assert(uuid_equal(&a->user_id, &b->user_id) && uuid_equal(&a->reply_to, &b->reply_to));
    ck_assert_int_eq(a->amount, b->amount);
    ck_assert_int_eq(a->price, b->price);
    ck_assert_int_eq(a->received_ms, b->received_ms);
    ck_assert_int_eq(a->terms_version, b->terms_version);
    ck_assert_int_eq(a->version, b->version);
    ck_assert_int_eq(a->end_ms, b->end_ms);
    ck_assert(uuid_equal(&a->target, &b->target));
    ck_assert_int_eq(a->since_ms, b->since_ms);
    ck_assert_int_eq(a->keyed, b->keyed);
    ck_assert_str_eq(a->request_id, b->request_id);
    ck_assert_str_eq(a->traceparent, b->traceparent);
}

START_TEST(commands_are_read_as_written)
{
    struct uuid auction = uuid_new();
    struct command sent[COMMAND_KIND_COUNT - 1];
    for (int i = COMMAND_NONE + 1; i < COMMAND_KIND_COUNT; i++) {
        sent[i - 1] = a_command((enum command_kind)i, auction);
    }
    struct jsonw *writer = jsonw_new();
    message_write_commands(writer, sent, ARRAY_LEN(sent));
    size_t length = 0;
    const char *text = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    struct command_item items[MESSAGE_COMMANDS_MAX];
    size_t count = 0;
    const char *reason = NULL;
    ck_assert(message_read_commands(text, length, items, MESSAGE_COMMANDS_MAX, &count, &reason));
    ck_assert_uint_eq(count, ARRAY_LEN(sent));
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(items[i].readable, "%s", items[i].reason);
        check_same(&items[i].command, &sent[i]);
    }
    ck_assert(!message_read_commands(text, length, items, 4, &count, &reason));
    struct json *tree = json_parse(text, length, NULL);
    struct uuid about = {{0}};
    ck_assert(message_auction(tree, &about) && uuid_equal(&about, &auction));
    json_free(tree);
    jsonw_free(writer);
}
END_TEST

#define ID                "0198aabb-ccdd-7eef-8011-223344556677"
#define IDS               "\"i\":\"" ID "\",\"a\":\"" ID "\""
#define GOOD              "{\"k\":\"bid\"," IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":1}"
#define WRAP(x)           "{\"v\":1,\"commands\":[" GOOD "," x "," GOOD "]}"
#define DECISION(members) "{\"v\":1," IDS ",\"r\":5,\"d\":6," members "}"

static const char *const unreadable[] = {
    WRAP("{}"),
    WRAP("7"),
    WRAP("{" IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":1}"),
    WRAP("{\"k\":\"\"," IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":1}"),
    WRAP("{\"k\":\"none\"," IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":1}"),
    WRAP("{\"k\":0," IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":1}"),
    WRAP("{\"k\":\"steal\"," IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":1}"),
    WRAP("{\"k\":\"bid\"," IDS ",\"m\":5500,\"r\":1}"),
    WRAP("{\"k\":\"bid\"," IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":1,\"n\":1}"),
    WRAP("{\"k\":\"bid\"," IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":1,\"e\":1}"),
    WRAP("{\"k\":\"buy\"," IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":1}"),
    WRAP("{\"k\":\"buy\"," IDS ",\"u\":\"" ID "\",\"c\":1000000000000,\"r\":1}"),
    WRAP("{\"k\":\"bid\"," IDS ",\"u\":\"" ID "\",\"m\":5500,\"c\":5500,\"r\":1}"),
    WRAP("{\"k\":\"update\"," IDS ",\"u\":\"" ID "\",\"r\":1}"),
    WRAP("{\"k\":\"cancel\"," IDS ",\"r\":1}"),
    WRAP("{\"k\":\"extend\"," IDS ",\"u\":\"" ID "\",\"r\":1}"),
    WRAP("{\"k\":\"bid\"," IDS ",\"u\":\"" ID "\",\"r\":1}"),
    WRAP("{\"k\":\"bid\"," IDS ",\"u\":\"" ID "\",\"m\":1000000000000,\"r\":1}"),
    WRAP("{\"k\":\"bid\"," IDS ",\"u\":\"" ID "\",\"m\":1.5,\"r\":1}"),
    WRAP("{\"k\":\"bid\"," IDS ",\"u\":\"" ID "\",\"m\":5500,\"r\":-1}"),
    WRAP("{\"k\":\"bid\",\"i\":\"x\",\"a\":\"" ID "\",\"u\":\"" ID "\",\"m\":5500,\"r\":1}"),
    WRAP("{\"k\":\"void\"," IDS ",\"u\":\"" ID "\",\"r\":1}"),
    WRAP("{\"k\":\"void\"," IDS ",\"u\":\"" ID "\",\"b\":\"" ID "\",\"o\":1,\"r\":1}"),
    WRAP("{\"k\":\"retract\"," IDS ",\"u\":\"" ID "\",\"b\":\"" ID "\",\"r\":1}"),
    WRAP("{\"k\":\"buy\"," IDS ",\"u\":\"" ID "\",\"b\":\"" ID "\",\"r\":1}"),
    WRAP("{\"k\":\"fence\"," IDS ",\"u\":\"" ID "\",\"r\":1}"),
};

START_TEST(an_invalid_command_does_not_affect_the_others)
{
    struct command_item items[MESSAGE_COMMANDS_MAX];
    size_t count = 0;
    const char *reason = NULL;
    const char *text = unreadable[_i];
    ck_assert(message_read_commands(text, strlen(text), items, MESSAGE_COMMANDS_MAX, &count, &reason));
    ck_assert_uint_eq(count, 3);
    ck_assert(items[0].readable && items[2].readable);
    ck_assert(!items[1].readable);
    ck_assert_ptr_nonnull(items[1].reason);
}
END_TEST

/* A gateway of the version before sends none. */
START_TEST(a_purchase_need_not_have_an_expected_price)
{
    static const char text[] = "{\"v\":1,\"commands\":[{\"k\":\"buy\"," IDS ",\"u\":\"" ID "\",\"r\":1}]}";
    struct command_item items[MESSAGE_COMMANDS_MAX];
    size_t count = 0;
    const char *reason = NULL;
    ck_assert(message_read_commands(text, strlen(text), items, MESSAGE_COMMANDS_MAX, &count, &reason));
    ck_assert_uint_eq(count, 1);
    ck_assert(items[0].readable);
    ck_assert_int_eq(items[0].command.price, 0);
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
    struct command_item items[MESSAGE_COMMANDS_MAX];
    size_t count = 0;
    const char *reason = NULL;
    const char *text = no_messages[_i];
    ck_assert(!message_read_commands(text, strlen(text), items, MESSAGE_COMMANDS_MAX, &count, &reason));
    ck_assert_ptr_nonnull(reason);
}
END_TEST

START_TEST(events_are_read_as_written)
{
    struct auction_event sent[EVENT_KIND_COUNT - 1];
    for (int i = 0; i < EVENT_KIND_COUNT - 1; i++) {
        sent[i] = (struct auction_event){.kind = (enum event_kind)(i + 1),
                                         .auction_id = uuid_new(),
                                         .user_id = uuid_new(),
                                         .amount = 5500 + i,
                                         .version = i + 1,
                                         .at_ms = NOW_MS,
                                         .end_ms = i};
    }
    struct jsonw *writer = jsonw_new();
    message_write_events(writer, sent, ARRAY_LEN(sent));
    size_t length = 0;
    const char *text = jsonw_text(writer, &length);
    struct auction_event events[ARRAY_LEN(sent)];
    size_t count = 0;
    const char *reason = NULL;
    ck_assert(message_read_events(text, length, events, ARRAY_LEN(events), &count, &reason));
    ck_assert_uint_eq(count, ARRAY_LEN(sent));
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(events[i].kind, sent[i].kind);
        ck_assert(uuid_equal(&events[i].auction_id, &sent[i].auction_id));
        ck_assert(uuid_equal(&events[i].user_id, &sent[i].user_id));
        ck_assert_int_eq(events[i].amount, sent[i].amount);
        ck_assert_int_eq(events[i].version, sent[i].version);
        ck_assert_int_eq(events[i].at_ms, sent[i].at_ms);
        ck_assert_int_eq(events[i].end_ms, sent[i].end_ms);
    }
    ck_assert(!message_read_events(text, length, events, ARRAY_LEN(events) - 1, &count, &reason));
    ck_assert(!message_read_events("{\"v\":1,\"events\":[{}]}", 21, events, ARRAY_LEN(events), &count, &reason));
    jsonw_free(writer);
}
END_TEST

START_TEST(absent_members_do_not_keep_their_previous_values)
{
    static const char an_event[] = "{\"v\":1,\"events\":[{\"k\":\"outbid\"," IDS ",\"d\":6}]}";
    struct auction_event event = {.user_id = {{1}}, .amount = 2, .version = 3, .end_ms = 4, .traceparent = "5"};
    size_t count = 0;
    const char *reason = NULL;
    ck_assert(message_read_events(an_event, sizeof(an_event) - 1, &event, 1, &count, &reason));
    ck_assert(uuid_is_nil(&event.user_id) && event.amount == 0 && event.version == 0 && event.end_ms == 0);
    ck_assert_str_eq(event.traceparent, "");

    static const char a_decision[] = DECISION("\"k\":\"bid\",\"s\":\"accepted\"");
    struct decision decision = {.user_id = {{1}}, .amount = 2, .max_amount = 3, .version = 4};
    ck_assert(message_read_decision(a_decision, sizeof(a_decision) - 1, &decision));
    ck_assert(uuid_is_nil(&decision.user_id) && decision.amount == 0 && decision.max_amount == 0);
    ck_assert_int_eq(decision.version, 0);
}
END_TEST

START_TEST(decisions_are_read_as_written)
{
    struct decision sent = {.bid_id = uuid_new(),
                            .auction_id = uuid_new(),
                            .user_id = uuid_new(),
                            .kind = COMMAND_PROXY,
                            .amount = 100,
                            .max_amount = 10000,
                            .received_ms = 5,
                            .decided_ms = 6,
                            .version = 7,
                            .status = BID_REJECTED,
                            .reason = RULES_BID_TOO_LOW};
    struct jsonw *writer = jsonw_new();
    message_write_decision(writer, &sent);
    size_t length = 0;
    const char *text = jsonw_text(writer, &length);
    struct decision got;
    ck_assert(message_read_decision(text, length, &got));
    ck_assert(uuid_equal(&got.bid_id, &sent.bid_id) && uuid_equal(&got.user_id, &sent.user_id));
    ck_assert_int_eq(got.kind, COMMAND_PROXY);
    ck_assert_int_eq(got.amount, 100);
    ck_assert_int_eq(got.max_amount, 10000);
    ck_assert_int_eq(got.version, 7);
    ck_assert_int_eq(got.status, BID_REJECTED);
    ck_assert_int_eq(got.reason, RULES_BID_TOO_LOW);
    ck_assert(!message_read_decision("{}", 2, &got));
    struct user_signal user_signal;
    ck_assert(!message_read_user_signal(text, length, &user_signal)); /* both are published on a user's channel */
    jsonw_free(writer);
}
END_TEST

static const char *const no_decisions[] = {
    DECISION("\"s\":\"accepted\""),
    DECISION("\"k\":\"\",\"s\":\"accepted\""),
    DECISION("\"k\":\"bid\""),
    DECISION("\"k\":\"bid\",\"s\":\"pending\""),
    DECISION("\"k\":\"bid\",\"s\":\"voided\""),
    DECISION("\"k\":\"bid\",\"s\":\"lost\""),
    DECISION("\"k\":\"bid\",\"s\":\"rejected\",\"w\":\"SO_WHAT\""),
    DECISION("\"k\":\"bid\",\"s\":\"rejected\",\"w\":7"),
};

START_TEST(a_decision_with_an_unknown_word_is_refused)
{
    struct decision got;
    const char *valid = DECISION("\"k\":\"bid\",\"s\":\"outbid\"");
    ck_assert(message_read_decision(valid, strlen(valid), &got));
    ck_assert_int_eq(got.status, BID_OUTBID);
    ck_assert_int_eq(got.reason, RULES_NONE);
    ck_assert(!message_read_decision(no_decisions[_i], strlen(no_decisions[_i]), &got));
}
END_TEST

START_TEST(an_outcome_is_read_from_the_ledger)
{
    struct decision decision = {.kind = COMMAND_BID};
    message_decision_outcome(&decision, "voided", "");
    ck_assert_int_eq(decision.status, BID_VOIDED);
    ck_assert_int_eq(decision.reason, RULES_NONE);
    message_decision_outcome(&decision, "rejected", "OWN_AUCTION");
    ck_assert_int_eq(decision.status, BID_REJECTED);
    ck_assert_int_eq(decision.reason, RULES_OWN_AUCTION);
    message_decision_outcome(&decision, "rejected", "OF_A_NEWER_VERSION");
    ck_assert_int_eq(decision.status, BID_REJECTED);
    ck_assert_int_eq(decision.reason, RULES_INTERNAL_ERROR);
    message_decision_outcome(&decision, "accepted", "OF_A_NEWER_VERSION");
    ck_assert_int_eq(decision.status, BID_REJECTED);
    message_decision_outcome(&decision, "postponed", "");
    ck_assert_int_eq(decision.status, BID_REJECTED);
    ck_assert_int_eq(decision.reason, RULES_INTERNAL_ERROR);
}
END_TEST

START_TEST(user_signals_are_read_as_written)
{
    const struct user_signal words[] = {{.kind = USER_SIGNAL_CHECK}, {.kind = USER_SIGNAL_NOTICE, .id = uuid_new()}};
    struct jsonw *writer = jsonw_new();
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct user_signal got;
        struct decision decision;
        size_t length = 0;
        jsonw_reset(writer);
        message_write_user_signal(writer, &words[i]);
        const char *text = jsonw_text(writer, &length);
        ck_assert(message_read_user_signal(text, length, &got));
        ck_assert_int_eq((int)got.kind, (int)words[i].kind);
        ck_assert(uuid_equal(&got.id, &words[i].id));
        ck_assert(!message_read_decision(text, length, &decision));
    }
    jsonw_free(writer);
}
END_TEST

static Suite *message_suite(void)
{
    Suite *suite = suite_create("message");
    TCase *cases = tcase_create("message");
    tcase_add_test(cases, commands_are_read_as_written);
    tcase_add_test(cases, a_purchase_need_not_have_an_expected_price);
    tcase_add_loop_test(cases, an_invalid_command_does_not_affect_the_others, 0, (int)ARRAY_LEN(unreadable));
    tcase_add_loop_test(cases, invalid_messages_are_refused, 0, (int)ARRAY_LEN(no_messages));
    tcase_add_test(cases, events_are_read_as_written);
    tcase_add_test(cases, absent_members_do_not_keep_their_previous_values);
    tcase_add_test(cases, decisions_are_read_as_written);
    tcase_add_test(cases, user_signals_are_read_as_written);
    tcase_add_loop_test(cases, a_decision_with_an_unknown_word_is_refused, 0, (int)ARRAY_LEN(no_decisions));
    tcase_add_test(cases, an_outcome_is_read_from_the_ledger);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(message_suite());
}
