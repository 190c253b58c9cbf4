/*
 * See stats.h. The totals are a JSON object, which is kept in Redis as text. Its members become members of the answer.
 */
#include "gateway/admin/stats.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/http/reply.h"
#include "gateway/query/cache.h"

enum { STATS_USERS, STATS_AUCTIONS, STATS_WAITING, STATS_COUNT };

static const struct pg_statement list[] = {
    [STATS_USERS] = {"stats_users", "SELECT count(*), count(*) FILTER (WHERE role = 'admin'), count(banned_at)"
                                    " FROM users"},
    [STATS_AUCTIONS] = {"stats_auctions",
                        "SELECT status, count(*), coalesce(sum(bid_count), 0),"
                        " coalesce(sum(current_bid) FILTER (WHERE status = 'sold'), 0)::numeric(20, 2)"
                        " FROM auctions GROUP BY status ORDER BY status"},
    [STATS_WAITING] = {"stats_waiting", "SELECT (SELECT count(*) FROM dead_letters WHERE requeued_at IS NULL),"
                                        " (SELECT count(*) FROM outbox)"},
};
static_assert(ARRAY_LEN(list) == STATS_COUNT, "each statement has its entry");

struct statements stats_statements = {list, ARRAY_LEN(list), 0};

/* State of a request. */
struct stats {
    char hash[CACHE_HASH_SIZE];
    int64_t epoch; /* when the request began; 0: nothing is kept */
    int64_t dead_letters;
    int64_t outbox;
    int64_t users;
    int64_t admins;
    int64_t banned;
};

static const struct stats_context *context_of(const struct request *request)
{
    return request->context;
}

static void ask(struct request *request, size_t statement, pg_callback then)
{
    if (!statements_query(context_of(request)->pg, &stats_statements, statement, 0, NULL, then, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ENDS the request. `text` are the totals. False: they are none, and the request is not ended. */
static bool answer(struct request *request, const char *text, size_t length)
{
    const struct stats *stats = request->handler_state;
    struct json *totals = json_parse(text, length, NULL);
    if (totals == NULL || totals->type != JSON_OBJECT) {
        json_free(totals);
        return false;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    for (const struct json *member = totals->child; member != NULL; member = member->next) {
        jsonw_name(json, member->name);
        jsonw_value(json, member);
    }
    jsonw_put_int(json, "deadLetters", stats->dead_letters);
    jsonw_put_int(json, "outbox", stats->outbox);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
    json_free(totals);
    reply_send(request, 200);
    return true;
}

/* ---- counting ---- */

static void write_auctions(struct jsonw *json, const PGresult *result)
{
    enum { STATUS, COUNT, BIDS, VOLUME };
    int64_t bids = 0;
    int64_t volume = 0;
    jsonw_name(json, "auctions");
    jsonw_object(json);
    for (int row = 0; row < PQntuples(result); row++) {
        jsonw_put_int(json, pg_text(result, row, STATUS), pg_int(result, row, COUNT));
        bids += pg_int(result, row, BIDS);
        volume += pg_money(result, row, VOLUME);
    }
    jsonw_end_object(json);
    jsonw_put_int(json, "bids", bids);
    jsonw_put_money(json, "salesVolume", volume);
}

static void on_auctions(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    const struct stats *stats = request->handler_state;
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_name(json, "users");
    jsonw_object(json);
    jsonw_put_int(json, "total", stats->users);
    jsonw_put_int(json, "admins", stats->admins);
    jsonw_put_int(json, "banned", stats->banned);
    jsonw_end_object(json);
    write_auctions(json, reply->result);
    jsonw_put_time(json, "countedAt", request->received_ms);
    jsonw_end_object(json);
    if (stats->epoch != 0) {
        cache_search_store(context_of(request)->redis, stats->epoch, stats->hash, STATS_LIFE_MS, json);
    }
    size_t length = 0;
    const char *text = jsonw_text(json, &length);
    if (text == NULL || !answer(request, text, length)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_users(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    struct stats *stats = request->handler_state;
    stats->users = pg_int(reply->result, 0, 0);
    stats->admins = pg_int(reply->result, 0, 1);
    stats->banned = pg_int(reply->result, 0, 2);
    ask(request, STATS_AUCTIONS, on_auctions);
}

/* ---- what is kept ---- */

static void on_kept(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    if (reply == NULL || reply->type != REDIS_REPLY_STRING || !answer(request, reply->str, reply->len)) {
        ask(request, STATS_USERS, on_users);
    }
}

static void on_waiting(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    struct stats *stats = request->handler_state;
    stats->dead_letters = pg_int(reply->result, 0, 0);
    stats->outbox = pg_int(reply->result, 0, 1);
    if (stats->epoch == 0 ||
        !cache_search_read(context_of(request)->redis, stats->epoch, stats->hash, on_kept, request)) {
        ask(request, STATS_USERS, on_users);
    }
}

static void handle_stats(struct request *request)
{
    static const char kind[] = "stats";
    struct stats *stats = request_handler_state(request, sizeof(*stats));
    if (stats == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    stats->epoch = context_of(request)->deployment->epoch.number;
    cache_hash(kind, sizeof(kind), 0, NULL, stats->hash);
    ask(request, STATS_WAITING, on_waiting);
}

const struct route stats_routes[] = {
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/stats", handle_stats, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
