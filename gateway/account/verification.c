/*
 * See verification.h.
 */
#include "gateway/account/verification.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/links.h"
#include "gateway/access/audit.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"

enum { KNOWN_SLOTS = 4096 /* users; a replaced entry is queried again */, TOKEN_MOST = 64 };

enum { VERIFICATION_TAKE, VERIFICATION_RESEND, VERIFICATION_LOOK, VERIFICATION_COUNT };

static const struct pg_statement list[] = {
    /* $1 hash of the token. Deletes it and all other verification tokens of the user. */
    [VERIFICATION_TAKE] = {"verification_take",
                           "WITH t AS (DELETE FROM account_tokens WHERE hash = $1 AND purpose = 'VERIFY_EMAIL'"
                           "  AND expires_at > now() RETURNING user_id),"
                           " others AS (DELETE FROM account_tokens a USING t WHERE a.user_id = t.user_id"
                           "  AND a.purpose = 'VERIFY_EMAIL' AND a.hash <> $1),"
                           " u AS (UPDATE users u SET verified_at = coalesce(u.verified_at, now()) FROM t"
                           "  WHERE u.id = t.user_id RETURNING u.id)," AUDIT_OWN("EMAIL_VERIFIED", "u", "$2", "$3",
                                                                                 "$4", "$5", "$6") " SELECT id FROM u"},
    [VERIFICATION_RESEND] = {"verification_resend",
                             "INSERT INTO deliveries (id, channel, kind, user_id, endpoint)"
                             " SELECT delivery_id(), 'email', 'VERIFY_EMAIL', id, email FROM users"
                             " WHERE id = $1 AND verified_at IS NULL"},
    [VERIFICATION_LOOK] = {"verification_look", "SELECT verified_at IS NOT NULL FROM users WHERE id = $1"},
};
static_assert(ARRAY_LEN(list) == VERIFICATION_COUNT, "each statement has its entry");

struct statements verification_statements = {list, ARRAY_LEN(list), 0};

struct verification {
    const struct config *config;
    struct pg *pg;
    struct uuid known[KNOWN_SLOTS];
};

/* ---- POST /auth/verify-email ---- */

static void on_taken(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_INVALID_TOKEN)) {
        reply_empty(request, 204);
    }
}

static void handle_verify(struct request *request)
{
    static const char *const known[] = {"token", NULL};
    struct field_errors field_errors = {.count = 0};
    char hash[LINKS_HASH_SIZE];
    const char *token = NULL;
    struct audit_origin origin;
    const char *values[1 + AUDIT_VALUES] = {hash};
    const struct verification *verification = request->context;
    audit_values(request, &origin, values + 1);
    fields_known(request->body, known, &field_errors);
    (void)fields_text(request->body, "token", FIELDS_REQUIRED, 1, TOKEN_MOST, &token, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    } else if (!links_token_hash(token, hash)) {
        reply_error(request, ERROR_INVALID_TOKEN);
    } else if (!statements_query(verification->pg, &verification_statements, VERIFICATION_TAKE, ARRAY_LEN(values),
                                 values, on_taken, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- POST /auth/verify-email/resend ---- */

static void on_resent(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_usable(request, reply)) {
        reply_empty(request, 202);
    }
}

static void handle_resend(struct request *request)
{
    const struct verification *verification = request->context;
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&request->user.id, id);
    if (!config_sends_mail(verification->config)) {
        reply_error(request, ERROR_MAIL_OFF);
    } else if (!statements_query(verification->pg, &verification_statements, VERIFICATION_RESEND, ARRAY_LEN(values),
                                 values, on_resent, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- permission to bid ---- */

struct verification *verification_new(const struct config *config, struct pg *pg)
{
    struct verification *verification = calloc(1, sizeof(*verification));
    if (verification != NULL) {
        verification->config = config;
        verification->pg = pg;
    }
    return verification;
}

void verification_free(struct verification *verification)
{
    free(verification);
}

static struct uuid *slot_of(struct verification *verification, const struct request *request)
{
    uint32_t hash = 0;
    memcpy(&hash, request->user.id.bytes + sizeof(request->user.id.bytes) - sizeof(hash), sizeof(hash));
    return &verification->known[hash % KNOWN_SLOTS];
}

/* A pending verification_ask. */
struct pending_ask {
    struct verification *verification;
    struct request *request;
    verification_callback then;
};

static void on_looked(const struct pg_reply *reply, void *arg)
{
    struct pending_ask *ask = arg;
    struct request *request = ask->request;
    struct verification *verification = ask->verification;
    verification_callback then = ask->then;
    enum verification_answer answer = VERIFICATION_UNKNOWN;
    free(ask);
    if (reply->outcome == PG_OK) {
        bool yes = PQntuples(reply->result) > 0 && pg_bool(reply->result, 0, 0);
        answer = yes ? VERIFICATION_YES : VERIFICATION_NO;
    }
    if (answer == VERIFICATION_YES) {
        *slot_of(verification, request) = request->user.id;
    }
    then(request, answer);
}

void verification_ask(struct verification *verification, struct request *request, verification_callback then)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    if (verification->config->bid_unverified || uuid_equal(slot_of(verification, request), &request->user.id)) {
        then(request, VERIFICATION_YES);
        return;
    }
    struct pending_ask *ask = malloc(sizeof(*ask));
    uuid_format(&request->user.id, id);
    if (ask != NULL) {
        *ask = (struct pending_ask){verification, request, then};
    }
    if (ask == NULL || !statements_query(verification->pg, &verification_statements, VERIFICATION_LOOK,
                                         ARRAY_LEN(values), values, on_looked, ask)) {
        free(ask);
        then(request, VERIFICATION_UNKNOWN);
    }
}

const struct route verification_routes[] = {
    {METHOD_POST, ROUTE_OPEN, "/api/v1/auth/verify-email", handle_verify, LIMIT_LOGINS, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_USER, "/api/v1/auth/verify-email/resend", handle_resend, LIMIT_MAILS, ROUTE_NO_BODY, NULL},
    {0},
};
