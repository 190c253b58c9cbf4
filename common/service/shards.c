/*
 * See shards.h. No I/O.
 */
#include "common/service/shards.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/io/pg_value.h"

/* clang-format off */
const char *const shards_labels[TOPOLOGY_SHARDS_MAX] = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
    "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33", "34", "35", "36", "37", "38",
    "39", "40", "41", "42", "43", "44", "45", "46", "47", "48", "49", "50", "51", "52", "53", "54", "55", "56", "57",
    "58", "59", "60", "61", "62", "63", "64", "65", "66", "67", "68", "69", "70", "71", "72", "73", "74", "75", "76",
    "77", "78", "79", "80", "81", "82", "83", "84", "85", "86", "87", "88", "89", "90", "91", "92", "93", "94", "95",
    "96", "97", "98", "99"};
/* clang-format on */

static size_t find_session(const struct shards_view *view, int64_t session)
{
    size_t worker = 0;
    while (worker < view->workers && view->sessions[worker] != session) {
        worker++;
    }
    return worker;
}

void shards_view_read(struct shards_view *view, unsigned shards, const PGresult *rows)
{
    assert(shards <= TOPOLOGY_SHARDS_MAX);
    *view = (struct shards_view){.shards = shards};
    for (int row = 0; row < PQntuples(rows); row++) {
        int64_t object = pg_int(rows, row, 1);
        int64_t session = pg_int(rows, row, 2);
        if (pg_bool(rows, row, 0) && view->workers < SHARDS_WORKERS_MAX) {
            view->numbers[view->workers] = (uint32_t)object;
            view->sessions[view->workers++] = session;
        } else if (!pg_bool(rows, row, 0) && object < (int64_t)shards) {
            size_t worker = find_session(view, session);
            view->owners[object] = worker < view->workers ? view->numbers[worker] : SHARDS_UNKNOWN_OWNER;
        }
    }
}

static size_t find_worker(const struct shards_view *view, uint32_t number)
{
    size_t worker = 0;
    while (worker < view->workers && view->numbers[worker] != number) {
        worker++;
    }
    return worker;
}

/* Adds to `counts`, by worker. */
static void count_shards(const struct shards_view *view, unsigned counts[static SHARDS_WORKERS_MAX])
{
    for (unsigned shard = 0; shard < view->shards; shard++) {
        size_t owner = find_worker(view, view->owners[shard]);
        if (owner < view->workers) {
            counts[owner]++;
        }
    }
}

/* The number of workers that share the shards: the highest setting of a worker, or all. */
static unsigned count_active(const struct shards_view *view)
{
    uint32_t most = 0;
    for (size_t worker = 0; worker < view->workers; worker++) {
        uint32_t limit = view->numbers[worker] / SHARDS_NUMBERS_EACH;
        if (limit == 0) {
            return (unsigned)view->workers;
        }
        most = limit > most ? limit : most;
    }
    return most < view->workers ? most : (unsigned)view->workers;
}

/*
 * The share of each worker. The active ones are those that own most; among equals, the lowest numbers. All of them get
 * the whole part of shards / active. The remainder goes one each to the first of them in the same order.
 */
static void share(const struct shards_view *view, const unsigned *counts, unsigned shares[static SHARDS_WORKERS_MAX])
{
    unsigned active = count_active(view);
    for (size_t worker = 0; worker < view->workers; worker++) {
        unsigned before = 0; /* workers that come before this one */
        for (size_t other = 0; other < view->workers; other++) {
            before += counts[other] > counts[worker] || (other < worker && counts[other] == counts[worker]);
        }
        shares[worker] = before >= active ? 0 : view->shards / active + (before < view->shards % active);
    }
}

/* The worker that lacks most shards; among equals, the lowest number. `workers` if none lacks any. */
static size_t neediest(const struct shards_view *view, const unsigned *counts, const unsigned *shares)
{
    size_t found = view->workers;
    for (size_t worker = 0; worker < view->workers; worker++) {
        if (counts[worker] < shares[worker] &&
            (found == view->workers || shares[worker] - counts[worker] > shares[found] - counts[found])) {
            found = worker;
        }
    }
    return found;
}

static void plan_own(const struct shards_view *view, uint32_t me, unsigned most, enum shards_act *plan)
{
    unsigned kept = 0;
    for (unsigned shard = 0; shard < view->shards; shard++) {
        bool mine = view->owners[shard] == me;
        plan[shard] = !mine ? SHARDS_NOTHING : kept < most ? SHARDS_KEEP : SHARDS_LEAVE;
        kept += mine;
    }
}

void shards_plan(const struct shards_view *view, uint32_t me, enum shards_act plan[static TOPOLOGY_SHARDS_MAX])
{
    unsigned counts[SHARDS_WORKERS_MAX] = {0};
    unsigned shares[SHARDS_WORKERS_MAX] = {0};
    size_t own = find_worker(view, me);
    count_shards(view, counts);
    share(view, counts, shares);
    plan_own(view, me, own < view->workers ? shares[own] : 0, plan);
    for (unsigned shard = 0; shard < view->shards; shard++) {
        size_t taker = view->owners[shard] == SHARDS_NOBODY ? neediest(view, counts, shares) : view->workers;
        if (taker < view->workers) {
            counts[taker]++;
            plan[shard] = taker == own ? SHARDS_TAKE : plan[shard];
        }
    }
}

void shards_report_write(const struct shards_report *report, char out[static SHARDS_REPORT_SIZE])
{
    int length = snprintf(out, SHARDS_REPORT_SIZE, "%" PRIu32 " %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64,
                          report->worker, report->unacked, report->at_ms, report->oldest_ms, report->stalled_ms);
    assert(length > 0 && length < SHARDS_REPORT_SIZE && report->locked_count <= SHARDS_LOCKED_MAX);
    for (size_t i = 0; i < report->locked_count; i++) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&report->locked[i].auction_id, id);
        length += snprintf(out + length, SHARDS_REPORT_SIZE - (size_t)length, " %s %" PRId64, id,
                           report->locked[i].oldest_ms);
        assert(length < SHARDS_REPORT_SIZE);
    }
}

/* Parses digits up to `end` and advances past it. False for other text or values above `most`. */
static bool shards_number(const char **at, char end, int64_t most, int64_t *out)
{
    const char *text = *at;
    int64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (value > (most - (*text - '0')) / 10) {
            return false;
        }
        value = value * 10 + (*text - '0');
    }
    if (text == *at || *text != end) {
        return false;
    }
    *at = text + 1;
    *out = value;
    return true;
}

/* Parses the last number, or one that is followed by a locked auction. */
static bool shards_number_before_locked(const char **at, int64_t *out, bool *more)
{
    *more = (*at)[strspn(*at, "0123456789")] == ' ';
    return shards_number(at, *more ? ' ' : '\0', INT64_MAX, out);
}

static bool shards_locked_read(const char **at, struct shards_locked *locked, bool *more)
{
    enum { ID_LENGTH = UUID_TEXT_SIZE - 1 };
    if (strnlen(*at, UUID_TEXT_SIZE) < UUID_TEXT_SIZE || !uuid_parse(*at, ID_LENGTH, &locked->auction_id) ||
        (*at)[ID_LENGTH] != ' ') {
        return false;
    }
    *at += UUID_TEXT_SIZE;
    return shards_number_before_locked(at, &locked->oldest_ms, more);
}

bool shards_report_read(const char *text, struct shards_report *report)
{
    bool more = false;
    int64_t worker = 0;
    int64_t unacked = 0;
    if (!shards_number(&text, ' ', SHARDS_WORKER_MAX, &worker) || !shards_number(&text, ' ', UINT32_MAX, &unacked) ||
        !shards_number(&text, ' ', INT64_MAX, &report->at_ms) ||
        !shards_number(&text, ' ', INT64_MAX, &report->oldest_ms) ||
        !shards_number_before_locked(&text, &report->stalled_ms, &more)) {
        return false;
    }
    for (report->locked_count = 0; more; report->locked_count++) {
        if (report->locked_count == SHARDS_LOCKED_MAX ||
            !shards_locked_read(&text, &report->locked[report->locked_count], &more)) {
            return false;
        }
    }
    report->worker = (uint32_t)worker;
    report->unacked = (uint32_t)unacked;
    return true;
}

void shards_depth_write(const struct shards_depth *depth, char out[static SHARDS_REPORT_SIZE])
{
    int length = snprintf(out, SHARDS_REPORT_SIZE, "%" PRId64 " %" PRId64 " %" PRId64, depth->ready, depth->consumers,
                          depth->at_ms);
    assert(length > 0 && length < SHARDS_REPORT_SIZE);
    (void)length;
}

bool shards_depth_read(const char *text, struct shards_depth *depth)
{
    return shards_number(&text, ' ', INT64_MAX, &depth->ready) &&
           shards_number(&text, ' ', INT64_MAX, &depth->consumers) &&
           shards_number(&text, '\0', INT64_MAX, &depth->at_ms);
}

void shards_field_write(unsigned shard, char out[static SHARDS_FIELD_SIZE])
{
    assert(shard < TOPOLOGY_SHARDS_MAX);
    (void)snprintf(out, SHARDS_FIELD_SIZE, "%u", shard);
}

bool shards_field_read(const char *text, unsigned *shard)
{
    int64_t number = 0;
    if (!shards_number(&text, '\0', TOPOLOGY_SHARDS_MAX - 1, &number)) {
        return false;
    }
    *shard = (unsigned)number;
    return true;
}
