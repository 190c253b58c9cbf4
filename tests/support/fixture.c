/*
 * See fixture.h.
 */
#include "tests/support/fixture.h"

#include <stdio.h>

#include "tests/support/deployment.h"

enum { FIXTURE_SETTLED_MS = 30000 };

struct fixture fixture;

void fixture_setup(void)
{
    const struct factory_terms terms = {0};
    fixture.client = client_new(deployment_http_url());
    fixture.sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(fixture.client);
    ck_assert_ptr_nonnull(fixture.sql);
    ck_assert(factory_user(fixture.client, &fixture.seller, "Sam Seller"));
    ck_assert(factory_user(fixture.client, &fixture.ann, "Ann"));
    ck_assert(factory_user(fixture.client, &fixture.bob, "Bob"));
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, fixture.auction));
}

void fixture_teardown(void)
{
    client_free(fixture.client);
    sql_close(fixture.sql);
}

Suite *fixture_suite(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *everything = tcase_create(name);
    tcase_add_checked_fixture(everything, fixture_setup, fixture_teardown);
    for (size_t i = 0; tests[i] != NULL; i++) {
        tcase_add_test(everything, tests[i]);
    }
    suite_add_tcase(suite, everything);
    return suite;
}

const struct reply *fixture_call(const struct factory_user *who, const char *method, const char *path, const char *body)
{
    client_token(fixture.client, who != NULL ? who->token : NULL);
    return client_call(fixture.client, method, path, body);
}

const char *fixture_path(const char *tail)
{
    return client_format("/api/v1/auctions/%s%s", fixture.auction, tail);
}

void fixture_submit(const struct factory_user *who, const char *auction, const char *amount,
                    char bid[static UUID_TEXT_SIZE])
{
    const struct reply *reply = fixture_call(who, "POST", client_format("/api/v1/auctions/%s/bids", auction),
                                             client_format("{\"amount\": %s}", amount));
    EXPECT_STATUS(reply, 202);
    (void)snprintf(bid, UUID_TEXT_SIZE, "%s", reply_text(reply, "bidId"));
}

void fixture_sold(char id[static UUID_TEXT_SIZE])
{
    const struct factory_terms terms = {
        .lasts_ms = 2500,
        .more = "\"antiSnipe\": {\"windowSeconds\": 0, \"extensionSeconds\": 1, \"maxExtensions\": null}"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, id, "11.00"), 200);
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), FIXTURE_SETTLED_MS);
}
