/*
 * Offers bids at a rate, whatever the answers take (open loop), and measures the latency of each from the moment when
 * it was due. A slow answer thus delays no later bid on paper: those that wait for a free connection count their wait.
 * Started by tests/bench/run:
 *
 *     offered FIXTURE.lua URL RATE SECONDS CONNECTIONS [HEADER]
 *
 * FIXTURE.lua is a file of tests/bench/seed. The gaps between bids are exponential, as of independent clients, with the
 * same seed in each run. Bids go to random auctions by random users, with amounts that rise. HEADER is one more line of
 * each request, for example "Prefer: wait=5". The first WARM_UP_S seconds are sent and not counted. Output, one line:
 *
 *     all N sent N taken N refused N unanswered N seconds S p50 US p90 US p99 US p999 US most US late US
 *
 * `taken` are answers 2xx, and `all` are those with the warm-up. A bid without an answer DRAIN_S after the last one was
 * due counts as unanswered, with the latency until then. `late` is the p99 of the generator's own delay while a
 * connection was free. The latencies contain it, because the generator shares the processors with what it measures.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/latency.h"

enum {
    WARM_UP_S = 1,
    DRAIN_S = 10,
    CONNECTIONS_MAX = 4096,
    EVENTS_MAX = 256,
    FIXTURE_MAX_BYTES = 16 << 20,
    TEXTS_MAX = 100000, /* auctions, and users */
    ANSWER_SIZE = 8192,
    REQUEST_SIZE = 2048,
    FIRST_AMOUNT = 1000,
    US_PER_S = 1000000,
    NS_PER_US = 1000,
};

struct connection {
    int fd;
    int64_t due_us; /* of its bid; 0: it is free */
    size_t length;
    char answer[ANSWER_SIZE];
};

/* Texts of the fixture. */
struct texts {
    const char *of[TEXTS_MAX];
    size_t count;
};

static struct {
    struct texts auctions;
    struct texts sessions;
    struct connection *connections;
    size_t *free; /* a stack of indexes of free connections */
    size_t free_count;
    size_t connection_count;
    const char *header;
    double gap_us;
    uint64_t random;
    int64_t counted_from_us; /* bids due before are the warm-up */
    int64_t end_us;
    double next_due_us;
    int64_t amount;
    int64_t sent;
    int64_t all;
    int64_t taken;
    int64_t refused;
    struct latency answers;
    struct latency late;
} load;

static void must(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "offered: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

/* ---- the fixture ---- */

/* Collects the quoted texts of `name={"…","…",}`, and ends each one in place. */
static void collect(char *fixture, const char *name, struct texts *texts)
{
    char *at = strstr(fixture, name);
    must(at != NULL, "the fixture lacks a list");
    at += strlen(name);
    while (*at == '"' && texts->count < TEXTS_MAX) {
        char *end = strchr(at + 1, '"');
        must(end != NULL, "the fixture is cut");
        texts->of[texts->count++] = at + 1;
        *end = '\0';
        at = end + 1 + (end[1] == ',');
    }
    must(texts->count > 0, "the fixture has an empty list");
}

static void read_fixture(const char *path)
{
    char *text = calloc(1, FIXTURE_MAX_BYTES + 1);
    FILE *file = fopen(path, "re");
    must(text != NULL && file != NULL, path);
    size_t length = fread(text, 1, FIXTURE_MAX_BYTES, file);
    must(length < FIXTURE_MAX_BYTES && fclose(file) == 0, path);
    collect(strstr(text, "toks=") == NULL ? text : strstr(text, "toks="), "toks={", &load.sessions);
    collect(text, "ids={", &load.auctions);
}

/* ---- random numbers: xorshift, the same in each run ---- */

static uint64_t random_next(void)
{
    load.random ^= load.random << 13;
    load.random ^= load.random >> 7;
    load.random ^= load.random << 17;
    return load.random;
}

static double random_gap_us(void)
{
    double share = ((double)(random_next() >> 11) + 0.5) / (double)(UINT64_C(1) << 53);
    return -log(share) * load.gap_us;
}

static const char *random_text(const struct texts *texts)
{
    return texts->of[random_next() % texts->count];
}

/* ---- bids ---- */

static void send_bid(struct connection *connection, int64_t due_us)
{
    char body[64];
    char request[REQUEST_SIZE];
    int body_length = snprintf(body, sizeof(body), "{\"amount\":%" PRId64 "}", FIRST_AMOUNT + ++load.amount);
    int length = snprintf(request, sizeof(request),
                          "POST /api/v1/auctions/%s/bids HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                          "Content-Type: application/json\r\n%s%sContent-Length: %d\r\n\r\n%s",
                          random_text(&load.auctions), random_text(&load.sessions), load.header,
                          *load.header == '\0' ? "" : "\r\n", body_length, body);
    must(length < REQUEST_SIZE && send(connection->fd, request, (size_t)length, MSG_NOSIGNAL) == length,
         "a bid cannot be sent");
    connection->due_us = due_us;
    connection->length = 0;
    connection->answer[0] = '\0';
    load.sent += due_us >= load.counted_from_us;
}

/* Sends every bid that is due, as long as a connection is free. `was_free` says so of the time before this turn. */
static void send_due(int64_t now_us, bool was_free)
{
    while (load.free_count > 0 && load.next_due_us <= (double)now_us && load.next_due_us < (double)load.end_us) {
        int64_t due_us = (int64_t)load.next_due_us;
        if (was_free && due_us >= load.counted_from_us) {
            latency_add(&load.late, now_us - due_us);
        }
        send_bid(&load.connections[load.free[--load.free_count]], due_us);
        load.next_due_us += random_gap_us();
    }
}

/* Status of a complete answer, 0 if it is incomplete. */
static int whole(const char *answer)
{
    static const char LENGTH[] = "\r\nContent-Length:";
    const char *end = strstr(answer, "\r\n\r\n");
    const char *length = end == NULL ? NULL : strcasestr(answer, LENGTH);
    if (length == NULL || length > end || strlen(end + 4) < strtoul(length + strlen(LENGTH), NULL, 10)) {
        return 0;
    }
    return (int)strtol(answer + strlen("HTTP/1.1 "), NULL, 10);
}

static void on_readable(size_t index)
{
    struct connection *connection = &load.connections[index];
    ssize_t got =
        recv(connection->fd, connection->answer + connection->length, ANSWER_SIZE - 1 - connection->length, 0);
    must(got > 0, "the deployment closed a connection");
    connection->length += (size_t)got;
    connection->answer[connection->length] = '\0';
    int status = whole(connection->answer);
    if (status == 0 || connection->due_us == 0) {
        return;
    }
    bool taken = status >= 200 && status < 300;
    load.all += taken;
    if (connection->due_us >= load.counted_from_us) {
        load.taken += taken;
        load.refused += !taken;
        latency_add(&load.answers, clock_mono_us() - connection->due_us);
    }
    connection->due_us = 0;
    load.free[load.free_count++] = index;
}

/* ---- connections ---- */

static int connect_to(const char *url)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const char *colon = strrchr(url, ':');
    const int on = 1;
    address.sin_port = htons((uint16_t)strtoul(colon == NULL ? "" : colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
             connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0,
         "no connection");
    return fd;
}

/* A connection that sends nothing for some seconds is closed, so each asks something at once. */
static void introduce(struct connection *connection)
{
    static const char request[] = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    must(send(connection->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(request) - 1, "/health");
    while (whole(connection->answer) == 0) {
        ssize_t got =
            recv(connection->fd, connection->answer + connection->length, ANSWER_SIZE - 1 - connection->length, 0);
        must(got > 0, "/health");
        connection->length += (size_t)got;
        connection->answer[connection->length] = '\0';
    }
}

static void open_connections(int epoll, const char *url, size_t count)
{
    load.connections = calloc(count, sizeof(*load.connections));
    load.free = calloc(count, sizeof(*load.free));
    must(count > 0 && count <= CONNECTIONS_MAX && load.connections != NULL && load.free != NULL, "connections");
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = i}};
        load.connections[i].fd = connect_to(url);
        introduce(&load.connections[i]);
        must(epoll_ctl(epoll, EPOLL_CTL_ADD, load.connections[i].fd, &event) == 0, "epoll");
        load.free[load.free_count++] = i;
    }
    load.connection_count = count;
}

/* ---- the run ---- */

/* Until the next bid is due; while all connections are busy or all bids are sent, until an answer comes or the end. */
static struct timespec wait_until_due(int64_t now_us)
{
    int64_t until_us = load.end_us + (int64_t)DRAIN_S * US_PER_S;
    if (load.free_count > 0 && load.next_due_us < (double)load.end_us) {
        until_us = (int64_t)load.next_due_us + 1;
    }
    int64_t wait_us = until_us > now_us ? until_us - now_us : 0;
    return (struct timespec){.tv_sec = wait_us / US_PER_S, .tv_nsec = wait_us % US_PER_S * NS_PER_US};
}

static bool is_over(int64_t now_us)
{
    bool all_sent = load.next_due_us >= (double)load.end_us;
    return (all_sent && load.free_count == load.connection_count) || now_us > load.end_us + (int64_t)DRAIN_S * US_PER_S;
}

static void run(int epoll)
{
    for (int64_t now_us = clock_mono_us(); !is_over(now_us); now_us = clock_mono_us()) {
        struct epoll_event events[EVENTS_MAX];
        struct timespec wait = wait_until_due(now_us);
        bool was_free = load.free_count > 0;
        int count = epoll_pwait2(epoll, events, EVENTS_MAX, &wait, NULL);
        must(count >= 0 || errno == EINTR, "epoll_pwait2");
        /* The bids first, or the answers would delay them. */
        send_due(clock_mono_us(), was_free);
        for (int i = 0; i < count; i++) {
            on_readable(events[i].data.u64);
        }
        send_due(clock_mono_us(), false);
    }
}

/* Adds the bids without an answer, and those that found no free connection, with the time that they have waited. */
static int64_t add_unanswered(void)
{
    int64_t now_us = clock_mono_us();
    int64_t unanswered = 0;
    for (size_t i = 0; i < load.connection_count; i++) {
        if (load.connections[i].due_us >= load.counted_from_us) {
            latency_add(&load.answers, now_us - load.connections[i].due_us);
            unanswered++;
        }
    }
    while (load.next_due_us < (double)load.end_us) {
        latency_add(&load.answers, now_us - (int64_t)load.next_due_us);
        load.next_due_us += random_gap_us();
        unanswered++;
    }
    return unanswered;
}

static void report(double seconds)
{
    int64_t unanswered = add_unanswered();
    (void)printf("all %" PRId64 " sent %" PRId64 " taken %" PRId64 " refused %" PRId64 " unanswered %" PRId64
                 " seconds %.1f p50 %" PRId64 " p90 %" PRId64 " p99 %" PRId64 " p999 %" PRId64 " most %" PRId64
                 " late %" PRId64 "\n",
                 load.all, load.sent, load.taken, load.refused, unanswered, seconds,
                 latency_quantile(&load.answers, 500000), latency_quantile(&load.answers, 900000),
                 latency_quantile(&load.answers, 990000), latency_quantile(&load.answers, 999000), load.answers.most_us,
                 latency_quantile(&load.late, 990000));
}

int main(int argc, char **argv)
{
    double rate = argc < 6 ? 0 : strtod(argv[3], NULL);
    double seconds = argc < 6 ? 0 : strtod(argv[4], NULL);
    if (argc > 7 || rate <= 0 || seconds <= 0) {
        (void)fprintf(stderr, "usage: offered FIXTURE.lua URL RATE SECONDS CONNECTIONS [HEADER]\n");
        return 2;
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    must(epoll >= 0, "epoll");
    load.header = argc == 7 ? argv[6] : "";
    load.gap_us = US_PER_S / rate;
    load.random = UINT64_C(0x9e3779b97f4a7c15);
    read_fixture(argv[1]);
    open_connections(epoll, argv[2], strtoul(argv[5], NULL, 10));
    int64_t now_us = clock_mono_us();
    load.next_due_us = (double)now_us;
    load.counted_from_us = now_us + (int64_t)WARM_UP_S * US_PER_S;
    load.end_us = load.counted_from_us + (int64_t)(seconds * US_PER_S);
    run(epoll);
    report(seconds);
    return EXIT_SUCCESS;
}
