/*
 * Settings: files, environment, errors, and that conf/rostrum.ini has the defaults of the table in config.c. Runs with
 * the top of the tree as working directory, as tests/run does.
 */
#include <check.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/service/config.h"
#include "tests/support/suite.h"

enum { REASON_SIZE = 512 };

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(close(fd), 0);
}

static bool read_text(struct config *config, const char *text, char *reason)
{
    char path[] = "/tmp/rostrum-config-XXXXXX";
    write_file(path, text);
    bool ok = config_read(config, path, reason, REASON_SIZE);
    ck_assert_int_eq(unlink(path), 0);
    return ok;
}

START_TEST(a_file_overrides_the_defaults)
{
    struct config config;
    char reason[REASON_SIZE];
    config_defaults(&config);
    ck_assert_int_eq(config.bids_per_minute, 10);
    ck_assert_msg(
        read_text(&config,
                  "; a comment\n[limits]\nbids_per_minute = 0\n[gateway]\ntrusted_proxies = 10.0.0.0/8 fd00::/8\n",
                  reason),
        "%s", reason);
    ck_assert_int_eq(config.bids_per_minute, 0);
    ck_assert_str_eq(config.trusted_proxies, "10.0.0.0/8 fd00::/8");
    ck_assert_int_eq(config.auctions_per_hour, 5);
    ck_assert(config_check(&config, reason, sizeof reason));
}
END_TEST

static const struct {
    const char *text;
    const char *message;
} mistakes[] = {
    {"[limits]\nbids = 3\n", "no setting bids in section [limits] (line 2)"},
    {"[nowhere]\nbids_per_minute = 3\n", "no setting bids_per_minute in section [nowhere]"},
    {"[limits]\nbids_per_minute = many\n", "must be a whole number from 0 to"},
    {"[limits]\nbids_per_minute = -1\n", "must be a whole number from 0 to"},
    {"[limits]\nbids_per_minute = 99999999999999999999\n", "must be a whole number"},
    {"[metrics]\nmetrics_public = perhaps\n", "must be yes or no"},
    {"[redis]\nredis_url =\n", "must be a text"},
    {"no setting at all\n", "line 1"},
};

START_TEST(an_error_names_its_line_or_setting)
{
    struct config config;
    char reason[REASON_SIZE];
    config_defaults(&config);
    ck_assert(!read_text(&config, mistakes[_i].text, reason));
    ck_assert_msg(strstr(reason, mistakes[_i].message) != NULL, "%s", reason);
}
END_TEST

START_TEST(contradicting_settings_are_refused)
{
    struct config config;
    char reason[REASON_SIZE] = "";
    config_defaults(&config);
    ck_assert_msg(config_check(&config, reason, sizeof reason), "%s", reason);
    config.fence_grace_ms = config.confirm_deadline_ms + 2 * config.clock_skew_max_ms;
    ck_assert(!config_check(&config, reason, sizeof reason));
    ck_assert_ptr_nonnull(strstr(reason, "fence_grace_ms"));
}
END_TEST

/* A file, and what config_check says of it. */
struct checked {
    const char *text;
    const char *message; /* a part of the reason; NULL: valid */
};

/* A reason never shows a password, which is "secret" in these files. */
static void check_cases(const struct checked *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct config config;
        char reason[REASON_SIZE] = "";
        config_defaults(&config);
        ck_assert_msg(read_text(&config, cases[i].text, reason), "%s", reason);
        bool ok = config_check(&config, reason, sizeof reason);
        ck_assert_msg(ok == (cases[i].message == NULL), "%s: %s", cases[i].text, reason);
        ck_assert_msg(ok || strstr(reason, cases[i].message) != NULL, "%s: %s", cases[i].text, reason);
        ck_assert_msg(strstr(reason, "secret") == NULL, "a password is shown: %s", reason);
    }
}

START_TEST(mail_settings_are_checked_together)
{
    static const struct checked cases[] = {
        {"[mail]\nmail_url = smtp://127.0.0.1:25\n[accounts]\nbid_unverified = no\n", NULL},
        {"[mail]\nmail_url = smtps://mail.example.org\nmail_user = x\nmail_password = y\n", NULL},
        {"[mail]\nmail_url = http://127.0.0.1:25\n", "mail_url"},
        {"[mail]\nmail_from = nobody\n", "mail_from"},
        {"[mail]\nmail_from = a@b>c\n", "mail_from"},
        {"[mail]\nmail_user = x\n", "mail_password"},
        {"[mail]\npublic_url = https://example.org/auctions\n", NULL},
        {"[mail]\npublic_url = example.org\n", "public_url"},
        {"[mail]\npublic_url = https://:8080\n", "public_url"},
        {"[mail]\npublic_url = https://user@example.org\n", "public_url"},
        {"[gateway]\ncors_origins = https://shop.example http://127.0.0.1:3000\n", NULL},
        {"[gateway]\ncors_origins = shop.example\n", "cors_origins"},
        {"[gateway]\ncors_origins = https://shop.example/\n", "cors_origins"},
        {"[gateway]\ncors_origins = *\n", "cors_origins"},
        {"[gateway]\ncors_origins = https://a,https://b\n", "cors_origins"},
        {"[accounts]\nbid_unverified = no\n", "bid_unverified"},
    };
    check_cases(cases, ARRAY_LEN(cases));
}
END_TEST

START_TEST(networks_must_be_parsable)
{
    static const struct checked cases[] = {
        {"[gateway]\ntrusted_proxies = 10.0.0.0/8 fd00::/8 192.0.2.1/32\n", NULL},
        {"[gateway]\ntrusted_proxies = 10.0.0.1\n", "trusted_proxies"},
        {"[gateway]\ntrusted_proxies = 10.0.0.0/33\n", "trusted_proxies"},
        {"[gateway]\ntrusted_proxies = fd00::/129\n", "trusted_proxies"},
        {"[gateway]\ntrusted_proxies = 10.0.0.0/+8\n", "trusted_proxies"},
        {"[gateway]\ntrusted_proxies = yes\n", "trusted_proxies"},
        {"[webhooks]\nwebhook_networks = localhost\n", "webhook_networks"},
    };
    check_cases(cases, ARRAY_LEN(cases));
}
END_TEST

START_TEST(urls_of_servers_must_be_parsable)
{
    static const struct checked cases[] = {
        {"[postgres]\npg_url = postgresql://a:b@10.0.0.1,10.0.0.2/rostrum?target_session_attrs=primary\n", NULL},
        {"[postgres]\npg_url = host=127.0.0.1 port=5432\n", NULL},
        {"[postgres]\npg_url = postgresql://a:secret@10.0.0.1,10.0.0.2/rostrum?target_session_attrs=standby\n",
         "pg_url must have target_session_attrs=read-write"},
        {"[postgres]\npg_url = postgresql://a:secret@h,,h/rostrum\n", "pg_url must name at most 8 hosts"},
        {"[postgres]\npg_url = mysql://a:secret@b\n", "pg_url must be a libpq connection URL"},
        {"[postgres]\npg_url = postgresql://[\n", "pg_url must be a libpq connection URL"},
        {"[redis]\nredis_url = redis://:secret@10.0.0.1:6379/1\n", NULL},
        {"[redis]\nredis_url = http://10.0.0.1\n", "redis_url must be of the form redis://"},
        {"[redis]\nredis_url = rediss://:secret@10.0.0.1\n",
         "redis_url cannot use TLS: use redis:// to a local HAProxy that does, as conf/haproxy/redis.cfg sets up"},
        {"[redis]\nredis_url = redis://\n", "redis_url must be of the form redis://"},
        {"[rabbitmq]\namqp_url = amqp://a:b@10.0.0.1/rostrum\n", NULL},
        {"[rabbitmq]\namqp_url = amqps://a:b@10.0.0.1/rostrum\n",
         "amqp_url cannot use TLS: use amqp:// to a local HAProxy that does, as conf/haproxy/rabbitmq.cfg sets up"},
        {"[rabbitmq]\namqp_url = http://secret\n", "amqp_url must be of the form amqp://"},
    };
    check_cases(cases, ARRAY_LEN(cases));
}
END_TEST

START_TEST(the_environment_overrides_the_file)
{
    struct config config;
    char reason[REASON_SIZE] = "";
    char path[] = "/tmp/rostrum-config-XXXXXX";
    write_file(path, "[redis]\nredis_url = redis://a\n[limits]\nlogins_per_minute = 7\n");
    config_defaults(&config);
    ck_assert_int_eq(setenv("ROSTRUM_CONF", path, 1), 0);
    ck_assert_int_eq(setenv("ROSTRUM_REDIS_URL", "redis://b", 1), 0);
    ck_assert_msg(config_read_environment(&config, reason, sizeof reason), "%s", reason);
    ck_assert_str_eq(config.redis_url, "redis://b");
    ck_assert_int_eq(config.logins_per_minute, 7);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(!config_read_environment(&config, reason, sizeof reason));
    ck_assert_ptr_nonnull(strstr(reason, "cannot be read"));
}
END_TEST

START_TEST(a_program_uses_its_own_urls_where_they_are_set)
{
    struct config config;
    config_defaults(&config);
    (void)snprintf(config.pg_urls[LOGIN_GATEWAY], CONFIG_TEXT_SIZE, "postgresql://gateway@h/d");
    (void)snprintf(config.amqp_urls[LOGIN_CTL], CONFIG_TEXT_SIZE, "amqp://ctl:x@h/d");
    struct config other = config;
    config_choose(&config, LOGIN_GATEWAY);
    ck_assert_str_eq(config.pg_url, "postgresql://gateway@h/d");
    ck_assert_str_eq(config.amqp_url, "amqp://guest:guest@127.0.0.1:5672/%2f");
    ck_assert(!config.shared.postgres && config.shared.redis && config.shared.rabbitmq);
    config_choose(&other, LOGIN_CTL);
    ck_assert_str_eq(other.amqp_url, "amqp://ctl:x@h/d");
    ck_assert(other.shared.postgres && other.shared.redis && !other.shared.rabbitmq);
}
END_TEST

START_TEST(a_common_url_of_the_environment_overrides_a_programs_url_of_a_file)
{
    struct config config;
    char reason[REASON_SIZE] = "";
    char path[] = "/tmp/rostrum-config-XXXXXX";
    write_file(path, "[postgres]\npg_url_gateway = postgresql://file@h/d\npg_url_ctl = postgresql://file@h/d\n");
    config_defaults(&config);
    ck_assert_int_eq(setenv("ROSTRUM_CONF", path, 1), 0);
    ck_assert_int_eq(setenv("ROSTRUM_PG_URL", "postgresql://common@h/d", 1), 0);
    ck_assert_int_eq(setenv("ROSTRUM_PG_URL_CTL", "postgresql://ctl@h/d", 1), 0);
    ck_assert_msg(config_read_environment(&config, reason, sizeof reason), "%s", reason);
    ck_assert_str_eq(config.pg_urls[LOGIN_GATEWAY], "none");
    ck_assert_str_eq(config.pg_urls[LOGIN_CTL], "postgresql://ctl@h/d");
    config_choose(&config, LOGIN_GATEWAY);
    ck_assert_str_eq(config.pg_url, "postgresql://common@h/d");
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* The settings of conf/rostrum.ini as read, in order. */
enum { DOCUMENTED_MAX = 256 };
static struct documented {
    char section[64];
    char name[64];
    char value[256];
} documented[DOCUMENTED_MAX];
static size_t documented_count;

static int on_documented(void *arg, const char *section, const char *name, const char *value)
{
    (void)arg;
    ck_assert_uint_lt(documented_count, DOCUMENTED_MAX);
    struct documented *entry = &documented[documented_count++];
    (void)snprintf(entry->section, sizeof entry->section, "%s", section);
    (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    (void)snprintf(entry->value, sizeof entry->value, "%s", value);
    return 1;
}

static void check_documented(const char *section, const char *name, const char *value, void *arg)
{
    size_t *known = arg;
    (*known)++;
    for (size_t i = 0; i < documented_count; i++) {
        if (strcmp(documented[i].section, section) == 0 && strcmp(documented[i].name, name) == 0) {
            ck_assert_msg(strcmp(documented[i].value, value) == 0, "[%s] %s: conf has %s, the program %s", section,
                          name, documented[i].value, value);
            return;
        }
    }
    ck_abort_msg("[%s] %s is not in conf/rostrum.ini", section, name);
}

START_TEST(the_documented_file_equals_the_defaults)
{
    size_t known = 0;
    ck_assert_int_eq(ini_parse("conf/rostrum.ini", on_documented, NULL), 0);
    config_each(check_documented, &known);
    ck_assert_uint_eq(documented_count, known);
}
END_TEST

static Suite *config_suite(void)
{
    Suite *suite = suite_create("config");
    TCase *cases = tcase_create("config");
    tcase_add_test(cases, a_file_overrides_the_defaults);
    tcase_add_loop_test(cases, an_error_names_its_line_or_setting, 0, (int)ARRAY_LEN(mistakes));
    tcase_add_test(cases, contradicting_settings_are_refused);
    tcase_add_test(cases, mail_settings_are_checked_together);
    tcase_add_test(cases, networks_must_be_parsable);
    tcase_add_test(cases, urls_of_servers_must_be_parsable);
    tcase_add_test(cases, the_environment_overrides_the_file);
    tcase_add_test(cases, a_program_uses_its_own_urls_where_they_are_set);
    tcase_add_test(cases, a_common_url_of_the_environment_overrides_a_programs_url_of_a_file);
    tcase_add_test(cases, the_documented_file_equals_the_defaults);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(config_suite());
}
