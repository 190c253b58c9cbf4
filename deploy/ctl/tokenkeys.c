/*
 * rostrumctl keys: the keys of access tokens. The newest one signs; one before it is kept for as long as a token that
 * it signed can live. Gateways read the table every few seconds (gateway/deployment_reader.c).
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "deploy/ctl/ctl.h"
#include "deploy/ctl/store.h"

enum {
    SECRET_BYTES = 32, /* an Ed25519 seed */
    NUMBER_SIZE = 16,
    GRACE_S = 60, /* gateways start to use a new key at different times */
};

/* Deletes keys whose successor has signed for longer than the lifetime of a token. */
static bool remove_old(struct ctl *ctl)
{
    char seconds[NUMBER_SIZE];
    const char *const values[] = {seconds};
    (void)snprintf(seconds, sizeof seconds, "%d", ctl->config.access_token_s + GRACE_S);
    return store_do(ctl,
                    "DELETE FROM token_keys k WHERE EXISTS (SELECT FROM token_keys n WHERE n.created_at > k.created_at"
                    " AND n.created_at < now() - $1::integer * interval '1 second')",
                    1, values);
}

/* Adds a key. At most TOKEN_KEYS_MAX (gateway/core/token.h), because gateways read no more. */
static int add_key(struct ctl *ctl)
{
    unsigned char secret[SECRET_BYTES];
    char hex[2 * SECRET_BYTES + 1];
    const char *const values[] = {hex};
    randombytes_buf(secret, sizeof secret);
    (void)sodium_bin2hex(hex, sizeof hex, secret, sizeof secret);
    PGresult *result = store_run(ctl,
                                 "INSERT INTO token_keys (secret) SELECT $1 WHERE (SELECT count(*) FROM token_keys) < 8"
                                 " RETURNING 1",
                                 1, values);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(hex, sizeof hex);
    bool added = result != NULL && PQntuples(result) == 1;
    if (result != NULL && !added) {
        ctl_report_error(
            "there are 8 keys, the most allowed; tokens of the oldest may still be valid: rotate again later");
    }
    PQclear(result);
    return added ? CTL_OK : CTL_FAILED;
}

static int show_keys(struct ctl *ctl)
{
    PGresult *result = store_run(ctl,
                                 "SELECT (extract(epoch FROM now() - created_at))::bigint FROM token_keys"
                                 " ORDER BY created_at DESC, secret",
                                 0, NULL);
    if (result == NULL) {
        return CTL_FAILED;
    }
    int count = PQntuples(result);
    for (int row = 0; row < count; row++) {
        (void)printf("key %d: %" PRId64 " s old\n", row + 1, pg_int(result, row, 0));
    }
    (void)printf("%d key%s, the newest first\n", count, count == 1 ? "" : "s");
    PQclear(result);
    return CTL_OK;
}

int tokenkeys_command(struct ctl *ctl, int argc, char **argv)
{
    bool rotate = argc == 1 && strcmp(argv[0], "rotate") == 0;
    if (argc != 0 && !rotate) {
        ctl_report_error("keys takes no arguments, or: rotate");
        return CTL_USAGE;
    }
    if (!store_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    if (rotate) {
        if (!remove_old(ctl)) {
            return CTL_FAILED;
        }
        int code = add_key(ctl);
        if (code != CTL_OK) {
            return code;
        }
    }
    return show_keys(ctl);
}
