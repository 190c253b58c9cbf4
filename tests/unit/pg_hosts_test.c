/*
 * common/io/pg_hosts: the hosts of a PostgreSQL URL, the order in which they are asked, and their deadlines.
 */
#include <stdio.h>
#include <string.h>

#include "common/io/pg_hosts.h"
#include "tests/support/suite.h"

enum { TIMEOUT_MS = 5000 };

static struct pg_hosts hosts;

static void must_read(const char *url)
{
    const char *reason = pg_hosts_read(&hosts, url);
    ck_assert_msg(reason == NULL, "%s: %s", url, reason);
}

static void must_refuse(const char *url, const char *expected)
{
    const char *reason = pg_hosts_read(&hosts, url);
    ck_assert_msg(reason != NULL && strstr(reason, expected) != NULL, "%s: %s", url, reason);
    pg_hosts_free(&hosts);
}

static void must_be(size_t i, const char *host, const char *address, const char *port)
{
    ck_assert_pstr_eq(hosts.host[i], host);
    ck_assert_pstr_eq(hosts.address[i], address);
    ck_assert_pstr_eq(hosts.port[i], port);
}

START_TEST(a_url_of_one_host_is_used_as_it_is)
{
    static const char *const urls[] = {"postgresql://a:b@10.0.0.1:5433/c", "postgresql:///c", "host=/run/x port=5433"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        must_read(urls[i]);
        ck_assert_uint_eq(hosts.count, 1);
        must_be(0, NULL, NULL, NULL);
        ck_assert_ptr_null(hosts.session);
        ck_assert(!hosts.needs_primary);
        ck_assert_int_eq(pg_hosts_deadline_ms(&hosts, TIMEOUT_MS), TIMEOUT_MS);
        pg_hosts_free(&hosts);
    }
}
END_TEST

START_TEST(each_of_several_hosts_has_its_port)
{
    must_read("postgresql://a:b@10.0.0.1:5433,db.example,[::1]:5434/c");
    ck_assert_uint_eq(hosts.count, 3);
    must_be(0, "10.0.0.1", NULL, "5433");
    must_be(1, "db.example", NULL, "5432");
    must_be(2, "::1", NULL, "5434");
    pg_hosts_free(&hosts);
    must_read("host=a,b hostaddr=10.0.0.1,10.0.0.2 port=5433");
    ck_assert_uint_eq(hosts.count, 2);
    must_be(0, "a", "10.0.0.1", "5433");
    must_be(1, "b", "10.0.0.2", "5433");
    pg_hosts_free(&hosts);
    must_read("hostaddr=10.0.0.1,10.0.0.2");
    ck_assert_uint_eq(hosts.count, 2);
    must_be(1, NULL, "10.0.0.2", NULL);
    pg_hosts_free(&hosts);
}
END_TEST

START_TEST(several_hosts_need_a_primary_unless_the_url_says_otherwise)
{
    must_read("postgresql://10.0.0.1,10.0.0.2/c");
    ck_assert_pstr_eq(hosts.session, "read-write");
    ck_assert(hosts.needs_primary);
    pg_hosts_free(&hosts);
    static const struct {
        const char *url;
        bool needs_primary;
    } given[] = {
        {"postgresql://10.0.0.1,10.0.0.2/c?target_session_attrs=any", false},
        {"postgresql://10.0.0.1,10.0.0.2/c?target_session_attrs=primary", true},
        {"postgresql://10.0.0.1,10.0.0.2/c?target_session_attrs=read-write", true},
        {"postgresql://10.0.0.1/c?target_session_attrs=read-write", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        must_read(given[i].url);
        ck_assert_ptr_null(hosts.session);
        ck_assert_int_eq(hosts.needs_primary, given[i].needs_primary);
        pg_hosts_free(&hosts);
    }
}
END_TEST

START_TEST(urls_that_cannot_work_are_refused)
{
    must_refuse("mysql://a", "must be a libpq connection URL");
    must_refuse("postgresql://a/c?target_session_attrs=standby", "target_session_attrs=read-write, primary or any");
    must_refuse("postgresql://a,b/c?target_session_attrs=prefer-standby", "target_session_attrs");
    must_refuse("postgresql://a,,b/c", "none of several may be empty");
    must_refuse("host=a,b port=1,2,3", "one port for all of its hosts, or one for each");
    must_refuse("host=a,b,c hostaddr=10.0.0.1,10.0.0.2", "one host for each hostaddr");
    must_read("host=1,2,3,4,5,6,7,8");
    ck_assert_uint_eq(hosts.count, PG_HOSTS_MAX);
    pg_hosts_free(&hosts);
    must_refuse("host=1,2,3,4,5,6,7,8,9", "at most 8 hosts");
}
END_TEST

START_TEST(the_deadline_of_a_host_is_within_that_of_a_statement)
{
    static const struct {
        const char *url;
        int timeout_ms;
        int expected_ms;
    } cases[] = {
        {"host=a,b", TIMEOUT_MS, 2000},
        {"host=a,b", 1500, 1500},
        {"host=a,b connect_timeout=3", TIMEOUT_MS, 3000},
        {"host=a,b connect_timeout=1", TIMEOUT_MS, 2000},
        {"host=a,b connect_timeout=0", TIMEOUT_MS, 2000},
        {"host=a,b connect_timeout=9", TIMEOUT_MS, TIMEOUT_MS},
        {"host=a connect_timeout=3", TIMEOUT_MS, 3000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        must_read(cases[i].url);
        ck_assert_int_eq(pg_hosts_deadline_ms(&hosts, cases[i].timeout_ms), cases[i].expected_ms);
        pg_hosts_free(&hosts);
    }
}
END_TEST

START_TEST(the_next_host_is_asked_after_a_failure_and_the_working_one_stays)
{
    must_read("host=a,b,c");
    ck_assert_uint_eq(hosts.next, 0);
    pg_hosts_failed(&hosts, 0);
    ck_assert_uint_eq(hosts.next, 1);
    pg_hosts_failed(&hosts, 0); /* of another connection */
    ck_assert_uint_eq(hosts.next, 1);
    pg_hosts_worked(&hosts, 2);
    ck_assert_uint_eq(hosts.next, 2);
    pg_hosts_failed(&hosts, 2);
    ck_assert_uint_eq(hosts.next, 0);
    pg_hosts_free(&hosts);
}
END_TEST

static Suite *pg_hosts_suite(void)
{
    const TTest *const tests[] = {
        a_url_of_one_host_is_used_as_it_is,
        each_of_several_hosts_has_its_port,
        several_hosts_need_a_primary_unless_the_url_says_otherwise,
        urls_that_cannot_work_are_refused,
        the_deadline_of_a_host_is_within_that_of_a_statement,
        the_next_host_is_asked_after_a_failure_and_the_working_one_stays,
    };
    Suite *suite = suite_create("pg_hosts");
    TCase *tcase = tcase_create("pg_hosts");
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
