/*
 * See ws_load.h. States of a watcher: AWAY (until it reconnects), CONNECTING, GREETING (the handshake is sent), ASKING
 * (subscribed, no snapshot yet), WATCHING. Only watcher_set_state changes the state and its counts. Only watcher_lose
 * ends a connection. All watchers read into one buffer; the rare rest of an incomplete frame is copied.
 */
#include "tests/support/ws_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/money.h"
#include "tests/support/websocket.h"

enum {
    EVENTS_AT_ONCE = 512,
    CONNECTING_MAX = 256,  /* concurrent connection attempts: fewer than a listening socket's backlog */
    GUESTS_MAX = 128,      /* of ws_load_attach */
    BUFFER_SIZE = 1 << 18, /* bytes; a snapshot is far smaller */
    REQUEST_SIZE = 512,
    LAST_ID_SIZE = 48,
    BACK_LEAST_MS = 100, /* the random pause before a reconnect, if the deployment named none */
    BACK_MOST_MS = 1000,
    PAUSE_MOST_MS = 600000, /* longer pauses that the deployment names are ignored */
    US_PER_MS = 1000,
};

struct watcher {
    struct ws_load_watcher view;
    int fd;
    int64_t due_ms; /* AWAY: time of the reconnect */
    uint8_t *kept;  /* an incomplete frame, or an incomplete answer to the handshake */
    size_t kept_length;
    bool fresh;       /* new connection: the next seq need not follow the last one */
    bool stream;      /* Server-Sent Events instead of a WebSocket */
    int64_t retry_ms; /* of a stream: the pause that the deployment named; 0: none yet */
};

struct guest {
    void (*ready)(void *arg);
    void *arg;
};

struct ws_load {
    struct ws_load_options options;
    struct sockaddr_in address;
    int epoll;
    struct watcher *watchers;
    size_t count;
    size_t size;
    size_t opening; /* CONNECTING, GREETING or ASKING */
    size_t away;
    struct ws_load_counts counts;
    struct guest guests[GUESTS_MAX];
    size_t guest_count;
    uint8_t request[REQUEST_SIZE];
    size_t request_length;
    uint8_t subscribe[REQUEST_SIZE];
    size_t subscribe_length;
    uint8_t buffer[BUFFER_SIZE + 1]; /* for a terminator */
};

static void must(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "ws_load: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

/* ---- start ---- */

static void write_requests(struct ws_load *ws_load)
{
    char text[REQUEST_SIZE];
    int length = snprintf((char *)ws_load->request, sizeof(ws_load->request),
                          "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: " WEBSOCKET_KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n");
    ws_load->request_length = (size_t)length;
    length = snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"auctionId\":\"%s\"}", ws_load->options.auction);
    must(length > 0 && (size_t)length + WIRE_HEADER_MAX <= sizeof(ws_load->subscribe), "a long auction id");
    ws_load->subscribe_length = wire_write(WIRE_FIN | WIRE_TEXT, text, (size_t)length, ws_load->subscribe);
}

struct ws_load *ws_load_new(const struct ws_load_options *options)
{
    const char *colon = strrchr(options->base_url, ':');
    struct ws_load *ws_load = calloc(1, sizeof(*ws_load));
    if (ws_load == NULL || colon == NULL) {
        free(ws_load);
        return NULL;
    }
    ws_load->options = *options;
    ws_load->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    ws_load->address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    ws_load->epoll = epoll_create1(EPOLL_CLOEXEC);
    must(ws_load->epoll >= 0, "epoll");
    write_requests(ws_load);
    return ws_load;
}

static void guest_add(struct ws_load *ws_load, int fd, uint64_t number)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = number}};
    must(epoll_ctl(ws_load->epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

/* In an epoll event the attached descriptors have the numbers above all watchers. */
void ws_load_attach(struct ws_load *ws_load, int fd, void (*ready)(void *arg), void *arg)
{
    must(ws_load->guest_count < GUESTS_MAX, "too many guests");
    ws_load->guests[ws_load->guest_count] = (struct guest){.ready = ready, .arg = arg};
    guest_add(ws_load, fd, UINT64_MAX - ws_load->guest_count);
    ws_load->guest_count++;
}

/* ---- the state of a watcher ---- */

static void watcher_count(struct ws_load *ws_load, enum ws_load_state state, bool more)
{
    size_t *number = state == WS_LOAD_AWAY       ? &ws_load->away
                     : state == WS_LOAD_WATCHING ? &ws_load->counts.watching
                                                 : &ws_load->opening;
    *number = more ? *number + 1 : *number - 1;
}

static void watcher_set_state(struct ws_load *ws_load, struct watcher *watcher, enum ws_load_state state)
{
    watcher_count(ws_load, watcher->view.state, false);
    watcher_count(ws_load, state, true);
    watcher->view.state = state;
}

static void watcher_close(struct watcher *watcher)
{
    if (watcher->fd >= 0) {
        (void)close(watcher->fd);
    }
    watcher->fd = -1;
    free(watcher->kept);
    watcher->kept = NULL;
    watcher->kept_length = 0;
}

static void watcher_lose(struct ws_load *ws_load, struct watcher *watcher, int64_t pause_ms)
{
    if (watcher->view.state == WS_LOAD_AWAY) {
        return;
    }
    ws_load->counts.lost++;
    watcher_close(watcher);
    watcher->view.paused = false;
    watcher->due_ms = clock_mono_ms() + pause_ms;
    watcher_set_state(ws_load, watcher, WS_LOAD_AWAY);
}

static int64_t some_pause(void)
{
    return BACK_LEAST_MS + random() % (BACK_MOST_MS - BACK_LEAST_MS);
}

/* The pause after a connection that ended without a reason. */
static int64_t pause_after_end(const struct watcher *watcher)
{
    return watcher->retry_ms > 0 ? watcher->retry_ms : some_pause();
}

static void watcher_send(struct ws_load *ws_load, struct watcher *watcher, const uint8_t *bytes, size_t length)
{
    /* A short message always fits into an empty send buffer. If it does not, the deployment does not read, and the
     * connection ends. */
    if (send(watcher->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) {
        watcher_lose(ws_load, watcher, some_pause());
    }
}

static void watcher_listen(struct ws_load *ws_load, struct watcher *watcher, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data = {.u64 = (uint64_t)(watcher - ws_load->watchers)}};
    must(epoll_ctl(ws_load->epoll, how, watcher->fd, &event) == 0, "epoll_ctl");
}

static void watcher_connect(struct ws_load *ws_load, struct watcher *watcher)
{
    const int on = 1;
    watcher->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(watcher->fd >= 0, "socket");
    must(setsockopt(watcher->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "TCP_NODELAY");
    int failed = connect(watcher->fd, (const struct sockaddr *)&ws_load->address, sizeof(ws_load->address));
    watcher->fresh = true;
    watcher_set_state(ws_load, watcher, WS_LOAD_CONNECTING);
    if (failed != 0 && errno != EINPROGRESS) {
        watcher_lose(ws_load, watcher, some_pause());
        return;
    }
    watcher_listen(ws_load, watcher, EPOLLOUT, EPOLL_CTL_ADD);
}

static void ask_for_events(struct ws_load *ws_load, struct watcher *watcher)
{
    char request[REQUEST_SIZE];
    char last[LAST_ID_SIZE] = "";
    if (watcher->view.seq >= 0) {
        (void)snprintf(last, sizeof(last), "Last-Event-ID: %lld\r\n", (long long)watcher->view.seq);
    }
    int length =
        snprintf(request, sizeof(request),
                 "GET /api/v1/auctions/%s/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n%s"
                 "\r\n",
                 ws_load->options.auction, last);
    watcher_send(ws_load, watcher, (const uint8_t *)request, (size_t)length);
}

static void watcher_greet(struct ws_load *ws_load, struct watcher *watcher)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(watcher->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        watcher_lose(ws_load, watcher, some_pause());
        return;
    }
    watcher_set_state(ws_load, watcher, WS_LOAD_GREETING);
    watcher_listen(ws_load, watcher, EPOLLIN, EPOLL_CTL_MOD);
    if (watcher->stream) {
        ask_for_events(ws_load, watcher);
    } else {
        watcher_send(ws_load, watcher, ws_load->request, ws_load->request_length);
    }
}

/* ---- messages ---- */

/* Returns the text after `name` (which contains its quotes and colon), or NULL. No JSON string can contain it. */
static const char *find_member(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at == NULL ? NULL : at + strlen(name) + strspn(at + strlen(name), " ");
}

static bool has_type(const char *type, const char *word)
{
    return strncmp(type, word, strlen(word)) == 0;
}

static void take_seq(struct ws_load *ws_load, struct watcher *watcher, const char *text, bool snapshot)
{
    const char *at = find_member(text, "\"seq\":");
    if (at == NULL) {
        return;
    }
    int64_t seq = strtoll(at, NULL, 10);
    if (!watcher->fresh) {
        ws_load->counts.reordered += seq < watcher->view.seq;
        ws_load->counts.gaps += !snapshot && seq > watcher->view.seq + 1;
    }
    watcher->fresh = false;
    watcher->view.seq = seq;
}

static void take_price(struct watcher *watcher, const char *text)
{
    const char *at = find_member(text, "\"currentBid\":");
    if (at != NULL && !money_parse(at, strspn(at, "0123456789."), &watcher->view.price)) {
        watcher->view.price = 0; /* null */
    }
}

static void take_text(struct ws_load *ws_load, struct watcher *watcher, const char *text)
{
    const char *type = find_member(text, "\"type\":");
    bool snapshot = type != NULL && has_type(type, "\"snapshot\"");
    ws_load->counts.messages++;
    if (type == NULL || (watcher->view.state == WS_LOAD_ASKING && !snapshot)) {
        return;
    }
    if (snapshot && watcher->view.state == WS_LOAD_ASKING) {
        watcher_set_state(ws_load, watcher, WS_LOAD_WATCHING);
    }
    take_seq(ws_load, watcher, text, snapshot);
    take_price(watcher, text);
    watcher->view.over = watcher->view.over || has_type(type, "\"auction_ended\"");
    if (ws_load->options.on_message != NULL) {
        ws_load->options.on_message((size_t)(watcher - ws_load->watchers), &watcher->view, clock_mono_us(),
                                    ws_load->options.arg);
    }
}

/* The reason of a close frame contains the pause before the reconnect in milliseconds. */
static int64_t named_pause(const struct wire_frame *frame)
{
    int64_t pause_ms = 0;
    for (size_t i = 2; i < frame->length && pause_ms <= PAUSE_MOST_MS; i++) {
        bool digit = frame->payload[i] >= '0' && frame->payload[i] <= '9';
        pause_ms = digit ? pause_ms * 10 + (frame->payload[i] - '0') : pause_ms;
    }
    return pause_ms > 0 && pause_ms <= PAUSE_MOST_MS ? pause_ms : some_pause();
}

static void take_frame(struct ws_load *ws_load, struct watcher *watcher, struct wire_frame *frame)
{
    uint8_t answer[WIRE_HEADER_MAX + WIRE_SHORT_MAX];
    uint8_t *end = &ws_load->buffer[(frame->payload - ws_load->buffer) + (ptrdiff_t)frame->length];
    uint8_t after = *end;
    switch (frame->first) {
    case WIRE_FIN | WIRE_TEXT:
        *end = '\0';
        take_text(ws_load, watcher, (const char *)frame->payload);
        *end = after;
        break;
    case WIRE_FIN | WIRE_PING:
        watcher_send(ws_load, watcher, answer, wire_write(WIRE_FIN | WIRE_PONG, frame->payload, frame->length, answer));
        break;
    case WIRE_FIN | WIRE_CLOSE:
        watcher_send(ws_load, watcher, answer,
                     wire_write(WIRE_FIN | WIRE_CLOSE, frame->payload, frame->length < 2 ? 0 : 2, answer));
        watcher_lose(ws_load, watcher, named_pause(frame));
        break;
    case WIRE_FIN | WIRE_PONG:
        break;
    default:
        ws_load->counts.invalid++;
        watcher_lose(ws_load, watcher, some_pause());
    }
}

/* Handles one event without its last line feed: a pause, a message or a comment. */
static void take_event(struct ws_load *ws_load, struct watcher *watcher, const char *event)
{
    static const char RETRY[] = "retry: ";
    static const char DATA[] = "data: ";
    const char *data = strstr(event, DATA);
    if (strncmp(event, RETRY, strlen(RETRY)) == 0) {
        watcher->retry_ms = strtoll(event + strlen(RETRY), NULL, 10);
    } else if (event[0] != ':' && data != NULL) {
        take_text(ws_load, watcher, data + strlen(DATA));
    }
}

static size_t take_events(struct ws_load *ws_load, struct watcher *watcher, size_t from, size_t length)
{
    static const char END[] = "\n\n";
    uint8_t *end = NULL;
    while ((end = memmem(ws_load->buffer + from, length - from, END, strlen(END))) != NULL) {
        *end = '\0';
        take_event(ws_load, watcher, (const char *)ws_load->buffer + from);
        from = (size_t)(end - ws_load->buffer) + strlen(END);
    }
    return from;
}

/* Returns the number of bytes that were consumed. */
static size_t take_handshake(struct ws_load *ws_load, struct watcher *watcher, size_t length)
{
    static const char END[] = "\r\n\r\n";
    const char *ok = watcher->stream ? "HTTP/1.1 200 " : "HTTP/1.1 101 ";
    const uint8_t *end = memmem(ws_load->buffer, length, END, strlen(END));
    if (end == NULL) {
        return 0;
    }
    if (memcmp(ws_load->buffer, ok, strlen(ok)) != 0) {
        ws_load->counts.refused++;
        watcher_lose(ws_load, watcher, some_pause());
        return 0;
    }
    if (watcher->stream) {
        /* A resumed stream that is up to date receives nothing before the next event. */
        watcher_set_state(ws_load, watcher, watcher->view.seq >= 0 ? WS_LOAD_WATCHING : WS_LOAD_ASKING);
    } else {
        watcher_set_state(ws_load, watcher, WS_LOAD_ASKING);
        watcher_send(ws_load, watcher, ws_load->subscribe, ws_load->subscribe_length);
    }
    return (size_t)(end - ws_load->buffer) + strlen(END);
}

static size_t take_frames(struct ws_load *ws_load, struct watcher *watcher, size_t from, size_t length)
{
    struct wire_frame frame;
    enum wire_outcome outcome = WIRE_WHOLE;
    while (watcher->view.state >= WS_LOAD_ASKING && from < length && outcome == WIRE_WHOLE) {
        outcome = wire_read(ws_load->buffer + from, length - from, &frame);
        if (outcome == WIRE_WHOLE) {
            take_frame(ws_load, watcher, &frame);
            from += frame.size;
        }
    }
    if (outcome == WIRE_WRONG) {
        ws_load->counts.invalid++;
        watcher_lose(ws_load, watcher, some_pause());
    }
    return from;
}

static void keep(struct ws_load *ws_load, struct watcher *watcher, size_t from, size_t length)
{
    free(watcher->kept);
    watcher->kept = NULL;
    watcher->kept_length = length - from;
    if (watcher->kept_length > 0) {
        watcher->kept = malloc(watcher->kept_length);
        must(watcher->kept != NULL, "memory");
        memcpy(watcher->kept, ws_load->buffer + from, watcher->kept_length);
    }
}

static void watcher_read(struct ws_load *ws_load, struct watcher *watcher)
{
    size_t length = watcher->kept_length;
    size_t taken = 0;
    if (length > 0) {
        memcpy(ws_load->buffer, watcher->kept, length);
    }
    ssize_t got = recv(watcher->fd, ws_load->buffer + length, BUFFER_SIZE - length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        watcher_lose(ws_load, watcher, pause_after_end(watcher));
        return;
    }
    length += (size_t)got;
    if (watcher->view.state == WS_LOAD_GREETING) {
        taken = take_handshake(ws_load, watcher, length);
    }
    if (watcher->stream && watcher->view.state >= WS_LOAD_ASKING) {
        taken = take_events(ws_load, watcher, taken, length);
    } else if (!watcher->stream) {
        taken = take_frames(ws_load, watcher, taken, length);
    }
    if (watcher->view.state != WS_LOAD_AWAY) {
        keep(ws_load, watcher, taken, length);
    }
}

/* ---- one pass of the loop ---- */

static void bring_back(struct ws_load *ws_load)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < ws_load->count && ws_load->away > 0 && ws_load->opening < CONNECTING_MAX; i++) {
        if (ws_load->watchers[i].view.state == WS_LOAD_AWAY && ws_load->watchers[i].due_ms <= now_ms) {
            watcher_connect(ws_load, &ws_load->watchers[i]);
        }
    }
}

void ws_load_turn(struct ws_load *ws_load, int wait_ms)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    if (ws_load->away > 0) {
        bring_back(ws_load);
        wait_ms = wait_ms > BACK_LEAST_MS / 4 ? BACK_LEAST_MS / 4 : wait_ms;
    }
    int count = epoll_wait(ws_load->epoll, events, EVENTS_AT_ONCE, wait_ms);
    must(count >= 0 || errno == EINTR, "epoll_wait");
    for (int i = 0; i < count; i++) {
        uint64_t number = events[i].data.u64;
        if (number >= ws_load->size) {
            struct guest *guest = &ws_load->guests[UINT64_MAX - number];
            guest->ready(guest->arg);
        } else if (ws_load->watchers[number].view.state == WS_LOAD_CONNECTING) {
            watcher_greet(ws_load, &ws_load->watchers[number]);
        } else if (ws_load->watchers[number].view.state != WS_LOAD_AWAY) {
            watcher_read(ws_load, &ws_load->watchers[number]);
        }
    }
}

void ws_load_resize(struct ws_load *ws_load, size_t count)
{
    if (count > ws_load->size) {
        struct watcher *grown = realloc(ws_load->watchers, count * sizeof(*grown));
        must(grown != NULL, "memory");
        ws_load->watchers = grown;
        ws_load->size = count;
    }
    for (; ws_load->count < count; ws_load->count++) {
        size_t each = ws_load->options.stream_each;
        ws_load->watchers[ws_load->count] = (struct watcher){.fd = -1,
                                                             .view = {.state = WS_LOAD_AWAY, .seq = -1},
                                                             .stream = each > 0 && ws_load->count % each == each - 1};
        ws_load->away++;
    }
    for (; ws_load->count > count; ws_load->count--) {
        struct watcher *last = &ws_load->watchers[ws_load->count - 1];
        watcher_close(last);
        watcher_count(ws_load, last->view.state, false);
    }
}

void ws_load_set_paused(struct ws_load *ws_load, size_t count, bool paused)
{
    for (size_t i = 0; i < count && i < ws_load->count; i++) {
        struct watcher *watcher = &ws_load->watchers[i];
        if (watcher->view.state == WS_LOAD_WATCHING && watcher->view.paused != paused) {
            watcher_listen(ws_load, watcher, paused ? 0 : EPOLLIN, EPOLL_CTL_MOD);
            watcher->view.paused = paused;
        }
    }
}

void ws_load_free(struct ws_load *ws_load)
{
    if (ws_load == NULL) {
        return;
    }
    ws_load_resize(ws_load, 0);
    (void)close(ws_load->epoll);
    free(ws_load->watchers);
    free(ws_load);
}

struct ws_load_counts ws_load_counts(const struct ws_load *ws_load)
{
    return ws_load->counts;
}

size_t ws_load_size(const struct ws_load *ws_load)
{
    return ws_load->count;
}

const struct ws_load_watcher *ws_load_watcher(const struct ws_load *ws_load, size_t index)
{
    return &ws_load->watchers[index].view;
}
