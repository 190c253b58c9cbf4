/*
 * Changes of flash sales by admins over HTTP: each call in each state of a sale, as the table of sale_rules.h says.
 * Tests of accepted changes end with `rostrumctl verify`, which derives the state from the ledger by the rules.
 *
 * Runs alone: it stops the sale worker and RabbitMQ.
 */
#include <signal.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/sales.h"

enum { HOUR_MS = 3600000, BODY_SIZE = 512, TEST_S = 300 };

#define REASON "asked for by its seller"

static struct factory_user admin;
static char product[UUID_TEXT_SIZE];
static char sale[UUID_TEXT_SIZE]; /* of the state that was made last */

static void setup(void)
{
    fixture_setup();
    sales_admin(&admin);
    sales_product(&admin, "A lamp", "", product);
}

static const char *time_text(int64_t from_now_ms)
{
    static char text[CLOCK_TEXT_SIZE];
    clock_format(clock_now_ms() + from_now_ms, text);
    return text;
}

static void expect_verified(void)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int code = deployment_ctl(out, sizeof(out), "verify", sale, NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
}

/* --- the calls --- */

enum call { UPDATE, EXTEND, CLOSE, CANCEL, CALLS };

static const struct {
    const char *method;
    const char *tail;
    const char *action; /* in the audit log */
    const char *kind;   /* in the ledger */
} calls[CALLS] = {
    [UPDATE] = {"PUT", "", "SALE_UPDATE", "update"},
    [EXTEND] = {"POST", "/extend", "SALE_EXTEND", "extend"},
    [CLOSE] = {"POST", "/close", "SALE_CLOSE", "close"},
    [CANCEL] = {"POST", "/cancel", "SALE_CANCEL", "abort"},
};

static const char *path_of(enum call call)
{
    return client_format(SALES "/%s%s", sale, calls[call].tail);
}

static const struct reply *send_body(enum call call, const char *body)
{
    return fixture_call(&admin, calls[call].method, path_of(call), body);
}

static int64_t sale_version(void)
{
    return sql_int(fixture.sql, "SELECT version FROM flash_sales WHERE id = $1", sale, NULL);
}

/* A body that is valid for the call: of an extension, three hours from now. */
static const char *body_of(enum call call)
{
    if (call == UPDATE) {
        return client_format("{\"version\": %lld, \"flashPrice\": 19.50}", (long long)sale_version());
    }
    return call == EXTEND
               ? client_format("{\"endTime\": \"%s\", \"reason\": \"" REASON "\"}", time_text(3 * (int64_t)HOUR_MS))
               : "{\"reason\": \"" REASON "\"}";
}

static const struct reply *send_call(enum call call)
{
    char body[BODY_SIZE];
    (void)snprintf(body, sizeof(body), "%s", body_of(call));
    return send_body(call, body);
}

static int64_t entries(enum call call)
{
    return sql_int(fixture.sql, "SELECT count(*) FROM audit_log WHERE subject = $1 AND action = $2", sale,
                   calls[call].action, NULL);
}

/* The entries that name a row of the ledger with this outcome: "accepted", or the reason of a rejection. */
static int64_t entries_decided(enum call call, const char *outcome)
{
    return sql_int(fixture.sql,
                   "SELECT count(*) FROM audit_log a JOIN sale_ledger l ON l.sale_id::text = a.subject"
                   " AND l.command_id::text = a.new_value->>'commandId' WHERE a.subject = $1 AND a.action = $2"
                   " AND coalesce(l.reason, l.status) = $3 AND a.actor_id = $4::uuid"
                   " AND a.old_value->>'status' IS NOT NULL"
                   " AND a.reason = CASE a.action WHEN 'SALE_UPDATE' THEN '' ELSE '" REASON "' END",
                   sale, calls[call].action, outcome, admin.id, NULL);
}

/* --- the states --- */

static void buy(const char *quantity, const char *path, int status)
{
    client_header(fixture.client, "Prefer: wait=10");
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", path,
                               quantity == NULL
                                   ? NULL
                                   : client_format("{\"flashSaleId\": \"%s\", \"quantity\": %s}", sale, quantity)),
                  status);
}

static void make_upcoming(void)
{
    sales_sale(&admin, product, HOUR_MS, "", sale);
}

/* The first command that is received in time opens or starts the sale. */
static void make_open(void)
{
    char more[BODY_SIZE];
    (void)snprintf(more, sizeof(more), ", \"joinTime\": \"%s\"", time_text(-1000));
    sales_sale(&admin, product, HOUR_MS, more, sale);
    buy("1", "/api/v1/queue/join", 200);
}

static void make_active(void)
{
    sales_sale(&admin, product, -1000, ", \"perUserLimit\": 10", sale);
    buy("1", "/api/v1/queue/join", 200);
}

static void make_ended(void)
{
    make_active();
    buy("1", "/api/v1/orders", 200);
    EXPECT_STATUS(send_call(CLOSE), 200);
}

static void make_settled(void)
{
    make_active();
    EXPECT_STATUS(send_call(CLOSE), 200);
}

static void make_sold_out(void)
{
    char order[UUID_TEXT_SIZE];
    sales_sale(&admin, product, -1000, ", \"perUserLimit\": 10", sale);
    buy("10", "/api/v1/orders", 200);
    (void)snprintf(order, sizeof(order), "%s",
                   sql_text(fixture.sql, "SELECT id FROM orders WHERE sale_id = $1", sale, NULL));
    buy(NULL, client_format("/api/v1/orders/%s/confirm", order), 200);
}

static void make_cancelled(void)
{
    make_upcoming();
    EXPECT_STATUS(send_call(CANCEL), 200);
}

/* The table of sale_rules.h. `answers`: the code of a refusal, or ">" and the status of the sale afterwards. */
static const struct {
    const char *status;
    void (*make)(void);
    const char *answers[CALLS];
} states[] = {
    {"upcoming", make_upcoming, {">upcoming", ">upcoming", "SALE_NOT_STARTED", ">cancelled"}},
    {"open", make_open, {"SALE_ALREADY_OPEN", ">open", "SALE_NOT_STARTED", ">cancelled"}},
    {"active", make_active, {"SALE_ALREADY_OPEN", ">active", ">settled", ">cancelled"}},
    {"ended", make_ended, {"SALE_ENDED", "SALE_ENDED", "SALE_ENDED", "SALE_ENDED"}},
    {"settled", make_settled, {"SALE_ENDED", "SALE_ENDED", "SALE_ENDED", "SALE_ENDED"}},
    {"sold_out", make_sold_out, {"SOLD_OUT", "SOLD_OUT", "SOLD_OUT", "SOLD_OUT"}},
    {"cancelled", make_cancelled, {"SALE_CANCELLED", "SALE_CANCELLED", "SALE_CANCELLED", "SALE_CANCELLED"}},
};

/* The gateway refuses new terms itself by the status; the queue decides the rest, and each entry names the decision. */
static void expect_answer(enum call call, const char *answer)
{
    bool accepted = answer[0] == '>';
    int64_t before = entries_decided(call, accepted ? "accepted" : answer);
    const struct reply *reply = send_call(call);
    if (accepted) {
        EXPECT_STATUS(reply, 200);
        EXPECT_TEXT(reply, "id", sale);
        EXPECT_TEXT(reply, "status", answer + 1);
        ck_assert_int_eq(entries_decided(call, "accepted"), before + 1);
    } else {
        EXPECT_ERROR(reply, 409, answer);
        ck_assert_int_eq(entries_decided(call, answer), before + (call == UPDATE ? 0 : 1));
    }
}

START_TEST(each_call_is_answered_by_the_state_of_the_sale)
{
    bool fresh = false;
    for (size_t i = 0; i < ARRAY_LEN(states); i++, fresh = false) {
        for (enum call call = UPDATE; call < CALLS; call++) {
            if (!fresh) {
                states[i].make();
                EXPECT_TEXT(sales_get(NULL, sale), "status", states[i].status);
            }
            expect_answer(call, states[i].answers[call]);
            fresh = states[i].answers[call][0] != '>';
            if (!fresh || call == CANCEL) {
                expect_verified();
            }
        }
    }
}
END_TEST

/* --- new terms --- */

START_TEST(an_admin_changes_the_terms_before_the_sale_opens)
{
    char join[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    make_upcoming();
    clock_format(clock_now_ms() + HOUR_MS / 2, join);
    clock_format(clock_now_ms() + 4 * (int64_t)HOUR_MS, end);
    const struct reply *reply = send_body(
        UPDATE, client_format("{\"version\": 1, \"flashPrice\": \"7.25\", \"quantityAvailable\": 50,"
                              " \"perUserLimit\": 4, \"joinTime\": \"%s\", \"endTime\": \"%s\", \"turnSeconds\": 30,"
                              " \"reservationSeconds\": 40, \"payment\": \"callback\"}",
                              join, end));
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "flashPrice", "7.25");
    EXPECT_TEXT(reply, "quantityAvailable", "50");
    EXPECT_TEXT(reply, "available", "50");
    EXPECT_TEXT(reply, "perUserLimit", "4");
    EXPECT_TEXT(reply, "joinTime", join);
    EXPECT_TEXT(reply, "endTime", end);
    EXPECT_TEXT(reply, "turnSeconds", "30");
    EXPECT_TEXT(reply, "reservationSeconds", "40");
    EXPECT_TEXT(reply, "payment", "callback");
    EXPECT_TEXT(reply, "version", "2");
    /* Members that are left out or null keep their value. */
    reply = send_body(UPDATE, "{\"version\": 2, \"quantityAvailable\": 60, \"perUserLimit\": null, \"payment\": null}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "quantityAvailable", "60");
    EXPECT_TEXT(reply, "perUserLimit", "4");
    EXPECT_TEXT(reply, "payment", "callback");
    EXPECT_TEXT(reply, "flashPrice", "7.25");
    EXPECT_TEXT(reply, "endTime", end);
    ck_assert_str_eq(sql_text(fixture.sql,
                              "SELECT string_agg((old_value->>'quantityAvailable') || ' ' ||"
                              " (new_value->>'quantityAvailable'), ', ' ORDER BY at) FROM audit_log"
                              " WHERE subject = $1 AND action = 'SALE_UPDATE'",
                              sale, NULL),
                     "10 50, 50 60");
    reply = send_body(UPDATE, "{\"version\": 2, \"quantityAvailable\": 70}");
    EXPECT_ERROR(reply, 409, "VERSION_CONFLICT");
    EXPECT_TEXT(reply, "version", "3");
    EXPECT_TEXT(sales_get(NULL, sale), "quantityAvailable", "60");
    expect_verified();
}
END_TEST

START_TEST(an_end_must_be_later_than_the_present_one)
{
    make_active();
    const struct reply *reply =
        send_body(EXTEND, client_format("{\"endTime\": \"%s\", \"reason\": \"" REASON "\"}", time_text(60000)));
    EXPECT_ERROR(reply, 409, "END_NOT_LATER");
    char end[CLOCK_TEXT_SIZE];
    (void)snprintf(end, sizeof(end), "%s", reply_text(reply, "endTime"));
    EXPECT_TEXT(sales_get(NULL, sale), "endTime", end);
    make_upcoming();
    reply = send_call(CLOSE);
    EXPECT_ERROR(reply, 409, "SALE_NOT_STARTED");
    (void)snprintf(end, sizeof(end), "%s", reply_text(reply, "startTime"));
    EXPECT_TEXT(sales_get(NULL, sale), "startTime", end);
}
END_TEST

/* Of an upcoming sale of 10 units at 20.00, with a limit of 3. %T: a time in half a minute, %L: in 400 days. */
static const struct {
    enum call call;
    const char *body;
    const char *field; /* NULL: the price is invalid */
    const char *code;
} invalid[] = {
#define TEXT "\"reason\": \"x\""
    {EXTEND, "{" TEXT "}", "endTime", "REQUIRED"},
    {EXTEND, "{\"endTime\": \"%T\"}", "reason", "REQUIRED"},
    {EXTEND, "{\"endTime\": \"%T\", \"reason\": \"\"}", "reason", "TOO_SHORT"},
    {EXTEND, "{\"endTime\": \"%T\", \"reason\": 1}", "reason", "NOT_A_STRING"},
    {EXTEND, "{\"endTime\": 1, " TEXT "}", "endTime", "NOT_A_TIME"},
    {EXTEND, "{\"endTime\": \"2001-01-01T00:00:00Z\", " TEXT "}", "endTime", "TOO_EARLY"},
    {EXTEND, "{\"endTime\": \"%L\", " TEXT "}", "endTime", "TOO_LATE"},
    {EXTEND, "{\"endTime\": \"%T\", \"action\": \"extend\", " TEXT "}", "action", "UNKNOWN_FIELD"},
    {CLOSE, "{}", "reason", "REQUIRED"},
    {CLOSE, "{\"endTime\": \"%T\", " TEXT "}", "endTime", "UNKNOWN_FIELD"},
    {CANCEL, "{\"reason\": null}", "reason", "REQUIRED"},
    {CANCEL, "{\"version\": 1, " TEXT "}", "version", "UNKNOWN_FIELD"},
    {UPDATE, "{}", "version", "REQUIRED"},
    {UPDATE, "{\"version\": 0}", "version", "NUMBER_TOO_SMALL"},
    {UPDATE, "{\"version\": 1, " TEXT "}", "reason", "UNKNOWN_FIELD"},
    {UPDATE, "{\"version\": 1, \"productId\": \"none\"}", "productId", "UNKNOWN_FIELD"},
    {UPDATE, "{\"version\": 1, \"flashPrice\": 0}", NULL, NULL},
    {UPDATE, "{\"version\": 1, \"quantityAvailable\": 0}", "quantityAvailable", "INVALID_NUMBER"},
    {UPDATE, "{\"version\": 1, \"perUserLimit\": 1000001}", "perUserLimit", "INVALID_NUMBER"},
    {UPDATE, "{\"version\": 1, \"flashPrice\": 9999999999.99}", "perUserLimit", "INVALID_NUMBER"},
    {UPDATE, "{\"version\": 1, \"flashPrice\": 9999999999.99, \"perUserLimit\": null}", "perUserLimit",
     "INVALID_NUMBER"},
    {UPDATE, "{\"version\": 1, \"startTime\": \"2001-01-01T00:00:00Z\"}", "startTime", "TOO_EARLY"},
    {UPDATE, "{\"version\": 1, \"startTime\": \"%T\"}", "joinTime", "TOO_LATE"},
    {UPDATE, "{\"version\": 1, \"endTime\": \"%T\"}", "endTime", "TOO_EARLY"},
    {UPDATE, "{\"version\": 1, \"endTime\": \"%L\"}", "endTime", "TOO_LATE"},
    {UPDATE, "{\"version\": 1, \"turnSeconds\": 0}", "turnSeconds", "INVALID_NUMBER"},
    {UPDATE, "{\"version\": 1, \"reservationSeconds\": 86401}", "reservationSeconds", "INVALID_NUMBER"},
    {UPDATE, "{\"version\": 1, \"payment\": \"card\"}", "payment", "UNKNOWN_VALUE"},
#undef TEXT
};

static void fill_times(const char *text, char out[static BODY_SIZE])
{
    size_t length = 0;
    for (; *text != '\0'; text++) {
        if (*text == '%') {
            text++;
            length += (size_t)snprintf(out + length, BODY_SIZE - length, "%s",
                                       time_text(*text == 'T' ? INT64_C(30000) : 9600 * (int64_t)HOUR_MS));
        } else {
            out[length++] = *text;
        }
    }
    out[length] = '\0';
}

START_TEST(invalid_changes_are_refused_with_their_field)
{
    char body[BODY_SIZE];
    sales_sale(&admin, product, HOUR_MS, ", \"perUserLimit\": 3", sale);
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        fill_times(invalid[i].body, body);
        const struct reply *reply = send_body(invalid[i].call, body);
        EXPECT_ERROR(reply, 400, invalid[i].field == NULL ? "INVALID_AMOUNT" : "VALIDATION_FAILED");
        if (invalid[i].field != NULL) {
            ck_assert_msg(strcmp(reply_text(reply, "fields.0.field"), invalid[i].field) == 0 &&
                              strcmp(reply_text(reply, "fields.0.code"), invalid[i].code) == 0,
                          "%s: " EXPECT_GOT, body, reply->status, reply->body);
        }
    }
    for (enum call call = UPDATE; call < CALLS; call++) {
        ck_assert_int_eq(entries(call), 0);
        (void)snprintf(body, sizeof(body), "%s", body_of(call));
        EXPECT_ERROR(fixture_call(&admin, calls[call].method,
                                  client_format(SALES "/%s%s", fixture.auction, calls[call].tail), body),
                     404, "NOT_FOUND");
    }
    ck_assert_int_eq(sale_version(), 1);
}
END_TEST

/* --- keys --- */

static const struct reply *send_keyed(enum call call, const char *key, const char *body)
{
    client_header(fixture.client, client_format("Idempotency-Key: %s", key));
    return send_body(call, body);
}

static int64_t decided(enum call call)
{
    return sql_int(fixture.sql, "SELECT count(*) FROM sale_ledger WHERE sale_id = $1 AND kind = $2", sale,
                   calls[call].kind, NULL);
}

START_TEST(a_repeated_change_is_made_and_noted_once)
{
    static const struct {
        void (*make)(void);
        const char *other; /* another body that is valid for the call */
    } changes[CALLS] = {
        [UPDATE] = {make_upcoming, "{\"version\": 2}"},
        [EXTEND] = {make_active, "{\"endTime\": \"%T\", \"reason\": \"other\"}"},
        [CLOSE] = {make_active, "{\"reason\": \"other\"}"},
        [CANCEL] = {make_open, "{\"reason\": \"other\"}"},
    };
    char body[BODY_SIZE];
    for (enum call call = UPDATE; call < CALLS; call++) {
        changes[call].make();
        (void)snprintf(body, sizeof(body), "%s", body_of(call));
        for (int repeated = 0; repeated < 3; repeated++) {
            EXPECT_STATUS(send_keyed(call, "a change", body), 200);
        }
        ck_assert_int_eq(entries(call), 1);
        ck_assert_int_eq(decided(call), 1);
        fill_times(changes[call].other, body);
        EXPECT_ERROR(send_keyed(call, "a change", body), 422, "IDEMPOTENCY_KEY_REUSED");
        ck_assert_int_eq(entries(call), 1);
        PQclear(sql_rows(fixture.sql, "DELETE FROM idempotency_keys WHERE user_id = $1::uuid", admin.id, NULL));
    }
}
END_TEST

START_TEST(a_repeated_change_that_was_rejected_is_rejected_again)
{
    char body[BODY_SIZE];
    make_upcoming();
    (void)snprintf(body, sizeof(body), "%s", body_of(CLOSE));
    for (int repeated = 0; repeated < 2; repeated++) {
        EXPECT_ERROR(send_keyed(CLOSE, "early", body), 409, "SALE_NOT_STARTED");
    }
    ck_assert_int_eq(decided(CLOSE), 1);
    ck_assert_int_eq(entries(CLOSE), 1);
}
END_TEST

/* --- while the queue stands still --- */

/* The deployment has one sale worker. */
static void signal_worker(int signal)
{
    pid_t pid = deployment_pid("saleworker-1");
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(kill(pid, signal), 0);
}

static const char *decisions(enum call call)
{
    return sql_text(fixture.sql,
                    "SELECT string_agg(coalesce(reason, status), ' ' ORDER BY seq) FROM sale_ledger"
                    " WHERE sale_id = $1 AND kind = $2",
                    sale, calls[call].kind, NULL);
}

/* The statuses are asserted once the worker runs again. Both changes were sent while the sale had version 1. */
START_TEST(of_two_changes_at_once_the_first_in_the_queue_is_made)
{
    make_upcoming();
    signal_worker(SIGSTOP);
    const struct reply *reply = send_body(UPDATE, "{\"version\": 1, \"flashPrice\": 11}");
    int first = reply->status;
    bool named = reply_at(reply, "commandId") != NULL && strcmp(reply_text(reply, "status"), "pending") == 0;
    int second = send_body(UPDATE, "{\"version\": 1, \"flashPrice\": 12}")->status;
    signal_worker(SIGCONT);
    ck_assert_int_eq(first, 202);
    ck_assert(named);
    ck_assert_int_eq(second, 202);
    SUITE_WAIT(decided(UPDATE) == 2, FACTORY_DECISION_MS);
    ck_assert_str_eq(decisions(UPDATE), "accepted VERSION_CONFLICT");
    EXPECT_TEXT(sales_get(NULL, sale), "flashPrice", "11.00");
    expect_verified();
}
END_TEST

/* Each is sent while the change that would allow it is queued. So the queue decides, in its order. */
START_TEST(a_join_behind_a_change_that_opens_the_sale_is_not_refused)
{
    char join[BODY_SIZE];
    char body[BODY_SIZE];
    make_upcoming();
    (void)snprintf(join, sizeof(join), "{\"flashSaleId\": \"%s\", \"quantity\": 2}", sale);
    (void)snprintf(body, sizeof(body), "{\"version\": 1, \"perUserLimit\": 2, \"joinTime\": \"%s\"}", time_text(-1000));
    EXPECT_ERROR(fixture_call(&fixture.ann, "POST", "/api/v1/queue/join", join), 409, "SALE_NOT_OPEN");
    signal_worker(SIGSTOP);
    int changed = send_body(UPDATE, body)->status;
    int joined = fixture_call(&fixture.ann, "POST", "/api/v1/queue/join", join)->status;
    signal_worker(SIGCONT);
    ck_assert_int_eq(changed, 202);
    ck_assert_int_eq(joined, 202);
    SUITE_WAIT(decided(UPDATE) == 1, FACTORY_DECISION_MS);
    SUITE_WAIT(sql_int(fixture.sql, "SELECT waiting FROM flash_sales WHERE id = $1", sale, NULL) == 1,
               FACTORY_DECISION_MS);
    expect_verified();
}
END_TEST

START_TEST(a_sale_that_opens_before_the_decision_keeps_its_terms)
{
    char more[BODY_SIZE];
    signal_worker(SIGSTOP);
    (void)snprintf(more, sizeof(more), ", \"joinTime\": \"%s\"", time_text(-1000));
    sales_sale(&admin, product, HOUR_MS, more, sale);
    int status = send_call(UPDATE)->status;
    signal_worker(SIGCONT);
    ck_assert_int_eq(status, 202);
    SUITE_WAIT(decided(UPDATE) == 1, FACTORY_DECISION_MS);
    ck_assert_str_eq(decisions(UPDATE), "SALE_ALREADY_OPEN");
    EXPECT_TEXT(sales_get(NULL, sale), "flashPrice", "20.00");
    expect_verified();
}
END_TEST

START_TEST(without_its_broker_a_change_is_503_and_can_be_repeated)
{
    char body[BODY_SIZE];
    make_active();
    (void)snprintf(body, sizeof(body), "%s", body_of(EXTEND));
    ck_assert(deployment_service("rabbitmq", "down"));
    const struct reply *reply = send_keyed(EXTEND, "outage", body);
    int status = reply->status;
    ck_assert(deployment_service("rabbitmq", "up"));
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    ck_assert_int_eq(status, 503);
    ck_assert_int_eq(entries(EXTEND), 1);
    EXPECT_STATUS(send_keyed(EXTEND, "outage", body), 200);
    ck_assert_int_eq(entries(EXTEND), 1);
    ck_assert_int_eq(entries_decided(EXTEND, "accepted"), 1);
    ck_assert_int_eq(decided(EXTEND), 1);
    expect_verified();
}
END_TEST

static Suite *sale_admin_suite(void)
{
    const TTest *const tests[] = {
        each_call_is_answered_by_the_state_of_the_sale,
        an_admin_changes_the_terms_before_the_sale_opens,
        an_end_must_be_later_than_the_present_one,
        invalid_changes_are_refused_with_their_field,
        a_repeated_change_is_made_and_noted_once,
        a_repeated_change_that_was_rejected_is_rejected_again,
        of_two_changes_at_once_the_first_in_the_queue_is_made,
        a_join_behind_a_change_that_opens_the_sale_is_not_refused,
        a_sale_that_opens_before_the_decision_keeps_its_terms,
        without_its_broker_a_change_is_503_and_can_be_repeated,
    };
    Suite *suite = suite_create("sale admin");
    TCase *everything = tcase_create("sale admin");
    tcase_add_checked_fixture(everything, setup, fixture_teardown);
    tcase_set_timeout(everything, TEST_S);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(everything, tests[i]);
    }
    suite_add_tcase(suite, everything);
    return suite;
}

int main(void)
{
    return suite_run(sale_admin_suite());
}
