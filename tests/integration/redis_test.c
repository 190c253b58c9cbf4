/*
 * common/io/redis and common/protocol/snapshot against a real Redis. Tests that disturb no other client run on the
 * deployment's server (ROSTRUM_REDIS_URL), with keys of random ids. Tests with pauses, kills or restarts use a private
 * redis-server. This program starts it on a free port below 32768 and stops it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/sale_snapshot.h"
#include "tests/support/loop.h"

enum {
    DEADLINE_MS = 10000,
    TIMEOUT_MS = 1000,
    PENDING_MAX = 10000,
    FEW_PENDING = 3,
    PIPELINED = 5000,
    PORT_LEAST = 20000, /* above the ports of the deployment's servers, below the ephemeral ports */
    PORTS = 12000,
    URL_SIZE = 96,
    BIG = 1 << 20, /* bytes: more than a socket accepts in one write */
    BIG_ONES = 4,
};

enum { EPOCH = 7 };
enum script { DOUBLE, SNAPSHOT, SNAPSHOT_FRESH, SCRIPTS };

static struct redis_script scripts[SCRIPTS] = {
    [DOUBLE] = {"double", "return tonumber(ARGV[1]) * 2"},
};

static struct event_base *base;
static struct redis *redis;

/* The arguments that a callback received. */
struct seen {
    int calls;
    int nulls;
    int type;
    long long integer;
    size_t length;
    char text[256];
};

#define RUN_UNTIL(condition) LOOP_UNTIL(base, condition, DEADLINE_MS)

static void note(const redisReply *reply, void *arg)
{
    struct seen *seen = arg;
    seen->calls++;
    if (reply == NULL) {
        seen->nulls++;
        return;
    }
    seen->type = reply->type;
    seen->integer = reply->integer;
    seen->length = reply->str == NULL ? 0 : reply->len;
    (void)snprintf(seen->text, sizeof(seen->text), "%s", reply->str == NULL ? "" : reply->str);
}

/* --- a server of the test's own --- */

static struct {
    pid_t pid; /* 0: not running */
    int port;
    const char *password;
    bool cluster;
} server;

static bool port_is_free(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    bool is_free = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(fd);
    return is_free;
}

/* A cluster writes a file there. */
static const char *server_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder == NULL ? "/tmp" : folder;
}

static void server_start(void)
{
    char port[16];
    (void)snprintf(port, sizeof(port), "%d", server.port);
    (void)fflush(NULL);
    server.pid = fork();
    ck_assert_int_ge(server.pid, 0);
    if (server.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly",
               "no", "--logfile", "/dev/null", "--requirepass", server.password, "--dir", server_folder(),
               "--cluster-enabled", server.cluster ? "yes" : "no", (char *)NULL);
        _exit(127);
    }
}

static void server_kill(void)
{
    ck_assert_int_eq(kill(server.pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(server.pid, NULL, 0), server.pid);
    server.pid = 0;
}

static void server_new(const char *password)
{
    server.password = password;
    server.port = PORT_LEAST + getpid() % PORTS;
    while (!port_is_free(server.port)) {
        server.port = PORT_LEAST + (server.port + 1 - PORT_LEAST) % PORTS;
    }
    server_start();
}

/* redis://127.0.0.1:PORT, valid until the next call. */
static const char *server_url(void)
{
    static char url[URL_SIZE];
    (void)snprintf(url, sizeof(url), "redis://127.0.0.1:%d", server.port);
    return url;
}

/* --- clients --- */

static int changes_up;
static int changes_down;
static int messages;
static char message[64];

static void on_change(struct redis *changed, bool up, void *arg)
{
    (void)changed;
    (void)arg;
    if (up) {
        changes_up++;
    } else {
        changes_down++;
    }
}

static void on_message(struct redis *listener, const char *channel, const char *bytes, size_t length, void *arg)
{
    (void)listener;
    (void)arg;
    ck_assert_str_eq(channel, "gw:test");
    messages++;
    (void)snprintf(message, sizeof(message), "%.*s", (int)length, bytes);
}

static struct redis_options options_for(const char *url)
{
    return (struct redis_options){
        .base = base,
        .url = url,
        .scripts = scripts,
        .script_count = SCRIPTS,
        .timeout_ms = TIMEOUT_MS,
        .pending_max = PENDING_MAX,
    };
}

static struct redis *client_new(const char *url)
{
    const struct redis_options options = options_for(url);
    struct redis *made = redis_new(&options);
    ck_assert_ptr_nonnull(made);
    return made;
}

static struct redis *listener_new(const char *url)
{
    struct redis_options options = options_for(url);
    options.script_count = 0;
    options.on_message = on_message;
    options.on_change = on_change;
    struct redis *made = redis_new(&options);
    ck_assert_ptr_nonnull(made);
    ck_assert(redis_listen(made, "gw:test"));
    return made;
}

static void set_up(void)
{
    changes_up = 0;
    changes_down = 0;
    messages = 0;
    (void)signal(SIGPIPE, SIG_IGN);
    scripts[SNAPSHOT] = snapshot_script;
    scripts[SNAPSHOT_FRESH] = snapshot_fresh_script;
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
}

static void tear_down(void)
{
    redis_free(redis);
    redis = NULL;
    event_base_free(base);
    if (server.pid != 0) {
        server_kill();
    }
}

static void set_up_shared(void)
{
    const char *url = getenv("ROSTRUM_REDIS_URL");
    ck_assert_msg(url != NULL, "ROSTRUM_REDIS_URL is not set");
    set_up();
    redis = client_new(url);
    RUN_UNTIL(redis_up(redis));
}

static void set_up_private(void)
{
    set_up();
    server_new("");
    struct redis_options options = options_for(server_url());
    options.on_change = on_change;
    redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    RUN_UNTIL(redis_up(redis));
}

static void call_double(struct redis *of, const char *number, struct seen *seen)
{
    const char *const arguments[] = {number};
    ck_assert(redis_call(of, DOUBLE, note, seen, 0, 1, arguments, NULL));
}

/* Sends up to three words and waits for the reply. */
static struct seen command(struct redis *of, const char *first, const char *second, const char *third)
{
    struct seen seen = {0};
    const char *const words[] = {first, second, third};
    int count = second == NULL ? 1 : third == NULL ? 2 : 3;
    ck_assert(redis_command(of, note, &seen, count, words, NULL));
    RUN_UNTIL(seen.calls == 1);
    return seen;
}

/* --- on the deployment's server --- */

START_TEST(commands_and_scripts_get_their_replies)
{
    struct seen echoed = {0};
    struct seen doubled = {0};
    const char *const echo[] = {"ECHO", "hammer"};
    ck_assert(redis_command(redis, note, &echoed, 2, echo, NULL));
    call_double(redis, "21", &doubled);
    ck_assert_int_eq(echoed.calls, 0);
    RUN_UNTIL(doubled.calls == 1);
    ck_assert_str_eq(echoed.text, "hammer");
    ck_assert_int_eq(doubled.integer, 42);
}
END_TEST

START_TEST(replies_can_be_errors_and_binary)
{
    ck_assert_int_eq(command(redis, "NO-SUCH-COMMAND", NULL, NULL).type, REDIS_REPLY_ERROR);
    struct seen seen = {0};
    const char *const echo[] = {"ECHO", "a\0b"};
    const size_t lengths[] = {4, 3};
    ck_assert(redis_command(redis, note, &seen, 2, echo, lengths));
    ck_assert(redis_command(redis, NULL, NULL, 2, echo, lengths)); /* no callback waits for this reply */
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.type, REDIS_REPLY_STRING);
    ck_assert_uint_eq(seen.length, 3);
    ck_assert_int_ge(redis_latency_ms(redis), 0);
}
END_TEST

START_TEST(values_larger_than_the_socket_buffer_are_sent)
{
    struct seen seen = {0};
    char *big = malloc(BIG);
    ck_assert_ptr_nonnull(big);
    memset(big, 'x', BIG);
    const char *const echo[] = {"ECHO", big};
    const size_t lengths[] = {4, BIG};
    for (int i = 0; i < BIG_ONES; i++) {
        ck_assert(redis_command(redis, note, &seen, 2, echo, lengths));
    }
    RUN_UNTIL(seen.calls == BIG_ONES);
    ck_assert_int_eq(seen.nulls, 0);
    ck_assert_uint_eq(seen.length, BIG);
    free(big);
}
END_TEST

struct order {
    long long next;
    bool kept;
};

static void note_order(const redisReply *reply, void *arg)
{
    struct order *order = arg;
    order->kept = order->kept && reply != NULL && reply->integer == 2 * order->next;
    order->next++;
}

START_TEST(calls_are_answered_once_in_order)
{
    struct order order = {.kept = true};
    for (int i = 0; i < PIPELINED; i++) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", i);
        const char *const arguments[] = {number};
        ck_assert(redis_call(redis, DOUBLE, note_order, &order, 0, 1, arguments, NULL));
    }
    RUN_UNTIL(order.next == PIPELINED);
    (void)command(redis, "PING", NULL, NULL);
    ck_assert_int_eq(order.next, PIPELINED);
    ck_assert(order.kept);
}
END_TEST

START_TEST(pending_commands_are_bounded)
{
    struct redis_options options = options_for(getenv("ROSTRUM_REDIS_URL"));
    options.pending_max = FEW_PENDING;
    struct redis *small = redis_new(&options);
    ck_assert_ptr_nonnull(small);
    RUN_UNTIL(redis_up(small));
    struct seen seen = {0};
    const char *const ping[] = {"PING"};
    for (int i = 0; i < FEW_PENDING; i++) {
        call_double(small, "1", &seen);
    }
    ck_assert(!redis_command(small, note, &seen, 1, ping, NULL));
    RUN_UNTIL(seen.calls == FEW_PENDING);
    ck_assert(redis_command(small, note, &seen, 1, ping, NULL));
    RUN_UNTIL(seen.calls == FEW_PENDING + 1);
    redis_free(small);
}
END_TEST

/* Writes `snapshot` at `version` and returns the script's reply. */
static long long write_version(struct snapshot *snapshot, int64_t version)
{
    struct seen seen = {0};
    const struct snapshot_writer writer = {redis, SNAPSHOT, EPOCH};
    snapshot->version = version;
    snapshot->minimum_bid = version * 100;
    ck_assert(snapshot_write(&writer, snapshot, note, &seen));
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.type, REDIS_REPLY_INTEGER);
    return seen.integer;
}

/* The snapshot stored in Redis. */
static struct snapshot stored(const struct uuid *auction)
{
    char key[KEYS_SIZE];
    struct snapshot snapshot = {.auction_id = *auction};
    keys_snapshot(EPOCH, auction, key);
    const char *text = command(redis, "HGET", key, SNAPSHOT_FIELD).text;
    ck_assert_msg(snapshot_parse(text, strlen(text), &snapshot), "not a snapshot: %s", text);
    return snapshot;
}

START_TEST(an_older_version_never_replaces_a_snapshot)
{
    char key[KEYS_SIZE];
    struct snapshot snapshot = {.auction_id = uuid_new(),
                                .seller_id = uuid_new(),
                                .terms_version = 4,
                                .status = RULES_ACTIVE,
                                .start_ms = 1795000000000,
                                .end_ms = 1795000600000};
    keys_snapshot(EPOCH, &snapshot.auction_id, key);
    ck_assert_int_eq(write_version(&snapshot, 9), 1);
    ck_assert_int_eq(stored(&snapshot.auction_id).current_bid, 0);
    snapshot.current_bid = 5500;
    ck_assert_int_eq(write_version(&snapshot, 9), 0);
    ck_assert_int_eq(write_version(&snapshot, 8), 0);
    ck_assert_int_eq(stored(&snapshot.auction_id).minimum_bid, 900);
    ck_assert_int_eq(write_version(&snapshot, 10), 1);
    ck_assert_str_eq(command(redis, "HGET", key, "v").text, "10");
    struct snapshot read = stored(&snapshot.auction_id);
    ck_assert_int_eq(read.version, 10);
    ck_assert_int_eq(read.status, RULES_ACTIVE);
    ck_assert_int_eq(read.start_ms, snapshot.start_ms);
    ck_assert_int_eq(read.end_ms, snapshot.end_ms);
    ck_assert_int_eq(read.minimum_bid, 1000);
    ck_assert_int_eq(read.current_bid, 5500);
    ck_assert(uuid_equal(&read.seller_id, &snapshot.seller_id));
    ck_assert_int_eq(read.terms_version, 4);
    ck_assert(uuid_is_nil(&read.leader_id));
    long long life = command(redis, "TTL", key, NULL).integer;
    ck_assert(life > 0 && life <= SNAPSHOT_LIFE_S);
    (void)command(redis, "DEL", key, NULL);
}
END_TEST

static int fresh_type(const struct uuid *auction)
{
    struct seen seen = {0};
    ck_assert(snapshot_ask_fresh(redis, SNAPSHOT_FRESH, EPOCH, auction, note, &seen));
    RUN_UNTIL(seen.calls == 1);
    return seen.type;
}

START_TEST(a_snapshot_is_fresh_for_a_second_after_it_was_written_or_confirmed)
{
    char key[KEYS_SIZE];
    struct snapshot snapshot = {.auction_id = uuid_new(), .seller_id = uuid_new(), .status = RULES_ACTIVE};
    keys_snapshot(EPOCH, &snapshot.auction_id, key);
    ck_assert_int_eq(fresh_type(&snapshot.auction_id), REDIS_REPLY_NIL);
    ck_assert_int_eq(write_version(&snapshot, 9), 1);
    ck_assert_int_eq(fresh_type(&snapshot.auction_id), REDIS_REPLY_STRING);
    (void)command(redis, "PEXPIRE", key, "3598900");
    ck_assert_int_eq(fresh_type(&snapshot.auction_id), REDIS_REPLY_NIL);
    (void)command(redis, "PEXPIRE", key, "3600500");
    ck_assert_int_eq(fresh_type(&snapshot.auction_id), REDIS_REPLY_NIL);
    ck_assert_int_eq(write_version(&snapshot, 8), 0);
    ck_assert_int_eq(fresh_type(&snapshot.auction_id), REDIS_REPLY_NIL);
    ck_assert_int_eq(write_version(&snapshot, 9), 0);
    ck_assert_int_eq(fresh_type(&snapshot.auction_id), REDIS_REPLY_STRING);
    (void)command(redis, "DEL", key, NULL);
    /* Without an epoch nothing is written. */
    const struct snapshot_writer writer = {redis, SNAPSHOT, 0};
    ck_assert(!snapshot_write(&writer, &snapshot, NULL, NULL));
}
END_TEST

static long long write_sale(const struct uuid *sale, int64_t version)
{
    struct seen seen = {0};
    const struct snapshot_writer writer = {redis, SNAPSHOT, EPOCH};
    const struct sale_snapshot snapshot = {.sale_id = *sale, .version = version};
    ck_assert(sale_snapshot_write(&writer, &snapshot, note, &seen));
    RUN_UNTIL(seen.calls == 1);
    return seen.integer;
}

START_TEST(a_snapshot_of_a_sale_is_stored_as_that_of_an_auction)
{
    struct seen seen = {0};
    struct sale_snapshot read;
    struct uuid sale = uuid_new();
    ck_assert_int_eq(write_sale(&sale, 9), 1);
    ck_assert_int_eq(write_sale(&sale, 8), 0);
    ck_assert(sale_snapshot_ask_fresh(redis, SNAPSHOT_FRESH, EPOCH, &sale, note, &seen));
    RUN_UNTIL(seen.calls == 1);
    ck_assert(sale_snapshot_parse(seen.text, strlen(seen.text), &read));
    ck_assert_int_eq(read.version, 9);
}
END_TEST

/* Writes the next version with one accepted bid of `bidder`; NULL: its bids are not known. */
static void write_leader(struct snapshot *snapshot, const struct uuid *bidder, int64_t amount)
{
    char leaders[SNAPSHOT_LEADER_SIZE];
    const struct snapshot_writer writer = {redis, SNAPSHOT, EPOCH};
    struct seen seen = {0};
    snapshot->version++;
    ck_assert(bidder == NULL || snapshot_leader_add(leaders, sizeof leaders, amount, true, bidder) > 0);
    ck_assert(snapshot_write_leaders(&writer, snapshot, bidder == NULL ? NULL : leaders, note, &seen));
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.integer, 1);
}

START_TEST(a_leaderboard_is_updated_only_from_the_version_before)
{
    char key[KEYS_SIZE];
    char board[KEYS_SIZE];
    char bidder_text[UUID_TEXT_SIZE];
    const struct uuid bidder = uuid_new();
    struct snapshot snapshot = {
        .auction_id = uuid_new(), .seller_id = uuid_new(), .version = 1, .status = RULES_ACTIVE};
    keys_snapshot(EPOCH, &snapshot.auction_id, key);
    keys_leaderboard(EPOCH, &snapshot.auction_id, board);
    uuid_format(&bidder, bidder_text);
    write_leader(&snapshot, &bidder, 500);
    ck_assert_int_eq(command(redis, "EXISTS", board, NULL).integer, 0); /* no client has read it */
    const char *const keep[] = {"HSET", key, "lb", "2"};
    struct seen seen = {0};
    ck_assert(redis_command(redis, note, &seen, ARRAY_LEN(keep), keep, NULL));
    RUN_UNTIL(seen.calls == 1);
    write_leader(&snapshot, &bidder, 700);
    ck_assert_str_eq(command(redis, "HGET", key, "lb").text, "3");
    ck_assert_str_eq(command(redis, "ZSCORE", board, bidder_text).text, "1401");
    write_leader(&snapshot, &bidder, 600); /* lower than before: the best one stays */
    ck_assert_str_eq(command(redis, "ZSCORE", board, bidder_text).text, "1401");
    write_leader(&snapshot, NULL, 0);
    ck_assert_str_eq(command(redis, "HGET", key, "lb").text, "4");
    write_leader(&snapshot, &bidder, 900);
    ck_assert_str_eq(command(redis, "HGET", key, "lb").text, "4");
    ck_assert_str_eq(command(redis, "ZSCORE", board, bidder_text).text, "1401");
    ck_assert_int_eq(stored(&snapshot.auction_id).version, 6);
    (void)command(redis, "DEL", key, board);
}
END_TEST

/* redis_free fails the pending commands, also inside the callback of another command. */
static void free_inside(const redisReply *reply, void *arg)
{
    struct seen *seen = arg;
    note(reply, &seen[0]);
    redis_free(redis);
    ck_assert_int_eq(seen[1].nulls, 1);
    redis = NULL;
}

START_TEST(a_client_can_be_freed_inside_a_callback)
{
    struct seen seen[2] = {{0}};
    const char *const ping[] = {"PING"};
    ck_assert(redis_command(redis, free_inside, seen, 1, ping, NULL));
    call_double(redis, "1", &seen[1]);
    RUN_UNTIL(seen[0].calls == 1);
    ck_assert_int_eq(seen[0].nulls, 0);
    ck_assert_int_eq(seen[1].calls, 1);
}
END_TEST

START_TEST(bad_urls_are_refused)
{
    static const char *const bad[] = {"",
                                      "127.0.0.1:6379",
                                      "http://127.0.0.1",
                                      "redis://",
                                      "redis://127.0.0.1/x",
                                      "redis://127.0.0.1/1x",
                                      "redis://user@127.0.0.1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct redis_options options = options_for(bad[i]);
        ck_assert_msg(redis_new(&options) == NULL, "%s", bad[i]);
    }
}
END_TEST

/* --- on a server of the test's own --- */

START_TEST(flushed_scripts_are_loaded_again)
{
    struct seen flushed = {0};
    struct seen doubled[3] = {{0}};
    const char *const flush[] = {"SCRIPT", "FLUSH"};
    ck_assert(redis_command(redis, note, &flushed, 2, flush, NULL));
    for (int i = 0; i < 3; i++) {
        call_double(redis, "21", &doubled[i]);
    }
    RUN_UNTIL(doubled[0].calls == 1 && doubled[1].calls == 1 && doubled[2].calls == 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(doubled[i].integer, 42);
    }
    (void)command(redis, "PING", NULL, NULL);
    ck_assert_int_eq(doubled[0].calls, 1);
    ck_assert_int_eq(changes_down, 0);
}
END_TEST

START_TEST(a_command_past_its_timeout_closes_the_connection)
{
    struct seen seen = {0};
    ck_assert_int_eq(kill(server.pid, SIGSTOP), 0);
    call_double(redis, "1", &seen);
    call_double(redis, "2", &seen);
    RUN_UNTIL(seen.calls == 2);
    ck_assert_int_eq(seen.nulls, 2);
    ck_assert_int_eq(changes_down, 1);
    ck_assert(!redis_up(redis));
    ck_assert_int_eq(kill(server.pid, SIGCONT), 0);
    RUN_UNTIL(changes_up == 2);
    call_double(redis, "3", &seen);
    RUN_UNTIL(seen.calls == 3);
    ck_assert_int_eq(seen.integer, 6);
}
END_TEST

START_TEST(a_restarted_server_is_reconnected)
{
    struct seen seen = {0};
    const char *const block[] = {"BLPOP", "nothing", "0"};
    ck_assert(redis_command(redis, note, &seen, 3, block, NULL));
    server_kill();
    RUN_UNTIL(seen.calls == 1 && changes_down == 1);
    ck_assert_int_eq(seen.nulls, 1);
    ck_assert(!redis_command(redis, note, &seen, 3, block, NULL));
    server_start();
    RUN_UNTIL(changes_up == 2);
    call_double(redis, "21", &seen);
    RUN_UNTIL(seen.calls == 2);
    ck_assert_int_eq(seen.integer, 42);
}
END_TEST

START_TEST(a_subscription_is_renewed_after_a_restart)
{
    struct seen seen = {0};
    const char *const ping[] = {"PING"};
    struct redis *listener = listener_new(server_url());
    RUN_UNTIL(redis_up(listener));
    ck_assert(!redis_command(listener, note, &seen, 1, ping, NULL));
    ck_assert(!redis_listen(listener, "another"));
    ck_assert_int_eq(command(redis, "PUBLISH", "gw:test", "one").integer, 1);
    RUN_UNTIL(messages == 1);
    ck_assert_str_eq(message, "one");
    server_kill();
    RUN_UNTIL(!redis_up(listener) && !redis_up(redis));
    server_start();
    RUN_UNTIL(redis_up(listener) && redis_up(redis));
    ck_assert_int_eq(command(redis, "PUBLISH", "gw:test", "two").integer, 1);
    RUN_UNTIL(messages == 2);
    ck_assert_str_eq(message, "two");
    redis_free(listener);
}
END_TEST

static struct redis *freed_inside;

static void free_on_message(struct redis *listener, const char *channel, const char *bytes, size_t length, void *arg)
{
    on_message(listener, channel, bytes, length, arg);
    redis_free(freed_inside);
    freed_inside = NULL;
}

START_TEST(a_listener_can_be_freed_inside_its_callback)
{
    struct redis_options options = options_for(server_url());
    options.on_message = free_on_message;
    freed_inside = redis_new(&options);
    ck_assert_ptr_nonnull(freed_inside);
    ck_assert(redis_listen(freed_inside, "gw:test"));
    RUN_UNTIL(redis_up(freed_inside));
    const char *const publish[] = {"PUBLISH", "gw:test", "one"};
    ck_assert(redis_command(redis, NULL, NULL, 3, publish, NULL));
    ck_assert(redis_command(redis, NULL, NULL, 3, publish, NULL));
    RUN_UNTIL(freed_inside == NULL);
    ck_assert_int_eq(messages, 1);
}
END_TEST

START_TEST(an_idle_listener_detects_a_dead_link)
{
    struct redis *listener = listener_new(server_url());
    RUN_UNTIL(redis_up(listener));
    /* Long enough for pings to be answered: a healthy link stays open. */
    int64_t until_ms = suite_mono_ms() + INT64_C(2) * TIMEOUT_MS;
    RUN_UNTIL(suite_mono_ms() > until_ms);
    ck_assert(redis_up(listener));
    ck_assert_int_eq(kill(server.pid, SIGSTOP), 0);
    RUN_UNTIL(!redis_up(listener));
    ck_assert_int_eq(kill(server.pid, SIGCONT), 0);
    RUN_UNTIL(redis_up(listener));
    redis_free(listener);
}
END_TEST

START_TEST(password_and_database_come_from_the_url)
{
    char url[URL_SIZE];
    server_new("se cret");
    (void)snprintf(url, sizeof(url), "redis://:se%%20cret@127.0.0.1:%d/3", server.port);
    redis = client_new(url);
    RUN_UNTIL(redis_up(redis));
    ck_assert_str_eq(command(redis, "SET", "lot", "1").text, "OK");
    (void)snprintf(url, sizeof(url), "redis://default:se%%20cret@127.0.0.1:%d", server.port);
    struct redis *other = client_new(url);
    RUN_UNTIL(redis_up(other));
    ck_assert_int_eq(command(other, "EXISTS", "lot", NULL).integer, 0);
    ck_assert_str_eq(command(other, "SELECT", "3", NULL).text, "OK");
    ck_assert_int_eq(command(other, "EXISTS", "lot", NULL).integer, 1);
    struct redis *wrong = client_new(server_url());
    for (int i = 0; i < 100; i++) {
        (void)command(redis, "PING", NULL, NULL);
        ck_assert(!redis_up(wrong));
    }
    redis_free(wrong);
    redis_free(other);
}
END_TEST

/* --- servers that cannot serve --- */

/* From now on the log of this test is in a file. Each test is a process of its own. */
static void log_catch(void)
{
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
}

static bool log_has(const char *text)
{
    static char all[1 << 16];
    ssize_t length = pread(STDERR_FILENO, all, sizeof(all) - 1, 0);
    ck_assert_int_ge(length, 0);
    all[length] = '\0';
    return strstr(all, text) != NULL;
}

/* Runs a command on a connection of its own. */
static void ask_server(const char *text)
{
    redisContext *context = redisConnect("127.0.0.1", server.port);
    ck_assert(context != NULL && context->err == 0);
    redisReply *reply = redisCommand(context, text);
    ck_assert_ptr_nonnull(reply);
    ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redisFree(context);
}

START_TEST(a_master_that_becomes_a_replica_is_left_until_it_is_a_master_again)
{
    log_catch();
    ask_server("REPLICAOF 127.0.0.1 1");
    struct seen seen = command(redis, "SET", "lot", "1");
    ck_assert_int_eq(seen.type, REDIS_REPLY_ERROR);
    ck_assert_int_eq(strncmp(seen.text, "READONLY ", 9), 0);
    ck_assert_int_eq(changes_down, 1);
    RUN_UNTIL(log_has("this Redis is a replica and takes no writes"));
    ck_assert_int_eq(changes_up, 1);
    ask_server("REPLICAOF NO ONE");
    RUN_UNTIL(redis_up(redis));
    ck_assert_str_eq(command(redis, "SET", "lot", "1").text, "OK");
}
END_TEST

START_TEST(a_cluster_is_refused_with_the_reason)
{
    server.cluster = true;
    server_new("");
    log_catch();
    redis = client_new(server_url());
    RUN_UNTIL(log_has("Redis Cluster is not supported: redis_url needs a single Redis"));
    ck_assert(!redis_up(redis));
}
END_TEST

static void add_case(Suite *suite, const char *name, SFun before, const TTest *const *tests, size_t count)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, before, tear_down);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < count; i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
}

static Suite *redis_suite(void)
{
    const TTest *const shared[] = {
        commands_and_scripts_get_their_replies,
        replies_can_be_errors_and_binary,
        values_larger_than_the_socket_buffer_are_sent,
        calls_are_answered_once_in_order,
        pending_commands_are_bounded,
        an_older_version_never_replaces_a_snapshot,
        a_snapshot_is_fresh_for_a_second_after_it_was_written_or_confirmed,
        a_snapshot_of_a_sale_is_stored_as_that_of_an_auction,
        a_leaderboard_is_updated_only_from_the_version_before,
        a_client_can_be_freed_inside_a_callback,
        bad_urls_are_refused,
    };
    const TTest *const private[] = {
        flushed_scripts_are_loaded_again,
        a_command_past_its_timeout_closes_the_connection,
        a_restarted_server_is_reconnected,
        a_subscription_is_renewed_after_a_restart,
        a_listener_can_be_freed_inside_its_callback,
        an_idle_listener_detects_a_dead_link,
        a_master_that_becomes_a_replica_is_left_until_it_is_a_master_again,
    };
    const TTest *const guarded[] = {password_and_database_come_from_the_url, a_cluster_is_refused_with_the_reason};
    Suite *suite = suite_create("redis");
    add_case(suite, "shared", set_up_shared, shared, ARRAY_LEN(shared));
    add_case(suite, "private", set_up_private, private, ARRAY_LEN(private));
    add_case(suite, "guarded", set_up, guarded, ARRAY_LEN(guarded));
    return suite;
}

int main(void)
{
    return suite_run(redis_suite());
}
