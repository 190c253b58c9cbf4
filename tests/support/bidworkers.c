/*
 * See bidworkers.h.
 */
#include "tests/support/bidworkers.h"

#include <signal.h>
#include <stdlib.h>

enum {
    UNCONFIRMED_MAX = 4096,
    HEARTBEAT_S = 10,
};

struct bidworkers bidworkers;

const char *bidworkers_variable(const char *name)
{
    const char *value = getenv(name);
    ck_assert_msg(value != NULL, "%s is not set", name);
    return value;
}

void bidworkers_start(int index)
{
    ck_assert_int_eq(bidworkers.pids[index], 0);
    bidworkers.pids[index] = program_start("rostrum-bidworker", bidworkers.settings);
}

int bidworkers_stop(int index, int signal_number)
{
    pid_t pid = bidworkers.pids[index];
    ck_assert_int_gt(pid, 0);
    bidworkers.pids[index] = 0;
    return program_end(pid, signal_number);
}

int64_t bidworkers_alive(void)
{
    return sql_int(bidworkers.sql,
                   "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1383035767 AND database = "
                   "(SELECT oid FROM pg_database WHERE datname = current_database())",
                   NULL);
}

static struct broker *broker_open(const char *name)
{
    struct broker_options options = {
        .base = bidworkers.base,
        .url = bidworkers_variable("ROSTRUM_AMQP_URL"),
        .name = name,
        .heartbeat_s = HEARTBEAT_S,
        .connect_timeout_ms = BIDWORKERS_CONNECT_MS,
        .unconfirmed_max = UNCONFIRMED_MAX,
    };
    struct broker *broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    LOOP_UNTIL(bidworkers.base, broker_state(broker) == BROKER_UP, BIDWORKERS_DEADLINE_MS);
    return broker;
}

static struct uuid user_new(void)
{
    struct uuid id = uuid_new();
    char text[UUID_TEXT_SIZE];
    uuid_format(&id, text);
    PQclear(sql_rows(bidworkers.sql,
                     "INSERT INTO users (id, email, display_name, password_hash, created_at)"
                     " VALUES ($1::uuid, $1::text, 'somebody', 'none', now())",
                     text, NULL));
    return id;
}

void bidworkers_set_up(void)
{
    bidworkers = (struct bidworkers){.base = event_base_new()};
    ck_assert_ptr_nonnull(bidworkers.base);
    bidworkers.sql = sql_open(bidworkers_variable("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(bidworkers.sql);
    bidworkers.shards = sql_shards(bidworkers.sql);
    bidworkers.publishing = broker_open("bidworkers publishing");
    bidworkers.consuming = broker_open("bidworkers consuming");
    bidworkers.seller = user_new();
    for (size_t i = 0; i < BIDWORKERS_BIDDERS; i++) {
        bidworkers.bidders[i] = user_new();
    }
    ck_assert_int_eq(bidworkers_alive(), 0);
}

void bidworkers_tear_down(void)
{
    for (int i = 0; i < BIDWORKERS_MAX; i++) {
        if (bidworkers.pids[i] > 0) {
            (void)bidworkers_stop(i, SIGKILL);
        }
    }
    broker_free(bidworkers.publishing);
    broker_free(bidworkers.consuming);
    sql_close(bidworkers.sql);
    event_base_free(bidworkers.base);
}
