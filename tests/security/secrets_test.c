/*
 * Secrets from files: settings, variables and systemd's credentials. A file that others may read is refused, and a
 * program opens no file of another program's secret.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/service/config.h"
#include "common/service/secrets.h"
#include "tests/support/own_gateway.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { PATH_SIZE = 256, REASON_SIZE = 1024, SETTINGS_SIZE = 2048, LONG_SIZE = 600 };

static char folder[PATH_SIZE];

static void make_folder(void)
{
    scratch_pattern("secrets", folder, sizeof(folder));
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static const char *write_secret(const char *name, const char *text, mode_t mode)
{
    static char path[PATH_SIZE];
    ck_assert_int_lt(snprintf(path, sizeof(path), "%s/%s", folder, name), PATH_SIZE);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fputs(text, file) < 0, 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
    return path;
}

/* Reads an INI file with the one setting NAME_file = `path`. */
static bool read_setting(struct config *config, const char *section, const char *setting, const char *path,
                         char reason[static REASON_SIZE])
{
    char ini[SETTINGS_SIZE];
    char settings[PROGRAM_SETTINGS_SIZE];
    config_defaults(config);
    (void)snprintf(ini, sizeof(ini), "[%s]\n%s_file = %s\n", section, setting, path);
    program_settings(ini, settings);
    bool ok = config_read(config, settings, reason, REASON_SIZE);
    program_settings_remove(settings);
    return ok;
}

START_TEST(a_setting_names_the_file_of_its_secret)
{
    struct config config;
    char reason[REASON_SIZE] = "";
    const char *url = "postgresql://rostrum:secret@127.0.0.1/rostrum";
    ck_assert_msg(read_setting(&config, "postgres", "pg_url", write_secret("a", url, 0600), reason), "%s", reason);
    ck_assert_str_eq(config.pg_url, url);
    ck_assert(read_setting(&config, "mail", "mail_password", write_secret("b", "correct horse\n", 0640), reason));
    ck_assert_str_eq(config.mail_password, "correct horse");
    ck_assert(!read_setting(&config, "log", "log_level", write_secret("c", "info", 0600), reason));
    ck_assert_ptr_nonnull(strstr(reason, "no setting log_level_file"));
}
END_TEST

START_TEST(a_variable_names_the_file_of_its_secret)
{
    struct config config;
    char reason[REASON_SIZE] = "";
    config_defaults(&config);
    ck_assert_int_eq(setenv("ROSTRUM_S3_SECRET_KEY_FILE", write_secret("key", "s3cret\n", 0400), 1), 0);
    ck_assert_msg(config_read_environment(&config, reason, sizeof(reason)), "%s", reason);
    ck_assert_str_eq(config.s3_secret_key, "s3cret");
}
END_TEST

START_TEST(credentials_of_systemd_override_everything)
{
    struct config config;
    char reason[REASON_SIZE] = "";
    config_defaults(&config);
    (void)write_secret("redis_url", "redis://:credential@127.0.0.1:6379/0\n", 0400);
    (void)write_secret("log_level", "debug\n", 0400); /* no secret */
    ck_assert_int_eq(setenv("ROSTRUM_REDIS_URL", "redis://:variable@127.0.0.1:6379/0", 1), 0);
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    ck_assert_msg(config_read_environment(&config, reason, sizeof(reason)), "%s", reason);
    ck_assert_str_eq(config.redis_url, "redis://:credential@127.0.0.1:6379/0");
    ck_assert_str_eq(config.log_level, "info");
}
END_TEST

/* The reason names setting and file, and shows no secret. */
static void expect_refused(const char *path, const char *problem)
{
    struct config config;
    char reason[REASON_SIZE] = "";
    ck_assert(!read_setting(&config, "mail", "mail_password", path, reason));
    ck_assert_msg(strstr(reason, "mail_password_file") != NULL && strstr(reason, path) != NULL &&
                      strstr(reason, problem) != NULL && strstr(reason, "secret ") == NULL,
                  "%s", reason);
}

START_TEST(a_file_that_is_no_safe_secret_is_refused)
{
    char long_text[LONG_SIZE];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    expect_refused(write_secret("open", "secret text", 0604), "open to other users");
    expect_refused(write_secret("open", "secret text", 0602), "open to other users");
    expect_refused(write_secret("lines", "secret text\nand more\n", 0600), "more than one line");
    expect_refused(write_secret("empty", "\n", 0600), "is empty");
    expect_refused(write_secret("long", long_text, 0600), "too long");
    expect_refused("/nowhere/at/all", "No such file");
    expect_refused("/dev/zero", "is not a file");
}
END_TEST

START_TEST(a_program_opens_no_file_of_another_programs_secret)
{
    static const struct {
        const char *program;
        const char *name;
        bool belongs;
    } cases[] = {
        {"rostrum-bidworker", "pg_url", true},
        {"rostrum-bidworker", "pg_url_bidworker", true},
        {"rostrum-bidworker", "pg_url_gateway", false},
        {"rostrum-bidworker", "mail_password", false},
        {"rostrum-bidworker", "s3_secret_key", false},
        {"rostrum-gateway", "s3_secret_key", true},
        {"rostrum-gateway", "mail_password", false},
        {"rostrum-notifyworker", "mail_password", true},
        {"rostrum-notifyworker", "amqp_url_endworker", false},
        {"rostrumctl", "mail_password", false},
        {"rostrumctl", "pg_url_ctl", true},
    };
    struct config config;
    char reason[REASON_SIZE] = "";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        secrets_set_program(cases[i].program);
        ck_assert_msg(secrets_belongs(cases[i].name) == cases[i].belongs, "%s: %s", cases[i].program, cases[i].name);
    }
    secrets_set_program("rostrum-endworker");
    ck_assert_msg(read_setting(&config, "mail", "mail_password", "/nowhere/at/all", reason), "%s", reason);
    (void)snprintf(config.mail_user, sizeof(config.mail_user), "rostrum");
    ck_assert_msg(config_check(&config, reason, sizeof(reason)), "%s", reason);
    secrets_set_program("rostrum-notifyworker");
    ck_assert(!read_setting(&config, "mail", "mail_password", "/nowhere/at/all", reason));
}
END_TEST

/* Whether these bytes stand anywhere in the settings. */
static bool holds(const struct config *config, const char *text)
{
    return memmem(config, sizeof(*config), text, strlen(text)) != NULL;
}

START_TEST(a_program_reads_its_own_urls_from_files)
{
    static const char *const families[] = {"PG", "REDIS", "AMQP"};
    static const char *const urls[] = {"postgresql://own@h/d", "redis://:own@h:1/0", "amqp://own:x@h/v"};
    struct config config;
    char reason[REASON_SIZE] = "";
    config_defaults(&config);
    secrets_set_program("rostrum-bidworker");
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        char variable[PATH_SIZE];
        (void)snprintf(variable, sizeof(variable), "ROSTRUM_%s_URL_BIDWORKER_FILE", families[i]);
        ck_assert_int_eq(setenv(variable, write_secret(families[i], urls[i], 0600), 1), 0);
        (void)snprintf(variable, sizeof(variable), "ROSTRUM_%s_URL_GATEWAY_FILE", families[i]);
        ck_assert_int_eq(setenv(variable, "/nowhere/at/all", 1), 0); /* another program's: it is not opened */
    }
    ck_assert_msg(config_read_environment(&config, reason, sizeof(reason)), "%s", reason);
    config_choose(&config, LOGIN_BIDWORKER);
    ck_assert(!config.shared.postgres && !config.shared.redis && !config.shared.rabbitmq);
    ck_assert_str_eq(config.pg_url, "postgresql://own@h/d");
    ck_assert_str_eq(config.redis_url, "redis://:own@h:1/0");
    ck_assert_str_eq(config.amqp_url, "amqp://own:x@h/v");
    ck_assert_msg(config_check(&config, reason, sizeof(reason)), "%s", reason);
}
END_TEST

/* As if all programs had one file of settings and one environment. */
START_TEST(a_program_forgets_the_secrets_of_other_programs)
{
    static const struct {
        const char *variable;
        const char *value;
        bool kept;
    } cases[] = {
        {"ROSTRUM_PG_URL_NOTIFYWORKER", "postgresql://its-own@h/d", true},
        {"ROSTRUM_PG_URL_GATEWAY", "postgresql://of-gateway@h/d", false},
        {"ROSTRUM_REDIS_URL_GATEWAY", "redis://:of-gateway@h:1/0", false},
        {"ROSTRUM_AMQP_URL_ENDWORKER", "amqp://of-endworker:x@h/v", false},
        {"ROSTRUM_S3_SECRET_KEY", "of-the-gateways-store", false},
        {"ROSTRUM_MAIL_PASSWORD", "correct horse", true},
    };
    struct config config;
    char reason[REASON_SIZE] = "";
    config_defaults(&config);
    secrets_set_program("rostrum-notifyworker");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(setenv(cases[i].variable, cases[i].value, 1), 0);
    }
    ck_assert_msg(config_read_environment(&config, reason, sizeof(reason)), "%s", reason);
    ck_assert(holds(&config, cases[1].value));
    config_choose(&config, LOGIN_NOTIFYWORKER);
    config_forget(&config);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(holds(&config, cases[i].value) == cases[i].kept, "%s", cases[i].variable);
        ck_assert_str_eq(getenv(cases[i].variable), cases[i].kept ? cases[i].value : "");
    }
    ck_assert_str_eq(config.pg_url, cases[0].value);
    ck_assert_str_eq(config.mail_password, "correct horse");
}
END_TEST

/* Writes the value of a variable to a file, and removes the variable. */
static void move_to_file(const char *variable, const char *name)
{
    const char *value = getenv(variable);
    ck_assert_ptr_nonnull(value);
    (void)write_secret(name, value, 0600);
    ck_assert_int_eq(unsetenv(variable), 0);
}

START_TEST(a_gateway_connects_by_urls_from_files)
{
    struct own_gateway gateway;
    char sections[SETTINGS_SIZE];
    move_to_file("ROSTRUM_PG_URL", "pg");
    move_to_file("ROSTRUM_REDIS_URL", "redis");
    move_to_file("ROSTRUM_AMQP_URL", "amqp");
    (void)snprintf(sections, sizeof(sections),
                   "[postgres]\npg_url_file = %s/pg\n[redis]\nredis_url_file = %s/redis\n"
                   "[rabbitmq]\namqp_url_file = %s/amqp\n",
                   folder, folder, folder);
    own_gateway_start(&gateway, sections);
    own_gateway_stop(&gateway);
}
END_TEST

static Suite *secrets_suite(void)
{
    Suite *suite = suite_create("secrets");
    TCase *tcase = tcase_create("secrets");
    tcase_add_checked_fixture(tcase, make_folder, NULL); /* the runner removes it */
    tcase_add_test(tcase, a_setting_names_the_file_of_its_secret);
    tcase_add_test(tcase, a_variable_names_the_file_of_its_secret);
    tcase_add_test(tcase, credentials_of_systemd_override_everything);
    tcase_add_test(tcase, a_file_that_is_no_safe_secret_is_refused);
    tcase_add_test(tcase, a_program_opens_no_file_of_another_programs_secret);
    tcase_add_test(tcase, a_program_reads_its_own_urls_from_files);
    tcase_add_test(tcase, a_program_forgets_the_secrets_of_other_programs);
    tcase_add_test(tcase, a_gateway_connects_by_urls_from_files);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(secrets_suite());
}
