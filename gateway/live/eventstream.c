/*
 * See eventstream.h. Until the first state it is an ordinary request with a deadline: an unknown id is 404. Then the
 * connection leaves HTTP (stream.h).
 */
#include "gateway/live/eventstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/access/limits.h"
#include "gateway/http/http.h"
#include "gateway/http/reply.h"
#include "gateway/live/live.h"
#include "gateway/live/live_metrics.h"
#include "gateway/live/positions.h"
#include "gateway/live/presence.h"
#include "gateway/live/stream.h"
#include "gateway/live/watch.h"

enum {
    HEAD_SIZE = ANSWER_HEADERS_SIZE + 512,
    LINE_SIZE = 32,
    LAST_ID_DIGITS = 18,
};

struct eventstream;

/* What a stream is about. */
struct subject {
    struct watches *(*watches)(const struct live_context *live);
    void (*first)(struct eventstream *events, struct text *text); /* the first state, for a user */
    void (*begun)(struct eventstream *events);                    /* the stream of a user has begun */
};

struct eventstream {
    struct stream stream; /* first: the owner of a stream casts it */
    const struct live_context *live;
    const struct subject *subject;
    struct request *request; /* until the stream has begun */
    struct uuid id;          /* of the auction or sale */
    struct watcher watcher;
    struct presence presence;  /* not entered for a guest */
    struct follower follower;  /* the user's place in the line of a sale */
    int64_t last_seq;          /* of Last-Event-ID; 0: none */
    bool stale;                /* updates were skipped: the present state must be sent */
    struct own_view *own_view; /* being read for the first snapshot; NULL: none */
};

static struct eventstream *eventstream_of(struct stream *stream)
{
    return (struct eventstream *)stream;
}

static int write_retry(const struct live_context *live, char out[static LINE_SIZE])
{
    return snprintf(out, LINE_SIZE, "retry: %u\n\n", streams_reconnect_ms(live->streams));
}

/* ---- while it is open ---- */

static void send_text(struct eventstream *events, struct text *text)
{
    live_metrics_add_sent(LIVE_METRICS_EVENT_STREAM);
    stream_send(&events->stream, text_event_stream(text));
}

static void on_notified(struct presence *presence, const struct uuid *about, struct text *text)
{
    struct eventstream *events = presence->owner;
    if (uuid_equal(about, &events->id)) {
        send_text(events, text);
    }
}

static void on_sale_decided(struct presence *presence, const struct sale_message_decision *decision, struct text *order)
{
    struct eventstream *events = presence->owner;
    if (order != NULL) {
        on_notified(presence, &decision->sale_id, order);
    }
    if (uuid_equal(&decision->sale_id, &events->id)) {
        positions_decided(&events->follower, decision);
    }
}

static void on_position(struct follower *follower, struct text *text)
{
    send_text(follower->owner, text);
}

static void on_user_ended(struct presence *presence, enum error_code reason)
{
    struct eventstream *events = presence->owner;
    (void)reason; /* the stream cannot carry a reason: the reconnect gets it by HTTP */
    stream_finish(&events->stream, NULL);
}

static void on_ready(struct stream *stream)
{
    struct eventstream *events = eventstream_of(stream);
    if (events->stale && events->watcher.watch != NULL) {
        struct text *text = watch_snapshot(&events->watcher);
        events->stale = false;
        if (text != NULL) {
            live_metrics_add_slow();
            send_text(events, text);
        }
        text_unref(text);
    }
}

static void on_beat(struct stream *stream)
{
    static const char comment[] = ": keep-alive\n\n";
    static struct frame *frame; /* one for all streams, never freed */
    if (frame == NULL) {
        frame = frame_new(comment, sizeof(comment) - 1);
    }
    stream_send(stream, frame);
}

static void on_close(struct stream *stream, enum stream_end end)
{
    char line[LINE_SIZE];
    struct frame *last = NULL;
    if (end == STREAM_END_DRAIN) {
        int length = write_retry(eventstream_of(stream)->live, line);
        last = frame_new(line, (size_t)length);
    }
    stream_finish(stream, last);
}

static void eventstream_free(struct eventstream *events)
{
    positions_leave(&events->follower);
    watch_remove(&events->watcher);
    own_view_leave(events->own_view);
    presence_remove(events->live->presences, &events->presence);
    free(events);
}

static void on_ended(struct stream *stream)
{
    eventstream_free(eventstream_of(stream));
}

static const struct stream_kind kind = {
    .ready = on_ready,
    .beat = on_beat,
    .close = on_close,
    .ended = on_ended,
};

/* ---- start ---- */

static struct frame *write_head(const struct live_context *live, const struct request *request)
{
    char head[HEAD_SIZE];
    char retry[LINE_SIZE];
    char lines[ANSWER_HEADERS_SIZE];
    const struct answer_headers headers = reply_headers(request, 200);
    answer_headers_text(&headers, lines);
    (void)write_retry(live, retry);
    int length = snprintf(head, sizeof(head),
                          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%s"
                          "X-Accel-Buffering: no\r\nX-Request-Id: %s\r\nConnection: close\r\n\r\n%s",
                          lines, request->id, retry);
    return length < 0 || length >= HEAD_SIZE ? NULL : frame_new(head, (size_t)length);
}

static void begin(struct eventstream *events, struct text *text)
{
    struct request *request = events->request;
    const struct request_user user = request->user;
    struct frame *head = write_head(events->live, request);
    if (head == NULL || streams_full(events->live->streams)) {
        frame_unref(head);
        eventstream_free(events);
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    if (!stream_admit(events->live->streams, &events->stream, request->address,
                      user.via == REQUEST_GUEST ? NULL : &user.id)) {
        frame_unref(head);
        eventstream_free(events);
        limits_refuse_client(request);
        return;
    }
    events->request = NULL;
    events->presence = (struct presence){
        .notified = on_notified, .sale_decided = on_sale_decided, .ended = on_user_ended, .owner = events};
    stream_begin(events->live->streams, &events->stream, reply_take_over(request, 200), head);
    if (user.via != REQUEST_GUEST && !presence_add(events->live->presences, &events->presence, &user)) {
        stream_finish(&events->stream, NULL);
    }
    if (text->seq != events->last_seq) {
        send_text(events, text);
    }
    if (user.via != REQUEST_GUEST) {
        events->subject->begun(events);
    }
    if (events->stale && stream_is_clear(&events->stream)) {
        on_ready(&events->stream);
    }
}

/* The first state, of an auction and a user with `you`. What happened since it was taken follows it. */
static void on_first(struct text *text, void *arg)
{
    struct eventstream *events = arg;
    struct request *request = events->request;
    if (request_answered(request)) {
        eventstream_free(events); /* the deadline came first */
        reply_end(request);
    } else if (text == NULL) {
        eventstream_free(events);
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        begin(events, text);
    }
}

/* An update while the stream is open. */
static void send_update(struct eventstream *events, struct text *text)
{
    if (stream_is_clear(&events->stream)) {
        send_text(events, text);
    } else {
        events->stale = true;
    }
    positions_changed(&events->follower);
}

static void on_update(struct watcher *watcher, struct text *text)
{
    struct eventstream *events = watcher->owner;
    struct request *request = events->request;
    if (request == NULL) {
        send_update(events, text);
    } else if (events->own_view != NULL) {
        events->stale = true;
    } else if (request_answered(request)) {
        eventstream_free(events); /* the deadline came first */
        reply_end(request);
    } else if (request->head) {
        eventstream_free(events);
        reply_header(request, "X-Accel-Buffering", "no");
        reply_bytes(request, 200, "text/event-stream", NULL, 0);
    } else if (request->user.via == REQUEST_GUEST) {
        on_first(text, events);
    } else {
        events->subject->first(events, text);
    }
}

static void on_refused(struct watcher *watcher, enum error_code reason)
{
    struct eventstream *events = watcher->owner;
    struct request *request = events->request;
    if (request == NULL) {
        positions_leave(&events->follower); /* its watcher has no state any more */
        stream_finish(&events->stream, NULL);
    } else {
        eventstream_free(events);
        reply_error(request, reason);
    }
}

/* 0: the header is absent or not one of our ids. */
static int64_t read_last_id(const struct request *request)
{
    const char *text = request_header(request, "Last-Event-ID");
    size_t digits = text == NULL ? 0 : strspn(text, "0123456789");
    return digits == 0 || digits > LAST_ID_DIGITS || text[digits] != '\0' ? 0 : strtoll(text, NULL, 10);
}

/* ---- auctions and sales ---- */

static struct watches *auction_watches(const struct live_context *live)
{
    return live->watches;
}

static void read_own_view(struct eventstream *events, struct text *text)
{
    const struct own_view_of of = {events->request->user.id, events->id, text};
    own_view_read(&events->live->own_view, &of, &events->own_view, on_first, events);
}

static void begun_auction(struct eventstream *events)
{
    (void)events; /* what concerns the user comes by the presence */
}

static const struct subject auction = {auction_watches, read_own_view, begun_auction};

static struct watches *sale_watches(const struct live_context *live)
{
    return live->sale_watches;
}

static void begin_at_once(struct eventstream *events, struct text *text)
{
    on_first(text, events);
}

/* The position follows the state. */
static void follow_place(struct eventstream *events)
{
    positions_follow(events->live->positions, &events->follower, &events->watcher, &events->id,
                     &events->presence.user.id);
}

static const struct subject sale = {sale_watches, begin_at_once, follow_place};

static void start(struct request *request, const struct subject *subject)
{
    const struct live_context *live = request->context;
    request->storage = ANSWER_NOT_STORED;
    if (streams_full(live->streams) || request->http->draining || !live->deployment->known) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    struct eventstream *events = calloc(1, sizeof(*events));
    if (events == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    *events = (struct eventstream){
        .stream = {.kind = &kind},
        .live = live,
        .request = request,
        .subject = subject,
        .id = request->parameters[0],
        .follower = {.notified = on_position, .owner = events},
        .watcher = {.update = on_update, .refused = on_refused, .owner = events},
        .last_seq = read_last_id(request),
    };
    if (!watch_add(subject->watches(live), &events->watcher, &events->id)) {
        on_refused(&events->watcher, ERROR_UNAVAILABLE);
    }
}

static void handle_auction(struct request *request)
{
    start(request, &auction);
}

static void handle_sale(struct request *request)
{
    start(request, &sale);
}

const struct route eventstream_routes[] = {
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/auctions/:id/events", handle_auction, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/flash-sales/:id/events", handle_sale, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
