/*
 * rostrumctl as an operator uses it, against real servers: migrate, user, shards, dead-letters, auction, and the errors
 * for wrong arguments. verify has a program of its own (verify_test.c).
 */
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/topology.h"
#include "common/service/shards.h"
#include "tests/support/deployment.h"
#include "tests/support/loop.h"
#include "tests/support/sql.h"
#include "tests/support/tables.h"

enum {
    KEYS_MADE = 7,
    PATH_SIZE = 512,
    WORKER = 424242,
    UNACKED = 7,
    DEADLINE_MS = 10000,
    DEAD_LETTERS = 200,
    FRAME_MAX_BYTES = 131072
};

#define AUCTION "01900000-0000-7000-8000-00000000b001"
#define USER    "01900000-0000-7000-8000-00000000b0ff"

static struct sql *sql;
static char out[DEPLOYMENT_OUTPUT_SIZE];

static void set_up(void)
{
    sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    PQclear(sql_rows(sql, "TRUNCATE auctions, bids, users CASCADE", NULL));
}

static void tear_down(void)
{
    sql_close(sql);
}

#define EXPECT_CTL(code, ...)                                                                                          \
    do {                                                                                                               \
        int got_code = deployment_ctl(out, sizeof(out), __VA_ARGS__, NULL);                                            \
        ck_assert_msg(got_code == (code), "exit code %d, should be %d: %s", got_code, (code), out);                    \
    } while (0)
#define EXPECT_OUTPUT(word) ck_assert_msg(strstr(out, (word)) != NULL, "no \"%s\" in: %s", (word), out)

/* Runs a shell command; `ctl` in it is rostrumctl. */
static int shell(const char *command)
{
    char script[PATH_SIZE];
    const char *build = getenv("BUILD");
    (void)snprintf(script, sizeof(script), "ctl() { \"%s/bin/rostrumctl\" \"$@\"; }; %s",
                   build != NULL ? build : "build", command);
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    return deployment_run(argv, out, sizeof(out));
}

/* --- the command line --- */

START_TEST(help_and_version_are_printed)
{
    EXPECT_CTL(0, "--version");
    EXPECT_OUTPUT("rostrumctl ");
    EXPECT_CTL(0, "--help");
    EXPECT_OUTPUT("SYNOPSIS");
    EXPECT_OUTPUT("EXIT STATUS");
    EXPECT_CTL(0, "verify", "--help");
    EXPECT_OUTPUT("snapshot, so bidding can continue");
}
END_TEST

START_TEST(wrong_arguments_exit_with_2)
{
    static const char *const WRONG[][3] = {
        {"open", NULL, NULL},          {"--bogus", NULL, NULL},           {"migrate", "now", NULL},
        {"user", NULL, NULL},          {"user", "delete", "a@b.example"}, {"user", "create", "nobody"},
        {"shards", "0", NULL},         {"dead-letters", "--limit", "0"},  {"dead-letters", "--limit", "1x"},
        {"auction", NULL, NULL},       {"auction", "chair", NULL},        {"--config", "/nonexistent.ini", "shards"},
        {"dead-letters", "all", NULL}, {"verify", "--audit", "--hash"},   {"audit", NULL, NULL},
        {"audit", "archive", NULL},    {"verify", "--audit", "--bogus"},
    };
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        EXPECT_CTL(2, WRONG[i][0], WRONG[i][1], WRONG[i][2]);
    }
    EXPECT_CTL(2, "--bogus");
    EXPECT_OUTPUT("see rostrumctl --help");
}
END_TEST

START_TEST(an_error_names_the_unreachable_server)
{
    ck_assert_int_eq(shell("ROSTRUM_PG_URL=postgresql://127.0.0.1:1/x ctl verify"), 69);
    EXPECT_OUTPUT("PostgreSQL cannot be reached");
    ck_assert_int_eq(shell("ROSTRUM_AMQP_URL=amqp://127.0.0.1:1 ctl dead-letters"), 69);
    EXPECT_OUTPUT("RabbitMQ cannot be reached");
    ck_assert_int_eq(shell("ROSTRUM_AMQP_URL=http://127.0.0.1 ctl dead-letters"), 2);
    EXPECT_OUTPUT("amqp_url must be of the form amqp://");
}
END_TEST

START_TEST(the_first_host_of_rabbitmq_that_answers_is_used)
{
    ck_assert_int_eq(
        shell("ROSTRUM_AMQP_URL=$(echo \"$ROSTRUM_AMQP_URL\" | sed 's/@/@127.0.0.1:1,/') ctl dead-letters"), 0);
    ck_assert_int_eq(shell("ROSTRUM_AMQP_URL=amqp://127.0.0.1:1,127.0.0.1:2 ctl dead-letters"), 69);
    EXPECT_OUTPUT("RabbitMQ cannot be reached");
    ck_assert_int_eq(shell("ROSTRUM_AMQP_URL=amqp://127.0.0.1:1,127.0.0.1:1 ctl dead-letters"), 2);
    EXPECT_OUTPUT("amqp_url must name each host once");
}
END_TEST

START_TEST(settings_are_read_from_rostrum_var)
{
    ck_assert_int_eq(
        shell("folder=$(mktemp -d) && printf '[postgres]\\npg_url = %s\\n' \"$ROSTRUM_PG_URL\" "
              ">$folder/deployment.ini && unset ROSTRUM_PG_URL ROSTRUM_CONF && ROSTRUM_VAR=$folder ctl verify; "
              "code=$?; rm -r $folder; exit $code"),
        0);
    EXPECT_OUTPUT("no difference");
    ck_assert_int_eq(shell("unset ROSTRUM_PG_URL ROSTRUM_CONF && ROSTRUM_VAR=/nonexistent ctl verify"), 2);
    EXPECT_OUTPUT("ROSTRUM_VAR=/nonexistent contains no deployment");
}
END_TEST

/* --- migrate --- */

START_TEST(migrating_again_changes_nothing)
{
    char keys[SQL_TEXT_SIZE];
    static const char KEYS[] = "SELECT string_agg(name || secret, ' ' ORDER BY name) FROM deployment_keys";
    (void)snprintf(keys, sizeof(keys), "%s", sql_text(sql, KEYS, NULL));
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM deployment_keys WHERE secret ~ '^[0-9a-f]{64}$'", NULL),
                     KEYS_MADE);
    EXPECT_CTL(0, "migrate");
    EXPECT_OUTPUT("up to date");
    ck_assert_msg(strstr(out, "applied") == NULL, "%s", out);
    ck_assert_str_eq(sql_text(sql, KEYS, NULL), keys);
}
END_TEST

START_TEST(migrate_makes_missing_keys)
{
    PQclear(sql_rows(sql, "DELETE FROM deployment_keys WHERE name = 'token'", NULL));
    EXPECT_CTL(0, "migrate");
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM deployment_keys", NULL), KEYS_MADE);
}
END_TEST

/* --- the timeline of the data --- */

/* The epoch of Redis keys, and whether all sessions have just ended. */
struct timeline {
    int64_t epoch;
    bool ended;
};

static struct timeline read_timeline(void)
{
    return (struct timeline){
        .epoch = sql_int(sql, "SELECT epoch FROM data_epoch", NULL),
        .ended = sql_int(sql,
                         "SELECT (sessions_from BETWEEN now() - interval '1 minute' AND now() + interval '1 second')"
                         "::integer FROM data_epoch",
                         NULL) == 1,
    };
}

START_TEST(restored_begins_an_epoch_and_ends_all_sessions)
{
    struct timeline before = read_timeline();
    ck_assert(!before.ended);
    EXPECT_CTL(0, "restored");
    EXPECT_OUTPUT("a new epoch begins: all sessions and access tokens have ended");
    struct timeline after = read_timeline();
    ck_assert(after.ended);
    ck_assert_int_ne(after.epoch, before.epoch);
    EXPECT_CTL(2, "restored", "now");
    EXPECT_CTL(0, "migrate");
    ck_assert_int_eq(read_timeline().epoch, after.epoch);
}
END_TEST

/* What the row says after a restore on another server, after a recovery, and after pg_restore on the same server. */
static const struct {
    const char *statement;
    const char *message;
} restores[] = {
    {"UPDATE data_timeline SET system_identifier = system_identifier - 1", "the data has another server than before"},
    {"UPDATE data_timeline SET timeline = timeline + 1", "the data has another timeline than before"},
    {"UPDATE data_timeline SET table_id = 1", "the data has another table than before"},
};

START_TEST(migrate_begins_an_epoch_if_the_data_was_restored)
{
    PGresult *result = sql_rows(sql, "UPDATE data_timeline SET sessions_from = now() - interval '1 day'", NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
    struct timeline before = read_timeline();
    ck_assert(!before.ended);
    result = sql_rows(sql, restores[_i].statement, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
    EXPECT_CTL(0, "migrate", "--planned-switch");
    EXPECT_OUTPUT(restores[_i].message);
    EXPECT_OUTPUT("a planned switch, sessions stay valid");
    ck_assert(!read_timeline().ended);
    EXPECT_CTL(0, "migrate");
    ck_assert(!read_timeline().ended);
    result = sql_rows(sql, restores[_i].statement, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
    EXPECT_CTL(0, "migrate");
    EXPECT_OUTPUT(restores[_i].message);
    EXPECT_OUTPUT("a new epoch begins");
    ck_assert(read_timeline().ended);
    ck_assert_int_ne(read_timeline().epoch, before.epoch);
}
END_TEST

START_TEST(migrate_refuses_another_number_of_shards)
{
    char recorded[SQL_TEXT_SIZE];
    (void)snprintf(recorded, sizeof(recorded), "%s", sql_text(sql, "SELECT shards FROM topology", NULL));
    PQclear(sql_rows(sql, "UPDATE topology SET shards = 7", NULL));
    ck_assert_int_eq(
        shell("file=$(mktemp) && printf '[rabbitmq]\nshards = 6\n' >$file && ROSTRUM_CONF=$file ctl migrate;"
              " code=$?; rm $file; exit $code"),
        1);
    EXPECT_OUTPUT("created with 7 shards, which cannot change: the setting shards is 6");
    PQclear(sql_rows(sql, "UPDATE topology SET shards = $1", recorded, NULL));
    EXPECT_CTL(0, "migrate");
}
END_TEST

START_TEST(migrations_are_applied_once_in_order_and_refused_if_changed)
{
    ck_assert_int_eq(
        shell("folder=$(mktemp -d) && cp schema/*.sql $folder && cd $folder && "
              "echo \"CREATE TABLE late (a int); SELECT program_may('nobody', 'SELECT', 'late')\" >9001-late.sql && "
              "echo 'ALTER TABLE late ADD b int' >9002-later.sql && cd - >/dev/null && "
              "ctl migrate --schema $folder && ctl migrate --schema $folder && "
              "echo '-- more' >>$folder/9001-late.sql; ctl migrate --schema $folder; code=$?; "
              "rm -r $folder; exit $code"),
        1);
    const char *first = strstr(out, "applied 9001-late.sql");
    ck_assert_msg(first != NULL && strstr(first, "applied 9002-later.sql") != NULL, "%s", out);
    EXPECT_OUTPUT("9001-late.sql was changed after it was applied");
    PQclear(sql_rows(sql, "DROP TABLE late", NULL));
    PQclear(sql_rows(sql, "DELETE FROM program_rights WHERE object = 'late'", NULL));
    PQclear(sql_rows(sql, "DELETE FROM schema_migrations WHERE name LIKE '9%'", NULL));
}
END_TEST

START_TEST(a_folder_without_migrations_is_refused)
{
    EXPECT_CTL(1, "migrate", "--schema", "/nonexistent");
    EXPECT_OUTPUT("/nonexistent: No such file or directory");
    EXPECT_CTL(1, "migrate", "--schema", "/");
    EXPECT_OUTPUT("/ contains no migrations (0001-NAME.sql)");
}
END_TEST

START_TEST(a_failed_migration_is_rolled_back)
{
    ck_assert_int_eq(shell("folder=$(mktemp -d) && cp schema/*.sql $folder && "
                           "echo 'CREATE TABLE half (a int); SELECT 1 / 0' >$folder/9001-bad.sql;"
                           "ctl migrate --schema $folder; code=$?; rm -r $folder; exit $code"),
                     1);
    EXPECT_OUTPUT("division by zero");
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM pg_tables WHERE tablename = 'half'", NULL), 0);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM schema_migrations WHERE name LIKE '9%'", NULL), 0);
}
END_TEST

/* --- user --- */

START_TEST(user_create_makes_an_account)
{
    ck_assert_int_ge(sodium_init(), 0);
    ck_assert_int_eq(shell("echo 'correct horse' | ctl user create Boss@Example.COM --admin --name 'The Boss'"), 0);
    out[strcspn(out, "\n")] = '\0';
    ck_assert_uint_eq(strlen(out), UUID_TEXT_SIZE - 1);
    PGresult *result =
        sql_rows(sql, "SELECT email, display_name, role, password_hash FROM users WHERE id = $1", out, NULL);
    ck_assert_int_eq(PQntuples(result), 1);
    ck_assert_str_eq(PQgetvalue(result, 0, 0), "boss@example.com");
    ck_assert_str_eq(PQgetvalue(result, 0, 1), "The Boss");
    ck_assert_str_eq(PQgetvalue(result, 0, 2), "admin");
    const char *hash = PQgetvalue(result, 0, 3);
    ck_assert_msg(strncmp(hash, "$argon2id$", strlen("$argon2id$")) == 0, "%s", hash);
    ck_assert_int_eq(crypto_pwhash_str_verify(hash, "correct horse", strlen("correct horse")), 0);
    PQclear(result);
    ck_assert_int_eq(shell("echo 'another one' | ctl user create BOSS@example.com"), 1);
    EXPECT_OUTPUT("exists already");
}
END_TEST

START_TEST(user_create_refuses_values_out_of_bounds)
{
    ck_assert_int_eq(shell("echo 1234567 | ctl user create a@b.example"), 2);
    ck_assert_int_eq(shell("ctl user create a@b.example </dev/null"), 2);
    ck_assert_int_eq(shell("head -c 129 /dev/zero | tr '\\0' x | ctl user create a@b.example"), 2);
    ck_assert_int_eq(shell("echo 12345678 | ctl user create 'a @b.example'"), 2);
    EXPECT_OUTPUT("EMAIL is an address of at most 254 characters, NAME has 1 to 100");
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM users", NULL), 0);
    ck_assert_int_eq(shell("head -c 128 /dev/zero | tr '\\0' x | ctl user create a@b.example"), 0);
    ck_assert_str_eq(sql_text(sql, "SELECT display_name || role FROM users", NULL), "auser");
}
END_TEST

/* --- shards --- */

struct answer {
    bool received;
};

static void on_answer(const redisReply *reply, void *arg)
{
    struct answer *answer = arg;
    answer->received = reply != NULL && reply->type != REDIS_REPLY_ERROR;
}

static void report_shard(const char *shard, int64_t at_ms)
{
    struct answer answer = {.received = false};
    struct shards_report report = {.worker = WORKER, .unacked = UNACKED, .at_ms = at_ms};
    char text[SHARDS_REPORT_SIZE];
    shards_report_write(&report, text);
    const char *const command[] = {"HSET", KEYS_SHARDS, shard, text};
    struct event_base *base = event_base_new();
    struct redis_options options = {
        .base = base, .url = getenv("ROSTRUM_REDIS_URL"), .timeout_ms = DEADLINE_MS, .pending_max = 4};
    struct redis *redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    LOOP_UNTIL(base, redis_up(redis), DEADLINE_MS);
    ck_assert(redis_command(redis, on_answer, &answer, (int)ARRAY_LEN(command), command, NULL));
    LOOP_UNTIL(base, answer.received, DEADLINE_MS);
    redis_free(redis);
    event_base_free(base);
}

START_TEST(shards_show_owner_depth_and_unacked)
{
    char lock[128];
    char line[256];
    PQclear(sql_rows(sql, "SET application_name = 'rostrum-bidworker lease 4711 bidworker-9'", NULL));
    (void)snprintf(lock, sizeof(lock), "SELECT pg_advisory_lock(" SHARDS_WORKER_CLASS_TEXT ", %d)", WORKER);
    PQclear(sql_rows(sql, lock, NULL));
    PQclear(sql_rows(sql,
                     "SELECT pg_advisory_lock(" SHARDS_CLASS_TEXT ", shard) FROM generate_series(0, (SELECT shards - 2"
                     " FROM topology)) AS shard",
                     NULL));
    report_shard("0", clock_now_ms());
    report_shard("1", clock_now_ms() - SHARDS_REPORT_LIFE_MS - 1);
    EXPECT_CTL(0, "shards");
    EXPECT_OUTPUT("SHARD           UNIT                       PID       DEPTH     UNACKED   CONSUMERS");
    int64_t shards = sql_int(sql, "SELECT shards FROM topology", NULL);
    for (unsigned shard = 0; shard < (unsigned)shards; shard++) {
        bool owned = shard < (unsigned)shards - 1;
        char name[TOPOLOGY_QUEUE_SIZE];
        topology_shard_name(&topology_bids, shard, name);
        (void)snprintf(line, sizeof(line), "%-14s  %-20s  %8s  %10d", name, owned ? "bidworker-9" : "-",
                       owned ? "4711" : "-", 0);
        EXPECT_OUTPUT(line);
    }
    (void)snprintf(line, sizeof(line), "\nbidworker-9               4711  %8d  %10d  ", (int)shards - 1, WORKER);
    EXPECT_OUTPUT(line);
    EXPECT_OUTPUT("\nsales.shard.00  -  ");
    EXPECT_OUTPUT("\nno sale worker runs");
}
END_TEST

/* The locks of sale workers are of other classes. */
START_TEST(shards_show_the_owners_of_sales_apart)
{
    char lock[128];
    char line[256];
    PQclear(sql_rows(sql, "SET application_name = 'rostrum-saleworker lease 4712 saleworker-9'", NULL));
    (void)snprintf(lock, sizeof(lock), "SELECT pg_advisory_lock(" SHARDS_SALES_WORKER_CLASS_TEXT ", %d)", WORKER);
    PQclear(sql_rows(sql, lock, NULL));
    PQclear(sql_rows(sql, "SELECT pg_advisory_lock(" SHARDS_SALES_CLASS_TEXT ", 0)", NULL));
    EXPECT_CTL(0, "shards");
    EXPECT_OUTPUT("\nbids.shard.00   -  ");
    EXPECT_OUTPUT("\nno bid worker runs");
    (void)snprintf(line, sizeof(line), "\n%-14s  %-20s  %8s  %10d", "sales.shard.00", "saleworker-9", "4712", 0);
    EXPECT_OUTPUT(line);
}
END_TEST

/* --- dead letters --- */

static amqp_connection_state_t broker_open(void)
{
    char url[PATH_SIZE];
    struct amqp_connection_info where;
    const char *known = getenv("ROSTRUM_AMQP_URL");
    ck_assert_ptr_nonnull(known);
    (void)snprintf(url, sizeof(url), "%s", known);
    amqp_default_connection_info(&where);
    ck_assert_int_eq(amqp_parse_url(url, &where), AMQP_STATUS_OK);
    amqp_connection_state_t connection = amqp_new_connection();
    ck_assert_int_eq(amqp_socket_open(amqp_tcp_socket_new(connection), where.host, where.port), AMQP_STATUS_OK);
    amqp_rpc_reply_t reply =
        amqp_login(connection, where.vhost, 0, FRAME_MAX_BYTES, 0, AMQP_SASL_METHOD_PLAIN, where.user, where.password);
    ck_assert_int_eq(reply.reply_type, AMQP_RESPONSE_NORMAL);
    ck_assert_ptr_nonnull(amqp_channel_open(connection, 1));
    ck_assert_ptr_nonnull(amqp_confirm_select(connection, 1));
    return connection;
}

static void send_dead_letter(amqp_connection_state_t connection, const char *id, const char *reason)
{
    struct timeval timeout = {.tv_sec = DEADLINE_MS / 1000};
    amqp_table_entry_t header = {.key = amqp_cstring_bytes("reason"),
                                 .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(reason)}};
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG,
        .message_id = amqp_cstring_bytes(id),
        .headers = {.num_entries = 1, .entries = &header},
        .delivery_mode = 2,
    };
    amqp_frame_t frame;
    ck_assert_int_eq(amqp_basic_publish(connection, 1, amqp_cstring_bytes(TOPOLOGY_DEAD_EXCHANGE),
                                        amqp_cstring_bytes(TOPOLOGY_KEY_DEAD_BIDS), 1, 0, &properties,
                                        amqp_cstring_bytes("{\"a\":\n1}")),
                     AMQP_STATUS_OK);
    ck_assert_int_eq(amqp_simple_wait_frame_noblock(connection, &frame, &timeout), AMQP_STATUS_OK);
    ck_assert_uint_eq(frame.payload.method.id, AMQP_BASIC_ACK_METHOD);
}

/* Removes the test's own dead letters. Others return to the queue when the connection ends. */
static void remove_dead_letters(amqp_connection_state_t connection)
{
    for (;;) {
        amqp_message_t message;
        amqp_rpc_reply_t reply = amqp_basic_get(connection, 1, amqp_cstring_bytes(TOPOLOGY_DEAD_QUEUE), 0);
        if (reply.reply_type != AMQP_RESPONSE_NORMAL || reply.reply.id != AMQP_BASIC_GET_OK_METHOD) {
            break;
        }
        uint64_t tag = ((const amqp_basic_get_ok_t *)reply.reply.decoded)->delivery_tag;
        reply = amqp_read_message(connection, 1, &message, 0);
        ck_assert_int_eq(reply.reply_type, AMQP_RESPONSE_NORMAL);
        if (message.properties.message_id.len > 9 && memcmp(message.properties.message_id.bytes, "ctl-test-", 9) == 0) {
            ck_assert_int_eq(amqp_basic_ack(connection, 1, tag, 0), AMQP_STATUS_OK);
        }
        amqp_destroy_message(&message);
    }
    (void)amqp_channel_close(connection, 1, AMQP_REPLY_SUCCESS);
    (void)amqp_destroy_connection(connection);
}

static void dead_letter_id(int number, char id[static 32])
{
    (void)snprintf(id, 32, "ctl-test-%03d", number);
}

START_TEST(dead_letters_are_shown_and_keep_their_order)
{
    char before[DEPLOYMENT_OUTPUT_SIZE];
    char id[32];
    amqp_connection_state_t connection = broker_open();
    for (int i = 1; i <= DEAD_LETTERS; i++) {
        dead_letter_id(i, id);
        send_dead_letter(connection, id, "it has\nno end");
    }
    EXPECT_CTL(0, "dead-letters", "--limit", "10000");
    memcpy(before, out, sizeof(before));
    const char *at = out;
    for (int i = 1; i <= DEAD_LETTERS; i++) {
        dead_letter_id(i, id);
        at = strstr(at, id);
        ck_assert_msg(at != NULL, "%s is not in its place: %s", id, out);
    }
    /* Dead letters of earlier tests may be ahead of these in the queue. */
    size_t line = strcspn(before, "\n");
    for (int i = 0; i < 2; i++) { /* showing a part of them must not change the order either */
        EXPECT_CTL(0, "dead-letters", "--limit", "1", "--body");
        ck_assert_msg(strncmp(out, before, line) == 0, "\"%.*s\" does not come first in: %s", (int)line, before, out);
        EXPECT_OUTPUT("\n1 of ");
    }
    EXPECT_CTL(0, "dead-letters", "--limit", "10000");
    ck_assert_str_eq(out, before);
    EXPECT_OUTPUT(TOPOLOGY_KEY_DEAD_BIDS "  8 bytes  ctl-test-001  it has.no end\n");
    remove_dead_letters(connection);
}
END_TEST

/* --- auction --- */

START_TEST(an_auction_is_shown_without_its_maximum_until_settlement)
{
    PQclear(sql_rows(sql,
                     "INSERT INTO users (id, email, display_name, password_hash, created_at)"
                     " VALUES ('" USER "', 'a@b.example', 'A', '', now())",
                     NULL));
    PQclear(sql_rows(sql,
                     "INSERT INTO auctions (id, seller_id, title, starting_price, increments, snipe_window_s,"
                     " snipe_extension_s, start_time, original_end_time, end_time, status, current_bid, minimum_bid,"
                     " leader_id, leader_max, leader_by_proxy, created_at, updated_at)"
                     " VALUES ('" AUCTION "', '" USER "', 'A chair', 10.00, '\"ebay-us\"', 0, 0, now(), now() + '1 h',"
                     " now() + '1 h', 'active', 31.00, 32.00, '" USER "', 77.77, true, now(), now())",
                     NULL));
    PQclear(
        sql_rows(sql,
                 "INSERT INTO bids (auction_id, seq, bid_id, bidder_id, kind, status, amount, max_amount,"
                 " received_at, decided_at) VALUES"
                 " ('" AUCTION "', 1, gen_random_uuid(), '" USER "', 'proxy', 'accepted', 10.00, 77.77, now(), now()),"
                 " ('" AUCTION "', 2, gen_random_uuid(), '" AUCTION "', 'proxy', 'outbid', 30.00, 30.00, now(), now())",
                 NULL));
    EXPECT_CTL(1, "auction", USER);
    EXPECT_OUTPUT("there is no auction");
    EXPECT_CTL(0, "auction", AUCTION);
    EXPECT_OUTPUT("A chair");
    EXPECT_OUTPUT("reserve met      -");
    EXPECT_OUTPUT("  by a proxy     yes");
    EXPECT_OUTPUT("31.00");
    EXPECT_OUTPUT("hidden");
    EXPECT_OUTPUT("30.00          30.00");
    ck_assert_msg(strstr(out, "77.77") == NULL, "%s", out);
    PQclear(sql_rows(sql,
                     "UPDATE auctions SET settled_at = '2026-01-02T03:04:05Z', status = 'sold',"
                     " reserve_price = 31.00",
                     NULL));
    EXPECT_CTL(0, "auction", AUCTION);
    EXPECT_OUTPUT("reserve met      yes");
    EXPECT_OUTPUT("settled          2026-01-02 03:04:05.000 UTC");
    EXPECT_OUTPUT("10.00          77.77");
}
END_TEST

static Suite *ctl_suite(void)
{
    Suite *suite = suite_create("ctl");
    TCase *tcase = tcase_create("ctl");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, help_and_version_are_printed);
    tcase_add_test(tcase, wrong_arguments_exit_with_2);
    tcase_add_test(tcase, an_error_names_the_unreachable_server);
    tcase_add_test(tcase, the_first_host_of_rabbitmq_that_answers_is_used);
    tcase_add_test(tcase, settings_are_read_from_rostrum_var);
    tcase_add_test(tcase, migrating_again_changes_nothing);
    tcase_add_test(tcase, migrate_makes_missing_keys);
    tcase_add_test(tcase, restored_begins_an_epoch_and_ends_all_sessions);
    tcase_add_loop_test(tcase, migrate_begins_an_epoch_if_the_data_was_restored, 0, (int)ARRAY_LEN(restores));
    tcase_add_test(tcase, migrate_refuses_another_number_of_shards);
    tcase_add_test(tcase, migrations_are_applied_once_in_order_and_refused_if_changed);
    tcase_add_test(tcase, a_folder_without_migrations_is_refused);
    tcase_add_test(tcase, a_failed_migration_is_rolled_back);
    tcase_add_test(tcase, user_create_makes_an_account);
    tcase_add_test(tcase, user_create_refuses_values_out_of_bounds);
    tcase_add_test(tcase, shards_show_owner_depth_and_unacked);
    tcase_add_test(tcase, shards_show_the_owners_of_sales_apart);
    tcase_add_test(tcase, dead_letters_are_shown_and_keep_their_order);
    tcase_add_test(tcase, an_auction_is_shown_without_its_maximum_until_settlement);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    tables_make("ctl_test");
    int code = suite_run(ctl_suite());
    tables_drop();
    return code;
}
