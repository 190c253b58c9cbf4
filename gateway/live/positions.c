/*
 * See positions.h.
 */
#include "gateway/live/positions.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/pg.h"
#include "common/io/timer.h"
#include "gateway/live/cpu_budget.h"
#include "gateway/query/columns.h"
#include "gateway/sale/position.h"

enum {
    ASK_MAX = 100,         /* places in one query */
    ASK_PAUSE_MS = 10,     /* between two queries: at most 10,000 places a second */
    SEND_EACH = 128,       /* rested followers visited in one pass of the loop */
    SEND_BURST_US = 50000, /* CPU burst of sending positions */
    SEND_REST_US = 10000,
    SEND_PART = 10,         /* steady share 1/10, so that bids and joins do not wait */
    SWEEP_MS = 1000,        /* how often turns and reservations that are over are looked for */
    SWEEP_EACH = 128,       /* followers visited in one pass of the loop */
    SWEEP_PAUSE_MS = 50,    /* between visits, so that followers who came one by one are visited together */
    SWEEP_BURST_US = 10000, /* CPU burst of visiting followers */
    SWEEP_REST_US = 10000,
    SWEEP_PART = 20,     /* steady share 1/20 */
    OVERDUE_MS = 1000,   /* the sale worker decides an end that late, or later */
    AHEAD_MAX_MS = 2000, /* a position of a later version is read again if that does not arrive */
};

enum { POSITIONS_READ, POSITIONS_COUNT };

/* What follows the columns of a position: the user's newest order. */
enum {
    ORDER_ID,
    ORDER_STATUS,
    ORDER_REASON,
    ORDER_QUANTITY,
    ORDER_TOTAL,
    ORDER_EXPIRES,
};

static const struct pg_statement list[] = {
    /* clang-format off */
    /* $1 sales, $2 users, of the same length. */
    [POSITIONS_READ] = {"positions_read",
        "SELECT k.n, p.*, o.* FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS k (sale_id, user_id, n)"
        " CROSS JOIN LATERAL (SELECT " POSITION_COLUMNS " FROM flash_sales s" POSITION_JOIN("k.user_id")
        "  WHERE s.id = k.sale_id OFFSET 0) p"
        " LEFT JOIN LATERAL (SELECT id, status, reason, quantity, total_price, " COLUMNS_MS("expires_at")
        "  FROM orders WHERE user_id = k.user_id AND sale_id = k.sale_id ORDER BY created_at DESC, id DESC LIMIT 1) o"
        " ON true"},
    /* clang-format on */
};
static_assert(ARRAY_LEN(list) == POSITIONS_COUNT, "each statement has its entry");

struct statements positions_statements = {list, ARRAY_LEN(list), 0};

TAILQ_HEAD(followers, follower);

struct positions {
    struct pg *pg;
    struct jsonw *json;
    struct event *ask;   /* activated, or after a pause */
    struct event *send;  /* when the first of `resting` is due */
    struct event *sweep; /* when the first of `all` is due */
    struct cpu_budget send_budget;
    struct cpu_budget sweep_budget;
    struct pg_array sales;
    struct pg_array users;
    struct follower *reading[ASK_MAX]; /* of the running query; NULL: it has left */
    size_t reading_count;              /* 0: no query is running */
    struct followers all;              /* the earliest due for a sweep first */
    struct followers resting;          /* sent a position in the last POSITIONS_REST_MS; the earliest due first */
    struct followers asking;
};

/* ---- messages ---- */

static struct jsonw *begin(struct positions *positions)
{
    jsonw_reset(positions->json);
    return positions->json;
}

static void notify(struct follower *follower)
{
    size_t length = 0;
    const char *json = jsonw_text(follower->positions->json, &length);
    struct text *text = json == NULL ? NULL : text_new(json, length, 0);
    if (text == NULL) {
        log_warn("position not sent: no memory");
        return;
    }
    follower->notified(follower, text);
    text_unref(text);
}

static const struct sale_live *state_of(const struct follower *follower)
{
    const struct sale_state *state = watch_state(follower->watcher);
    return &state->now;
}

static void send_position(struct follower *follower)
{
    struct jsonw *json = begin(follower->positions);
    const struct sale_live *now = state_of(follower);
    bool waits = follower->status == SALE_ENTRY_WAITING;
    bool turn = follower->status == SALE_ENTRY_TURN;
    const struct position position = {
        .placed = true,
        .status = follower->status,
        .position = waits  ? follower->place.position
                    : turn ? 0
                           : POSITION_NONE,
        .expires_ms = follower->expires_ms,
    };
    jsonw_object(json);
    jsonw_put_string(json, "type", "queue:position-update");
    jsonw_put_uuid(json, "flashSaleId", &follower->sale_id);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_put_int(json, "version", follower->place.version);
    jsonw_put_int(json, "waiting", now->waiting);
    position_write(json, &position);
    jsonw_end_object(json);
    follower->sent.any = true;
    follower->sent.seq = follower->place.seq;
    follower->sent.position = follower->place.position;
    follower->sent.status = follower->status;
    follower->sent.expires_ms = follower->expires_ms;
    notify(follower);
}

void positions_write_order(struct jsonw *json, const struct sale_message_decision *decision)
{
    jsonw_object(json);
    jsonw_put_string(json, "type", "order:update");
    jsonw_put_uuid(json, "flashSaleId", &decision->sale_id);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_put_uuid(json, "orderId", &decision->order_id);
    jsonw_put_string(json, "status", sale_order_text(decision->order_status));
    if (decision->reason == SALE_REASON_NONE) {
        jsonw_put_null(json, "reason");
    } else {
        jsonw_put_string(json, "reason", sale_reason_text(decision->reason));
    }
    jsonw_put_int(json, "quantity", decision->quantity);
    jsonw_put_money(json, "totalPrice", decision->total_price);
    if (decision->order_expires_ms == 0) {
        jsonw_put_null(json, "expiresAt");
    } else {
        jsonw_put_time(json, "expiresAt", decision->order_expires_ms);
    }
    jsonw_end_object(json);
}

/* ---- asking ---- */

static void ask(struct follower *follower)
{
    struct positions *positions = follower->positions;
    if (follower->asking || follower->reading != 0 || follower->renewing) {
        return;
    }
    follower->asking = true;
    TAILQ_INSERT_TAIL(&positions->asking, follower, asks);
    timer_ensure(positions->ask, 0);
}

/* Reads a place, unless it was read just now: then the sweep does so. */
static void ask_again(struct follower *follower)
{
    if (clock_mono_ms() - follower->asked_ms >= POSITIONS_REST_MS) {
        ask(follower);
    }
}

void positions_ask_all(struct positions *positions)
{
    struct follower *follower = NULL;
    TAILQ_FOREACH(follower, &positions->all, all)
    {
        ask(follower);
    }
}

/* Leaves the list of those that are read, and the running query. */
static void stop_asking(struct follower *follower)
{
    struct positions *positions = follower->positions;
    if (follower->asking) {
        follower->asking = false;
        TAILQ_REMOVE(&positions->asking, follower, asks);
    }
    if (follower->reading != 0) {
        positions->reading[follower->reading - 1] = NULL;
        follower->reading = 0;
    }
}

void positions_renew(struct positions *positions)
{
    struct follower *follower = NULL;
    TAILQ_FOREACH(follower, &positions->all, all)
    {
        stop_asking(follower); /* the query may have begun before the rows were restored */
        follower->placed = false;
        follower->order_version = 0;
        follower->renewing = true;
    }
}

/* After a restore the place is read once the state of the sale was read: positions are computed with it. */
static void end_renewal(struct follower *follower)
{
    if (follower->renewing && !watch_renewing(follower->watcher)) {
        follower->renewing = false;
        ask(follower);
    }
}

/* ---- sending ---- */

static void rest(struct follower *follower)
{
    struct positions *positions = follower->positions;
    int64_t now = clock_mono_ms();
    if (follower->resting) {
        TAILQ_REMOVE(&positions->resting, follower, rests);
    }
    follower->resting = true;
    follower->due_ms = now + POSITIONS_REST_MS;
    TAILQ_INSERT_TAIL(&positions->resting, follower, rests);
    timer_ensure(positions->send, TAILQ_FIRST(&positions->resting)->due_ms - now);
}

/* Brings the place to the newest version. False: it must be read, or its version has not arrived here yet. */
static bool advance(struct follower *follower)
{
    const struct sale_state *state = watch_state(follower->watcher);
    if (follower->status != SALE_ENTRY_WAITING) {
        return true;
    }
    switch (sale_line_advance(&state->line, &follower->place)) {
    case SALE_LINE_WAITS:
        return true;
    case SALE_LINE_AHEAD:
        return follower->place.seq != follower->sent.seq; /* exact, though the counters of the sale are older */
    default:
        ask_again(follower);
        return false;
    }
}

static void send_if_changed(struct follower *follower)
{
    const struct sale_live *now = state_of(follower);
    const struct sale over = {.status = now->status};
    bool live = follower->status == SALE_ENTRY_WAITING || follower->status == SALE_ENTRY_TURN;
    if (!follower->placed || !watch_known(follower->watcher)) {
        return;
    }
    if (live && sale_over(&over) && now->version >= follower->place.version) {
        follower->status = SALE_ENTRY_CLOSED;
        follower->expires_ms = 0;
        follower->place.version = now->version;
    }
    if (!advance(follower)) {
        return;
    }
    bool same = follower->sent.any && follower->sent.seq == follower->place.seq &&
                follower->sent.status == follower->status && follower->sent.expires_ms == follower->expires_ms;
    bool moved = follower->status == SALE_ENTRY_WAITING && follower->sent.position != follower->place.position;
    if ((same && !moved) || (same && clock_mono_ms() < follower->due_ms)) {
        return;
    }
    rest(follower);
    send_position(follower);
}

static bool is_due(const struct follower *follower, int64_t now)
{
    return follower != NULL && follower->due_ms <= now;
}

/* Sends the positions that changed while their followers rested. One that did not change takes time, too. */
static void do_send(evutil_socket_t fd, short what, void *arg)
{
    struct positions *positions = arg;
    struct follower *follower = NULL;
    int wait_ms = cpu_budget_wait_ms(&positions->send_budget);
    int64_t now = clock_mono_ms();
    (void)fd;
    (void)what;
    if (wait_ms > 0) {
        timer_ensure(positions->send, wait_ms);
        return;
    }
    cpu_budget_begin(&positions->send_budget);
    for (size_t i = 0; i < SEND_EACH && is_due(follower = TAILQ_FIRST(&positions->resting), now); i++) {
        TAILQ_REMOVE(&positions->resting, follower, rests);
        follower->resting = false;
        send_if_changed(follower);
    }
    follower = TAILQ_FIRST(&positions->resting);
    cpu_budget_end(&positions->send_budget, is_due(follower, now));
    if (follower != NULL) {
        timer_ensure(positions->send, follower->due_ms - now);
    }
}

void positions_changed(struct follower *follower)
{
    if (follower->positions == NULL) {
        return;
    }
    end_renewal(follower);
    if (follower->placed && !follower->resting) {
        send_if_changed(follower);
    } else if (follower->placed && follower->status == SALE_ENTRY_WAITING) {
        (void)advance(follower); /* a place that does not wait any more is read at once */
    }
}

/* ---- what is known of a place ---- */

/* Adopts what was read or decided, unless something newer is known. */
static void adopt(struct follower *follower, const struct position *found)
{
    bool same = follower->placed && follower->place.seq == found->seq;
    bool waits = found->status == SALE_ENTRY_WAITING;
    if (!found->placed || (follower->placed && found->version < follower->place.version)) {
        return;
    }
    if (waits && found->position < 1) {
        if (!same || follower->status != SALE_ENTRY_WAITING) {
            ask(follower); /* a decision without the position; else it is known */
        }
        return;
    }
    follower->placed = true;
    follower->status = found->status;
    follower->expires_ms = found->expires_ms;
    follower->place = (struct sale_place){found->seq, found->position, found->version};
}

static void adopt_order(struct follower *follower, const struct sale_message_decision *order)
{
    follower->order_version = order->version;
    follower->order_id = order->order_id;
    follower->order_status = order->order_status;
    follower->order_expires_ms = order->order_status == SALE_ORDER_RESERVED ? order->order_expires_ms : 0;
}

void positions_decided(struct follower *follower, const struct sale_message_decision *decision)
{
    const struct position found = {
        .version = decision->version,
        .placed = decision->place != 0 && decision->version != 0,
        .seq = decision->place,
        .status = decision->entry_status,
        .position = decision->position == SALE_POSITION_UNKNOWN ? POSITION_NONE : decision->position,
        .expires_ms = decision->turn_expires_ms,
    };
    if (follower->positions == NULL || follower->renewing) {
        return;
    }
    if (!uuid_is_nil(&decision->order_id) && decision->version >= follower->order_version) {
        adopt_order(follower, decision);
    }
    adopt(follower, &found);
    send_if_changed(follower);
}

static enum sale_order_status order_status_of(const char *word, enum sale_status sale)
{
    enum sale_order_status status = SALE_ORDER_PENDING;
    const struct sale_order order = {.status = sale_order_parse(word, &status) ? status : SALE_ORDER_PENDING};
    return sale_order_effective(&(struct sale){.status = sale}, &order);
}

/* An order whose change no message has brought. */
static void on_order(struct follower *follower, const PGresult *result, int row, const struct position *found)
{
    const int first = 1 + POSITION_COLUMN_COUNT;
    struct sale_message_decision order = {
        .sale_id = follower->sale_id, .order_status = SALE_ORDER_PENDING, .version = found->version};
    if (found->version < follower->order_version) {
        return;
    }
    if (!pg_null(result, row, first + ORDER_ID)) {
        order.order_id = pg_uuid(result, row, first + ORDER_ID);
        order.order_status = order_status_of(pg_text(result, row, first + ORDER_STATUS), found->sale_status);
        order.quantity = pg_int(result, row, first + ORDER_QUANTITY);
        order.total_price = pg_money(result, row, first + ORDER_TOTAL);
        if (!pg_null(result, row, first + ORDER_EXPIRES)) {
            order.order_expires_ms = pg_int(result, row, first + ORDER_EXPIRES);
        }
        if (!pg_null(result, row, first + ORDER_REASON) &&
            !sale_reason_parse(pg_text(result, row, first + ORDER_REASON), &order.reason)) {
            order.reason = SALE_REASON_INTERNAL_ERROR; /* a reason of a newer version */
        }
    }
    bool same = uuid_equal(&order.order_id, &follower->order_id) && order.order_status == follower->order_status;
    bool news = follower->order_known && !same && !uuid_is_nil(&order.order_id);
    follower->order_known = true;
    adopt_order(follower, &order);
    if (news) {
        positions_write_order(begin(follower->positions), &order);
        notify(follower);
    }
}

/* ---- reading ---- */

static void on_read(const struct pg_reply *reply, void *arg)
{
    struct positions *positions = arg;
    bool ok = reply->outcome == PG_OK;
    for (size_t i = 0; i < positions->reading_count; i++) {
        if (positions->reading[i] != NULL) {
            positions->reading[i]->reading = 0;
        }
    }
    for (int row = 0; ok && row < PQntuples(reply->result); row++) {
        struct follower *follower = positions->reading[pg_int(reply->result, row, 0) - 1];
        if (follower != NULL) {
            struct position found;
            position_read(reply->result, row, 1, &found);
            on_order(follower, reply->result, row, &found);
            adopt(follower, &found);
            send_if_changed(follower);
        }
    }
    for (size_t i = 0; !ok && i < positions->reading_count; i++) {
        if (positions->reading[i] != NULL) {
            ask(positions->reading[i]);
        }
    }
    positions->reading_count = 0;
    if (!TAILQ_EMPTY(&positions->asking)) {
        timer_ensure(positions->ask, ok ? ASK_PAUSE_MS : POSITIONS_REST_MS);
    }
}

static void do_ask(evutil_socket_t fd, short what, void *arg)
{
    struct positions *positions = arg;
    struct follower *follower = NULL;
    int64_t now = clock_mono_ms();
    (void)fd;
    (void)what;
    if (positions->reading_count > 0 || TAILQ_EMPTY(&positions->asking)) {
        return;
    }
    pg_array_reset(&positions->sales);
    pg_array_reset(&positions->users);
    while (positions->reading_count < ASK_MAX && (follower = TAILQ_FIRST(&positions->asking)) != NULL) {
        TAILQ_REMOVE(&positions->asking, follower, asks);
        follower->asking = false;
        follower->asked_ms = now;
        positions->reading[positions->reading_count++] = follower;
        follower->reading = positions->reading_count;
        pg_array_uuid(&positions->sales, &follower->sale_id);
        pg_array_uuid(&positions->users, &follower->user_id);
    }
    const char *const values[] = {pg_array_done(&positions->sales), pg_array_done(&positions->users)};
    if (values[0] == NULL || values[1] == NULL ||
        !statements_query(positions->pg, &positions_statements, POSITIONS_READ, ARRAY_LEN(values), values, on_read,
                          positions)) {
        on_read(&(struct pg_reply){.outcome = PG_LOST}, positions);
    }
}

/* ---- turns and reservations that should be over, and positions whose version does not arrive ---- */

static bool overdue(const struct follower *follower, int64_t now_ms)
{
    bool turn = follower->placed && follower->status == SALE_ENTRY_TURN;
    if (turn && follower->expires_ms + OVERDUE_MS < now_ms) {
        return true;
    }
    bool cancelled = watch_known(follower->watcher) && state_of(follower)->status == SALE_CANCELLED;
    return follower->order_expires_ms > 0 && (cancelled || follower->order_expires_ms + OVERDUE_MS < now_ms);
}

/* A place that was read too recently to be read again at once. */
static bool uncertain(const struct follower *follower, int64_t mono_ms)
{
    const struct sale_state *state = watch_state(follower->watcher);
    struct sale_place place = follower->place;
    if (!follower->placed || follower->status != SALE_ENTRY_WAITING || !watch_known(follower->watcher)) {
        return false;
    }
    enum sale_line_answer answer = sale_line_advance(&state->line, &place);
    return answer == SALE_LINE_AHEAD ? mono_ms - follower->asked_ms > AHEAD_MAX_MS : answer != SALE_LINE_WAITS;
}

/* Inserts a follower behind all others, who are due before. */
static void sweep_later(struct follower *follower, int64_t mono_ms)
{
    follower->sweep_ms = mono_ms + SWEEP_MS;
    TAILQ_INSERT_TAIL(&follower->positions->all, follower, all);
}

static bool is_swept(const struct follower *follower, int64_t mono_ms)
{
    return follower == NULL || follower->sweep_ms > mono_ms;
}

/* Visits those who are due. Where the budget is short, all are visited less often, in the same order. */
static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct positions *positions = arg;
    struct follower *follower = NULL;
    int wait_ms = cpu_budget_wait_ms(&positions->sweep_budget);
    int64_t now_ms = clock_now_ms();
    int64_t mono_ms = clock_mono_ms();
    (void)fd;
    (void)what;
    if (wait_ms > 0) {
        timer_ensure(positions->sweep, wait_ms);
        return;
    }
    cpu_budget_begin(&positions->sweep_budget);
    for (size_t i = 0; i < SWEEP_EACH && !is_swept(follower = TAILQ_FIRST(&positions->all), mono_ms); i++) {
        TAILQ_REMOVE(&positions->all, follower, all);
        sweep_later(follower, mono_ms);
        if (overdue(follower, now_ms) || uncertain(follower, mono_ms)) {
            ask_again(follower);
        }
    }
    follower = TAILQ_FIRST(&positions->all);
    bool more = !is_swept(follower, mono_ms);
    cpu_budget_end(&positions->sweep_budget, more);
    if (follower != NULL) {
        int64_t due_ms = follower->sweep_ms - mono_ms;
        timer_ensure(positions->sweep, more || due_ms > SWEEP_PAUSE_MS ? due_ms : SWEEP_PAUSE_MS);
    }
}

/* ---- followers ---- */

void positions_follow(struct positions *positions, struct follower *follower, struct watcher *watcher,
                      const struct uuid *sale, const struct uuid *user)
{
    *follower = (struct follower){
        .notified = follower->notified,
        .owner = follower->owner,
        .positions = positions,
        .watcher = watcher,
        .sale_id = *sale,
        .user_id = *user,
        .renewing = watch_renewing(watcher),
        .asked_ms = clock_mono_ms(),
    };
    sweep_later(follower, follower->asked_ms);
    timer_ensure(positions->sweep, SWEEP_MS);
    ask(follower);
}

void positions_leave(struct follower *follower)
{
    struct positions *positions = follower->positions;
    if (positions == NULL) {
        return;
    }
    if (follower->resting) {
        TAILQ_REMOVE(&positions->resting, follower, rests);
    }
    stop_asking(follower);
    TAILQ_REMOVE(&positions->all, follower, all);
    follower->positions = NULL;
}

/* ---- start and stop ---- */

struct positions *positions_new(struct event_base *base, struct pg *pg)
{
    struct positions *positions = calloc(1, sizeof(*positions));
    if (positions == NULL) {
        return NULL;
    }
    positions->pg = pg;
    positions->send_budget = (struct cpu_budget){.burst_us = SEND_BURST_US, .rest_us = SEND_REST_US, .part = SEND_PART};
    positions->sweep_budget =
        (struct cpu_budget){.burst_us = SWEEP_BURST_US, .rest_us = SWEEP_REST_US, .part = SWEEP_PART};
    TAILQ_INIT(&positions->all);
    TAILQ_INIT(&positions->resting);
    TAILQ_INIT(&positions->asking);
    positions->json = jsonw_new();
    positions->ask = event_new(base, -1, 0, do_ask, positions);
    positions->send = event_new(base, -1, 0, do_send, positions);
    positions->sweep = event_new(base, -1, 0, do_sweep, positions);
    if (positions->json == NULL || positions->ask == NULL || positions->send == NULL || positions->sweep == NULL) {
        positions_free(positions);
        return NULL;
    }
    return positions;
}

void positions_free(struct positions *positions)
{
    if (positions == NULL) {
        return;
    }
    assert(TAILQ_EMPTY(&positions->all));
    struct event *events[] = {positions->ask, positions->send, positions->sweep};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    pg_array_free(&positions->sales);
    pg_array_free(&positions->users);
    jsonw_free(positions->json);
    free(positions);
}
