/*
 * The command line of every program: --help, --version, --check-config and exit codes; rostrumctl's commands against a
 * running deployment.
 *
 * Runs alone: it reads the dead letters and the shards of the deployment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

static const char *const programs[] = {"rostrum-gateway",   "rostrum-bidworker",    "rostrum-saleworker",
                                       "rostrum-endworker", "rostrum-notifyworker", "rostrumctl"};

/* Runs a built program with one or two arguments (`second` may be NULL). Returns its exit code. */
static int run_program(const char *program, const char *first, const char *second,
                       char out[static DEPLOYMENT_OUTPUT_SIZE])
{
    const char *build = getenv("BUILD");
    const char *const argv[] = {client_format("%s/bin/%s", build != NULL ? build : "build", program), first, second,
                                NULL};
    return deployment_run(argv, out, DEPLOYMENT_OUTPUT_SIZE);
}

START_TEST(each_program_has_help_version_and_usage_errors)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    ck_assert_int_eq(run_program(programs[_i], "--help", NULL, out), 0);
    ck_assert_msg(strstr(out, programs[_i]) != NULL && strlen(out) > 200, "--help: %s", out);
    ck_assert_int_eq(run_program(programs[_i], "--version", NULL, out), 0);
    ck_assert_msg(strstr(out, ROSTRUM_VERSION) != NULL, "--version: %s", out);
    ck_assert_int_eq(run_program(programs[_i], "--no-such-option", NULL, out), 2);
    ck_assert_str_ne(out, "");
}
END_TEST

START_TEST(check_config_refuses_invalid_settings)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    char path[] = "/tmp/rostrum-conf-XXXXXX";
    static const char invalid[] = "[gateway]\nworkers = many\n";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)write(fd, invalid, strlen(invalid)), (int)strlen(invalid));
    ck_assert_int_eq(close(fd), 0);
    const char *option = client_format("--config=%s", path);
    int valid_code = run_program("rostrum-gateway", "--check-config", NULL, out);
    int invalid_code = run_program("rostrum-gateway", "--check-config", option, out);
    (void)unlink(path);
    ck_assert_int_eq(valid_code, 0);
    ck_assert_int_eq(invalid_code, 2);
    ck_assert_msg(strstr(out, path) != NULL && strstr(out, "workers") != NULL, "%s", out);
}
END_TEST

START_TEST(rostrumctl_creates_an_admin)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    const char *build = getenv("BUILD");
    const char *command =
        client_format("printf '%%s\\n' 'an admin password' | %s/bin/rostrumctl user create admin.%s --admin",
                      build != NULL ? build : "build", fixture.ann.email);
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    int code = deployment_run(argv, out, sizeof(out));
    ck_assert_msg(code == 0, "exit %d: %s", code, out);
    ck_assert_ptr_null(strstr(out, "an admin password"));
    const struct reply *reply = fixture_call(
        NULL, "POST", "/api/v1/auth/login",
        client_format("{\"email\": \"admin.%s\", \"password\": \"an admin password\"}", fixture.ann.email));
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "user.role", "admin");

    /* An admin sees every bid, but no maximum before settlement. */
    struct factory_user admin = {0};
    (void)snprintf(admin.token, sizeof(admin.token), "%s", reply_text(reply, "accessToken"));
    reply = factory_proxy(fixture.client, &fixture.ann, fixture.auction, "50.00");
    EXPECT_TEXT(reply, "maxAmount", "50.00");
    const char *bid = client_format("%s/%s", fixture_path("/bids"), reply_text(reply, "bidId"));
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", bid, NULL), "maxAmount", "50.00");
    reply = fixture_call(&admin, "GET", bid, NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "amount", "10.00");
    EXPECT_TEXT(reply, "maxAmount", "");
}
END_TEST

START_TEST(rostrumctl_shows_auctions_shards_and_dead_letters)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "50.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "20.00"), 200);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "auction", fixture.auction, NULL), 0);
    ck_assert_msg(strstr(out, "A chair") != NULL && strstr(out, "21.00") != NULL, "%s", out);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "verify", fixture.auction, NULL), 0);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "shards", NULL), 0);
    ck_assert_msg(strstr(out, "shard.07") != NULL, "8 shards: %s", out);
    ck_assert_msg(strstr(out, "1970-") == NULL, "a time that PostgreSQL hides is shown as 0: %s", out);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "dead-letters", NULL), 0);
    ck_assert_int_ne(deployment_ctl(out, sizeof(out), "auction", "01234567-89ab-7def-8123-456789abcdef", NULL), 0);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "no-such-command", NULL), 2);
}
END_TEST

/* The test changes a price with SQL, runs verify, and restores the price. */
START_TEST(verify_finds_a_falsified_price)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00"), 200);
    PQclear(
        sql_rows(fixture.sql, "UPDATE auctions SET current_bid = 19.00 WHERE id = $1::uuid", fixture.auction, NULL));
    int falsified = deployment_ctl(out, sizeof(out), "verify", fixture.auction, NULL);
    bool named = strstr(out, fixture.auction) != NULL;
    PQclear(
        sql_rows(fixture.sql, "UPDATE auctions SET current_bid = 20.00 WHERE id = $1::uuid", fixture.auction, NULL));
    ck_assert_int_eq(falsified, 1);
    ck_assert_msg(named, "%s", out);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "verify", fixture.auction, NULL), 0);
}
END_TEST

static Suite *programs_suite(void)
{
    Suite *suite = suite_create("programs");
    TCase *everything = tcase_create("programs");
    tcase_add_checked_fixture(everything, fixture_setup, fixture_teardown);
    tcase_add_loop_test(everything, each_program_has_help_version_and_usage_errors, 0, (int)ARRAY_LEN(programs));
    tcase_add_test(everything, check_config_refuses_invalid_settings);
    tcase_add_test(everything, rostrumctl_creates_an_admin);
    tcase_add_test(everything, rostrumctl_shows_auctions_shards_and_dead_letters);
    tcase_add_test(everything, verify_finds_a_falsified_price);
    suite_add_tcase(suite, everything);
    return suite;
}

int main(void)
{
    return suite_run(programs_suite());
}
