/*
 * "Prefer: receipt" over HTTP: the signed receipts of bids, verified as a client would, with the published keys only.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/redis_run.h"

enum { TEXT_SIZE = 1024, VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

/* The JSON of one Base64 part of a receipt; the caller frees it. */
static struct json *decode_part(const char *text, size_t length)
{
    char plain[TEXT_SIZE];
    size_t used = 0;
    ck_assert_int_eq(sodium_base642bin((unsigned char *)plain, sizeof plain, text, length, NULL, &used, NULL, VARIANT),
                     0);
    struct json *tree = json_parse(plain, used, NULL);
    ck_assert_ptr_nonnull(tree);
    return tree;
}

static void read_public_key(const char *kid, unsigned char key[static crypto_sign_PUBLICKEYBYTES])
{
    const struct reply *reply = fixture_call(NULL, "GET", "/.well-known/jwks.json", NULL);
    size_t used = 0;
    for (int i = 0; i < reply_count(reply, "keys"); i++) {
        if (strcmp(reply_text(reply, client_format("keys.%d.kid", i)), kid) == 0) {
            const char *x = reply_text(reply, client_format("keys.%d.x", i));
            ck_assert_int_eq(
                sodium_base642bin(key, crypto_sign_PUBLICKEYBYTES, x, strlen(x), NULL, &used, NULL, VARIANT), 0);
        }
    }
    ck_assert_uint_eq(used, crypto_sign_PUBLICKEYBYTES);
}

/* Checks the signature and returns the claims; the caller frees them. Reading the key overwrites the last reply. */
static struct json *verify_receipt(const char *text)
{
    char receipt[TEXT_SIZE];
    (void)snprintf(receipt, sizeof receipt, "%s", text);
    unsigned char key[crypto_sign_PUBLICKEYBYTES];
    unsigned char signature[crypto_sign_BYTES];
    const char *kid = NULL;
    const char *type = NULL;
    size_t used = 0;
    const char *body = strchr(receipt, '.') + 1;
    const char *end = strchr(body, '.');
    struct json *header = decode_part(receipt, (size_t)(body - 1 - receipt));
    ck_assert(json_get_text(header, "kid", &kid) && json_get_text(header, "typ", &type));
    ck_assert_str_eq(type, "bid-receipt");
    read_public_key(kid, key);
    json_free(header);
    ck_assert_int_eq(
        sodium_base642bin(signature, sizeof signature, end + 1, strlen(end + 1), NULL, &used, NULL, VARIANT), 0);
    ck_assert_int_eq(
        crypto_sign_verify_detached(signature, (const unsigned char *)receipt, (size_t)(end - receipt), key), 0);
    return decode_part(body, (size_t)(end - body));
}

static void expect_claim(const struct json *tree, const char *name, const char *expected)
{
    const struct json *member = json_member(tree, name);
    ck_assert_msg(member != NULL, "%s is missing", name);
    ck_assert_str_eq(member->text, expected); /* a number is compared as text */
}

static const struct reply *place_bid(const char *prefer, const char *path, const char *body)
{
    client_header(fixture.client, "X-Idempotency-Key: one");
    client_header(fixture.client, client_format("Prefer: %s", prefer));
    return fixture_call(&fixture.ann, "POST", fixture_path(path), body);
}

START_TEST(a_receipt_names_the_bid_and_is_the_same_when_repeated)
{
    char first[TEXT_SIZE];
    char received[TEXT_SIZE];
    char bid[TEXT_SIZE];
    const struct reply *reply = place_bid("receipt", "/bids", "{\"amount\": 55.00}");
    EXPECT_STATUS(reply, 202);
    (void)snprintf(first, sizeof first, "%s", reply_text(reply, "receipt"));
    (void)snprintf(received, sizeof received, "%s", reply_text(reply, "receivedAt"));
    (void)snprintf(bid, sizeof bid, "%s", reply_text(reply, "bidId"));
    struct json *tree = verify_receipt(first);
    expect_claim(tree, "bidId", bid);
    expect_claim(tree, "auctionId", fixture.auction);
    expect_claim(tree, "bidderId", fixture.ann.id);
    expect_claim(tree, "kind", "bid");
    expect_claim(tree, "receivedAt", received);
    expect_claim(tree, "amount", "55.00");
    json_free(tree);
    /* A repeated request after the decision returns the same receipt. */
    SUITE_WAIT(place_bid("wait=5, receipt", "/bids", "{\"amount\": 55.00}")->status == 200, FACTORY_DECISION_MS);
    reply = place_bid("wait=5, receipt", "/bids", "{\"amount\": 55.00}");
    EXPECT_TEXT(reply, "receipt", first);
    reply = place_bid("wait=5", "/bids", "{\"amount\": 55.00}");
    EXPECT_ABSENT(reply, "receipt");
}
END_TEST

START_TEST(a_receipt_for_a_forgotten_key_names_a_bid_of_the_ledger)
{
    static const char *const amounts[] = {"20.00", "50.00"};
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        char bid[UUID_TEXT_SIZE];
        redis_forget(fixture.ann.id, fixture.auction);
        const struct reply *reply = place_bid("receipt", "/bids", client_format("{\"amount\": %s}", amounts[i]));
        EXPECT_STATUS(reply, 202);
        (void)snprintf(bid, sizeof bid, "%s", reply_text(reply, "bidId"));
        struct json *tree = verify_receipt(reply_text(reply, "receipt"));
        expect_claim(tree, "bidId", bid);
        expect_claim(tree, "amount", amounts[i]);
        json_free(tree);
        SUITE_WAIT(sql_int(fixture.sql,
                           "SELECT count(*) FROM bids WHERE bid_id = $1::uuid AND amount = $2::numeric AND "
                           "status = 'accepted'",
                           bid, amounts[i], NULL) == 1,
                   FACTORY_DECISION_MS);
    }
}
END_TEST

START_TEST(a_receipt_of_a_proxy_bid_names_the_maximum)
{
    const struct reply *reply = place_bid("wait=5, receipt", "/proxy", "{\"maxAmount\": 100.00}");
    EXPECT_STATUS(reply, 200);
    struct json *tree = verify_receipt(reply_text(reply, "receipt"));
    expect_claim(tree, "kind", "proxy");
    expect_claim(tree, "maxAmount", "100.00");
    ck_assert_ptr_null(json_member(tree, "amount"));
    json_free(tree);
}
END_TEST

START_TEST(a_changed_receipt_does_not_verify)
{
    char text[TEXT_SIZE];
    unsigned char key[crypto_sign_PUBLICKEYBYTES];
    unsigned char signature[crypto_sign_BYTES];
    const char *kid = NULL;
    const struct reply *reply = place_bid("receipt", "/bids", "{\"amount\": 55.00}");
    (void)snprintf(text, sizeof text, "%s", reply_text(reply, "receipt"));
    char *body = strchr(text, '.') + 1;
    const char *end = strchr(body, '.');
    struct json *header = decode_part(text, (size_t)(body - 1 - text));
    ck_assert(json_get_text(header, "kid", &kid));
    read_public_key(kid, key);
    json_free(header);
    body[20] = body[20] == 'A' ? 'B' : 'A';
    ck_assert_int_eq(
        sodium_base642bin(signature, sizeof signature, end + 1, strlen(end + 1), NULL, NULL, NULL, VARIANT), 0);
    ck_assert_int_ne(crypto_sign_verify_detached(signature, (const unsigned char *)text, (size_t)(end - text), key), 0);
}
END_TEST

/* Runs rostrumctl receipt; its output must contain `words`. */
static void expect_checked(const char *receipt, int code, const char *words)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int exit_code = deployment_ctl(out, sizeof(out), "receipt", receipt, NULL);
    ck_assert_msg(exit_code == code && strstr(out, words) != NULL, "exit code %d, no \"%s\": %s", exit_code, words,
                  out);
}

static const char *decided_receipt(const char *path, const char *body, char out[static TEXT_SIZE])
{
    const struct reply *reply = place_bid("wait=5, receipt", path, body);
    EXPECT_STATUS(reply, 200);
    (void)snprintf(out, TEXT_SIZE, "%s", reply_text(reply, "receipt"));
    return out;
}

START_TEST(rostrumctl_checks_a_receipt_by_signature_and_ledger)
{
    char text[TEXT_SIZE];
    expect_checked(decided_receipt("/bids", "{\"amount\": 55.00}", text), 0, "The receipt is valid. Its bid is entry ");
    expect_checked(text, 0, ": accepted.");
    char *signature = strrchr(text, '.') + 1;
    *signature = *signature == 'A' ? 'B' : 'A';
    expect_checked(text, 1, "the signature is wrong");
    expect_checked("e30.e30.AAAA", 1, "this is no receipt");
    expect_checked("receipt", 1, "this is no receipt");
}
END_TEST

START_TEST(rostrumctl_finds_a_changed_or_missing_ledger_entry)
{
    static const char change[] = "UPDATE bids SET %s WHERE auction_id = $1::uuid AND kind = 'bid'";
    char text[TEXT_SIZE];
    (void)decided_receipt("/bids", "{\"amount\": 55.00}", text);
    PQclear(sql_rows(fixture.sql, client_format(change, "amount = 54.00"), fixture.auction, NULL));
    expect_checked(text, 1, "the ledger entry has amount 54.00, the receipt has 55.00");
    PQclear(
        sql_rows(fixture.sql, client_format(change, "amount = 55.00, bidder_id = auction_id"), fixture.auction, NULL));
    expect_checked(text, 1, "the ledger entry has bidder ");
    PQclear(sql_rows(fixture.sql, "DELETE FROM bids WHERE auction_id = $1::uuid", fixture.auction, NULL));
    expect_checked(text, 1, "the ledger has no entry of bid ");
}
END_TEST

START_TEST(rostrumctl_compares_the_maximum_of_a_proxy_bid)
{
    char text[TEXT_SIZE];
    expect_checked(decided_receipt("/proxy", "{\"maxAmount\": 100.00}", text), 0, "maximum 100.00");
}
END_TEST

START_TEST(rostrumctl_names_the_key_of_another_deployment)
{
    static const char header[] = "{\"alg\":\"EdDSA\",\"typ\":\"bid-receipt\",\"kid\":\"00112233445566ff\"}";
    char text[TEXT_SIZE];
    char encoded[TEXT_SIZE];
    (void)decided_receipt("/bids", "{\"amount\": 55.00}", text);
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)header, strlen(header), VARIANT);
    expect_checked(client_format("%s%s", encoded, strchr(text, '.')), 1,
                   "the receipt is of another deployment: it names key 00112233445566ff");
}
END_TEST

static Suite *receipts_suite(void)
{
    const TTest *const tests[] = {
        a_receipt_names_the_bid_and_is_the_same_when_repeated,
        a_receipt_for_a_forgotten_key_names_a_bid_of_the_ledger,
        a_receipt_of_a_proxy_bid_names_the_maximum,
        a_changed_receipt_does_not_verify,
        rostrumctl_checks_a_receipt_by_signature_and_ledger,
        rostrumctl_finds_a_changed_or_missing_ledger_entry,
        rostrumctl_compares_the_maximum_of_a_proxy_bid,
        rostrumctl_names_the_key_of_another_deployment,
        NULL,
    };
    return fixture_suite("receipts", tests);
}

int main(void)
{
    return suite_run(receipts_suite());
}
