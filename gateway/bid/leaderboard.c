/*
 * See leaderboard.h; common/protocol/snapshot.c defines when the sorted set in Redis is valid. The bid worker adds each
 * batch to it. A set that is missing or of another version is read from PostgreSQL. It is then written to Redis, unless
 * the auction's version has changed meanwhile.
 *
 * Without PostgreSQL a board of an older version is shown, with "stale": true.
 *
 * A bidder's best amount is the highest in the public history (rule 9), or the price to which the bidder raised it.
 */
#include "gateway/bid/leaderboard.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol/keys.h"
#include "common/protocol/pseudonym.h"
#include "common/protocol/snapshot.h"
#include "gateway/bid/snapshots.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"
#include "gateway/query/page.h"

enum { NUMBER_SIZE = 24 };

enum { LEADERS_GET, LEADERS_COUNT };

/*
 * Each row has the auction's version; an auction without bids gives one row with a NULL bidder. Of equal amounts the
 * accepted bid comes first.
 */
static const struct pg_statement list[] = {
    [LEADERS_GET] = {"leaders_get",
                     "SELECT a.version, b.bidder_id, b.score FROM auctions a LEFT JOIN LATERAL ("
                     "  SELECT p.bidder_id, max(200 * p.amount + (p.status = 'accepted')::integer)::bigint AS score"
                     "  FROM public_bids p WHERE p.auction_id = a.id"
                     "  GROUP BY p.bidder_id ORDER BY score DESC, p.bidder_id DESC LIMIT 100) b ON true"
                     " WHERE a.id = $1 AND a.status <> 'draft' ORDER BY b.score DESC, b.bidder_id DESC"},
};
static_assert(ARRAY_LEN(list) == LEADERS_COUNT, "each statement has its entry");

struct statements leaderboard_statements = {list, ARRAY_LEN(list), 0};

static const struct leaderboard_context *context_of(const struct request *request)
{
    return request->context;
}

enum { LEADERS_VERSION, LEADERS_BIDDER, LEADERS_SCORE };

/*
 * KEYS: snapshot, board. ARGV: number of bidders, and '' if the board must have the snapshot's version. Replies the
 * snapshot's remaining lifetime in ms, and bidders with their scores; or nothing.
 */
const struct redis_script leaderboard_script = {
    "leaders", "local there = redis.call('HMGET', KEYS[1], 'v', 'lb')\n"
               "if not there[2] or (ARGV[2] == '' and there[1] ~= there[2]) then return false end\n"
               "return {redis.call('PTTL', KEYS[1]),\n"
               "  redis.call('ZREVRANGE', KEYS[2], 0, ARGV[1] - 1, 'WITHSCORES')}\n"};

/* KEYS: snapshot, board. ARGV: version, lifetime, bidders as written by snapshot_leader_add. */
const struct redis_script leaderboard_keep_script = {
    "leaders_keep", "if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end\n"
                    "redis.call('DEL', KEYS[2])\n"
                    "for score, bidder in string.gmatch(ARGV[3], '(%d+) (%S+)') do\n"
                    "  redis.call('ZADD', KEYS[2], score, bidder)\n"
                    "end\n"
                    "redis.call('EXPIRE', KEYS[2], ARGV[2])\n"
                    "redis.call('HSET', KEYS[1], 'lb', ARGV[1])\n"
                    "return 1\n"};

struct board {
    struct page page;
    int64_t epoch; /* when the request began */
    bool stale;    /* PostgreSQL could not answer: a board of any version is shown */
    size_t length;
    char leaders[SNAPSHOT_LEADERS_MOST * SNAPSHOT_LEADER_SIZE];
};

static void write_leader(struct jsonw *json, const struct request *request, int place, const struct uuid *bidder,
                         int64_t score)
{
    char name[PSEUDONYM_SIZE];
    pseudonym_write(context_of(request)->deployment->facts.pseudonym, &request->parameters[0], bidder, name);
    jsonw_object(json);
    jsonw_put_int(json, "rank", place);
    jsonw_put_string(json, "bidder", name);
    jsonw_put_money(json, "amount", score / 2);
    jsonw_end_object(json);
}

/* ---- from PostgreSQL ---- */

/* Writes the board to Redis, after loading the snapshot if it is missing. */
static void keep(struct request *request, int64_t version)
{
    const struct board *board = request->handler_state;
    char snapshot[KEYS_SIZE];
    char key[KEYS_SIZE];
    char version_text[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    const char *arguments[] = {snapshot, key, version_text, life, board->leaders};
    keys_snapshot(board->epoch, &request->parameters[0], snapshot);
    keys_leaderboard(board->epoch, &request->parameters[0], key);
    (void)snprintf(version_text, sizeof version_text, "%" PRId64, version);
    (void)snprintf(life, sizeof life, "%d", SNAPSHOT_LIFE_S);
    if (!redis_call(context_of(request)->redis, GATEWAY_SCRIPT_LEADERS_KEEP, NULL, NULL, 2, ARRAY_LEN(arguments),
                    arguments, NULL)) {
        log_debug("leaderboard not written: Redis is unavailable");
    }
}

static void ask_stale(struct request *request);

static void on_leaders(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct board *board = request->handler_state;
    if (statements_outage(reply) && !request_answered(request)) {
        ask_stale(request);
        return;
    }
    if (!statements_usable(request, reply)) {
        return;
    }
    const PGresult *result = reply->result;
    if (PQntuples(result) == 0) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    struct jsonw *json = reply_json(request);
    page_begin(json);
    for (int row = 0; row < PQntuples(result) && !pg_null(result, row, LEADERS_BIDDER); row++) {
        struct uuid bidder = pg_uuid(result, row, LEADERS_BIDDER);
        int64_t score = pg_int(result, row, LEADERS_SCORE);
        board->length += snapshot_leader_add(board->leaders + board->length, sizeof board->leaders - board->length,
                                             score / 2, score % 2 == 1, &bidder);
        if (row < board->page.limit) {
            write_leader(json, request, row + 1, &bidder, score);
        }
    }
    page_end(json, NULL);
    keep(request, pg_int(result, 0, LEADERS_VERSION));
    reply_send(request, 200);
}

static void ask_leaders(enum snapshots_outcome outcome, const struct snapshot *snapshot, void *arg)
{
    struct request *request = arg;
    char auction[UUID_TEXT_SIZE];
    const char *values[] = {auction};
    (void)outcome;
    (void)snapshot;
    uuid_format(&request->parameters[0], auction);
    if (!statements_query(context_of(request)->pg, &leaderboard_statements, LEADERS_GET, ARRAY_LEN(values), values,
                          on_leaders, request)) {
        ask_stale(request);
    }
}

/* ---- from Redis ---- */

static bool read_score(const redisReply *reply, int64_t *score)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || reply->len >= NUMBER_SIZE - 4 ||
        strspn(reply->str, "0123456789") != (size_t)reply->len) {
        return false;
    }
    *score = 0;
    for (const char *digit = reply->str; *digit != '\0'; digit++) {
        *score = *score * 10 + (*digit - '0');
    }
    return true;
}

/* Writes the list, and leaves the page open. */
static void write_leaders(struct jsonw *json, const struct request *request, const redisReply *leaders)
{
    page_begin(json);
    for (size_t i = 0; i + 1 < leaders->elements; i += 2) {
        struct uuid bidder;
        int64_t score = 0;
        const redisReply *member = leaders->element[i];
        if (member->type == REDIS_REPLY_STRING && uuid_parse(member->str, (size_t)member->len, &bidder) &&
            read_score(leaders->element[i + 1], &score)) {
            write_leader(json, request, (int)(i / 2) + 1, &bidder, score);
        }
    }
    jsonw_end_array(json);
}

static void on_board(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    const struct board *board = request->handler_state;
    bool found = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    if (!found && board->stale) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    if (!found) {
        snapshots_load(context_of(request)->snapshots, &request->parameters[0], ask_leaders, request);
        return;
    }
    struct jsonw *json = reply_json(request);
    write_leaders(json, request, reply->element[1]);
    if (board->stale || !pg_up(context_of(request)->pg)) {
        jsonw_put_bool(json, "stale", true);
        reply_age(request, SNAPSHOT_LIFE_S * INT64_C(1000) - reply->element[0]->integer);
    }
    page_next(json, NULL);
    reply_send(request, 200);
}

static bool ask_board(struct request *request)
{
    char snapshot[KEYS_SIZE];
    char key[KEYS_SIZE];
    char limit[NUMBER_SIZE];
    const struct board *board = request->handler_state;
    const char *arguments[] = {snapshot, key, limit, board->stale ? "any" : ""};
    keys_snapshot(board->epoch, &request->parameters[0], snapshot);
    keys_leaderboard(board->epoch, &request->parameters[0], key);
    (void)snprintf(limit, sizeof limit, "%d", board->page.limit);
    return redis_call(context_of(request)->redis, GATEWAY_SCRIPT_LEADERS, on_board, request, 2, ARRAY_LEN(arguments),
                      arguments, NULL);
}

static void ask_stale(struct request *request)
{
    struct board *board = request->handler_state;
    board->stale = true;
    if (!ask_board(request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_leaderboard(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    struct board *board = request_handler_state(request, sizeof *board);
    if (board == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    page_read(request, "leaderboard", &board->page, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    board->epoch = context_of(request)->deployment->epoch.number;
    if (!ask_board(request)) {
        ask_leaders(SNAPSHOTS_UNKNOWN, NULL, request);
    }
}

const struct route leaderboard_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/api/v1/auctions/:id/leaderboard", handle_leaderboard, LIMIT_NONE, ROUTE_NO_BODY,
     "limit"},
    {0},
};
