/*
 * See screen.h. Called by watch.c.
 */
#include "deploy/ctl/screen.h"

#include <assert.h>
#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/money.h"

enum {
    MS_PER_S = 1000,
    S_PER_MINUTE = 60,
    S_PER_HOUR = 3600,
    S_PER_DAY = 86400,
    LAST_SECONDS = 60, /* then the countdown is red */
    FIXED_LINES = 8,   /* of the page, without the bids */
    TIME_OF_DAY = 11,  /* where it begins in a time's text, */
    TIME_OF_DAY_LENGTH = 12,
    COUNTDOWN_SIZE = 64,
    LEVELS = 8,
};

#define ESCAPE      "\x1b["
#define TO_THE_TOP  ESCAPE "H"
#define END_OF_LINE ESCAPE "K\n"
#define REST_CLEAR  ESCAPE "J"

enum colour { PLAIN, BOLD, DIM, RED, GREEN, YELLOW, COLOUR_COUNT };

/* `text` in this colour, if there are any. */
static void put(FILE *out, const struct screen *screen, enum colour colour, const char *text)
{
    static const char *const CODES[] = {
        [PLAIN] = "0", [BOLD] = "1", [DIM] = "2", [RED] = "1;31", [GREEN] = "1;32", [YELLOW] = "33",
    };
    static_assert(ARRAY_LEN(CODES) == COLOUR_COUNT, "each value has its entry");
    if (screen->colours && colour != PLAIN) {
        (void)fprintf(out, ESCAPE "%sm%s" ESCAPE "0m", CODES[colour], text);
    } else {
        (void)fputs(text, out);
    }
}

/* ---- words ---- */

static const char *reserve_words(const struct auction_view *view)
{
    if (!view->has_reserve) {
        return "no reserve";
    }
    return view->reserve_met ? "reserve met" : "reserve not met";
}

/* "2 d 03:04:05", "3:04:05", "04:05". A second that has begun counts: it says 00:00 when the end is there. */
static void write_span(int64_t ms, char out[static COUNTDOWN_SIZE])
{
    int64_t s = ms <= 0 ? 0 : (ms + MS_PER_S - 1) / MS_PER_S;
    int64_t days = s / S_PER_DAY;
    int64_t hours = s % S_PER_DAY / S_PER_HOUR;
    int64_t minutes = s % S_PER_HOUR / S_PER_MINUTE;
    int64_t seconds = s % S_PER_MINUTE;
    if (days > 0) {
        (void)snprintf(out, COUNTDOWN_SIZE, "%" PRId64 " d %02" PRId64 ":%02" PRId64 ":%02" PRId64, days, hours,
                       minutes, seconds);
    } else if (hours > 0) {
        (void)snprintf(out, COUNTDOWN_SIZE, "%" PRId64 ":%02" PRId64 ":%02" PRId64, hours, minutes, seconds);
    } else {
        (void)snprintf(out, COUNTDOWN_SIZE, "%02" PRId64 ":%02" PRId64, minutes, seconds);
    }
}

/* What is waited for, and the colour that it deserves. */
static enum colour write_countdown(const struct auction_view *view, int64_t now_ms, char out[static 2 * COUNTDOWN_SIZE])
{
    bool waits = view->status == RULES_DRAFT || view->status == RULES_SCHEDULED;
    int64_t left_ms = (waits ? view->start_ms : view->end_ms) - now_ms;
    char span[COUNTDOWN_SIZE];
    write_span(left_ms, span);
    if (view->status == RULES_ENDED) {
        (void)snprintf(out, 2 * (size_t)COUNTDOWN_SIZE, "ended, being settled");
        return YELLOW;
    }
    if (!waits && left_ms <= 0) {
        /* Bids that were received in time may still be on their way. */
        (void)snprintf(out, 2 * (size_t)COUNTDOWN_SIZE, "the hammer is falling");
        return RED;
    }
    (void)snprintf(out, 2 * (size_t)COUNTDOWN_SIZE, "%s in %s", waits ? "starts" : "ends", span);
    return !waits && left_ms <= INT64_C(1) * LAST_SECONDS * MS_PER_S ? RED : BOLD;
}

static void write_price(const struct auction_view *view, char out[static MONEY_TEXT_SIZE])
{
    money_format(view->price > 0 ? view->price : view->starting_price, out);
}

/* ---- the sparkline ---- */

/* Prices, oldest first: the starting price, then what each accepted bid made of it. */
static size_t gather(const struct auction_view *view, int64_t points[static AUCTION_VIEW_BIDS_MAX + 1])
{
    size_t count = 0;
    if (view->bids_known < AUCTION_VIEW_BIDS_MAX) {
        points[count++] = view->starting_price;
    }
    for (size_t i = view->bids_known; i-- > 0;) {
        if (view->bids[i].accepted) {
            points[count++] = view->bids[i].amount;
        }
    }
    return count;
}

void screen_sparkline(FILE *out, const struct auction_view *view, size_t columns)
{
    static const char *const BLOCKS[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int64_t points[AUCTION_VIEW_BIDS_MAX + 1];
    size_t count = gather(view, points);
    size_t width = count < columns ? count : columns;
    int64_t least = count > 0 ? points[0] : 0;
    int64_t most = least;
    for (size_t i = 0; i < count; i++) {
        least = points[i] < least ? points[i] : least;
        most = points[i] > most ? points[i] : most;
    }
    for (size_t i = 0; i < width; i++) {
        /* The last price of its share of the bids. */
        int64_t point = points[(i + 1) * count / width - 1];
        int64_t level = most > least ? (point - least) * (LEVELS - 1) / (most - least) : 0;
        (void)fputs(BLOCKS[level], out);
    }
}

/* ---- the page ---- */

/* At most `columns` characters of it. */
static void put_cut(FILE *out, const char *text, int columns)
{
    int shown = 0;
    for (; *text != '\0'; text++) {
        bool begins = ((unsigned char)*text & 0xc0U) != 0x80U;
        if (begins && shown == columns) {
            return;
        }
        shown += begins;
        (void)fputc(*text, out);
    }
}

static void draw_head(FILE *out, const struct screen *screen, const struct auction_view *view, int64_t now_ms)
{
    char text[2 * COUNTDOWN_SIZE];
    char price[MONEY_TEXT_SIZE];
    char minimum[MONEY_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    put_cut(out, view->title, screen->columns);
    (void)fputs(END_OF_LINE END_OF_LINE, out);
    write_price(view, price);
    money_format(view->minimum_bid, minimum);
    (void)fprintf(out, "%s ", view->currency);
    put(out, screen, view->price > 0 ? GREEN : DIM, price);
    (void)fprintf(out, "   bids: %" PRId64 "   minimum: %s   ", view->bid_count, minimum);
    put(out, screen, view->reserve_met ? PLAIN : YELLOW, reserve_words(view));
    (void)fputs(END_OF_LINE, out);
    screen_sparkline(out, view, (size_t)screen->columns);
    (void)fputs(END_OF_LINE, out);
    enum colour colour = write_countdown(view, now_ms, text);
    put(out, screen, colour, text);
    clock_format(view->end_ms, end);
    (void)fprintf(out, "   %s until %s", rules_status_text(view->status), end);
    if (view->extensions > 0) {
        (void)fprintf(out, "   extended: %" PRId64, view->extensions);
    }
    (void)fputs(END_OF_LINE, out);
    put(out, screen, screen->notice[0] == '\0' ? PLAIN : YELLOW, screen->notice);
    (void)fputs(END_OF_LINE, out);
}

static void draw_bid(FILE *out, const struct screen *screen, const struct auction_view_bid *bid)
{
    char at[CLOCK_TEXT_SIZE];
    char amount[MONEY_TEXT_SIZE];
    char line[CLOCK_TEXT_SIZE + MONEY_TEXT_SIZE + PSEUDONYM_SIZE + 32];
    clock_format(bid->at_ms, at);
    money_format(bid->amount, amount);
    (void)snprintf(line, sizeof line, "%.*s  %-15s  %13s%s%s", TIME_OF_DAY_LENGTH, at + TIME_OF_DAY, bid->bidder,
                   amount, bid->automatic ? "  automatic" : "", bid->accepted ? "" : "  outbid at once");
    put(out, screen, bid->accepted ? PLAIN : DIM, line);
    (void)fputs(END_OF_LINE, out);
}

void screen_draw(FILE *out, const struct screen *screen, const struct auction_view *view, int64_t now_ms)
{
    size_t room = screen->rows > FIXED_LINES ? (size_t)(screen->rows - FIXED_LINES) : 0;
    (void)fputs(TO_THE_TOP, out);
    draw_head(out, screen, view, now_ms);
    for (size_t i = 0; i < view->bids_known && i < room; i++) {
        draw_bid(out, screen, &view->bids[i]);
    }
    (void)fputs(REST_CLEAR, out);
}

/* ---- lines ---- */

void screen_line(FILE *out, const struct auction_view *view, int64_t now_ms)
{
    char now[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    char price[MONEY_TEXT_SIZE];
    clock_format(now_ms, now);
    clock_format(view->end_ms, end);
    write_price(view, price);
    (void)fprintf(out, "%s  %-9s  %s %s  bids: %" PRId64 "  leader: %s  %s  ends: %s\n", now,
                  rules_status_text(view->status), view->currency, price, view->bid_count,
                  view->leader[0] != '\0' ? view->leader : "-", reserve_words(view), end);
}

void screen_outcome(FILE *out, const struct auction_view *view)
{
    char price[MONEY_TEXT_SIZE];
    write_price(view, price);
    (void)fprintf(out, "%s: ", view->title);
    if (view->status == RULES_SOLD) {
        (void)fprintf(out, "sold for %s %s to %s, bids: %" PRId64 "\n", view->currency, price, view->leader,
                      view->bid_count);
    } else if (view->status == RULES_UNSOLD) {
        (void)fprintf(out, "unsold, %s\n", view->bid_count == 0 ? "no bids" : reserve_words(view));
    } else {
        (void)fprintf(out, "%s\n", rules_status_text(view->status));
    }
}
