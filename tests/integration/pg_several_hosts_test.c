/*
 * common/io/pg with URLs that name several hosts or demand a session that can write, against a real PostgreSQL
 * (ROSTRUM_PG_URL). Two relays in front of the server are the hosts.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/pg.h"
#include "tests/support/pg_pool.h"
#include "tests/support/relay.h"

/* The server's URL, with other parameters. */
static char *url_with(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *url_with(const char *format, ...)
{
    char *parameters = NULL;
    char *made = NULL;
    va_list arguments;
    va_start(arguments, format);
    ck_assert_int_gt(vasprintf(&parameters, format, arguments), 0);
    va_end(arguments);
    ck_assert_int_gt(
        asprintf(&made, "%s%c%s", pg_pool_url(), strchr(pg_pool_url(), '?') == NULL ? '?' : '&', parameters), 0);
    free(parameters);
    return made;
}

/* Two relays to the same server, and a URL that names them as two hosts. */
static char *two_hosts(struct relay relays[static 2])
{
    char relayed[RELAY_URL_SIZE];
    for (size_t i = 0; i < 2; i++) {
        relays[i].base = pg_pool.base;
        relay_open_url(&relays[i], pg_pool_url(), relayed);
    }
    return url_with("host=127.0.0.1,127.0.0.1&port=%d,%d", relays[0].listen_port, relays[1].listen_port);
}

static struct pg *pool_of(const char *of_url, int connections)
{
    struct pg_options options = pg_pool_options();
    options.url = of_url;
    options.connections = connections;
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    return made;
}

START_TEST(a_host_that_accepts_and_never_answers_is_passed_over)
{
    struct relay relays[2] = {{.silent = true}, {.silent = false}};
    char *hosts = two_hosts(relays);
    struct pg *made = pool_of(hosts, 2);
    PG_POOL_UNTIL(pg_up(made));
    ck_assert_int_eq(pg_pool_rows(made), 0);
    ck_assert_uint_ge(relays[0].pairs, 1);
    pg_free(made);
    relay_close(&relays[0]);
    relay_close(&relays[1]);
    free(hosts);
}
END_TEST

START_TEST(a_pool_moves_to_the_next_host_when_its_host_stops)
{
    struct relay relays[2] = {{.silent = false}, {.silent = false}};
    struct pg_pool_seen lost = {0};
    char *hosts = two_hosts(relays);
    struct pg *made = pool_of(hosts, 1);
    PG_POOL_UNTIL(pg_up(made));
    ck_assert_uint_eq(relays[1].pairs, 0);
    relays[0].silent = true;
    relay_freeze(&relays[0]);
    pg_pool_ask(made, PG_POOL_COUNT, NULL, &lost);
    PG_POOL_UNTIL(lost.calls == 1);
    ck_assert_int_eq(lost.outcome, PG_LOST);
    PG_POOL_UNTIL(pg_up(made));
    ck_assert_uint_eq(relays[1].pairs, 1);
    ck_assert_int_eq(pg_pool_rows(made), 0);
    pg_free(made);
    relay_close(&relays[0]);
    relay_close(&relays[1]);
    free(hosts);
}
END_TEST

START_TEST(a_session_that_has_become_read_only_is_replaced_if_writes_are_needed)
{
    static const char *const parameters[] = {"target_session_attrs=any", "target_session_attrs=read-write"};
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
        bool replaced = i == 1;
        struct pg_pool_seen inserted = {0};
        char *demanding = url_with("%s", parameters[i]);
        struct pg *made = pool_of(demanding, 1);
        PG_POOL_UNTIL(pg_up(made));
        int64_t before = pg_pool_number(made, PG_POOL_BACKEND, NULL);
        struct pg_pool_seen set = {0};
        pg_pool_ask(made, PG_POOL_READ_ONLY, NULL, &set);
        PG_POOL_UNTIL(set.calls == 1);
        pg_pool_ask(made, PG_POOL_INSERT, "1", &inserted);
        PG_POOL_UNTIL(inserted.calls == 1 && pg_up(made));
        ck_assert_int_eq(inserted.outcome, replaced ? PG_LOST : PG_FAILED);
        ck_assert(replaced || strcmp(inserted.sqlstate, "25006") == 0);
        ck_assert_int_eq(pg_pool_number(made, PG_POOL_BACKEND, NULL) != before, replaced);
        pg_free(made);
        free(demanding);
    }
}
END_TEST

START_TEST(a_session_that_is_read_only_from_the_start_is_refused_if_writes_are_needed)
{
    char *demanding = url_with("options=-c%%20default_transaction_read_only%%3Don&target_session_attrs=read-write");
    char *any = url_with("options=-c%%20default_transaction_read_only%%3Don");
    struct pg *refused = pool_of(demanding, 1);
    struct pg *taken = pool_of(any, 1);
    PG_POOL_UNTIL(pg_up(taken));
    struct pg *other = pg_pool_other(); /* takes longer than the first try of the other */
    ck_assert(!pg_up(refused));
    pg_free(other);
    pg_free(taken);
    pg_free(refused);
    free(any);
    free(demanding);
}
END_TEST

static Suite *pg_hosts_suite(void)
{
    const TTest *const tests[] = {
        a_host_that_accepts_and_never_answers_is_passed_over,
        a_pool_moves_to_the_next_host_when_its_host_stops,
        a_session_that_has_become_read_only_is_replaced_if_writes_are_needed,
        a_session_that_is_read_only_from_the_start_is_refused_if_writes_are_needed,
    };
    Suite *suite = suite_create("pg_hosts");
    TCase *tcase = tcase_create("pg_hosts");
    tcase_add_checked_fixture(tcase, pg_pool_set_up, pg_pool_tear_down);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(pg_hosts_suite());
}
