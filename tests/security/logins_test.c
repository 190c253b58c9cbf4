/*
 * The logins of the programs: each, in the hands of an attacker, is tried at what its program has no need of, in
 * PostgreSQL, RabbitMQ and Redis. All is refused, and the deployment goes on to work with the same logins.
 */
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/broker_url.h"
#include "common/io/redis.h"
#include "common/protocol/topology.h"
#include "tests/support/client.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/logins.h"
#include "tests/support/namespaces.h"

enum { PROGRAMS = LOGIN_MIGRATE, HOST_SIZE = 64, STATEMENT_SIZE = 256, AMQP_CHANNEL = 1, AMQP_FRAME_MAX = 131072 };

static const char *const NAMES[PROGRAMS] = {"gateway", "bidworker", "saleworker", "endworker", "notifyworker", "ctl"};

/* ---- PostgreSQL ---- */

static PGconn *pg_login(enum login login)
{
    static struct config config;
    logins_read(login, &config);
    ck_assert_msg(!config.shared.postgres, "%s shares its login", NAMES[login]);
    PGconn *connection = PQconnectdb(config.pg_url);
    ck_assert_msg(PQstatus(connection) == CONNECTION_OK, "%s", PQerrorMessage(connection));
    return connection;
}

/* Asserts that PostgreSQL refuses the statement for want of a right (42501); it is rolled back in any case. */
static void expect_refused(PGconn *connection, const char *name, const char *statement)
{
    PQclear(PQexec(connection, "BEGIN"));
    PGresult *result = PQexec(connection, statement);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    ck_assert_msg(state != NULL && strcmp(state, "42501") == 0, "%s: %s: %s", name, statement,
                  state == NULL ? "not refused" : PQresultErrorMessage(result));
    PQclear(result);
    PQclear(PQexec(connection, "ROLLBACK"));
}

START_TEST(no_program_can_change_the_audit_log_a_decided_bid_or_the_schema)
{
    static const char *const statements[] = {
        "DROP TABLE audit_log",
        "UPDATE audit_log SET action = 'NOTHING'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE audit_chain SET hash = ''",
        "DELETE FROM audit_chain",
        "TRUNCATE audit_chain",
        "DROP TABLE audit_chain",
        "DELETE FROM audit_archives",
        "SELECT audit_log_guard()",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "ALTER TABLE audit_log OWNER TO CURRENT_USER",
        "DROP TRIGGER audit_log_append_only ON audit_log",
        "CREATE TRIGGER mine BEFORE INSERT ON audit_log EXECUTE FUNCTION audit_log_refuse()",
        "CREATE RULE mine AS ON INSERT TO audit_log DO INSTEAD NOTHING",
        "UPDATE bids SET amount = 1.00",
        "UPDATE bids SET status = 'rejected', reason = 'X'",
        "UPDATE bids SET bidder_id = NULL",
        "UPDATE bids SET decided_at = now()",
        "DELETE FROM bids",
        "TRUNCATE bids",
        "DROP TABLE bids",
        "ALTER TABLE bids ADD COLUMN x int",
        "DROP SCHEMA public CASCADE",
        "ALTER TABLE auctions DISABLE TRIGGER ALL",
        "ALTER TABLE outbox DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION users_raise_epoch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE ROLE mine LOGIN",
        "ALTER DATABASE rostrum OWNER TO CURRENT_USER",
        "SET ROLE rostrum",
        "SET ROLE postgres",
        "GRANT rostrum TO CURRENT_USER",
        "SET session_replication_role = replica",
        "COPY audit_log TO '/tmp/rostrum-audit'",
        "SELECT pg_read_file('/etc/passwd')",
        "UPDATE program_rights SET program = 'gateway'",
        "INSERT INTO program_rows VALUES ('outbox', 'gateway', 'true')",
        "DELETE FROM schema_migrations",
        "UPDATE topology SET shards = 1",
        "UPDATE data_timeline SET epoch = 0",
        "INSERT INTO deployment_keys (name, secret) VALUES ('x', 'x')",
        "UPDATE deployment_keys SET secret = 'x'",
    };
    PGconn *connection = pg_login((enum login)_i);
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        expect_refused(connection, NAMES[_i], statements[i]);
    }
    PQfinish(connection);
}
END_TEST

/* Attempts of single programs. */
static const struct attempt {
    enum login login;
    const char *statement;
} attempts[] = {
    /* the ledger */
    {LOGIN_GATEWAY, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at) VALUES "
                    "(gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now())"},
    {LOGIN_ENDWORKER, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at) VALUES "
                      "(gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now())"},
    {LOGIN_NOTIFYWORKER, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at) VALUES "
                         "(gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now())"},
    {LOGIN_CTL, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at) VALUES "
                "(gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now())"},
    {LOGIN_GATEWAY, "UPDATE bids SET effective = false"},
    {LOGIN_BIDWORKER, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at, effective) "
                      "VALUES (gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now(), false)"},
    {LOGIN_GATEWAY, "UPDATE auctions SET leader_id = NULL"},
    {LOGIN_GATEWAY, "UPDATE auctions SET current_bid = 1.00"},
    {LOGIN_GATEWAY, "UPDATE auctions SET winner_id = NULL"},
    {LOGIN_GATEWAY, "UPDATE auctions SET ledger_seq = 0"},
    {LOGIN_ENDWORKER, "UPDATE auctions SET current_bid = 1.00"},
    {LOGIN_NOTIFYWORKER, "UPDATE auctions SET status = 'sold'"},
    {LOGIN_CTL, "UPDATE auctions SET status = 'sold'"},
    {LOGIN_BIDWORKER, "DELETE FROM auctions"},
    {LOGIN_BIDWORKER, "INSERT INTO audit_log SELECT * FROM audit_log"},
    {LOGIN_ENDWORKER, "INSERT INTO audit_log SELECT * FROM audit_log"},
    {LOGIN_GATEWAY, "INSERT INTO audit_chain SELECT * FROM audit_chain"},
    {LOGIN_BIDWORKER, "SELECT audit_seal(1, 0, '')"},
    {LOGIN_SALEWORKER, "UPDATE sale_ledger SET quantity = 1"},
    {LOGIN_SALEWORKER, "DELETE FROM orders"},
    {LOGIN_SALEWORKER, "UPDATE orders SET user_id = id"},
    {LOGIN_SALEWORKER, "UPDATE refunds SET refunded_at = now()"},
    {LOGIN_SALEWORKER, "UPDATE auctions SET version = 1"},
    {LOGIN_SALEWORKER, "SELECT email FROM users"},
    {LOGIN_GATEWAY, "UPDATE flash_sales SET sold = 0"},
    {LOGIN_GATEWAY, "INSERT INTO sale_ledger SELECT * FROM sale_ledger"},
    {LOGIN_BIDWORKER, "SELECT id FROM orders"},
    {LOGIN_GATEWAY, "SELECT audit_seal(1, 0, '')"},
    {LOGIN_CTL, "INSERT INTO audit_chain SELECT * FROM audit_chain"},
    {LOGIN_ENDWORKER, "INSERT INTO audit_archives SELECT * FROM audit_archives"},
    /* accounts and secrets */
    {LOGIN_BIDWORKER, "SELECT password_hash FROM users"},
    {LOGIN_BIDWORKER, "SELECT email FROM users"},
    {LOGIN_ENDWORKER, "SELECT id FROM users"},
    {LOGIN_NOTIFYWORKER, "SELECT password_hash FROM users"},
    {LOGIN_NOTIFYWORKER, "SELECT epoch FROM users"},
    {LOGIN_NOTIFYWORKER, "UPDATE users SET password_hash = ''"},
    {LOGIN_CTL, "SELECT password_hash FROM users"},
    {LOGIN_CTL, "UPDATE users SET password_hash = ''"},
    {LOGIN_BIDWORKER, "UPDATE users SET role = 'admin'"},
    {LOGIN_ENDWORKER, "UPDATE users SET role = 'admin'"},
    {LOGIN_NOTIFYWORKER, "UPDATE users SET role = 'admin'"},
    {LOGIN_CTL, "UPDATE users SET role = 'admin'"},
    {LOGIN_GATEWAY, "INSERT INTO users (id, email, display_name, password_hash, created_at, role) VALUES "
                    "(gen_random_uuid(), 'x@example.org', 'x', 'x', now(), 'admin')"},
    {LOGIN_BIDWORKER, "SELECT secret FROM deployment_keys"},
    {LOGIN_ENDWORKER, "SELECT secret FROM deployment_keys"},
    {LOGIN_NOTIFYWORKER, "SELECT secret FROM token_keys"},
    {LOGIN_BIDWORKER, "SELECT secret FROM token_keys"},
    {LOGIN_GATEWAY, "INSERT INTO token_keys (secret) VALUES ('x')"},
    {LOGIN_NOTIFYWORKER, "SELECT refresh_hash FROM sessions"},
    {LOGIN_BIDWORKER, "SELECT id FROM sessions"},
    {LOGIN_BIDWORKER, "SELECT secret FROM webhooks"},
    {LOGIN_ENDWORKER, "SELECT secret FROM webhooks"},
    {LOGIN_GATEWAY, "DELETE FROM outbox"},
    /* messages that another program would publish: row security */
    {LOGIN_NOTIFYWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('bids.shard.00', 'x', '{}')"},
    {LOGIN_NOTIFYWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('events', 'x', '{}')"},
    {LOGIN_BIDWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('bids.shard.00', 'x', '{}')"},
    {LOGIN_BIDWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('deliveries', 'email', '{}')"},
    {LOGIN_ENDWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('deliveries', 'email', '{}')"},
};

START_TEST(a_program_has_no_right_that_only_another_one_needs)
{
    PGconn *connection = pg_login(attempts[_i].login);
    expect_refused(connection, NAMES[attempts[_i].login], attempts[_i].statement);
    PQfinish(connection);
}
END_TEST

START_TEST(a_program_sees_only_its_own_secrets)
{
    static const struct {
        enum login login;
        const char *names;
    } seen[] = {{LOGIN_NOTIFYWORKER, "unsubscribe"}, {LOGIN_CTL, "pseudonym receipt_public"}};
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        PGconn *connection = pg_login(seen[i].login);
        PGresult *result = PQexec(connection, "SELECT string_agg(name, ' ' ORDER BY name) FROM deployment_keys");
        ck_assert_str_eq(PQgetvalue(result, 0, 0), seen[i].names);
        PQclear(result);
        PQfinish(connection);
    }
}
END_TEST

/* Neither is in the lists of rights, and both fill the disk. */
START_TEST(no_program_makes_temporary_tables_or_large_objects)
{
    static const char *const statements[] = {"CREATE TEMP TABLE mine (id uuid)", "SELECT lo_creat(-1)",
                                             "SELECT lo_create(0)", "SELECT lo_from_bytea(0, 'x')"};
    PGconn *connection = pg_login((enum login)_i);
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        expect_refused(connection, NAMES[_i], statements[i]);
    }
    PQfinish(connection);
}
END_TEST

/* As the owner of the database. */
static void let_temporary(const char *act)
{
    struct sql *owner = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(owner);
    PQclear(sql_rows(owner, client_format("DO $$ BEGIN EXECUTE format('%s', current_database()); END $$", act), NULL));
    sql_close(owner);
}

/*
 * A trigger's function may run with the rights of the owner. On a table of its own, with rows and types of its choice,
 * a program could have it do anything. So it must be refused where temporary tables are allowed, too.
 */
START_TEST(no_program_can_call_a_function_of_the_owner)
{
    let_temporary("GRANT TEMPORARY ON DATABASE %I TO PUBLIC");
    PGconn *connection = pg_login((enum login)_i);
    PGresult *result = PQexec(connection, "SELECT oid::regprocedure FROM pg_proc WHERE prosecdef AND prorettype ="
                                          " 'trigger'::regtype AND pronamespace = 'public'::regnamespace");
    ck_assert_int_ge(PQntuples(result), 9);
    for (int row = 0; row < PQntuples(result); row++) {
        char statement[STATEMENT_SIZE];
        (void)snprintf(statement, sizeof(statement),
                       "CREATE TEMP TABLE mine (id uuid, epoch bigint); CREATE TRIGGER mine AFTER UPDATE ON mine"
                       " FOR EACH ROW EXECUTE FUNCTION %s",
                       PQgetvalue(result, row, 0));
        expect_refused(connection, NAMES[_i], statement);
    }
    PQclear(result);
    PQfinish(connection);
    let_temporary("REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC");
}
END_TEST

/* ---- RabbitMQ ---- */

enum amqp_act { PUBLISH, CONSUME, GET, PURGE, DECLARE_QUEUE, DECLARE_EXCHANGE, BIND, DELETE_QUEUE, DELETE_EXCHANGE };

static amqp_connection_state_t amqp_connect(enum login login)
{
    static struct config config;
    static struct broker_url url;
    logins_read(login, &config);
    ck_assert_msg(!config.shared.rabbitmq, "%s shares its login", NAMES[login]);
    ck_assert_ptr_null(broker_url_parse(config.amqp_url, &url));
    const struct amqp_connection_info *server = &url.hosts[0].info;
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    ck_assert_ptr_nonnull(socket);
    ck_assert_int_eq(amqp_socket_open(socket, server->host, server->port), AMQP_STATUS_OK);
    amqp_rpc_reply_t reply = amqp_login(connection, server->vhost, 0, AMQP_FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN,
                                        server->user, server->password);
    ck_assert_int_eq(reply.reply_type, AMQP_RESPONSE_NORMAL);
    (void)amqp_channel_open(connection, AMQP_CHANNEL);
    ck_assert_int_eq(amqp_get_rpc_reply(connection).reply_type, AMQP_RESPONSE_NORMAL);
    return connection;
}

static amqp_rpc_reply_t amqp_act_on(amqp_connection_state_t connection, enum amqp_act act, const char *name)
{
    const amqp_bytes_t on = amqp_cstring_bytes(name);
    const amqp_bytes_t none = amqp_empty_bytes;
    switch (act) {
    case PUBLISH: /* has no answer; the next call gets the refusal */
        ck_assert_int_eq(
            amqp_basic_publish(connection, AMQP_CHANNEL, on, amqp_cstring_bytes("nowhere"), 0, 0, NULL, none),
            AMQP_STATUS_OK);
        (void)amqp_confirm_select(connection, AMQP_CHANNEL);
        break;
    case CONSUME:
        (void)amqp_basic_consume(connection, AMQP_CHANNEL, on, none, 0, 0, 0, amqp_empty_table);
        break;
    case GET:
        return amqp_basic_get(connection, AMQP_CHANNEL, on, 0);
    case PURGE:
        (void)amqp_queue_purge(connection, AMQP_CHANNEL, on);
        break;
    case DECLARE_QUEUE:
        (void)amqp_queue_declare(connection, AMQP_CHANNEL, on, 0, 0, 1, 0, amqp_empty_table);
        break;
    case DECLARE_EXCHANGE:
        (void)amqp_exchange_declare(connection, AMQP_CHANNEL, on, amqp_cstring_bytes("fanout"), 0, 0, 0, 0,
                                    amqp_empty_table);
        break;
    case BIND:
        (void)amqp_queue_bind(connection, AMQP_CHANNEL, on, amqp_cstring_bytes("events"), amqp_cstring_bytes("#"),
                              amqp_empty_table);
        break;
    case DELETE_QUEUE:
        (void)amqp_queue_delete(connection, AMQP_CHANNEL, on, 0, 0);
        break;
    case DELETE_EXCHANGE:
        (void)amqp_exchange_delete(connection, AMQP_CHANNEL, on, 0);
        break;
    }
    return amqp_get_rpc_reply(connection);
}

/* Asserts that RabbitMQ closes the channel with ACCESS_REFUSED. */
static void expect_amqp_refused(enum login login, enum amqp_act act, const char *name)
{
    amqp_connection_state_t connection = amqp_connect(login);
    amqp_rpc_reply_t reply = amqp_act_on(connection, act, name);
    bool closed = reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD;
    const amqp_channel_close_t *reason = closed ? reply.reply.decoded : NULL;
    ck_assert_msg(closed && reason->reply_code == AMQP_ACCESS_REFUSED, "%s, act %d on %s: not refused", NAMES[login],
                  (int)act, name);
    (void)amqp_destroy_connection(connection);
}

static const struct amqp_attempt {
    enum login login;
    enum amqp_act act;
    const char *name;
} amqp_attempts[] = {
    {LOGIN_GATEWAY, CONSUME, "bids.shard.00"},
    {LOGIN_GATEWAY, GET, "bids.shard.00"},
    {LOGIN_GATEWAY, GET, "dead_letters"},
    {LOGIN_GATEWAY, PUBLISH, "events"},
    {LOGIN_GATEWAY, PUBLISH, "deliveries"},
    {LOGIN_GATEWAY, PUBLISH, "dead"},
    {LOGIN_BIDWORKER, PUBLISH, "bids.shard.00"},
    {LOGIN_BIDWORKER, PUBLISH, "deliveries"},
    {LOGIN_SALEWORKER, PUBLISH, "bids.shard.00"},
    {LOGIN_SALEWORKER, CONSUME, "bids.shard.00"},
    {LOGIN_BIDWORKER, CONSUME, "notify"},
    {LOGIN_BIDWORKER, CONSUME, "auction_end"},
    {LOGIN_ENDWORKER, CONSUME, "bids.shard.00"},
    {LOGIN_ENDWORKER, PUBLISH, "deliveries"},
    {LOGIN_ENDWORKER, CONSUME, "deliveries.email"},
    {LOGIN_NOTIFYWORKER, PUBLISH, "bids.shard.00"},
    {LOGIN_NOTIFYWORKER, PUBLISH, "events"},
    {LOGIN_NOTIFYWORKER, CONSUME, "bids.shard.00"},
    {LOGIN_NOTIFYWORKER, CONSUME, "auction_end"},
    {LOGIN_CTL, CONSUME, "bids.shard.00"},
    {LOGIN_CTL, PUBLISH, "events"},
    {LOGIN_CTL, PUBLISH, "deliveries"},
};

START_TEST(a_program_reaches_only_its_own_exchanges_and_queues)
{
    for (size_t i = 0; i < ARRAY_LEN(amqp_attempts); i++) {
        expect_amqp_refused(amqp_attempts[i].login, amqp_attempts[i].act, amqp_attempts[i].name);
    }
}
END_TEST

START_TEST(no_program_can_change_the_topology)
{
    for (int login = 0; login < PROGRAMS; login++) {
        expect_amqp_refused((enum login)login, DECLARE_QUEUE, "mine");
        expect_amqp_refused((enum login)login, DECLARE_EXCHANGE, "mine");
        expect_amqp_refused((enum login)login, BIND, "notify");
        expect_amqp_refused((enum login)login, DELETE_QUEUE, "bids.shard.00");
        expect_amqp_refused((enum login)login, DELETE_EXCHANGE, "bids.shard.00");
        expect_amqp_refused((enum login)login, PURGE, login == LOGIN_BIDWORKER ? "notify" : "bids.shard.00");
    }
}
END_TEST

/* ---- Redis ---- */

static redisContext *redis_login(enum login login)
{
    static struct config config;
    char *user = NULL;
    char *password = NULL;
    char host[HOST_SIZE];
    logins_read(login, &config);
    ck_assert_msg(!config.shared.redis, "%s shares its login", NAMES[login]);
    ck_assert(redis_url_login(config.redis_url, &user, &password));
    ck_assert_ptr_nonnull(user);
    const char *at = strchr(config.redis_url, '@');
    const char *colon = at == NULL ? NULL : strchr(at, ':');
    ck_assert_ptr_nonnull(colon);
    (void)snprintf(host, sizeof(host), "%.*s", (int)(colon - at - 1), at + 1);
    int port = (int)strtol(colon + 1, NULL, 10);
    redisContext *context = redisConnect(host, port);
    ck_assert(context != NULL && context->err == 0);
    redisReply *reply = redisCommand(context, "AUTH %s %s", user, password);
    ck_assert(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    free(user);
    free(password);
    return context;
}

static void expect_redis_refused(enum login login, const char *command)
{
    redisContext *context = redis_login(login);
    redisReply *reply = redisCommand(context, command);
    ck_assert_msg(reply != NULL && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOPERM", 6) == 0,
                  "%s: %s: %s", NAMES[login], command, reply == NULL ? "no answer" : reply->str);
    freeReplyObject(reply);
    redisFree(context);
}

static const struct {
    enum login login;
    const char *command;
} redis_attempts[] = {
    {LOGIN_GATEWAY, "GET other"},
    {LOGIN_GATEWAY, "HSET shards 0 x"},
    {LOGIN_GATEWAY, "HSET depths 0 x"},
    {LOGIN_GATEWAY, "SUBSCRIBE other"},
    {LOGIN_BIDWORKER, "HGET s:{x}:y z"},
    {LOGIN_BIDWORKER, "EXISTS s:{x}:y"},
    {LOGIN_BIDWORKER, "HSET u:1:{x} a b"},
    {LOGIN_BIDWORKER, "HSET depths 0 x"},
    {LOGIN_BIDWORKER, "GET snap:1:{x}"},
    {LOGIN_BIDWORKER, "SUBSCRIBE user:{x}"},
    {LOGIN_SALEWORKER, "HGET s:{x}:y z"},
    {LOGIN_SALEWORKER, "HGET snap:1:{x} v"},
    {LOGIN_SALEWORKER, "HSET shards 0 x"},
    {LOGIN_BIDWORKER, "HGET sale:1:{x} v"},
    {LOGIN_ENDWORKER, "HGET s:{x}:y z"},
    {LOGIN_ENDWORKER, "HSET shards 0 x"},
    {LOGIN_ENDWORKER, "PUBLISH gw:x y"},
    {LOGIN_ENDWORKER, "PUBLISH user:{x} y"},
    {LOGIN_NOTIFYWORKER, "GET s:{x}:y"},
    {LOGIN_NOTIFYWORKER, "SET snap:1:{x} y"},
    {LOGIN_NOTIFYWORKER, "PUBLISH live:{x} y"},
    {LOGIN_NOTIFYWORKER, "PUBLISH gw:x y"},
    {LOGIN_CTL, "GET s:{x}:y"},
    {LOGIN_CTL, "HSET shards 0 x"},
    {LOGIN_CTL, "PUBLISH live:{x} y"},
    {LOGIN_CTL, "SUBSCRIBE user:{x}"},
};

START_TEST(a_program_reaches_only_its_own_keys_and_channels)
{
    for (size_t i = 0; i < ARRAY_LEN(redis_attempts); i++) {
        expect_redis_refused(redis_attempts[i].login, redis_attempts[i].command);
    }
}
END_TEST

START_TEST(no_program_has_a_command_that_it_does_not_use)
{
    static const char *const commands[] = {
        "KEYS *",          "SCAN 0",           "FLUSHALL",     "FLUSHDB",       "CONFIG GET *", "ACL LIST",
        "CLIENT LIST",     "MONITOR",          "SCRIPT FLUSH", "FUNCTION LIST", "PSUBSCRIBE *", "SAVE",
        "SHUTDOWN NOSAVE", "REPLICAOF NO ONE", "MODULE LIST",  "RANDOMKEY",     "DBSIZE"};
    for (int login = 0; login < PROGRAMS; login++) {
        for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
            expect_redis_refused((enum login)login, commands[i]);
        }
    }
}
END_TEST

/* A script that a program loads itself, with a key that it does not declare. */
START_TEST(a_script_has_only_the_rights_of_its_program)
{
    static const char *const bodies[] = {"return redis.call('GET', 'other')", "return redis.call('FLUSHALL')",
                                         "return redis.call('PUBLISH', 'other', 'x')"};
    for (int login = 0; login < PROGRAMS; login++) {
        redisContext *context = redis_login((enum login)login);
        for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
            redisReply *loaded = redisCommand(context, "SCRIPT LOAD %s", bodies[i]);
            ck_assert(loaded != NULL && loaded->type == REDIS_REPLY_STRING);
            redisReply *reply = redisCommand(context, "EVALSHA %s 0", loaded->str);
            ck_assert_msg(reply != NULL && reply->type == REDIS_REPLY_ERROR &&
                              strstr(reply->str, "The user executing the script") != NULL,
                          "%s: %s: %s", NAMES[login], bodies[i], reply == NULL ? "no answer" : reply->str);
            freeReplyObject(reply);
            freeReplyObject(loaded);
        }
        redisFree(context);
    }
}
END_TEST

/* ---- the deployment ---- */

START_TEST(the_programs_have_logins_of_their_own_and_work)
{
    const struct reply *reply = fixture_call(NULL, "GET", "/ready", NULL);
    EXPECT_TEXT(reply, "status", "ready");
    ck_assert_int_eq(reply_count(reply, "warnings"), namespaces_allowed() ? 0 : 1);
    ck_assert_ptr_null(strstr(reply->body, "shared_"));
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                             " AND application_name ~ '^rostrum-' AND usename <> 'rostrum_'"
                             " || substring(application_name FROM '^rostrum-([a-z]+)')",
                             NULL),
                     0);
    ck_assert_str_eq(sql_text(fixture.sql, "SELECT string_agg(p, '; ') FROM program_rights_wrong() p", NULL), "");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), "status", "accepted");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "60.00"), "status", "accepted");
}
END_TEST

/* With the settings of the deployment's folder alone, and so with the logins of ctl. */
static void expect_ctl(const char *arguments)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    const char *script = client_format("unset ROSTRUM_PG_URL ROSTRUM_REDIS_URL ROSTRUM_AMQP_URL ROSTRUM_CONF;"
                                       " printf 'correct horse battery\n' | \"${BUILD:-build}/bin/rostrumctl\" %s",
                                       arguments);
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    int code = deployment_run(argv, out, sizeof(out));
    ck_assert_msg(code == 0, "%s: exit code %d: %.1000s", arguments, code, out);
}

START_TEST(rostrumctl_works_with_its_own_logins)
{
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), "status", "accepted");
    expect_ctl(client_format("verify %s", fixture.auction));
    expect_ctl(client_format("auction %s", fixture.auction));
    expect_ctl(client_format("user create %s@example.org --admin", fixture.auction));
    expect_ctl("shards");
    expect_ctl("dead-letters");
    expect_ctl("keys");
}
END_TEST

static Suite *logins_suite(void)
{
    Suite *suite = suite_create("logins");
    TCase *attacks = tcase_create("attacks");
    tcase_add_loop_test(attacks, no_program_can_change_the_audit_log_a_decided_bid_or_the_schema, 0, PROGRAMS);
    tcase_add_loop_test(attacks, a_program_has_no_right_that_only_another_one_needs, 0, (int)ARRAY_LEN(attempts));
    tcase_add_loop_test(attacks, no_program_makes_temporary_tables_or_large_objects, 0, PROGRAMS);
    tcase_add_loop_test(attacks, no_program_can_call_a_function_of_the_owner, 0, PROGRAMS);
    tcase_add_test(attacks, a_program_sees_only_its_own_secrets);
    tcase_add_test(attacks, a_program_reaches_only_its_own_exchanges_and_queues);
    tcase_add_test(attacks, no_program_can_change_the_topology);
    tcase_add_test(attacks, a_program_reaches_only_its_own_keys_and_channels);
    tcase_add_test(attacks, no_program_has_a_command_that_it_does_not_use);
    tcase_add_test(attacks, a_script_has_only_the_rights_of_its_program);
    tcase_set_timeout(attacks, 60);
    suite_add_tcase(suite, attacks);
    TCase *work = tcase_create("work");
    tcase_add_checked_fixture(work, fixture_setup, fixture_teardown);
    tcase_set_timeout(work, 60);
    tcase_add_test(work, rostrumctl_works_with_its_own_logins);
    tcase_add_test(work, the_programs_have_logins_of_their_own_and_work);
    suite_add_tcase(suite, work);
    return suite;
}

int main(void)
{
    return suite_run(logins_suite());
}
