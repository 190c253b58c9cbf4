/*
 * The exact text of each message. Programs of different versions run together during an upgrade, so texts in queues may
 * not change. Also the bounds of each member, and the reader's error for an invalid one.
 */
#include <stdio.h>
#include <string.h>

#include "common/protocol/message.h"
#include "tests/support/suite.h"

#define ID_1 "01000000-0000-0000-0000-000000000000"
#define ID_2 "02000000-0000-0000-0000-000000000000"
#define ID_3 "03000000-0000-0000-0000-000000000000"
#define ID_4 "04000000-0000-0000-0000-000000000000"
#define ID_5 "05000000-0000-0000-0000-000000000000"

enum { TEXT_SIZE = 1024 };

static struct jsonw *writer;

static void set_up(void)
{
    writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
}

static void tear_down(void)
{
    jsonw_free(writer);
}

static struct uuid id(uint8_t first)
{
    return (struct uuid){{first}};
}

/* --- writing --- */

START_TEST(a_command_has_this_text)
{
    struct command commands[] = {
        {.kind = COMMAND_RETRACT,
         .id = id(1),
         .auction_id = id(2),
         .user_id = id(3),
         .target = id(4),
         .reply_to = id(5),
         .amount = 6,
         .received_ms = 7,
         .terms_version = 8,
         .version = 9,
         .end_ms = 10,
         .since_ms = 11,
         .keyed = true,
         .request_id = "q1",
         .traceparent = "t1"},
        {.kind = COMMAND_FENCE, .id = id(1), .auction_id = id(2)},
    };
    message_write_commands(writer, commands, ARRAY_LEN(commands));
    ck_assert_str_eq(jsonw_text(writer, NULL),
                     "{\"v\":1,\"commands\":[{\"k\":\"retract\",\"i\":\"" ID_1 "\",\"a\":\"" ID_2 "\",\"u\":\"" ID_3
                     "\",\"m\":6,\"r\":7,\"t\":8,\"n\":9,\"e\":10,\"b\":\"" ID_4 "\",\"o\":11,\"g\":\"" ID_5
                     "\",\"y\":true,\"q\":\"q1\",\"p\":\"t1\"},{\"k\":\"fence\",\"i\":\"" ID_1 "\",\"a\":\"" ID_2
                     "\",\"r\":0}]}");
}
END_TEST

START_TEST(an_event_has_this_text)
{
    struct auction_event events[] = {
        {.kind = EVENT_EXTENDED,
         .auction_id = id(1),
         .user_id = id(2),
         .amount = 3,
         .version = 4,
         .at_ms = 5,
         .end_ms = 6,
         .traceparent = "t1"},
        {.kind = EVENT_ENDED, .auction_id = id(1)},
    };
    message_write_events(writer, events, ARRAY_LEN(events));
    ck_assert_str_eq(jsonw_text(writer, NULL), "{\"v\":1,\"events\":[{\"k\":\"extended\",\"a\":\"" ID_1
                                               "\",\"u\":\"" ID_2 "\",\"m\":3,\"n\":4,\"d\":5,\"e\":6,\"p\":\"t1\"},"
                                               "{\"k\":\"ended\",\"a\":\"" ID_1 "\",\"d\":0}]}");
}
END_TEST

START_TEST(every_kind_of_event_has_its_name)
{
    static const char *const names[] = {"outbid",  "proxy_exhausted", "extended",  "started", "ended",
                                        "settled", "ending_soon",     "cancelled", "voided"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct auction_event event = {.kind = (enum event_kind)(i + 1), .auction_id = id(1)};
        struct auction_event read[2];
        const char *reason = NULL;
        size_t length = 0;
        size_t count = 0;
        jsonw_reset(writer);
        message_write_events(writer, &event, 1);
        const char *text = jsonw_text(writer, &length);
        ck_assert_ptr_nonnull(strstr(text, names[i]));
        ck_assert_str_eq(message_event_text(event.kind), names[i]);
        ck_assert(message_read_events(text, length, read, ARRAY_LEN(read), &count, &reason));
        ck_assert_int_eq(read[0].kind, event.kind);
    }
}
END_TEST

START_TEST(a_decision_has_this_text_and_is_read_as_written)
{
    struct decision sent = {.bid_id = id(1),
                            .auction_id = id(2),
                            .user_id = id(3),
                            .kind = COMMAND_PROXY,
                            .amount = 4,
                            .max_amount = 5,
                            .received_ms = 6,
                            .decided_ms = 7,
                            .version = 8,
                            .status = BID_REJECTED,
                            .reason = RULES_BID_TOO_LOW};
    struct decision read;
    message_write_decision(writer, &sent);
    const char *text = jsonw_text(writer, NULL);
    ck_assert_str_eq(text, "{\"v\":1,\"k\":\"proxy\",\"i\":\"" ID_1 "\",\"a\":\"" ID_2 "\",\"u\":\"" ID_3
                           "\",\"m\":4,\"x\":5,\"r\":6,\"d\":7,\"n\":8,\"s\":\"rejected\",\"w\":\"BID_TOO_LOW\"}");
    ck_assert(message_read_decision(text, strlen(text), &read));
    ck_assert(uuid_equal(&read.auction_id, &sent.auction_id));
    ck_assert_int_eq(read.received_ms, 6);
    ck_assert_int_eq(read.decided_ms, 7);
    jsonw_reset(writer);
    sent = (struct decision){.bid_id = id(1), .auction_id = id(2), .kind = COMMAND_BID, .status = BID_ACCEPTED};
    message_write_decision(writer, &sent);
    ck_assert_str_eq(jsonw_text(writer, NULL), "{\"v\":1,\"k\":\"bid\",\"i\":\"" ID_1 "\",\"a\":\"" ID_2
                                               "\",\"r\":0,\"d\":0,\"s\":\"accepted\"}");
}
END_TEST

START_TEST(a_user_signal_has_this_text)
{
    struct user_signal word = {.kind = USER_SIGNAL_NOTICE, .id = id(1)};
    message_write_user_signal(writer, &word);
    ck_assert_str_eq(jsonw_text(writer, NULL), "{\"v\":1,\"t\":\"notice\",\"i\":\"" ID_1 "\"}");
    word = (struct user_signal){.kind = USER_SIGNAL_CHECK};
    jsonw_reset(writer);
    message_write_user_signal(writer, &word);
    ck_assert_str_eq(jsonw_text(writer, NULL), "{\"v\":1,\"t\":\"check\"}");
}
END_TEST

/* --- reading --- */

#define IDS          "\"i\":\"" ID_1 "\",\"a\":\"" ID_2 "\""
#define BID          "\"k\":\"bid\"," IDS ",\"u\":\"" ID_3 "\""
#define FENCE        "\"k\":\"fence\"," IDS
#define EXTEND       "\"k\":\"extend\"," IDS ",\"u\":\"" ID_3 "\",\"r\":1"
#define RETRACT      "\"k\":\"retract\"," IDS ",\"u\":\"" ID_3 "\",\"b\":\"" ID_4 "\",\"r\":1"
#define UPDATE       "\"k\":\"update\"," IDS ",\"u\":\"" ID_3 "\",\"r\":1"
#define X16          "xxxxxxxxxxxxxxxx"
#define MEMBER(name) "member " name " is missing or malformed"

/* Members of a command, and the expected error; NULL: valid. */
static const struct {
    const char *members;
    const char *reason;
} commands_read[] = {
    {BID ",\"m\":1,\"r\":0", NULL},
    {IDS ",\"u\":\"" ID_3 "\",\"m\":1,\"r\":1", MEMBER("k")},
    {"\"k\":7," IDS ",\"u\":\"" ID_3 "\",\"m\":1,\"r\":1", MEMBER("k")},
    {"\"k\":\"end\"," IDS ",\"r\":1", MEMBER("k")},
    {"\"k\":\"fence\",\"a\":\"" ID_2 "\",\"r\":1", MEMBER("i")},
    {"\"k\":\"fence\",\"i\":\"" ID_2 "\",\"r\":1", MEMBER("a")},
    {"\"k\":\"fence\",\"i\":\"" ID_2 "\",\"a\":\"x\",\"r\":1", MEMBER("a")},
    {"\"k\":\"bid\"," IDS ",\"u\":\"x\",\"m\":1,\"r\":1", MEMBER("u")},
    {"\"k\":\"bid\"," IDS ",\"m\":1,\"r\":1", "bidder missing, or not allowed for this kind"},
    {FENCE ",\"u\":\"" ID_3 "\",\"r\":1", "bidder missing, or not allowed for this kind"},
    {"\"k\":\"start\"," IDS ",\"u\":\"" ID_3 "\",\"r\":1", "bidder missing, or not allowed for this kind"},
    {"\"k\":\"start\"," IDS ",\"r\":1", NULL},
    {BID ",\"r\":1", "amount missing, or not allowed for this kind"},
    {BID ",\"m\":0,\"r\":1", "amount missing, or not allowed for this kind"},
    {BID ",\"m\":999999999999,\"r\":1", NULL},
    {BID ",\"m\":1000000000000,\"r\":1", MEMBER("m")},
    {BID ",\"m\":-1,\"r\":1", MEMBER("m")},
    {BID ",\"m\":1", MEMBER("r")},
    {FENCE ",\"r\":253402300799999", NULL},
    {FENCE ",\"r\":253402300800000", MEMBER("r")},
    {FENCE ",\"r\":1,\"t\":0", NULL},
    {FENCE ",\"r\":1,\"t\":2147483647", NULL},
    {FENCE ",\"r\":1,\"t\":2147483648", MEMBER("t")},
    {FENCE ",\"r\":1,\"n\":1", "version missing, or not allowed for this kind"},
    {FENCE ",\"r\":1,\"n\":-1", MEMBER("n")},
    {UPDATE, "version missing, or not allowed for this kind"},
    {UPDATE ",\"n\":9223372036854775807", NULL},
    {EXTEND, "end missing, or not allowed for this kind"},
    {EXTEND ",\"e\":253402300799999", NULL},
    {EXTEND ",\"e\":253402300800000", MEMBER("e")},
    {FENCE ",\"r\":1,\"e\":1", "end missing, or not allowed for this kind"},
    {RETRACT, "oldest time missing, or not allowed for this kind"},
    {RETRACT ",\"o\":253402300799999", NULL},
    {RETRACT ",\"o\":253402300800000", MEMBER("o")},
    {FENCE ",\"r\":1,\"o\":1", "oldest time missing, or not allowed for this kind"},
    {FENCE ",\"r\":1,\"b\":\"" ID_4 "\"", "bid missing, or not allowed for this kind"},
    {FENCE ",\"r\":1,\"b\":\"x\"", MEMBER("b")},
    {"\"k\":\"void\"," IDS ",\"u\":\"" ID_3 "\",\"r\":1", "bid missing, or not allowed for this kind"},
    {"\"k\":\"void\"," IDS ",\"u\":\"" ID_3 "\",\"r\":1,\"b\":\"" ID_4 "\"", NULL},
    {FENCE ",\"r\":1,\"g\":\"" ID_5 "\"", NULL},
    {FENCE ",\"r\":1,\"g\":5", MEMBER("g")},
    {FENCE ",\"r\":1,\"y\":false", NULL},
    {FENCE ",\"r\":1,\"y\":1", MEMBER("y")},
    {FENCE ",\"r\":1,\"q\":7", MEMBER("q")},
    {FENCE ",\"r\":1,\"q\":\"\"", NULL},
    {FENCE ",\"r\":1,\"q\":\"" X16 X16 X16 X16 "\"", NULL},
    {FENCE ",\"r\":1,\"q\":\"" X16 X16 X16 X16 "x\"", MEMBER("q")},
    {FENCE ",\"r\":1,\"p\":\"" X16 X16 X16 "xxxxxxx\"", NULL},
    {FENCE ",\"r\":1,\"p\":\"" X16 X16 X16 "xxxxxxxx\"", MEMBER("p")},
    {FENCE ",\"r\":1,\"p\":true", MEMBER("p")},
};

START_TEST(each_member_of_a_command_is_checked)
{
    char text[TEXT_SIZE];
    struct command_item item;
    const char *reason = NULL;
    size_t count = 0;
    int length = snprintf(text, sizeof(text), "{\"v\":1,\"commands\":[{%s}]}", commands_read[_i].members);
    ck_assert(message_read_commands(text, (size_t)length, &item, 1, &count, &reason));
    ck_assert_uint_eq(count, 1);
    ck_assert_msg(item.readable == (commands_read[_i].reason == NULL), "%s", commands_read[_i].members);
    if (!item.readable) {
        ck_assert_str_eq(item.reason, commands_read[_i].reason);
    } else {
        ck_assert_ptr_null(item.reason);
    }
}
END_TEST

START_TEST(the_longest_text_does_not_affect_the_next_member)
{
    static const char text[] = "{\"v\":1,\"commands\":[{" FENCE ",\"r\":1,\"q\":\"" X16 X16 X16 X16 "\"}]}";
    struct command_item item;
    const char *reason = NULL;
    size_t count = 0;
    ck_assert(message_read_commands(text, strlen(text), &item, 1, &count, &reason));
    ck_assert_str_eq(item.command.request_id, X16 X16 X16 X16);
    ck_assert_str_eq(item.command.traceparent, "");
    ck_assert(!item.command.keyed);
}
END_TEST

START_TEST(commands_read_are_bounded_by_the_array)
{
    static const char text[] = "{\"v\":1,\"commands\":[{" FENCE ",\"r\":1},{" FENCE ",\"r\":2},{" FENCE ",\"r\":3}]}";
    struct command_item items[3] = {{.reason = NULL}};
    const char *reason = NULL;
    size_t count = 0;
    items[2].command.received_ms = 99;
    ck_assert(!message_read_commands(text, strlen(text), items, 2, &count, &reason));
    ck_assert_str_eq(reason, "too many objects in the message");
    ck_assert_int_eq(items[2].command.received_ms, 99);
    ck_assert(message_read_commands(text, strlen(text), items, 3, &count, &reason));
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(items[2].command.received_ms, 3);
}
END_TEST

/* A worker that cannot decide them refuses the version. */
START_TEST(commands_to_several_auctions_have_version_2)
{
    static const char expected[] =
        "{\"v\":2,\"commands\":[{" FENCE ",\"r\":1},{\"k\":\"fence\",\"i\":\"" ID_1 "\",\"a\":\"" ID_3 "\",\"r\":1}]}";
    struct command_item items[2];
    struct command commands[2];
    const char *reason = NULL;
    size_t count = 0;
    size_t length = 0;
    ck_assert(message_read_commands(expected, strlen(expected), items, 2, &count, &reason));
    ck_assert_uint_eq(count, 2);
    for (size_t i = 0; i < count; i++) {
        ck_assert(items[i].readable);
        commands[i] = items[i].command;
    }
    ck_assert(uuid_equal(&commands[1].auction_id, &(struct uuid){{3}}));
    message_write_commands(writer, commands, count);
    ck_assert_str_eq(jsonw_text(writer, &length), expected);
}
END_TEST

static const struct {
    const char *text;
    const char *reason;
} no_messages[] = {
    {"{", "malformed JSON"},
    {"", "malformed JSON"},
    {"{\"v\":0,\"NAME\":[{}]}", "unknown version: this program may be too old"},
    {"{\"v\":3,\"NAME\":[{}]}", "unknown version: this program may be too old"},
    {"{\"NAME\":[{}]}", "unknown version: this program may be too old"},
    {"{\"v\":1}", "not a message of the expected kind"},
    {"{\"v\":1,\"NAME\":{\"x\":1}}", "not a message of the expected kind"},
    {"{\"v\":1,\"NAME\":[]}", "not a message of the expected kind"},
};

static const char *put_name(const char *text, const char *name, char out[static TEXT_SIZE])
{
    const char *at = strstr(text, "NAME");
    int before = at == NULL ? (int)strlen(text) : (int)(at - text);
    (void)snprintf(out, TEXT_SIZE, "%.*s%s%s", before, text, at == NULL ? "" : name, at == NULL ? "" : at + 4);
    return out;
}

START_TEST(invalid_messages_are_refused_with_a_reason)
{
    char text[TEXT_SIZE];
    struct command_item item;
    struct auction_event event;
    const char *reason = NULL;
    size_t count = 7;
    (void)put_name(no_messages[_i].text, "commands", text);
    ck_assert(!message_read_commands(text, strlen(text), &item, 1, &count, &reason));
    ck_assert_str_eq(reason, no_messages[_i].reason);
    reason = NULL;
    (void)put_name(no_messages[_i].text, "events", text);
    ck_assert(!message_read_events(text, strlen(text), &event, 1, &count, &reason));
    ck_assert_str_eq(reason, no_messages[_i].reason);
}
END_TEST

#define SOLD "\"k\":\"settled\",\"a\":\"" ID_1 "\""

/* Members of an event, and the malformed one; NULL: valid. */
static const struct {
    const char *members;
    const char *reason;
} events_read[] = {
    {SOLD ",\"d\":0", NULL},
    {"\"a\":\"" ID_1 "\",\"d\":1", MEMBER("k")},
    {"\"k\":\"dance\",\"a\":\"" ID_1 "\",\"d\":1", MEMBER("k")},
    {"\"k\":\"settled\",\"d\":1", MEMBER("a")},
    {SOLD, MEMBER("d")},
    {SOLD ",\"d\":253402300799999", NULL},
    {SOLD ",\"d\":253402300800000", MEMBER("d")},
    {SOLD ",\"d\":1,\"u\":7", MEMBER("u")},
    {SOLD ",\"d\":1,\"m\":0,\"n\":0,\"e\":0", NULL},
    {SOLD ",\"d\":1,\"m\":999999999999", NULL},
    {SOLD ",\"d\":1,\"m\":1000000000000", MEMBER("m")},
    {SOLD ",\"d\":1,\"n\":-1", MEMBER("n")},
    {SOLD ",\"d\":1,\"e\":253402300799999", NULL},
    {SOLD ",\"d\":1,\"e\":253402300800000", MEMBER("e")},
    {SOLD ",\"d\":1,\"p\":7", MEMBER("p")},
    {SOLD ",\"d\":1,\"p\":\"t1\"", NULL},
};

START_TEST(each_member_of_an_event_is_checked)
{
    char text[TEXT_SIZE];
    struct auction_event event;
    const char *reason = NULL;
    size_t count = 7;
    int length = snprintf(text, sizeof(text), "{\"v\":1,\"events\":[{%s}]}", events_read[_i].members);
    bool ok = message_read_events(text, (size_t)length, &event, 1, &count, &reason);
    ck_assert_msg(ok == (events_read[_i].reason == NULL), "%s", events_read[_i].members);
    ck_assert_uint_eq(count, ok ? 1 : 0);
    if (!ok) {
        ck_assert_str_eq(reason, events_read[_i].reason);
    } else if (strstr(text, "t1") != NULL) {
        ck_assert_str_eq(event.traceparent, "t1");
    }
}
END_TEST

START_TEST(events_read_are_bounded_by_the_array)
{
    static const char text[] = "{\"v\":1,\"events\":[{" SOLD ",\"d\":1},{" SOLD ",\"d\":2}]}";
    struct auction_event events[2] = {{.at_ms = 0}, {.at_ms = 99}};
    const char *reason = NULL;
    size_t count = 7;
    ck_assert(!message_read_events(text, strlen(text), events, 1, &count, &reason));
    ck_assert_str_eq(reason, "too many objects in the message");
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(events[1].at_ms, 99);
    ck_assert(message_read_events(text, strlen(text), events, 2, &count, &reason));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(events[1].at_ms, 2);
}
END_TEST

#define DECISION "\"v\":1,\"k\":\"bid\"," IDS ",\"r\":1,\"d\":1"

static const struct {
    const char *members;
    bool ok;
} decisions_read[] = {
    {DECISION ",\"s\":\"accepted\"", true},
    {DECISION, false},
    {DECISION ",\"s\":7", false},
    {DECISION ",\"s\":\"acceptee\"", false},
    {DECISION ",\"s\":\"" X16 "xxxxxxxx\"", false},
    {DECISION ",\"s\":\"accepted\",\"w\":\"" X16 "xxxxxxxx\"", false},
    {DECISION ",\"s\":\"accepted\",\"m\":999999999999,\"x\":999999999999,\"n\":9223372036854775807", true},
    {DECISION ",\"s\":\"accepted\",\"m\":1000000000000", false},
    {DECISION ",\"s\":\"accepted\",\"x\":1000000000000", false},
    {DECISION ",\"s\":\"accepted\",\"n\":-1", false},
    {DECISION ",\"s\":\"accepted\",\"u\":1", false},
    {"\"v\":2,\"k\":\"bid\"," IDS ",\"r\":1,\"d\":1,\"s\":\"accepted\"", false},
    {"\"k\":\"bid\"," IDS ",\"r\":1,\"d\":1,\"s\":\"accepted\"", false},
    {"\"v\":1," IDS ",\"r\":1,\"d\":1,\"s\":\"accepted\"", false},
    {"\"v\":1,\"k\":\"bid\",\"a\":\"" ID_1 "\",\"r\":1,\"d\":1,\"s\":\"accepted\"", false},
    {"\"v\":1,\"k\":\"bid\",\"i\":\"" ID_1 "\",\"r\":1,\"d\":1,\"s\":\"accepted\"", false},
    {"\"v\":1,\"k\":\"bid\"," IDS ",\"d\":1,\"s\":\"accepted\"", false},
    {"\"v\":1,\"k\":\"bid\"," IDS ",\"r\":1,\"s\":\"accepted\"", false},
    {"\"v\":1,\"k\":\"bid\"," IDS ",\"r\":0,\"d\":0,\"s\":\"accepted\"", true},
    {"\"v\":1,\"k\":\"bid\"," IDS ",\"r\":253402300799999,\"d\":253402300799999,\"s\":\"accepted\"", true},
    {"\"v\":1,\"k\":\"bid\"," IDS ",\"r\":253402300800000,\"d\":1,\"s\":\"accepted\"", false},
    {"\"v\":1,\"k\":\"bid\"," IDS ",\"r\":1,\"d\":253402300800000,\"s\":\"accepted\"", false},
};

START_TEST(each_member_of_a_decision_is_checked)
{
    char text[TEXT_SIZE];
    struct decision decision;
    int length = snprintf(text, sizeof(text), "{%s}", decisions_read[_i].members);
    ck_assert_msg(message_read_decision(text, (size_t)length, &decision) == decisions_read[_i].ok, "%s",
                  decisions_read[_i].members);
}
END_TEST

START_TEST(invalid_decisions_and_user_signals_are_refused)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "[]",
                                        "{}",
                                        "{\"v\":1}",
                                        "{\"t\":\"check\"}",
                                        "{\"v\":2,\"t\":\"check\"}",
                                        "{\"v\":1,\"t\":\"steal\"}",
                                        "{\"v\":1,\"t\":7}",
                                        "{\"v\":1,\"t\":\"notice\",\"i\":\"x\"}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct decision decision;
        struct user_signal word;
        ck_assert_msg(!message_read_decision(texts[i], strlen(texts[i]), &decision), "%s", texts[i]);
        ck_assert_msg(!message_read_user_signal(texts[i], strlen(texts[i]), &word), "%s", texts[i]);
    }
}
END_TEST

START_TEST(a_message_names_its_auction_in_its_first_command)
{
    static const struct {
        const char *text;
        bool named;
    } cases[] = {
        {"{\"commands\":[{\"a\":\"" ID_2 "\"},{\"a\":\"" ID_3 "\"}]}", true},
        {"{\"commands\":[{\"a\":\"x\"},{\"a\":\"" ID_3 "\"}]}", false},
        {"{\"commands\":[]}", false},
        {"{\"commands\":{\"x\":{\"a\":\"" ID_2 "\"}}}", false},
        {"{\"events\":[{\"a\":\"" ID_2 "\"}]}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json *root = json_parse(cases[i].text, strlen(cases[i].text), NULL);
        struct uuid auction = {{0}};
        struct uuid expected = id(2);
        ck_assert_msg(message_auction(root, &auction) == cases[i].named, "%s", cases[i].text);
        ck_assert(!cases[i].named || uuid_equal(&auction, &expected));
        json_free(root);
    }
}
END_TEST

static Suite *message_wire_suite(void)
{
    Suite *suite = suite_create("message_wire");
    TCase *tcase = tcase_create("message_wire");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_command_has_this_text);
    tcase_add_test(tcase, an_event_has_this_text);
    tcase_add_test(tcase, every_kind_of_event_has_its_name);
    tcase_add_test(tcase, a_decision_has_this_text_and_is_read_as_written);
    tcase_add_test(tcase, a_user_signal_has_this_text);
    tcase_add_loop_test(tcase, each_member_of_a_command_is_checked, 0, (int)ARRAY_LEN(commands_read));
    tcase_add_test(tcase, the_longest_text_does_not_affect_the_next_member);
    tcase_add_test(tcase, commands_read_are_bounded_by_the_array);
    tcase_add_test(tcase, commands_to_several_auctions_have_version_2);
    tcase_add_loop_test(tcase, invalid_messages_are_refused_with_a_reason, 0, (int)ARRAY_LEN(no_messages));
    tcase_add_loop_test(tcase, each_member_of_an_event_is_checked, 0, (int)ARRAY_LEN(events_read));
    tcase_add_test(tcase, events_read_are_bounded_by_the_array);
    tcase_add_loop_test(tcase, each_member_of_a_decision_is_checked, 0, (int)ARRAY_LEN(decisions_read));
    tcase_add_test(tcase, invalid_decisions_and_user_signals_are_refused);
    tcase_add_test(tcase, a_message_names_its_auction_in_its_first_command);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(message_wire_suite());
}
