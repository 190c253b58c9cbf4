/*
 * Measures searches among many auctions (tests/bench/search.sql): explains every statement in PostgreSQL, and measures
 * parallel clients over HTTP. Usage:
 *
 *     search SECONDS
 *
 * Each client sends one kind of query after the other. Clients are logged in, because guests are answered from a cache.
 * Exits 1 if a plan scans a whole table, if an answer is not 200, or if the 95th percentile of a kind is not under
 * P95_MAX_MS.
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/search/queries.h"
#include "tests/support/deployment.h"
#include "tests/support/factory.h"

enum { CLIENTS = 8, SAMPLES_MAX = 200000, P95_MAX_MS = 100, SQL_SIZE = 4096 };

#define SELLER "018f0000-0000-7000-8000-000000000007" /* a seller of search.sql */

static const struct {
    const char *name;
    const char *queries[3]; /* kinds of queries that the clients send in turn */
} kinds[] = {
    {"one word", {"q=telescope", "q=gramophone", "q=typewriter"}},
    {"common word", {"q=vintage", "q=camera", "q=watch"}},
    {"two words", {"q=vintage+camera", "q=wooden+table", "q=silver+compass"}},
    {"phrase, excluded word", {"q=%22vintage+camera%22", "q=guitar+-leather", "q=%22silver+watch%22"}},
    {"mistyped", {"q=vintge+camrea", "q=telscope", "q=gramofone"}},
    {"word by price", {"q=guitar&sort=price", "q=bicycle&sort=-price", "q=watch&sort=price"}},
    {"word, price, category",
     {"q=camera&minPrice=20&maxPrice=200", "q=watch&category=category+3", "q=table&maxPrice=50&category=category+1"}},
    {"word by end, by age", {"q=leather&sort=ending", "q=painting&sort=newest", "q=silver&sort=ending"}},
    {"ending, newest", {"sort=ending", "sort=newest", "status=sold&sort=newest"}},
    {"category", {"category=category+3", "category=category+30&sort=newest", "category=category+12&sort=-price"}},
    {"price range",
     {"minPrice=100&maxPrice=150", "sort=price&minPrice=900", "category=category+5&minPrice=10&maxPrice=11"}},
    {"seller", {"sellerId=" SELLER, "sellerId=" SELLER "&sort=price", "sellerId=" SELLER "&q=watch"}},
    {"word with facets", {"q=telescope&facets=true", "q=accordion&facets=true", "q=guitar+camera&facets=true"}},
    {"category with facets", {"category=category+7&facets=true", "facets=true", "category=category+30&facets=true"}},
};

static struct {
    int64_t us[SAMPLES_MAX];
    atomic_size_t count;
} samples[ARRAY_LEN(kinds)];

static struct factory_user user;
static atomic_bool failed;
static int64_t until_ms;

/* ---- plans ---- */

/* Typical values for the statements, in this order: status, category, seller, text, tsquery, prices, page. */
static const char *const arguments[] = {
    [QUERIES_ENDING] = "'active', NULL, NULL, 'camera', NULL, NULL, NULL, 21, NULL, NULL",
    [QUERIES_NEWEST] = "'active', 'category 3', NULL, NULL, NULL, NULL, NULL, 21, NULL, NULL",
    [QUERIES_RELEVANCE] = "'active', NULL, NULL, 'vintage camera', NULL, NULL, NULL, 21, NULL, NULL, now()",
    [QUERIES_PRICE_UP] = "'active', NULL, NULL, NULL, NULL, 100, 150, 21, NULL, NULL",
    [QUERIES_PRICE_DOWN] = "'active', NULL, NULL, 'watch', NULL, NULL, NULL, 21, 99.00, gen_random_uuid()",
    [QUERIES_ENDING_PRICED] = "'active', NULL, NULL, NULL, NULL, 100, 150, 21, NULL, NULL",
    [QUERIES_NEWEST_PRICED] = "'active', 'category 3', NULL, NULL, NULL, 10, 11, 21, NULL, NULL",
    [QUERIES_FACETS] = "'active', NULL, NULL, 'camera', NULL, NULL, NULL",
    [QUERIES_FACETS_BARE] = "'active', 'category 7', NULL, NULL, NULL, 20, 500",
    [QUERIES_ENDING_SEVERAL] = "'active,sold', NULL, NULL, 'camera', NULL, NULL, NULL, 21, NULL, NULL",
    [QUERIES_NEWEST_SEVERAL] = "'active,sold', 'category 3', NULL, NULL, NULL, NULL, NULL, 21, NULL, NULL",
    [QUERIES_RELEVANCE_SEVERAL] =
        "'active,sold', NULL, NULL, 'vintage camera', NULL, NULL, NULL, 21, NULL, NULL, now()",
    [QUERIES_PRICE_UP_SEVERAL] = "'active,sold', NULL, NULL, NULL, NULL, 100, 150, 21, NULL, NULL",
    [QUERIES_PRICE_DOWN_SEVERAL] = "'active,sold', NULL, NULL, 'watch', NULL, NULL, NULL, 21, 99.00, gen_random_uuid()",
    [QUERIES_ENDING_PRICED_SEVERAL] = "'active,sold', NULL, NULL, NULL, NULL, 100, 150, 21, NULL, NULL",
    [QUERIES_NEWEST_PRICED_SEVERAL] = "'active,sold', 'category 3', NULL, NULL, NULL, 10, 11, 21, NULL, NULL",
    [QUERIES_FACETS_SEVERAL] = "'active,sold', NULL, NULL, 'camera', NULL, NULL, NULL",
    [QUERIES_FACETS_BARE_SEVERAL] = "'active,sold', 'category 7', NULL, NULL, NULL, 20, 500",
    [QUERIES_IDS] = "'active,sold', ARRAY[gen_random_uuid()]",
    [QUERIES_WORDS] = "'vintge camrea'",
    [QUERIES_PRODUCTS] = "NULL, NULL, 21, 'camera', NULL",
};

/* False if there is no plan, or it scans a whole table. Prints the scans. */
static bool valid_plan(const PGresult *plan, const char *name)
{
    bool whole = false;
    bool by_index = false;
    (void)printf("%s\n", name);
    for (int row = 0; row < PQntuples(plan); row++) {
        const char *line = PQgetvalue(plan, row, 0);
        whole = whole || strstr(line, "Seq Scan") != NULL;
        if (strstr(line, " using ") != NULL || strstr(line, "Bitmap Index Scan on") != NULL) {
            (void)printf("    %s\n", line + strspn(line, " ->"));
        }
        by_index = by_index || strstr(line, "Index") != NULL;
    }
    if (whole || !by_index) {
        (void)printf("    NOT ON AN INDEX\n");
    }
    return by_index && !whole;
}

static bool explain(PGconn *conn, size_t statement)
{
    char sql[SQL_SIZE];
    int length = snprintf(sql, sizeof sql, "PREPARE s%zu AS %s", statement, queries_all[statement].sql);
    PGresult *prepared = length < SQL_SIZE ? PQexec(conn, sql) : NULL;
    (void)snprintf(sql, sizeof sql, "EXPLAIN (COSTS OFF) EXECUTE s%zu (%s)", statement, arguments[statement]);
    PGresult *plan = PQexec(conn, sql);
    bool ok = PQresultStatus(prepared) == PGRES_COMMAND_OK && PQresultStatus(plan) == PGRES_TUPLES_OK;
    if (!ok) {
        (void)fprintf(stderr, "%s: %s\n", queries_all[statement].name, PQerrorMessage(conn));
    }
    ok = ok && valid_plan(plan, queries_all[statement].name);
    PQclear(prepared);
    PQclear(plan);
    return ok;
}

static bool explain_all(void)
{
    const char *const names[] = {"dbname", "options", NULL};
    const char *const values[] = {deployment_pg_url(), QUERIES_SETTINGS, NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);
    bool ok = PQstatus(conn) == CONNECTION_OK;
    if (!ok) {
        (void)fprintf(stderr, "%s", PQerrorMessage(conn));
    }
    for (size_t i = 0; PQstatus(conn) == CONNECTION_OK && i < QUERIES_COUNT; i++) {
        ok = explain(conn, i) && ok;
    }
    PQfinish(conn);
    return ok;
}

/* ---- measuring ---- */

static bool measure(struct client *client, size_t kind, size_t turn)
{
    int64_t began_us = clock_mono_us();
    const struct reply *reply =
        client_call(client, "GET", client_format("/api/v1/auctions?%s", kinds[kind].queries[turn % 3]), NULL);
    int64_t took_us = clock_mono_us() - began_us;
    if (reply->status != 200 || reply_count(reply, "items") < 0) {
        (void)fprintf(stderr, "%s: %d %.500s\n", kinds[kind].queries[turn % 3], reply->status, reply->body);
        return false;
    }
    size_t at = atomic_fetch_add(&samples[kind].count, 1);
    if (at < SAMPLES_MAX) {
        samples[kind].us[at] = took_us;
    }
    return true;
}

static void *ask(void *arg)
{
    size_t number = *(const size_t *)arg;
    struct client *client = client_new(deployment_http_url());
    bool ok = client != NULL;
    if (ok) {
        client_token(client, user.token);
    }
    for (size_t i = number; ok && clock_mono_ms() < until_ms && !atomic_load(&failed); i++) {
        ok = measure(client, i % ARRAY_LEN(kinds), i / ARRAY_LEN(kinds) + number);
    }
    if (!ok) {
        atomic_store(&failed, true);
    }
    client_free(client);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Prints a line of the table; false if the kind is too slow. */
static bool report(size_t kind)
{
    int64_t *us = samples[kind].us;
    size_t count = atomic_load(&samples[kind].count);
    count = count < SAMPLES_MAX ? count : SAMPLES_MAX;
    if (count == 0) {
        (void)printf("%-24s nothing measured\n", kinds[kind].name);
        return false;
    }
    qsort(us, count, sizeof *us, by_size);
    int64_t p50 = us[count / 2];
    int64_t p95 = us[count * 95 / 100];
    bool ok = p95 < P95_MAX_MS * INT64_C(1000);
    (void)printf("%-24s %8zu %8lld.%lld %8lld.%lld %8lld.%lld%s\n", kinds[kind].name, count, (long long)p50 / 1000,
                 (long long)p50 / 100 % 10, (long long)p95 / 1000, (long long)p95 / 100 % 10,
                 (long long)us[count - 1] / 1000, (long long)us[count - 1] / 100 % 10, ok ? "" : "   TOO SLOW");
    return ok;
}

static bool run(int64_t ms)
{
    pthread_t threads[CLIENTS];
    size_t numbers[CLIENTS];
    size_t started = 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        atomic_store(&samples[i].count, 0);
    }
    until_ms = clock_mono_ms() + ms;
    while (started < CLIENTS) {
        numbers[started] = started;
        if (pthread_create(&threads[started], NULL, ask, &numbers[started]) != 0) {
            atomic_store(&failed, true);
            break;
        }
        started++;
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return !atomic_load(&failed);
}

int main(int argc, char **argv)
{
    long seconds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (seconds < 1 || seconds > 600) {
        (void)fprintf(stderr, "usage: %s SECONDS\n", argv[0]);
        return 2;
    }
    struct client *client = client_new(deployment_http_url());
    bool ok = client != NULL && factory_user(client, &user, "Searcher");
    client_free(client);
    ok = ok && explain_all();
    /* Runs every kind once, so that the measurement does not include reading from disk. */
    if (!ok || !run(seconds * 300) || !run(seconds * 1000)) {
        return EXIT_FAILURE;
    }
    (void)printf("\n%d clients, %ld s\n%-24s %8s %10s %10s %10s\n", CLIENTS, seconds, "query", "number", "p50 ms",
                 "p95 ms", "max ms");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        ok = report(i) && ok;
    }
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
