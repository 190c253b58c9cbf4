/*
 * rostrumctl receipt: checks a receipt (gateway/bid/receipt.h) by its signature, then by the ledger entry of its bid.
 * docs/receipts.md explains the steps, so that anybody can repeat them.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/money.h"
#include "common/io/pg.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/store.h"

enum {
    PART_SIZE = 1024, /* bytes of a decoded part; a gateway writes receipts of up to 768 */
    KID_BYTES = 8,
    KID_SIZE = 2 * KID_BYTES + 1,
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

/* A receipt, split into its parts. */
struct receipt {
    const char *text;
    size_t signed_length; /* header.claims */
    unsigned char signature[crypto_sign_BYTES];
    struct json *header;
    struct json *claims;
};

/* What the claims must contain; texts belong to the claims. */
struct claims {
    const char *bid;
    const char *auction;
    const char *bidder;
    const char *kind;
    const char *received;
    const char *amount; /* NULL: a purchase at the listed price */
    bool maximum;       /* the amount is a maximum */
};

static struct json *decode(const char *text, size_t length)
{
    char plain[PART_SIZE];
    size_t used = 0;
    if (sodium_base642bin((unsigned char *)plain, sizeof plain, text, length, NULL, &used, NULL, VARIANT) != 0) {
        return NULL;
    }
    return json_parse(plain, used, NULL);
}

/* Free it also after a failure. */
static bool split(const char *text, struct receipt *receipt)
{
    const char *first = strchr(text, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    size_t used = 0;
    *receipt = (struct receipt){.text = text};
    if (second == NULL) {
        return false;
    }
    receipt->signed_length = (size_t)(second - text);
    receipt->header = decode(text, (size_t)(first - text));
    receipt->claims = decode(first + 1, (size_t)(second - first - 1));
    return receipt->header != NULL && receipt->claims != NULL &&
           sodium_base642bin(receipt->signature, sizeof receipt->signature, second + 1, strlen(second + 1), NULL, &used,
                             NULL, VARIANT) == 0 &&
           used == sizeof receipt->signature;
}

static void drop(struct receipt *receipt)
{
    json_free(receipt->header);
    json_free(receipt->claims);
}

/* Reads the public key of this deployment's receipts, and its name in their headers. */
static bool read_key(struct ctl *ctl, unsigned char key[static crypto_sign_PUBLICKEYBYTES], char kid[static KID_SIZE])
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    size_t used = 0;
    PGresult *result = store_run(ctl, "SELECT secret FROM deployment_keys WHERE name = 'receipt_public'", 0, NULL);
    bool ok = result != NULL && PQntuples(result) == 1 &&
              sodium_hex2bin(key, crypto_sign_PUBLICKEYBYTES, pg_text(result, 0, 0), strlen(pg_text(result, 0, 0)),
                             NULL, &used, NULL) == 0 &&
              used == crypto_sign_PUBLICKEYBYTES;
    if (result != NULL && !ok) {
        ctl_report_error("the database has no key of receipts: run rostrumctl migrate");
    }
    PQclear(result);
    if (ok) {
        (void)crypto_generichash(hash, sizeof hash, key, crypto_sign_PUBLICKEYBYTES, NULL, 0);
        (void)sodium_bin2hex(kid, KID_SIZE, hash, KID_BYTES);
    }
    return ok;
}

static bool check_signature(const struct receipt *receipt, const unsigned char key[static crypto_sign_PUBLICKEYBYTES],
                            const char *own_kid)
{
    const char *kid = NULL;
    const char *type = NULL;
    if (!json_get_text(receipt->header, "kid", &kid) || !json_get_text(receipt->header, "typ", &type) ||
        strcmp(type, "bid-receipt") != 0) {
        ctl_report_error("this is no receipt: its header has another type");
        return false;
    }
    if (strcmp(kid, own_kid) != 0) {
        bool named = strlen(kid) == KID_SIZE - 1 && strspn(kid, "0123456789abcdef") == KID_SIZE - 1;
        ctl_report_error("the receipt is of another deployment: it names key %s, the key of this one is %s",
                         named ? kid : "(no valid name)", own_kid); /* a terminal might obey what else is in it */
        return false;
    }
    if (crypto_sign_verify_detached(receipt->signature, (const unsigned char *)receipt->text, receipt->signed_length,
                                    key) != 0) {
        ctl_report_error("the signature is wrong: the receipt was changed, or this deployment never wrote it");
        return false;
    }
    return true;
}

static const char *member_text(const struct json *claims, const char *name)
{
    const struct json *member = json_member(claims, name);
    return member == NULL ? NULL : member->text;
}

static bool read_claims(const struct json *json, struct claims *claims)
{
    struct uuid id;
    *claims = (struct claims){.amount = member_text(json, "amount")};
    if (claims->amount == NULL) {
        claims->amount = member_text(json, "maxAmount");
        claims->maximum = claims->amount != NULL;
    }
    return json_get_text(json, "bidId", &claims->bid) && json_get_text(json, "auctionId", &claims->auction) &&
           json_get_text(json, "bidderId", &claims->bidder) && json_get_text(json, "kind", &claims->kind) &&
           json_get_text(json, "receivedAt", &claims->received) && uuid_parse(claims->bid, strlen(claims->bid), &id) &&
           uuid_parse(claims->auction, strlen(claims->auction), &id);
}

/* Columns of the statement in find_entry. */
enum { ENTRY_SEQ, ENTRY_BIDDER, ENTRY_KIND, ENTRY_STATUS, ENTRY_REASON, ENTRY_AMOUNT, ENTRY_MAXIMUM, ENTRY_HASH };

static bool differs(const char *what, const char *claimed, const char *stored)
{
    if (strcmp(claimed, stored) == 0) {
        return false;
    }
    ctl_report_error("the signature is valid, but the ledger entry has %s %s, the receipt has %s", what,
                     stored[0] == '\0' ? "none" : stored, claimed);
    return true;
}

/* A command that could not be written has an entry without its values. */
static bool fits(const struct claims *claims, const PGresult *entry)
{
    int column = claims->maximum ? ENTRY_MAXIMUM : ENTRY_AMOUNT;
    bool bare = strcmp(pg_text(entry, 0, ENTRY_REASON), "INTERNAL_ERROR") == 0 && pg_null(entry, 0, column);
    return !differs("bidder", claims->bidder, pg_text(entry, 0, ENTRY_BIDDER)) &&
           !differs("kind", claims->kind, pg_text(entry, 0, ENTRY_KIND)) &&
           (claims->amount == NULL || bare ||
            !differs(claims->maximum ? "maximum" : "amount", claims->amount, pg_text(entry, 0, column)));
}

static int check_entry(struct ctl *ctl, const struct claims *claims)
{
    const char *const values[] = {claims->auction, claims->bid};
    PGresult *entry = store_run(ctl,
                                "SELECT seq, bidder_id, kind, status, reason, amount, max_amount, encode(hash, 'hex')"
                                " FROM bids WHERE auction_id = $1::uuid AND bid_id = $2::uuid",
                                ARRAY_LEN(values), values);
    int code = CTL_FAILED;
    if (entry != NULL && PQntuples(entry) == 0) {
        ctl_report_error("the signature is valid, but the ledger has no entry of bid %s: it is not decided yet, or its "
                         "entry was removed",
                         claims->bid);
    } else if (entry != NULL && fits(claims, entry)) {
        const char *reason = pg_text(entry, 0, ENTRY_REASON);
        (void)printf("The receipt is valid. Its bid is entry %s of the ledger of auction %s: %s%s%s.\n",
                     pg_text(entry, 0, ENTRY_SEQ), claims->auction, pg_text(entry, 0, ENTRY_STATUS),
                     reason[0] == '\0' ? "" : " ", reason);
        (void)printf("bid %s\nbidder %s\nkind %s\n%s %s\nreceived %s\nhash %s\n", claims->bid, claims->bidder,
                     claims->kind, claims->maximum ? "maximum" : "amount",
                     claims->amount == NULL ? "none" : claims->amount, claims->received,
                     pg_null(entry, 0, ENTRY_HASH) ? "none" : pg_text(entry, 0, ENTRY_HASH));
        code = CTL_OK;
    }
    PQclear(entry);
    return code;
}

static int check_receipt(struct ctl *ctl, const struct receipt *receipt)
{
    unsigned char key[crypto_sign_PUBLICKEYBYTES];
    char kid[KID_SIZE];
    struct claims claims;
    if (!read_key(ctl, key, kid) || !check_signature(receipt, key, kid)) {
        return CTL_FAILED;
    }
    if (!read_claims(receipt->claims, &claims)) {
        ctl_report_error("the signature is valid, but the receipt names no bid");
        return CTL_FAILED;
    }
    return check_entry(ctl, &claims);
}

int receipt_command(struct ctl *ctl, int argc, char **argv)
{
    struct receipt receipt;
    int code = CTL_FAILED;
    if (argc != 1) {
        ctl_report_error("receipt takes the TEXT of one receipt");
        return CTL_USAGE;
    }
    if (!split(argv[0], &receipt)) {
        ctl_report_error("this is no receipt: it must have three parts in Base64, with points between them");
    } else {
        code = store_open(ctl) ? check_receipt(ctl, &receipt) : CTL_UNAVAILABLE;
    }
    drop(&receipt);
    return code;
}
