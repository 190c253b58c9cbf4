/*
 * See gateway.h. The client's socket is non-blocking and read between passes of the worker's loop, so that client and
 * worker need no second thread. It is closed with a reset: thousands of connections a second would else fill the
 * kernel's list of closed ones.
 */
#include "tests/fuzz/support/gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/listener.h"
#include "gateway/components.h"
#include "gateway/gateway_metrics.h"
#include "gateway/http/conn.h"
#include "tests/fuzz/support/fuzz.h"

enum {
    QUIET_PASSES = 3,      /* passes of the loop without a byte, after which the worker has nothing more to send */
    CLOSED_WITHIN = 20000, /* ms; a request's deadline and the linger of a closed stream are shorter */
    TOKEN_LIFE_S = 100000000,
    INPUT_MAX = 131072, /* bytes of the input, tokens included */
};

/* The port is reserved and has no listener, so each attempt is refused at once. */
#define NOBODY "127.0.0.1:1"

static struct config config;
static struct deployment_record record;
static struct gateway gateway;
static struct sockaddr_in address;
static char user_token[TOKEN_TEXT_SIZE];
static char admin_token[TOKEN_TEXT_SIZE];

/* ---- start ---- */

static void set_config(void)
{
    config_defaults(&config);
    (void)snprintf(config.pg_url, sizeof(config.pg_url), "postgresql://nobody@" NOBODY "/nowhere");
    (void)snprintf(config.redis_url, sizeof(config.redis_url), "redis://" NOBODY "/0");
    (void)snprintf(config.amqp_url, sizeof(config.amqp_url), "amqp://nobody:nothing@" NOBODY "/nowhere");
    /* Low costs and short deadlines, so that an input takes microseconds. */
    config.argon2_ops = 1;
    config.argon2_memory_kib = 8;
    config.request_deadline_ms = 200;
    config.confirm_deadline_ms = 100;
    config.live_messages_max = 100000;
    config.metrics_public = true;
}

static void set_record(void)
{
    record.facts = (struct deployment_facts){.shards = 2, .tokens = {.count = 1, .signer = 0}};
    memset(record.facts.idempotency, 1, sizeof(record.facts.idempotency));
    memset(record.facts.pseudonym, 2, sizeof(record.facts.pseudonym));
    memset(record.facts.receipt, 3, sizeof(record.facts.receipt));
    memset(record.facts.tokens.seeds[0], 4, sizeof(record.facts.tokens.seeds[0]));
    atomic_store(&record.version, 2);
}

static void make_token(bool admin, char out[static TOKEN_TEXT_SIZE])
{
    int64_t now_s = clock_now_ms() / 1000;
    struct token_claims claims = {
        .admin = admin, .session = "0123456789abcdef0123456789abcdef", .epoch = 1, .expires_s = now_s + TOKEN_LIFE_S};
    memset(claims.user_id.bytes, admin ? 0xad : 0x05, sizeof(claims.user_id.bytes));
    fuzz_check(token_issue(gateway.deployment.tokens, &claims, now_s, out));
}

static void open_listener(void)
{
    socklen_t size = sizeof(address);
    int fd = listener_open("127.0.0.1", 0);
    fuzz_check(fd >= 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    fuzz_check(conns_listen(gateway.http.conns, fd));
}

void fuzz_gateway_start(void)
{
    struct event_config *choices = event_config_new();
    fuzz_check(signal(SIGPIPE, SIG_IGN) != SIG_ERR && choices != NULL);
    fuzz_check(event_config_set_flag(choices, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0); /* as in worker.c */
    struct components_options options = {
        .base = event_base_new_with_config(choices), .config = &config, .record = &record};
    event_config_free(choices);
    log_open("fuzz", LOG_ERROR);
    set_config();
    set_record();
    fuzz_check(metrics_open(gateway_metrics_families) && options.base != NULL && components_start(&gateway, &options));
    make_token(false, user_token);
    make_token(true, admin_token);
    open_listener();
}

/* ---- one connection ---- */

/* Copies the input with its tokens replaced. Returns the length. */
static size_t expand(const uint8_t *bytes, size_t length, uint8_t out[static INPUT_MAX])
{
    static const struct {
        const char *name;
        const char *token;
    } names[] = {{"@USER@", user_token}, {"@ADMIN@", admin_token}};
    size_t used = 0;
    for (size_t at = 0; at < length && used < INPUT_MAX - TOKEN_TEXT_SIZE;) {
        const char *token = NULL;
        for (size_t i = 0; i < ARRAY_LEN(names) && token == NULL && bytes[at] == '@'; i++) {
            size_t name_length = strlen(names[i].name);
            if (length - at >= name_length && memcmp(bytes + at, names[i].name, name_length) == 0) {
                token = names[i].token;
                at += name_length;
            }
        }
        if (token == NULL) {
            out[used++] = bytes[at++];
        } else {
            for (const char *at_token = token; *at_token != '\0'; at_token++) {
                out[used++] = (uint8_t)*at_token;
            }
        }
    }
    return used;
}

/* libFuzzer's timer interrupts a connect that has to wait on a loaded machine; it then goes on by itself. */
static bool connect_client(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        return true;
    }
    struct pollfd connected = {.fd = fd, .events = POLLOUT};
    bool waits = errno == EINTR;
    while (waits && poll(&connected, 1, -1) < 0) {
        waits = errno == EINTR;
    }
    return waits && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

static int open_client(void)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fuzz_check(fd >= 0 && connect_client(fd));
    fuzz_check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
    fuzz_check(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

/* Runs one pass of the loop and reads the output. False if the worker has closed. */
static bool pass(int fd, struct fuzz_reply *reply, bool *heard)
{
    uint8_t rest[4096];
    ssize_t got = 0;
    *heard = false;
    fuzz_check(event_base_loop(gateway.base, EVLOOP_NONBLOCK) >= 0);
    while ((got = recv(fd, rest, sizeof(rest), 0)) > 0) {
        size_t room = sizeof(reply->bytes) - reply->length;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        memcpy(reply->bytes + reply->length, rest, kept);
        reply->length += kept;
        *heard = true;
    }
    fuzz_check(got == 0 || errno == EAGAIN || errno == ECONNRESET);
    return got < 0 && errno == EAGAIN;
}

/* False if the worker has closed before everything was sent. */
static bool send_all(int fd, const uint8_t *bytes, size_t length, size_t chunk, struct fuzz_reply *reply)
{
    bool heard = false;
    for (size_t sent = 0; sent < length;) {
        size_t part = chunk == 0 || chunk > length - sent ? length - sent : chunk;
        ssize_t taken = send(fd, bytes + sent, part, MSG_NOSIGNAL);
        fuzz_check(taken >= 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
        sent += taken < 0 ? 0 : (size_t)taken;
        if (!pass(fd, reply, &heard)) {
            return false;
        }
    }
    return true;
}

const struct fuzz_reply *fuzz_gateway_exchange(const uint8_t *bytes, size_t length, size_t chunk)
{
    static struct fuzz_reply reply;
    static uint8_t input[INPUT_MAX];
    int64_t begin_ms = clock_mono_ms();
    bool heard = false;
    size_t input_length = expand(bytes, length, input);
    int fd = open_client();
    reply.length = 0;
    bool open = send_all(fd, input, input_length, chunk, &reply);
    for (int quiet = 0; open && quiet < QUIET_PASSES; quiet = heard ? 0 : quiet + 1) {
        open = pass(fd, &reply, &heard);
    }
    fuzz_check(!open || shutdown(fd, SHUT_WR) == 0 || errno == ENOTCONN);
    while (open) {
        open = pass(fd, &reply, &heard);
        fuzz_check(clock_mono_ms() - begin_ms < CLOSED_WITHIN);
    }
    fuzz_check(close(fd) == 0);
    while (conns_open(gateway.http.conns) > 0) {
        fuzz_check(event_base_loop(gateway.base, EVLOOP_NONBLOCK) >= 0);
        fuzz_check(clock_mono_ms() - begin_ms < CLOSED_WITHIN);
    }
    return &reply;
}
