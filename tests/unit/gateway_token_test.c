/*
 * gateway/core/token: a token that this deployment signed is valid until it expires; any other is refused.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/core/token.h"
#include "tests/support/suite.h"

enum { NOW_S = 1800000000 };

static const struct token_keys keys = {.count = 1, .seeds = {{7}}};
static struct tokens *tokens;
static struct jws_key receipts;
static struct token_claims claims;
static char text[TOKEN_TEXT_SIZE];

static void set_up(void)
{
    tokens = tokens_new(&keys);
    ck_assert_ptr_nonnull(tokens);
    jws_key_make(&receipts, keys.seeds[0], "receipt");
    claims = (struct token_claims){
        .user_id = uuid_new(), .admin = true, .epoch = 7, .from_ms = 1700000000000, .expires_s = NOW_S + 60};
    (void)snprintf(claims.session, sizeof(claims.session), "0123456789abcdef0123456789abcdef");
    ck_assert(token_issue(tokens, &claims, NOW_S, text));
}

static void tear_down(void)
{
    tokens_free(tokens);
}

static enum token_validity verify(const char *token, int64_t now_s)
{
    struct token_claims parsed;
    return token_verify(tokens, token, strlen(token), now_s, &parsed);
}

START_TEST(a_token_returns_its_claims)
{
    struct token_claims parsed;
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        ck_assert_int_eq(token_verify(tokens, text, strlen(text), NOW_S, &parsed), TOKEN_VALID);
        ck_assert(uuid_equal(&parsed.user_id, &claims.user_id));
        ck_assert(parsed.admin);
        ck_assert_str_eq(parsed.session, claims.session);
        ck_assert_int_eq(parsed.epoch, claims.epoch);
        ck_assert_int_eq(parsed.from_ms, claims.from_ms);
        ck_assert_int_eq(parsed.expires_s, claims.expires_s);
        ck_assert_int_eq(parsed.issued_s, NOW_S);
    }
}
END_TEST

START_TEST(a_cached_token_expires_at_its_time)
{
    ck_assert_int_eq(verify(text, NOW_S + 59), TOKEN_VALID);
    ck_assert_int_eq(verify(text, NOW_S + 60), TOKEN_INVALID);
}
END_TEST

START_TEST(any_changed_character_invalidates_a_token)
{
    char changed[TOKEN_TEXT_SIZE];
    size_t length = strlen(text);
    size_t header = strcspn(text, ".");
    for (size_t i = 0; i < length; i++) {
        memcpy(changed, text, length + 1);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        ck_assert_msg(verify(changed, NOW_S) == (i <= header ? TOKEN_KEY_UNKNOWN : TOKEN_INVALID), "changed at %zu", i);
    }
    memcpy(changed, text, length + 1);
    changed[length - 1] = '\0';
    ck_assert_int_eq(verify(changed, NOW_S), TOKEN_INVALID);
}
END_TEST

START_TEST(forged_tokens_are_refused)
{
    /* alg none, with unchanged claims */
    char forged[TOKEN_TEXT_SIZE];
    const char *body = strchr(text, '.') + 1;
    (void)snprintf(forged, sizeof(forged), "eyJhbGciOiJub25lIn0.%.*s.", (int)(strchr(body, '.') - body), body);
    ck_assert_int_eq(verify(forged, NOW_S), TOKEN_KEY_UNKNOWN);
    static const char *const wrong[] = {"", ".", "..", "...", "a.b.c"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_int_eq(verify(wrong[i], NOW_S), TOKEN_KEY_UNKNOWN);
    }
}
END_TEST

START_TEST(a_token_of_another_deployment_is_refused)
{
    const struct token_keys other_keys = {.count = 1, .seeds = {{8}}};
    struct tokens *other = tokens_new(&other_keys);
    struct token_claims parsed;
    char ours[TOKEN_JWKS_SIZE];
    char theirs[TOKEN_JWKS_SIZE];
    ck_assert_int_eq(token_verify(other, text, strlen(text), NOW_S, &parsed), TOKEN_KEY_UNKNOWN);
    token_jwks(tokens, &receipts, ours);
    token_jwks(other, &receipts, theirs);
    ck_assert_str_ne(ours, theirs);
    tokens_free(other);
}
END_TEST

START_TEST(a_new_key_signs_and_the_old_one_still_verifies)
{
    const struct token_keys waiting = {.count = 2, .signer = 1, .seeds = {{8}, {7}}};
    const struct token_keys rotated = {.count = 2, .signer = 0, .seeds = {{8}, {7}}};
    const struct token_keys alone = {.count = 1, .signer = 0, .seeds = {{8}}};
    char later[TOKEN_TEXT_SIZE];
    char jwks[TOKEN_JWKS_SIZE];
    tokens_set(tokens, &waiting);
    ck_assert(token_issue(tokens, &claims, NOW_S, later));
    ck_assert_str_eq(later, text); /* the new key is published and does not sign yet */
    token_jwks(tokens, &receipts, jwks);
    ck_assert_ptr_nonnull(strstr(strstr(jwks, "\"kid\"") + 1, "\"kid\""));
    tokens_set(tokens, &rotated);
    ck_assert(token_issue(tokens, &claims, NOW_S, later));
    ck_assert_str_ne(later, text);
    ck_assert_int_eq(verify(text, NOW_S), TOKEN_VALID);
    ck_assert_int_eq(verify(later, NOW_S), TOKEN_VALID);
    tokens_set(tokens, &alone);
    ck_assert_int_eq(verify(text, NOW_S), TOKEN_KEY_UNKNOWN); /* although the token is in the cache */
    ck_assert_int_eq(verify(later, NOW_S), TOKEN_VALID);
}
END_TEST

static Suite *token_suite(void)
{
    Suite *suite = suite_create("gateway token");
    TCase *tcase = tcase_create("token");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_token_returns_its_claims);
    tcase_add_test(tcase, a_cached_token_expires_at_its_time);
    tcase_add_test(tcase, any_changed_character_invalidates_a_token);
    tcase_add_test(tcase, forged_tokens_are_refused);
    tcase_add_test(tcase, a_token_of_another_deployment_is_refused);
    tcase_add_test(tcase, a_new_key_signs_and_the_old_one_still_verifies);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sodium_init() < 0 ? 1 : suite_run(token_suite());
}
