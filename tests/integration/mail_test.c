/*
 * Deliveries by email: rostrum-notifyworker against real servers, among them a mail server with STARTTLS and a login.
 * The tests cover recipients, the format of a mail, retries and dead letters. No mail may be lost, and none may delay
 * others.
 */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/protocol/message.h"
#include "common/protocol/topology.h"
#include "common/service/daemon.h"
#include "tests/support/deployment.h"
#include "tests/support/listing.h"
#include "tests/support/logins.h"
#include "tests/support/program.h"
#include "tests/support/queues.h"
#include "tests/support/smtp.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"

enum {
    DEADLINE_MS = 30000,      /* for any single wait */
    DEAD_DEADLINE_MS = 90000, /* 1 + 2 + 4 + 8 + 16 s of delays, and the delays of a loaded machine */
    CRASH_MAILS = 200,
    ALL_WAITS_MS = 31000,
    TEXT_SIZE = 256,
    EMAIL_SIZE = 80,
    LINE_SIZE = 512, /* of /proc/net/tcp */
    NUMBER_SIZE = 24,
};

static struct sql *sql;
static struct queues *queues;
static struct jsonw *writer;
static struct smtp smtp;
static char config[PROGRAM_SETTINGS_SIZE];
static char seller[UUID_TEXT_SIZE];
static char bidder[UUID_TEXT_SIZE];
static char auction[UUID_TEXT_SIZE];
static pid_t worker;

/* Starts the worker with additional settings; the section is [mail]. */
static void worker_start(const char *more)
{
    char settings[SMTP_SETTINGS_SIZE + TEXT_SIZE];
    char mail[SMTP_SETTINGS_SIZE];
    smtp_settings(&smtp, mail);
    (void)snprintf(settings, sizeof(settings), "%s%s", mail, more);
    program_settings(settings, config);
    worker = program_start_ready("rostrum-notifyworker", config);
}

static void worker_end(void)
{
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    program_settings_remove(config);
}

static void purge(void)
{
    static const char *const names[] = {TOPOLOGY_NOTIFY_QUEUE, TOPOLOGY_EMAIL_QUEUE, TOPOLOGY_DEAD_QUEUE,
                                        TOPOLOGY_WAIT_NAMES};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        queues_purge(queues, names[i]);
    }
}

static void set_up(void)
{
    const char *url = getenv("ROSTRUM_PG_URL");
    ck_assert_msg(url != NULL, "ROSTRUM_PG_URL is not set");
    sql = sql_open(url);
    ck_assert_ptr_nonnull(sql);
    queues = queues_open();
    writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    listing_clear(sql);
    purge();
    listing_user(sql, seller);
    listing_user(sql, bidder);
    listing_new(sql, &(struct listing){0}, seller, auction);
    smtp_start(&smtp);
    worker_start("");
}

static void tear_down(void)
{
    worker_end();
    smtp_remove(&smtp);
    listing_clear(sql);
    purge();
    queues_close(queues);
    sql_close(sql);
    jsonw_free(writer);
}

/* The user chooses mail for lost leads and lost auctions, at a verified address. */
static void subscribe(const char *user, const char *email)
{
    PQclear(sql_rows(sql,
                     "UPDATE users SET email = $2, verified_at = now(), email_kinds = '{OUTBID,AUCTION_LOST}'"
                     " WHERE id = $1::uuid",
                     user, email, NULL));
}

/* Creates a user with that address who chooses mail. */
static void subscriber(const char *email, char id[static UUID_TEXT_SIZE])
{
    listing_user(sql, id);
    subscribe(id, email);
}

static struct uuid id_of(const char *text)
{
    struct uuid id;
    ck_assert(uuid_parse(text, UUID_TEXT_SIZE - 1, &id));
    return id;
}

/* Publishes that the user lost the lead, with another price each time. */
static void outbid(const char *user)
{
    static int64_t price = 1200;
    size_t length = 0;
    price += 100;
    const struct auction_event event = {.kind = EVENT_OUTBID,
                                        .auction_id = id_of(auction),
                                        .user_id = id_of(user),
                                        .amount = price,
                                        .version = price,
                                        .at_ms = clock_now_ms()};
    jsonw_reset(writer);
    message_write_events(writer, &event, 1);
    const char *body = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(body);
    queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH, body, length);
}

static int64_t deliveries(const char *email, const char *state)
{
    return sql_int(sql, "SELECT count(*) FROM deliveries WHERE endpoint = $1 AND state = $2", email, state, NULL);
}

/* A column of the only delivery to that address, as text. */
static const char *delivery(const char *email, const char *column)
{
    char statement[TEXT_SIZE];
    (void)snprintf(statement, sizeof(statement), "SELECT %s FROM deliveries WHERE endpoint = $1", column);
    return sql_text(sql, statement, email, NULL);
}

/* ---- recipients and format ---- */

START_TEST(a_lost_lead_is_mailed_to_users_who_chose_mail)
{
    subscribe(bidder, "ann@example.org");
    outbid(bidder);
    struct json *mail = smtp_wait(&smtp, "ann@example.org", "You were outbid");
    ck_assert_str_eq(smtp_text(mail, "sender"), "auctions@rostrum.example");
    ck_assert_str_eq(smtp_header(mail, "from"), "Rostrum <auctions@rostrum.example>");
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "text"), "The price is now 13.00 USD."));
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "text"), auction));
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "html"), "The price is now 13.00 USD."));
    ck_assert_ptr_nonnull(strstr(smtp_header(mail, "content-type"), "multipart/alternative"));
    json_free(mail);
    SUITE_WAIT(deliveries("ann@example.org", "delivered") == 1, DEADLINE_MS);
    ck_assert_str_eq(delivery("ann@example.org", "tries || ' ' || last_status || ' ' || kind"), "1 250 OUTBID");
}
END_TEST

/* The link of a mail about the auction, in both of its parts; unsubscribe links are the API's in any case. */
static void expect_link(const char *email, const char *path)
{
    char link[TEXT_SIZE];
    (void)snprintf(link, sizeof(link), "http://127.0.0.1:8080%s%s", path, auction);
    outbid(bidder);
    struct json *mail = smtp_wait(&smtp, email, "You were outbid");
    ck_assert_msg(strstr(smtp_text(mail, "text"), link) != NULL, "no %s in %s", link, smtp_text(mail, "text"));
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "html"), link));
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "text"), "http://127.0.0.1:8080/api/v1/unsubscribe?token="));
    json_free(mail);
}

START_TEST(links_lead_to_pages_if_the_gateway_serves_them)
{
    subscribe(bidder, "ann@example.org");
    expect_link("ann@example.org", "/api/v1/auctions/");
    worker_end();
    worker_start("[gateway]\nweb_root = /usr/share/rostrum/web\n"); /* only the gateway reads that folder */
    subscribe(bidder, "bob@example.org");
    expect_link("bob@example.org", "/auctions/");
}
END_TEST

START_TEST(a_mail_has_the_required_headers)
{
    char expected[TEXT_SIZE];
    subscribe(bidder, "ann@example.org");
    outbid(bidder);
    struct json *mail = smtp_wait(&smtp, "ann@example.org", "");
    (void)snprintf(expected, sizeof(expected), "<%s@rostrum.example>", delivery("ann@example.org", "id"));
    ck_assert_str_eq(smtp_header(mail, "message-id"), expected);
    (void)snprintf(expected, sizeof(expected), "%s",
                   delivery("ann@example.org", "to_char(created_at AT TIME ZONE 'UTC',"
                                               " 'Dy, DD Mon YYYY HH24:MI:SS \"+0000\"')"));
    ck_assert_str_eq(smtp_header(mail, "date"), expected);
    ck_assert_str_eq(smtp_header(mail, "auto-submitted"), "auto-generated");
    ck_assert_str_eq(smtp_header(mail, "list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    ck_assert_ptr_nonnull(strstr(smtp_header(mail, "list-unsubscribe"), "/api/v1/unsubscribe?token=OUTBID."));
    ck_assert_ptr_null(json_member(mail, "defects")->child);
    json_free(mail);
}
END_TEST

START_TEST(no_mail_without_a_choice_or_a_verified_address)
{
    char other[UUID_TEXT_SIZE];
    subscriber("bob@example.org", other);
    PQclear(sql_rows(sql, "UPDATE users SET verified_at = NULL WHERE id = $1::uuid", other, NULL));
    outbid(bidder);
    outbid(other);
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM notifications", NULL) == 2, DEADLINE_MS);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM deliveries", NULL), 0);
}
END_TEST

START_TEST(a_kind_can_be_sent_by_mail_only)
{
    subscribe(bidder, "ann@example.org");
    PQclear(sql_rows(sql, "UPDATE users SET muted = '{OUTBID}' WHERE id = $1::uuid", bidder, NULL));
    outbid(bidder);
    json_free(smtp_wait(&smtp, "ann@example.org", "You were outbid"));
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM notifications WHERE NOT shown", NULL), 1);
    PQclear(sql_rows(sql, "UPDATE users SET email_kinds = '{}' WHERE id = $1::uuid", bidder, NULL));
    outbid(bidder);
    outbid(seller);
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM notifications WHERE user_id = $1::uuid", seller, NULL) == 1,
               DEADLINE_MS);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM notifications", NULL), 2);
}
END_TEST

START_TEST(a_redelivered_event_is_mailed_once)
{
    subscribe(bidder, "ann@example.org");
    size_t length = 0;
    const struct auction_event event = {.kind = EVENT_OUTBID,
                                        .auction_id = id_of(auction),
                                        .user_id = id_of(bidder),
                                        .amount = 1,
                                        .version = 1,
                                        .at_ms = clock_now_ms()};
    jsonw_reset(writer);
    message_write_events(writer, &event, 1);
    const char *body = jsonw_text(writer, &length);
    for (int i = 0; i < 3; i++) {
        queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH, body, length);
    }
    outbid(bidder);
    SUITE_WAIT(smtp_count(&smtp, "ann@example.org") == 2, DEADLINE_MS);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM deliveries", NULL), 2);
}
END_TEST

/* ---- text of users in mails ---- */

START_TEST(names_and_titles_are_escaped_in_a_mail)
{
    static const char name[] = "Eve\r\nBcc: victim@example.org\r\n\r\n<b>\"Zoë\" <x@example.org>, (c)";
    static const char title[] = "Grüße\r\nBcc: victim@example.org\r\n\r\n=?UTF-8?B?QUJD?= <script>alert('1')</script> "
                                "{{token}} & \"“ένα πολύ μακρύ όνομα που δεν χωράει σε μία γραμμή κεφαλίδας”\"";
    subscribe(bidder, "eve@example.org");
    PQclear(sql_rows(sql, "UPDATE users SET display_name = $2 WHERE id = $1::uuid", bidder, name, NULL));
    PQclear(sql_rows(sql, "UPDATE auctions SET title = $2 WHERE id = $1::uuid", auction, title, NULL));
    outbid(bidder);
    struct json *mail = smtp_wait(&smtp, "eve@example.org", "You were outbid");
    int64_t headers = 0;
    ck_assert(json_get_int(mail, "headerCount", 0, 100, &headers));
    ck_assert_int_eq(headers, 10);
    ck_assert_str_eq(smtp_header(mail, "bcc"), "");
    ck_assert_ptr_null(json_member(mail, "defects")->child);
    ck_assert_str_eq(smtp_text(mail, "subject"),
                     "You were outbid: Grüße  Bcc: victim@example.org    =?UTF-8?B?QUJD?= <script>alert('1')</script> "
                     "{{token}} & \"“ένα πολύ μακρύ όνομα που δεν χωράει σε μία γραμμή κεφαλίδας”\"");
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "to"), "<eve@example.org>"));
    ck_assert_ptr_null(strstr(smtp_text(mail, "html"), "<script"));
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "html"), "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
    ck_assert_ptr_null(strstr(smtp_text(mail, "html"), "<b>"));
    ck_assert_ptr_null(strstr(smtp_text(mail, "text"), "\nBcc:"));
    ck_assert_ptr_nonnull(strstr(smtp_text(mail, "text"), "{{token}} & \""));
    json_free(mail);
    ck_assert_int_eq(smtp_count(&smtp, "victim@example.org"), 0);
}
END_TEST

/* ---- failures ---- */

START_TEST(a_refused_recipient_is_dead_lettered_without_delaying_others)
{
    char tap[QUEUES_NAME_SIZE];
    char refused[UUID_TEXT_SIZE];
    char rejected[UUID_TEXT_SIZE];
    struct queues_message dead;
    queues_tap(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_EMAIL, tap);
    subscriber("refused@example.org", refused);
    subscriber("rejected@example.org", rejected);
    subscribe(bidder, "ann@example.org");
    outbid(refused);
    SUITE_WAIT(queues_take(queues, tap, &dead), DEADLINE_MS);
    ck_assert_ptr_nonnull(strstr(dead.reason, "550 5.1.1 Nobody of that name"));
    ck_assert_ptr_nonnull(strstr(dead.body, delivery("refused@example.org", "id")));
    free(dead.body);
    outbid(rejected);
    outbid(bidder);
    SUITE_WAIT(queues_take(queues, tap, &dead), DEADLINE_MS);
    ck_assert_ptr_nonnull(strstr(dead.reason, "554 5.7.1"));
    free(dead.body);
    ck_assert_str_eq(delivery("refused@example.org", "state || ' ' || tries || ' ' || last_status"), "failed 1 550");
    ck_assert_str_eq(delivery("rejected@example.org", "state || ' ' || tries || ' ' || last_status"), "failed 1 554");
    SUITE_WAIT(deliveries("ann@example.org", "delivered") == 1, DEADLINE_MS);
}
END_TEST

START_TEST(a_temporary_refusal_is_retried)
{
    subscribe(bidder, "later@example.org");
    outbid(bidder);
    SUITE_WAIT(deliveries("later@example.org", "delivered") == 1, DEADLINE_MS);
    ck_assert_str_eq(delivery("later@example.org", "tries"), "3");
    ck_assert_int_eq(smtp_count(&smtp, "later@example.org"), 1);
}
END_TEST

START_TEST(an_unreachable_server_is_tried_six_times_and_a_resent_dead_letter_arrives)
{
    char tap[QUEUES_NAME_SIZE];
    struct queues_message dead;
    queues_tap(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_EMAIL, tap);
    subscribe(bidder, "ann@example.org");
    smtp_stop(&smtp);
    int64_t began_ms = suite_mono_ms();
    outbid(bidder);
    SUITE_WAIT(queues_take(queues, tap, &dead), DEAD_DEADLINE_MS);
    ck_assert_int_ge(suite_mono_ms() - began_ms, ALL_WAITS_MS);
    ck_assert_str_ne(dead.reason, "");
    ck_assert_str_eq(delivery("ann@example.org", "state || ' ' || tries"), "failed 6");
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM dead_letters WHERE routing_key = 'dead.email'", NULL) == 1,
               DEADLINE_MS);
    smtp_again(&smtp);
    queues_publish(queues, TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_KEY_EMAIL, dead.body, dead.length);
    free(dead.body);
    SUITE_WAIT(deliveries("ann@example.org", "delivered") == 1, DEADLINE_MS);
    ck_assert_str_eq(delivery("ann@example.org", "tries"), "1");
    ck_assert_int_eq(smtp_count(&smtp, "ann@example.org"), 1);
}
END_TEST

/*
 * The server has three mails and does not answer for longer than this test runs. One connection is left. The same
 * process still writes in-app notifications.
 */
START_TEST(a_server_that_does_not_answer_delays_no_other_mail)
{
    char slow[UUID_TEXT_SIZE];
    worker_end();
    worker_start("mail_timeout_ms = 600000\nmail_connections_max = 4\n");
    subscriber("silent@example.org", slow);
    subscribe(bidder, "ann@example.org");
    for (int i = 0; i < 3; i++) {
        outbid(slow);
    }
    SUITE_WAIT(smtp_count(&smtp, "silent@example.org") == 3, DEADLINE_MS);
    for (int i = 0; i < 10; i++) {
        outbid(bidder);
    }
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM notifications", NULL) == 13, DEADLINE_MS);
    SUITE_WAIT(deliveries("ann@example.org", "delivered") == 10, DEADLINE_MS);
    ck_assert_int_eq(deliveries("silent@example.org", "queued"), 3);
    smtp_stop(&smtp); /* otherwise the worker's drain would wait for the three */
    SUITE_WAIT(deliveries("silent@example.org", "queued") == 0, DEADLINE_MS);
}
END_TEST

START_TEST(a_mail_that_times_out_is_retried)
{
    worker_end();
    worker_start("mail_timeout_ms = 1000\n");
    subscribe(bidder, "silent@example.org");
    outbid(bidder);
    SUITE_WAIT(deliveries("silent@example.org", "retrying") == 1, DEADLINE_MS);
    ck_assert_ptr_nonnull(strstr(delivery("silent@example.org", "last_error"), "time")); /* "timed out", "timeout" */
    SUITE_WAIT(smtp_count(&smtp, "silent@example.org") > 1, DEADLINE_MS);
}
END_TEST

/* The second signal ends the worker during a transfer. The message returns to the queue. */
START_TEST(a_second_signal_ends_the_worker_during_a_transfer)
{
    worker_end();
    worker_start("mail_timeout_ms = 600000\n");
    subscribe(bidder, "silent@example.org");
    outbid(bidder);
    SUITE_WAIT(smtp_count(&smtp, "silent@example.org") == 1, DEADLINE_MS);
    ck_assert_int_eq(kill(worker, SIGTERM), 0);
    ck_assert_int_eq(program_end(worker, SIGINT),
                     EXIT_DRAIN); /* a different signal, because two pending SIGTERM would be merged */
    program_settings_remove(config);
    SUITE_WAIT(queues_depth(queues, TOPOLOGY_EMAIL_QUEUE) == 1, DEADLINE_MS);
    purge();
    worker_start("");
}
END_TEST

/* libcurl would wait for the answer to its QUIT and block all other transfers. */
START_TEST(a_server_that_ignores_quit_delays_no_other_mail)
{
    char other[UUID_TEXT_SIZE];
    subscriber("sulking@example.org", other);
    subscribe(bidder, "ann@example.org");
    for (int i = 0; i < 3; i++) {
        outbid(other);
        outbid(bidder);
    }
    SUITE_WAIT(deliveries("ann@example.org", "delivered") == 3, DEADLINE_MS);
    SUITE_WAIT(deliveries("sulking@example.org", "failed") == 3, DEADLINE_MS);
}
END_TEST

START_TEST(a_refused_login_is_retried_and_no_dead_letter)
{
    worker_end();
    worker_start("mail_password = wrong horse\n");
    subscribe(bidder, "ann@example.org");
    outbid(bidder);
    SUITE_WAIT(deliveries("ann@example.org", "retrying") == 1, DEADLINE_MS);
    ck_assert_str_eq(delivery("ann@example.org", "last_status"), "535");
}
END_TEST

START_TEST(nothing_is_sent_to_a_server_without_a_valid_certificate)
{
    worker_end();
    worker_start("mail_ca_file = none\n");
    subscribe(bidder, "ann@example.org");
    outbid(bidder);
    SUITE_WAIT(deliveries("ann@example.org", "retrying") == 1, DEADLINE_MS);
    ck_assert_ptr_nonnull(strstr(delivery("ann@example.org", "last_error"), "certificate"));
    ck_assert_int_eq(smtp_count(&smtp, "ann@example.org"), 0);
}
END_TEST

START_TEST(with_mail_off_deliveries_are_dropped)
{
    worker_end();
    worker_start("mail_url = none\n");
    subscribe(bidder, "ann@example.org");
    outbid(bidder);
    SUITE_WAIT(deliveries("ann@example.org", "dropped") == 1, DEADLINE_MS);
    ck_assert_str_eq(delivery("ann@example.org", "last_error"), "mail is off");
}
END_TEST

START_TEST(mails_of_a_kind_per_address_are_limited_by_mails_per_hour)
{
    worker_end();
    worker_start("[limits]\nmails_per_hour = 2\n");
    subscribe(bidder, "ann@example.org");
    for (int i = 0; i < 4; i++) {
        PQclear(sql_rows(sql,
                         "INSERT INTO deliveries (id, channel, kind, endpoint)"
                         " VALUES (delivery_id(), 'email', 'PASSWORD_RESET', 'ann@example.org')",
                         NULL));
        SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM deliveries WHERE state IN ('delivered', 'dropped')", NULL) ==
                       i + 1,
                   DEADLINE_MS);
    }
    ck_assert_int_eq(deliveries("ann@example.org", "delivered"), 2);
    ck_assert_int_eq(smtp_count(&smtp, "ann@example.org"), 2);
}
END_TEST

START_TEST(old_deliveries_tokens_login_places_and_idempotency_keys_are_removed)
{
    worker_end();
    subscribe(bidder, "ann@example.org");
    PQclear(sql_rows(sql,
                     "INSERT INTO deliveries (id, channel, kind, endpoint, state, created_at)"
                     " SELECT delivery_id(), 'email', 'OUTBID', 'x', 'delivered', now() - d * interval '1 day'"
                     " FROM unnest(ARRAY[29, 31, 400]) d",
                     NULL));
    PQclear(sql_rows(sql,
                     "INSERT INTO account_tokens SELECT 'hash ' || s, $1::uuid, 'VERIFY_EMAIL',"
                     " now() + s * interval '1 hour' FROM unnest(ARRAY[-1, 1]) s",
                     bidder, NULL));
    PQclear(sql_rows(sql,
                     "INSERT INTO login_places SELECT $1::uuid, 'place ' || d, now() - d * interval '1 day'"
                     " FROM unnest(ARRAY[89, 91]) d",
                     bidder, NULL));
    PQclear(sql_rows(sql,
                     "INSERT INTO idempotency_keys SELECT $1::uuid, gen_random_uuid(), $1::uuid, $1::uuid, now(), 201,"
                     " now() - h * interval '1 hour' FROM unnest(ARRAY[23, 25]) h",
                     bidder, NULL));
    worker_start("");
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM deliveries", NULL) == 1, DEADLINE_MS);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM idempotency_keys", NULL), 1);
    ck_assert_str_eq(sql_text(sql, "SELECT hash FROM account_tokens", NULL), "hash 1");
    ck_assert_str_eq(sql_text(sql, "SELECT place FROM login_places", NULL), "place 89");
}
END_TEST

/* ---- messages ---- */

START_TEST(a_redelivered_message_sends_no_second_mail)
{
    char body[TEXT_SIZE];
    subscribe(bidder, "ann@example.org");
    outbid(bidder);
    SUITE_WAIT(deliveries("ann@example.org", "delivered") == 1, DEADLINE_MS);
    int length = snprintf(body, sizeof(body), "{\"v\":1,\"delivery\":\"%s\",\"try\":0,\"endpoint\":\"\"}",
                          delivery("ann@example.org", "id"));
    queues_publish(queues, TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_KEY_EMAIL, body, (size_t)length);
    outbid(bidder);
    SUITE_WAIT(smtp_count(&smtp, "ann@example.org") == 2, DEADLINE_MS);
    worker_end();
    ck_assert_int_eq(queues_depth(queues, TOPOLOGY_EMAIL_QUEUE), 0);
    ck_assert_int_eq(smtp_count(&smtp, "ann@example.org"), 2);
    worker_start("");
}
END_TEST

START_TEST(an_undecodable_message_goes_to_the_dead_letters)
{
    static const char *const bodies[] = {"x", "{}", "{\"v\":2,\"delivery\":\"x\",\"try\":0,\"endpoint\":\"\"}"};
    char tap[QUEUES_NAME_SIZE];
    struct queues_message dead;
    queues_tap(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_EMAIL, tap);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        queues_publish(queues, TOPOLOGY_DELIVERIES_EXCHANGE, TOPOLOGY_KEY_EMAIL, bodies[i], strlen(bodies[i]));
        SUITE_WAIT(queues_take(queues, tap, &dead), DEADLINE_MS);
        ck_assert_str_eq(dead.body, bodies[i]);
        free(dead.body);
    }
}
END_TEST

START_TEST(a_killed_worker_loses_no_mail)
{
    char email[EMAIL_SIZE];
    char user[UUID_TEXT_SIZE];
    for (int i = 0; i < CRASH_MAILS; i++) {
        (void)snprintf(email, sizeof(email), "user%03d@example.org", i);
        subscriber(email, user);
        outbid(user);
    }
    for (int i = 0; i < 4; i++) {
        int64_t before = sql_int(sql, "SELECT count(*) FROM deliveries WHERE state = 'delivered'", NULL);
        SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM deliveries WHERE state = 'delivered'", NULL) > before ||
                       before == CRASH_MAILS,
                   DEADLINE_MS);
        ck_assert_int_eq(program_end(worker, SIGKILL), -1);
        worker = program_start_ready("rostrum-notifyworker", config);
    }
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM deliveries WHERE state = 'delivered'", NULL) == CRASH_MAILS,
               DEADLINE_MS);
    int copies = 0;
    for (int i = 0; i < CRASH_MAILS; i++) {
        (void)snprintf(email, sizeof(email), "user%03d@example.org", i);
        int count = smtp_count(&smtp, email);
        ck_assert_int_ge(count, 1);
        for (int k = 1; k < count; k++) {
            struct json *first = smtp_mail(&smtp, email, 0);
            struct json *again = smtp_mail(&smtp, email, k);
            ck_assert_str_eq(smtp_header(again, "message-id"), smtp_header(first, "message-id"));
            json_free(first);
            json_free(again);
        }
        copies += count - 1;
    }
    (void)printf("mails: %d, of which a killed worker's %d came twice\n", CRASH_MAILS, copies);
    (void)fflush(stdout);
}
END_TEST

enum { MAILS_BEFORE = 20, MAILS_AFTER = 3 };

/* Returns when the first mails have been sent. */
static void start_mails(void)
{
    subscribe(bidder, "ann@example.org");
    for (int i = 0; i < MAILS_BEFORE; i++) {
        outbid(bidder);
    }
    SUITE_WAIT(smtp_count(&smtp, "ann@example.org") > 0, DEADLINE_MS);
}

/* Mails in progress and later mails arrive, so the lost connection was replaced. */
static void expect_all_mails_delivered(void)
{
    SUITE_WAIT(deliveries("ann@example.org", "delivered") == MAILS_BEFORE, DEADLINE_MS);
    for (int i = 0; i < MAILS_AFTER; i++) {
        outbid(bidder);
    }
    SUITE_WAIT(deliveries("ann@example.org", "delivered") == MAILS_BEFORE + MAILS_AFTER, DEADLINE_MS);
}

START_TEST(mails_arrive_after_a_lost_connection_to_postgresql)
{
    start_mails();
    ck_assert_int_gt(sql_int(sql,
                             "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname ="
                             " current_database() AND application_name LIKE 'rostrum-notifyworker%'",
                             NULL),
                     0);
    expect_all_mails_delivered();
}
END_TEST

/* Whether a descriptor of the worker is the socket of this inode. */
static bool worker_has_socket(const char *inode)
{
    char path[TEXT_SIZE];
    char wanted[TEXT_SIZE];
    char target[TEXT_SIZE];
    bool found = false;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)worker);
    (void)snprintf(wanted, sizeof(wanted), "socket:[%s]", inode);
    DIR *folder = opendir(path);
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry = readdir(folder); !found && entry != NULL; entry = readdir(folder)) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
        target[length < 0 ? 0 : length] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    ck_assert_int_eq(closedir(folder), 0);
    return found;
}

/*
 * The worker's connections to RabbitMQ: one publishes, one consumes. They are read from the kernel: rabbitmqctl takes a
 * second of processor time, which can be a minute on a machine under load.
 */
static int broker_connections(const char *url)
{
    char line[LINE_SIZE];
    char wanted[NUMBER_SIZE];
    int count = 0;
    ck_assert_int_eq(sscanf(strrchr(url, '@'), "@%*[^:]:%23[0-9]", wanted), 1);
    FILE *file = fopen("/proc/net/tcp", "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        char port[NUMBER_SIZE];
        char inode[NUMBER_SIZE];
        if (sscanf(line, "%*d: %*x:%*x %*x:%23[0-9A-F] %*x %*x:%*x %*x:%*x %*x %*u %*u %23[0-9]", port, inode) == 2 &&
            strtol(port, NULL, 16) == strtol(wanted, NULL, 10) && worker_has_socket(inode)) {
            count++;
        }
    }
    ck_assert_int_eq(fclose(file), 0);
    return count;
}

START_TEST(mails_arrive_after_lost_connections_to_rabbitmq)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    char user[TEXT_SIZE] = "";
    static struct config login;
    logins_read(LOGIN_NOTIFYWORKER, &login);
    ck_assert_int_eq(sscanf(login.amqp_url, "amqp://%255[^:]", user), 1);
    ck_assert_int_eq(broker_connections(login.amqp_url), 2);
    start_mails();
    int code =
        deployment_script(out, sizeof(out), "rabbitmqctl", "-q", "close_all_user_connections", user, "a test", NULL);
    ck_assert_msg(code == 0, "%s", out);
    expect_all_mails_delivered();
    ck_assert_int_eq(broker_connections(login.amqp_url), 2);
}
END_TEST

static Suite *mail_suite(void)
{
    const TTest *const tests[] = {
        a_lost_lead_is_mailed_to_users_who_chose_mail,
        links_lead_to_pages_if_the_gateway_serves_them,
        a_mail_has_the_required_headers,
        no_mail_without_a_choice_or_a_verified_address,
        a_kind_can_be_sent_by_mail_only,
        a_redelivered_event_is_mailed_once,
        names_and_titles_are_escaped_in_a_mail,
        a_refused_recipient_is_dead_lettered_without_delaying_others,
        a_temporary_refusal_is_retried,
        an_unreachable_server_is_tried_six_times_and_a_resent_dead_letter_arrives,
        a_server_that_does_not_answer_delays_no_other_mail,
        a_mail_that_times_out_is_retried,
        a_second_signal_ends_the_worker_during_a_transfer,
        a_server_that_ignores_quit_delays_no_other_mail,
        a_refused_login_is_retried_and_no_dead_letter,
        nothing_is_sent_to_a_server_without_a_valid_certificate,
        with_mail_off_deliveries_are_dropped,
        mails_of_a_kind_per_address_are_limited_by_mails_per_hour,
        old_deliveries_tokens_login_places_and_idempotency_keys_are_removed,
        a_redelivered_message_sends_no_second_mail,
        an_undecodable_message_goes_to_the_dead_letters,
        a_killed_worker_loses_no_mail,
        mails_arrive_after_a_lost_connection_to_postgresql,
        mails_arrive_after_lost_connections_to_rabbitmq,
    };
    Suite *suite = suite_create("mail");
    TCase *cases = tcase_create("mail");
    tcase_set_timeout(cases, 2.0 * DEAD_DEADLINE_MS / 1000);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(cases, tests[i]);
    }
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(mail_suite());
}
