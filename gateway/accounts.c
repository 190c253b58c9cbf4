/*
 * Accounts. Passwords are hashed on the thread pool, never on the loop; an unknown email costs as much time as a wrong
 * password and gets the same answer. Once the client has been told 503 by its deadline, nothing more is changed.
 */
#include "gateway/accounts.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/keys.h"
#include "gateway/fields.h"
#include "gateway/gateway.h"
#include "gateway/limits.h"
#include "gateway/reply.h"
#include "gateway/session.h"
#include "gateway/token.h"

enum {
    EMAIL_SIZE = 255, /* RFC 5321: 254 characters */
    PASSWORD_LEAST = 8,
    PASSWORD_MOST = 128,
    DISPLAY_NAME_MOST = 100,
    ACCOUNT_HASH_SIZE = 33, /* hex of 16 bytes: names an account in Redis without telling it */
};

enum { ACCOUNT_ADD, ACCOUNT_BY_EMAIL, ACCOUNT_BY_ID, ACCOUNT_RENAME, ACCOUNT_SET_PASSWORD };

#define USER_COLUMNS "id, email, display_name, role, (extract(epoch FROM created_at) * 1000)::bigint"

static const struct pg_statement list[] = {
    [ACCOUNT_ADD] = {"account_add",
                     "INSERT INTO users (id, email, display_name, password_hash, created_at)"
                     " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (email) DO NOTHING RETURNING " USER_COLUMNS},
    [ACCOUNT_BY_EMAIL] = {"account_by_email", "SELECT " USER_COLUMNS ", password_hash, banned_at IS NOT NULL"
                                              " FROM users WHERE email = $1"},
    [ACCOUNT_BY_ID] = {"account_by_id", "SELECT " USER_COLUMNS ", password_hash, banned_at IS NOT NULL"
                                        " FROM users WHERE id = $1"},
    [ACCOUNT_RENAME] = {"account_rename", "UPDATE users SET display_name = $2 WHERE id = $1 RETURNING " USER_COLUMNS},
    [ACCOUNT_SET_PASSWORD] = {"account_set_password",
                              "UPDATE users SET password_hash = $2, display_name = coalesce($3, display_name)"
                              " WHERE id = $1 RETURNING " USER_COLUMNS},
};

struct statements accounts_statements = {list, ARRAY_LEN(list), 0};

enum { USER_ID, USER_EMAIL, USER_NAME, USER_ROLE, USER_CREATED, USER_PASSWORD, USER_BANNED };

/* What a login or a change of the password keeps between its steps. */
struct account {
    char email[EMAIL_SIZE];
    struct uuid id;
    bool admin;
    bool banned;
    bool found;
    int64_t created_ms;
    char name[DISPLAY_NAME_MOST * 4 + 1];
    char hash[HASHPOOL_TEXT_SIZE];
};

static void write_user_row(struct jsonw *json, const PGresult *result)
{
    struct uuid id = pg_uuid(result, 0, USER_ID);
    jsonw_object(json);
    jsonw_put_uuid(json, "id", &id);
    jsonw_put_string(json, "email", pg_text(result, 0, USER_EMAIL));
    jsonw_put_string(json, "displayName", pg_text(result, 0, USER_NAME));
    jsonw_put_string(json, "role", pg_text(result, 0, USER_ROLE));
    jsonw_put_time(json, "createdAt", pg_int(result, 0, USER_CREATED));
    jsonw_end_object(json);
}

/*
 * One "@", something before it, a domain with a dot after it, printable ASCII only: whether the address exists only
 * mail can tell. Lower-cased into `out`.
 */
static bool normalise_email(const char *text, char out[static EMAIL_SIZE])
{
    size_t length = strlen(text);
    const char *at = strchr(text, '@');
    if (length >= EMAIL_SIZE || at == NULL || at == text || strchr(at + 1, '@') != NULL) {
        return false;
    }
    const char *dot = strchr(at + 1, '.');
    if (dot == NULL || dot == at + 1 || text[length - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i <= length; i++) {
        if (i < length && (text[i] <= ' ' || text[i] > '~' || strchr("\"<>(),:;\\[]", text[i]) != NULL)) {
            return false;
        }
        out[i] = (char)tolower((unsigned char)text[i]);
    }
    return true;
}

/* Reads "email" of the body; a fault if it is none. */
static void read_email(struct request *request, char out[static EMAIL_SIZE], struct faults *faults)
{
    const char *text = NULL;
    out[0] = '\0';
    if (fields_text(request->body, "email", FIELDS_REQUIRED, 1, EMAIL_SIZE - 1, &text, faults) &&
        !normalise_email(text, out)) {
        faults_add(faults, "email", "must be an email address");
    }
}

/* --- registering --- */

static void on_added(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_EMAIL_TAKEN);
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_name(json, "user");
    write_user_row(json, reply->result);
    jsonw_end_object(json);
    reply_send(request, 201);
}

static void on_register_hashed(const char *hash, void *arg)
{
    struct request *request = arg;
    const struct account *account = request->own;
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    struct uuid id = uuid_new();
    char id_text[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    uuid_format(&id, id_text);
    clock_format(clock_now_ms(), now);
    const char *values[] = {id_text, account->email, account->name, hash, now};
    if (hash == NULL || !statements_query(request->gateway, &accounts_statements, ACCOUNT_ADD, ARRAY_LEN(values),
                                          values, on_added, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_register(struct request *request)
{
    static const char *const known[] = {"email", "password", "displayName", NULL};
    struct faults faults = {.count = 0};
    const char *password = NULL;
    const char *name = NULL;
    struct account *account = request_own(request, sizeof *account);
    if (account == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    fields_known(request->body, known, &faults);
    read_email(request, account->email, &faults);
    (void)fields_text(request->body, "password", FIELDS_REQUIRED, PASSWORD_LEAST, PASSWORD_MOST, &password, &faults);
    if (fields_text(request->body, "displayName", FIELDS_REQUIRED, 1, DISPLAY_NAME_MOST, &name, &faults)) {
        (void)snprintf(account->name, sizeof account->name, "%s", name);
    }
    if (faults.count > 0) {
        reply_faults(request, &faults);
        return;
    }
    if (!hashpool_hash(request->gateway->hashpool, password, on_register_hashed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* --- logging in --- */

static bool issue_token(struct request *request, const struct uuid *user, bool admin, const char *session,
                        char out[static TOKEN_TEXT_SIZE])
{
    const struct gateway *gateway = request->gateway;
    int64_t now_s = clock_now_ms() / 1000;
    struct token_claims claims = {
        .user_id = *user, .admin = admin, .expires_s = now_s + gateway->config->access_token_s};
    (void)snprintf(claims.session, sizeof claims.session, "%s", session);
    return gateway->tokens != NULL && token_issue(gateway->tokens, &claims, now_s, out);
}

static void write_token(struct request *request, struct jsonw *json, const char *token)
{
    jsonw_put_string(json, "accessToken", token);
    jsonw_put_int(json, "expiresIn", request->gateway->config->access_token_s);
}

static void on_session(struct request *request, const char *session_token)
{
    const struct account *account = request->own;
    char token[TOKEN_TEXT_SIZE];
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    if (session_token == NULL || !issue_token(request, &account->id, account->admin, request->user.session, token)) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    session_cookie(request, session_token);
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_name(json, "user");
    jsonw_object(json);
    jsonw_put_uuid(json, "id", &account->id);
    jsonw_put_string(json, "email", account->email);
    jsonw_put_string(json, "displayName", account->name);
    jsonw_put_string(json, "role", account->admin ? "admin" : "user");
    jsonw_put_time(json, "createdAt", account->created_ms);
    jsonw_end_object(json);
    write_token(request, json, token);
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void on_login_verified(bool right, void *arg)
{
    struct request *request = arg;
    const struct account *account = request->own;
    if (request_answered(request)) {
        reply_end(request);
    } else if (!right || !account->found) {
        reply_error(request, ERROR_INVALID_CREDENTIALS);
    } else if (account->banned) {
        reply_error(request, ERROR_USER_BANNED);
    } else {
        session_begin(request, &account->id, account->admin, on_session);
    }
}

static void keep_account(struct account *account, const PGresult *result)
{
    account->found = PQntuples(result) > 0;
    if (!account->found) {
        return;
    }
    account->id = pg_uuid(result, 0, USER_ID);
    account->admin = strcmp(pg_text(result, 0, USER_ROLE), "admin") == 0;
    account->banned = pg_bool(result, 0, USER_BANNED);
    account->created_ms = pg_int(result, 0, USER_CREATED);
    (void)snprintf(account->name, sizeof account->name, "%s", pg_text(result, 0, USER_NAME));
    (void)snprintf(account->hash, sizeof account->hash, "%s", pg_text(result, 0, USER_PASSWORD));
}

static void on_login_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    struct account *account = request->own;
    keep_account(account, reply->result);
    const char *password = json_member(request->body, "password")->text;
    if (!hashpool_verify(request->gateway->hashpool, account->found ? account->hash : NULL, password, on_login_verified,
                         request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void find_login(struct request *request)
{
    const struct account *account = request->own;
    const char *values[] = {account->email};
    if (!statements_query(request->gateway, &accounts_statements, ACCOUNT_BY_EMAIL, ARRAY_LEN(values), values,
                          on_login_found, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* A hash of the address, so that Redis does not hold it in the clear. */
static void hash_account(const char *email, char out[static ACCOUNT_HASH_SIZE])
{
    uint8_t hash[16];
    (void)crypto_generichash(hash, sizeof hash, (const uint8_t *)email, strlen(email), NULL, 0);
    (void)sodium_bin2hex(out, ACCOUNT_HASH_SIZE, hash, sizeof hash);
}

static void handle_login(struct request *request)
{
    static const char *const known[] = {"email", "password", NULL};
    struct faults faults = {.count = 0};
    const char *password = NULL;
    struct account *account = request_own(request, sizeof *account);
    if (account == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    fields_known(request->body, known, &faults);
    read_email(request, account->email, &faults);
    (void)fields_text(request->body, "password", FIELDS_REQUIRED, 1, PASSWORD_MOST, &password, &faults);
    if (faults.count > 0) {
        reply_faults(request, &faults);
        return;
    }
    char hash[ACCOUNT_HASH_SIZE];
    hash_account(account->email, hash);
    limits_take_text(request, LIMIT_LOGINS, hash, find_login);
}

/* --- access tokens and logging out --- */

/* An access token may be renewed only while the session that it came from lives. */
static void on_session_looked_up(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    char token[TOKEN_TEXT_SIZE];
    bool good = reply != NULL && reply->type == REDIS_REPLY_INTEGER;
    if (request_answered(request)) {
        reply_end(request);
    } else if (good && reply->integer == 0) {
        reply_error(request, ERROR_UNAUTHORIZED);
    } else if (!good || !issue_token(request, &request->user.id, request->user.admin, request->user.session, token)) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        struct jsonw *json = reply_json(request);
        jsonw_object(json);
        write_token(request, json, token);
        jsonw_end_object(json);
        reply_send(request, 200);
    }
}

static void handle_refresh(struct request *request)
{
    char key[KEYS_SIZE];
    keys_session(&request->user.id, request->user.session, key);
    const char *command[] = {"EXISTS", key};
    if (!redis_command(request->gateway->redis, on_session_looked_up, request, ARRAY_LEN(command), command, NULL)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_logged_out(struct request *request, bool gone)
{
    if (!gone) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    session_cookie(request, NULL);
    reply_empty(request, 204);
}

static void handle_logout(struct request *request)
{
    session_finish(request, on_logged_out);
}

/* --- the account --- */

static void on_user(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_UNAUTHORIZED);
        return;
    }
    write_user_row(reply_json(request), reply->result);
    reply_send(request, 200);
}

static void query_user(struct request *request, size_t statement, int count, const char *const *more,
                       pg_callback callback)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, id);
    const char *values[3] = {id, count > 1 ? more[0] : NULL, count > 2 ? more[1] : NULL};
    if (!statements_query(request->gateway, &accounts_statements, statement, count, values, callback, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_me(struct request *request)
{
    query_user(request, ACCOUNT_BY_ID, 1, NULL, on_user);
}

static void on_new_password_hashed(const char *hash, void *arg)
{
    struct request *request = arg;
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    if (hash == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    const struct json *name = json_member(request->body, "displayName");
    const char *more[] = {hash, name == NULL ? NULL : name->text};
    query_user(request, ACCOUNT_SET_PASSWORD, 3, more, on_user);
}

static void on_old_password_verified(bool right, void *arg)
{
    struct request *request = arg;
    if (request_answered(request)) {
        reply_end(request);
    } else if (!right) {
        struct faults faults = {.count = 0};
        faults_add(&faults, "currentPassword", "is not the current password");
        reply_faults(request, &faults);
    } else if (!hashpool_hash(request->gateway->hashpool, json_member(request->body, "password")->text,
                              on_new_password_hashed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_password_owner(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    struct account *account = request->own;
    keep_account(account, reply->result);
    if (!account->found) {
        reply_error(request, ERROR_UNAUTHORIZED);
        return;
    }
    if (!hashpool_verify(request->gateway->hashpool, account->hash, json_member(request->body, "currentPassword")->text,
                         on_old_password_verified, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void find_password_owner(struct request *request)
{
    query_user(request, ACCOUNT_BY_ID, 1, NULL, on_password_owner);
}

/* Counted like a login: else a stolen session could guess without end, and anyone keep the hashing threads busy. */
static void change_password(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    if (request_own(request, sizeof(struct account)) == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    uuid_format(&request->user.id, id);
    limits_take_text(request, LIMIT_LOGINS, id, find_password_owner);
}

static void handle_change_me(struct request *request)
{
    static const char *const known[] = {"displayName", "password", "currentPassword", NULL};
    struct faults faults = {.count = 0};
    const char *name = NULL;
    const char *password = NULL;
    const char *current = NULL;
    fields_known(request->body, known, &faults);
    (void)fields_text(request->body, "displayName", FIELDS_OPTIONAL, 1, DISPLAY_NAME_MOST, &name, &faults);
    (void)fields_text(request->body, "password", FIELDS_OPTIONAL, PASSWORD_LEAST, PASSWORD_MOST, &password, &faults);
    (void)fields_text(request->body, "currentPassword", password != NULL ? FIELDS_REQUIRED : FIELDS_OPTIONAL, 1,
                      PASSWORD_MOST, &current, &faults);
    if (faults.count > 0) {
        reply_faults(request, &faults);
        return;
    }
    if (password != NULL) {
        change_password(request);
    } else if (name != NULL) {
        query_user(request, ACCOUNT_RENAME, 2, &name, on_user);
    } else {
        handle_me(request); /* nothing to change */
    }
}

const struct route accounts_routes[] = {
    {METHOD_POST, ROUTE_OPEN, "/api/v1/auth/register", handle_register, LIMIT_REGISTRATIONS, ROUTE_JSON_BODY},
    {METHOD_POST, ROUTE_OPEN, "/api/v1/auth/login", handle_login, LIMIT_LOGINS, ROUTE_JSON_BODY},
    {METHOD_POST, ROUTE_USER, "/api/v1/auth/refresh", handle_refresh, LIMIT_NONE, ROUTE_NO_BODY},
    {METHOD_POST, ROUTE_USER, "/api/v1/auth/logout", handle_logout, LIMIT_NONE, ROUTE_NO_BODY},
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me", handle_me, LIMIT_NONE, ROUTE_NO_BODY},
    {METHOD_PATCH, ROUTE_USER, "/api/v1/users/me", handle_change_me, LIMIT_NONE, ROUTE_JSON_BODY},
    {0},
};
