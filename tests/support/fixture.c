/*
 * The fixture of the contract's tests.
 */
#include "tests/support/fixture.h"

#include <stdio.h>

#include "tests/support/deployment.h"

struct stage stage;

void stage_set(void)
{
    const struct cast_terms terms = {0};
    stage.client = client_new(deployment_http_url());
    stage.sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(stage.client);
    ck_assert_ptr_nonnull(stage.sql);
    ck_assert(cast_user(stage.client, &stage.seller, "Sam Seller"));
    ck_assert(cast_user(stage.client, &stage.ann, "Ann"));
    ck_assert(cast_user(stage.client, &stage.bob, "Bob"));
    ck_assert(cast_auction(stage.client, &stage.seller, &terms, stage.auction));
}

void stage_strike(void)
{
    client_free(stage.client);
    sql_close(stage.sql);
}

Suite *stage_suite(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *everything = tcase_create(name);
    tcase_add_checked_fixture(everything, stage_set, stage_strike);
    for (size_t i = 0; tests[i] != NULL; i++) {
        tcase_add_test(everything, tests[i]);
    }
    suite_add_tcase(suite, everything);
    return suite;
}

const struct reply *stage_call(const struct cast_user *who, const char *method, const char *path, const char *body)
{
    client_token(stage.client, who != NULL ? who->token : NULL);
    return client_call(stage.client, method, path, body);
}

const char *stage_path(const char *tail)
{
    return client_format("/api/v1/auctions/%s%s", stage.auction, tail);
}

void stage_submit(const struct cast_user *who, const char *auction, const char *amount, char bid[static UUID_TEXT_SIZE])
{
    const struct reply *reply = stage_call(who, "POST", client_format("/api/v1/auctions/%s/bids", auction),
                                           client_format("{\"amount\": %s}", amount));
    EXPECT_STATUS(reply, 202);
    (void)snprintf(bid, UUID_TEXT_SIZE, "%s", reply_text(reply, "bidId"));
}
