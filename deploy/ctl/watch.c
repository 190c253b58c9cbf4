/*
 * rostrumctl watch: shows a live auction on a terminal until it is settled. A message on the auction's channel in Redis
 * only triggers a read from PostgreSQL, so a lost message or an outage of Redis makes the page late, never wrong. The
 * page is also read without a message: every LOOK_MS, or every second if Redis does not answer.
 *
 * The countdown uses the server's clock: each read returns its offset from the local one.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "deploy/ctl/auction_view.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/sale_watch.h"
#include "deploy/ctl/screen.h"
#include "deploy/ctl/store.h"

enum {
    GATHER_MS = 50,      /* delay from a message to the read, which merges messages: at most 20 reads a second */
    LOOK_MS = 5000,      /* between two reads without a message */
    LOOK_ALONE_MS = 900, /* the same if Redis does not answer: at every tick */
    MS_PER_S = 1000,
    US_PER_MS = 1000,
    PENDING_MAX = 8,
    COLUMNS = 80, /* of a terminal of unknown size */
    ROWS = 24,
    INTERRUPTED = 128, /* exit code, plus the number of the signal */
};

/* Switches to the terminal's alternate screen and hides the cursor; and back. */
#define TERMINAL_ENTER "\x1b[?1049h\x1b[?25l\x1b[2J"
#define TERMINAL_LEAVE "\x1b[?25h\x1b[?1049l"

struct watch {
    struct ctl *ctl;
    struct uuid id;
    uint8_t key[PSEUDONYM_KEY_BYTES];
    char channel[KEYS_SIZE];
    struct event_base *base;
    struct redis *redis;
    struct event *tick;
    struct event *gather;
    struct event *signals[3];
    struct auction_view view;
    bool lost;         /* PostgreSQL does not answer */
    int64_t looked_ms; /* monotonic */
    int64_t said;      /* the auction's version in the last line; -1: none yet */
    bool terminal;
    bool colours;
    int code;
};

static const char *notice(const struct watch *watch)
{
    if (watch->lost) {
        return "PostgreSQL does not answer: this page is not up to date";
    }
    return redis_up(watch->redis) ? "" : "Redis does not answer: bids are shown up to a second late";
}

/* Writes the page in one call, so that the terminal never shows a part of it. */
static void draw(struct watch *watch)
{
    struct winsize size = {0};
    char *page = NULL;
    size_t length = 0;
    struct screen screen = {.columns = COLUMNS, .rows = ROWS, .colours = watch->colours, .notice = notice(watch)};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        screen.columns = size.ws_col;
        screen.rows = size.ws_row;
    }
    FILE *out = open_memstream(&page, &length);
    if (out == NULL) {
        return;
    }
    screen_draw(out, &screen, &watch->view, auction_view_now_ms(&watch->view));
    if (fclose(out) == 0) {
        (void)fwrite(page, 1, length, stdout);
        (void)fflush(stdout);
    }
    free(page);
}

static void show(struct watch *watch)
{
    if (watch->terminal) {
        draw(watch);
    } else if (watch->view.version != watch->said) {
        watch->said = watch->view.version;
        screen_line(stdout, &watch->view, auction_view_now_ms(&watch->view));
        if (fflush(stdout) != 0) {
            watch->code = CTL_FAILED; /* the reader of the output has closed it */
            (void)event_base_loopbreak(watch->base);
        }
    }
}

static void end(struct watch *watch, int code)
{
    watch->code = code;
    (void)event_base_loopbreak(watch->base);
}

static void look(struct watch *watch)
{
    enum auction_view_outcome outcome = auction_view_read(watch->ctl, &watch->id, watch->key, &watch->view);
    watch->looked_ms = clock_mono_ms();
    watch->lost = outcome == AUCTION_VIEW_LOST;
    if (outcome == AUCTION_VIEW_NONE) {
        end(watch, CTL_FAILED); /* a draft that was deleted */
        return;
    }
    show(watch);
    if (watch->view.settled) {
        end(watch, CTL_OK);
    }
}

static void set_timer(struct event *timer, int64_t ms)
{
    struct timeval delay = {.tv_sec = ms / MS_PER_S, .tv_usec = ms % MS_PER_S * US_PER_MS};
    (void)event_add(timer, &delay);
}

/* Runs at the start of each second of the server's clock. */
static void on_tick(evutil_socket_t fd, short events, void *arg)
{
    struct watch *watch = arg;
    int64_t limit_ms = redis_up(watch->redis) && !watch->lost ? LOOK_MS : LOOK_ALONE_MS;
    (void)fd;
    (void)events;
    if (clock_mono_ms() - watch->looked_ms >= limit_ms) {
        look(watch);
    } else {
        show(watch);
    }
    set_timer(watch->tick, MS_PER_S - auction_view_now_ms(&watch->view) % MS_PER_S);
}

static void on_gathered(evutil_socket_t fd, short events, void *arg)
{
    (void)fd;
    (void)events;
    look(arg);
}

static void gather(struct watch *watch)
{
    if (!event_pending(watch->gather, EV_TIMEOUT, NULL)) {
        set_timer(watch->gather, GATHER_MS);
    }
}

static void on_message(struct redis *redis, const char *channel, const char *bytes, size_t length, void *arg)
{
    (void)redis;
    (void)channel;
    (void)bytes;
    (void)length;
    gather(arg);
}

/* Messages were lost while Redis was not connected. */
static void on_redis(struct redis *redis, bool up, void *arg)
{
    (void)redis;
    (void)up;
    gather(arg);
}

static void on_signal(evutil_socket_t number, short events, void *arg)
{
    struct watch *watch = arg;
    (void)events;
    if (number == SIGWINCH) {
        show(watch);
    } else {
        end(watch, INTERRUPTED + (int)number);
    }
}

static bool open_events(struct watch *watch)
{
    static const int SIGNALS[ARRAY_LEN(watch->signals)] = {SIGINT, SIGTERM, SIGWINCH};
    struct redis_options options = {
        .url = watch->ctl->config.redis_url,
        .timeout_ms = watch->ctl->config.redis_timeout_ms,
        .pending_max = PENDING_MAX,
        .on_change = on_redis,
        .on_message = on_message,
        .arg = watch,
    };
    watch->base = options.base = event_base_new();
    if (watch->base == NULL) {
        return false;
    }
    watch->tick = evtimer_new(watch->base, on_tick, watch);
    watch->gather = evtimer_new(watch->base, on_gathered, watch);
    bool ok = watch->tick != NULL && watch->gather != NULL;
    for (size_t i = 0; ok && i < ARRAY_LEN(SIGNALS); i++) {
        watch->signals[i] = evsignal_new(watch->base, SIGNALS[i], on_signal, watch);
        ok = watch->signals[i] != NULL && event_add(watch->signals[i], NULL) == 0;
    }
    watch->redis = ok ? redis_new(&options) : NULL;
    return watch->redis != NULL && redis_listen(watch->redis, watch->channel);
}

static void close_events(struct watch *watch)
{
    if (watch->redis != NULL) {
        redis_free(watch->redis);
    }
    for (size_t i = 0; i < ARRAY_LEN(watch->signals); i++) {
        if (watch->signals[i] != NULL) {
            event_free(watch->signals[i]);
        }
    }
    if (watch->gather != NULL) {
        event_free(watch->gather);
    }
    if (watch->tick != NULL) {
        event_free(watch->tick);
    }
    if (watch->base != NULL) {
        event_base_free(watch->base);
    }
}

static void open_terminal(struct watch *watch)
{
    const char *kind = getenv("TERM");
    const char *plain = getenv("NO_COLOR");
    watch->terminal = isatty(STDOUT_FILENO) == 1 && kind != NULL && strcmp(kind, "dumb") != 0;
    watch->colours = watch->terminal && (plain == NULL || plain[0] == '\0');
    if (watch->terminal) {
        (void)fputs(TERMINAL_ENTER, stdout);
    }
}

static int run(struct watch *watch)
{
    watch->said = -1;
    if (!open_events(watch)) {
        ctl_report_error("no memory");
        return CTL_FAILED;
    }
    open_terminal(watch);
    look(watch);
    set_timer(watch->tick, 0);
    if (!watch->view.settled) {
        (void)event_base_dispatch(watch->base);
    }
    if (watch->terminal) {
        (void)fputs(TERMINAL_LEAVE, stdout);
    }
    if (watch->view.settled) {
        screen_outcome(stdout, &watch->view);
    }
    return watch->code;
}

int watch_command(struct ctl *ctl, int argc, char **argv)
{
    struct watch watch = {.ctl = ctl};
    if (argc != 1 || !uuid_parse(argv[0], strlen(argv[0]), &watch.id)) {
        ctl_report_error("watch takes the ID of one auction or sale");
        return CTL_USAGE;
    }
    if (!store_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    keys_live_channel(&watch.id, watch.channel);
    if (!auction_view_key(ctl, watch.key)) {
        return CTL_FAILED;
    }
    enum auction_view_outcome outcome = auction_view_read(ctl, &watch.id, watch.key, &watch.view);
    if (outcome == AUCTION_VIEW_NONE) {
        return sale_watch(ctl, argv[0]);
    }
    if (outcome != AUCTION_VIEW_READ) {
        ctl_report_error("PostgreSQL does not answer");
        return CTL_UNAVAILABLE;
    }
    log_open("rostrumctl", LOG_ERROR); /* what is away is shown on the page */
    int code = run(&watch);
    close_events(&watch);
    return code;
}
