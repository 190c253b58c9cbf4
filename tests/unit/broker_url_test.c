/*
 * The hosts of amqp_url: what is read, what is refused with which reason, and which host is tried next.
 */
#include "common/io/broker_url.h"

#include <assert.h>
#include <string.h>

#include "tests/support/suite.h"

static struct broker_url url;

static void expect_host(size_t number, const char *host, int port)
{
    const struct amqp_connection_info *info = &url.hosts[number].info;
    ck_assert_str_eq(info->host, host);
    ck_assert_int_eq(info->port, port);
    ck_assert_str_eq(info->user, "us:er");
    ck_assert_str_eq(info->password, "p,w@");
    ck_assert_str_eq(info->vhost, "/v");
}

START_TEST(hosts_share_user_password_and_vhost)
{
    ck_assert_ptr_null(broker_url_parse("amqp://us%3aer:p,w%40@one:1,10.0.0.2,[::1]:3/%2fv", &url));
    ck_assert_uint_eq(url.count, 3);
    expect_host(0, "one", 1);
    expect_host(1, "10.0.0.2", 5672);
    expect_host(2, "::1", 3);
}
END_TEST

START_TEST(one_host_is_as_librabbitmq_reads_it)
{
    ck_assert_ptr_null(broker_url_parse("amqp://", &url));
    ck_assert_uint_eq(url.count, 1);
    ck_assert_str_eq(url.hosts[0].info.host, "localhost");
    ck_assert_str_eq(url.hosts[0].info.user, "guest");
    ck_assert_ptr_null(broker_url_parse("amqp://one/", &url));
    ck_assert_str_eq(url.hosts[0].info.vhost, "");
}
END_TEST

START_TEST(the_number_of_hosts_is_bounded)
{
    static_assert(BROKER_HOSTS_MAX == 8, "as many as here");
    ck_assert_ptr_null(broker_url_parse("amqp://a,b,c,d,e,f,g,h/v", &url));
    ck_assert_uint_eq(url.count, 8);
    ck_assert_str_eq(url.hosts[7].info.host, "h");
    ck_assert_ptr_nonnull(strstr(broker_url_parse("amqp://a,b,c,d,e,f,g,h,i/v", &url), "at most 8 hosts"));
}
END_TEST

START_TEST(what_cannot_work_is_refused_with_a_reason)
{
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"amqps://u:secret@a/v", "cannot use TLS: use amqp://"},
        {"http://a", "must be of the form amqp://"},
        {"a,b", "must be of the form amqp://"},
        {"amqp://u:secret@a:0x/v", "must be of the form amqp://"},
        {"amqp://u:secret@a:1,b:99999999999/v", "must be of the form amqp://"},
        {"amqp://u:secret@a,/v", "comma without a host"},
        {"amqp://u:secret@,a/v", "comma without a host"},
        {"amqp://u:secret@a,,b/v", "comma without a host"},
        {"amqp://u:secret@a,b:5672,b/v", "each host once"},
        {"amqp://u:secret@a, b/v", "must not contain blanks"},
        {"amqp://u:secret@a,u:secret@b/v", "user and password once"},
        {"amqp://u:secret@a/v,amqp://u:secret@b/v", "must be of the form amqp://"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *reason = broker_url_parse(cases[i].text, &url);
        ck_assert_msg(reason != NULL, "%s is accepted", cases[i].text);
        ck_assert_msg(strstr(reason, cases[i].reason) != NULL, "%s: %s", cases[i].text, reason);
    }
}
END_TEST

START_TEST(a_url_that_is_too_long_is_refused)
{
    char text[BROKER_URL_MAX_BYTES + 1] = "amqp://a/";
    memset(text + strlen(text), 'v', sizeof text - 1 - strlen(text));
    ck_assert_ptr_nonnull(strstr(broker_url_parse(text, &url), "too long"));
    text[BROKER_URL_MAX_BYTES - 1] = '\0';
    ck_assert_ptr_null(broker_url_parse(text, &url));
}
END_TEST

START_TEST(processes_and_connections_begin_at_different_hosts)
{
    ck_assert_uint_eq(broker_url_first(3, 300, 0), 0);
    ck_assert_uint_eq(broker_url_first(3, 300, 1), 1);
    ck_assert_uint_eq(broker_url_first(3, 301, 0), 1);
    ck_assert_uint_eq(broker_url_first(3, 302, 1), 0);
    ck_assert_uint_eq(broker_url_first(1, 301, 0), 0);
}
END_TEST

START_TEST(the_next_host_is_the_one_after_the_last_without_the_other_connections)
{
    ck_assert_uint_eq(broker_url_next(3, 0, 3), 1);
    ck_assert_uint_eq(broker_url_next(3, 2, 3), 0);
    ck_assert_uint_eq(broker_url_next(3, 0, 1), 2);
    ck_assert_uint_eq(broker_url_next(3, 1, 2), 0);
    ck_assert_uint_eq(broker_url_next(2, 0, 1), 0);
    ck_assert_uint_eq(broker_url_next(1, 0, 1), 0);
}
END_TEST

static Suite *broker_url_suite(void)
{
    Suite *suite = suite_create("broker_url");
    TCase *tcase = tcase_create("broker_url");
    tcase_add_test(tcase, hosts_share_user_password_and_vhost);
    tcase_add_test(tcase, one_host_is_as_librabbitmq_reads_it);
    tcase_add_test(tcase, the_number_of_hosts_is_bounded);
    tcase_add_test(tcase, what_cannot_work_is_refused_with_a_reason);
    tcase_add_test(tcase, a_url_that_is_too_long_is_refused);
    tcase_add_test(tcase, processes_and_connections_begin_at_different_hosts);
    tcase_add_test(tcase, the_next_host_is_the_one_after_the_last_without_the_other_connections);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(broker_url_suite());
}
