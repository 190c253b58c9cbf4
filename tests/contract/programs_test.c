/*
 * What an operator relies on in every program: --help, --version, --check-config and exit codes; and rostrumctl's
 * commands against a deployment that runs.
 *
 * Runs alone: it looks at the dead letters and the shards of the deployment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

static const char *const programs[] = {"rostrum-gateway", "rostrum-bidworker", "rostrum-endworker",
                                       "rostrum-notifyworker", "rostrumctl"};

/* Runs a program of the tree under test with one or two words. */
static int run(const char *program, const char *word, const char *second, char out[static DEPLOYMENT_OUTPUT_SIZE])
{
    const char *build = getenv("BUILD");
    const char *const argv[] = {client_format("%s/bin/%s", build != NULL ? build : "build", program), word, second,
                                NULL};
    return deployment_run(argv, out, DEPLOYMENT_OUTPUT_SIZE);
}

START_TEST(each_explains_itself)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    ck_assert_int_eq(run(programs[_i], "--help", NULL, out), 0);
    ck_assert_msg(strstr(out, programs[_i]) != NULL && strlen(out) > 200, "--help: %s", out);
    ck_assert_int_eq(run(programs[_i], "--version", NULL, out), 0);
    ck_assert_msg(strstr(out, ROSTRUM_VERSION) != NULL, "--version: %s", out);
    ck_assert_int_eq(run(programs[_i], "--no-such-option", NULL, out), 2);
    ck_assert_str_ne(out, "");
}
END_TEST

START_TEST(settings_are_checked)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    char path[] = "/tmp/rostrum-conf-XXXXXX";
    static const char wrong[] = "[gateway]\nworkers = many\n";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)write(fd, wrong, strlen(wrong)), (int)strlen(wrong));
    ck_assert_int_eq(close(fd), 0);
    const char *option = client_format("--config=%s", path);
    int right_code = run("rostrum-gateway", "--check-config", NULL, out);
    int wrong_code = run("rostrum-gateway", "--check-config", option, out);
    (void)unlink(path);
    ck_assert_int_eq(right_code, 0);
    ck_assert_int_eq(wrong_code, 2);
    ck_assert_msg(strstr(out, path) != NULL && strstr(out, "workers") != NULL, "%s", out);
}
END_TEST

START_TEST(an_admin_is_made_at_the_command_line)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    const char *build = getenv("BUILD");
    const char *line =
        client_format("printf '%%s\\n' 'an admin password' | %s/bin/rostrumctl user create admin.%s --admin",
                      build != NULL ? build : "build", fixture.ann.email);
    const char *const argv[] = {"/bin/sh", "-c", line, NULL};
    int code = deployment_run(argv, out, sizeof(out));
    ck_assert_msg(code == 0, "exit %d: %s", code, out);
    ck_assert_ptr_null(strstr(out, "an admin password"));
    const struct reply *reply = fixture_call(
        NULL, "POST", "/api/v1/auth/login",
        client_format("{\"email\": \"admin.%s\", \"password\": \"an admin password\"}", fixture.ann.email));
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "user.role", "admin");

    /* Who sees every bid does not see a maximum that stands. */
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

START_TEST(the_deployment_is_looked_into)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "50.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "20.00"), 200);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "auction", fixture.auction, NULL), 0);
    ck_assert_msg(strstr(out, "A chair") != NULL && strstr(out, "21.00") != NULL, "%s", out);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "verify", fixture.auction, NULL), 0);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "shards", NULL), 0);
    ck_assert_msg(strstr(out, "shard.07") != NULL, "8 shards: %s", out);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "dead-letters", NULL), 0);
    ck_assert_int_ne(deployment_ctl(out, sizeof(out), "auction", "01234567-89ab-7def-8123-456789abcdef", NULL), 0);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "no-such-command", NULL), 2);
}
END_TEST

/* verify must find what is wrong: a price changed behind the rules' back, here by hand, and put right again. */
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
    tcase_add_loop_test(everything, each_explains_itself, 0, (int)ARRAY_LEN(programs));
    tcase_add_test(everything, settings_are_checked);
    tcase_add_test(everything, an_admin_is_made_at_the_command_line);
    tcase_add_test(everything, the_deployment_is_looked_into);
    tcase_add_test(everything, verify_finds_a_falsified_price);
    suite_add_tcase(suite, everything);
    return suite;
}

int main(void)
{
    return suite_run(programs_suite());
}
