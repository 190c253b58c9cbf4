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
#include "gateway/audit.h"
#include "gateway/fields.h"
#include "gateway/gateway.h"
#include "gateway/limits.h"
#include "gateway/reply.h"
#include "gateway/session.h"
#include "gateway/sessions.h"
#include "gateway/token.h"

enum {
    EMAIL_SIZE = 255, /* RFC 5321: 254 characters */
    PASSWORD_LEAST = 8,
    PASSWORD_MOST = 128,
    DISPLAY_NAME_MOST = 100,
    ACCOUNT_HASH_SIZE = 33, /* hex of 16 bytes: names an account in Redis without telling it */
    KIND_SIZE = 32,
};

enum { SEEN_LIFE_S = 90 * 86400 }; /* how long an address that once logged in is no stranger to an account */

enum { ACCOUNT_ADD, ACCOUNT_BY_EMAIL, ACCOUNT_BY_ID, ACCOUNT_CHANGE };

#define USER_COLUMNS                                                                                                   \
    "id, email, display_name, role, (extract(epoch FROM created_at) * 1000)::bigint,"                                  \
    " ',' || array_to_string(muted, ',') || ','"

static const struct pg_statement list[] = {
    [ACCOUNT_ADD] = {"account_add",
                     "INSERT INTO users (id, email, display_name, password_hash, created_at)"
                     " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (email) DO NOTHING RETURNING " USER_COLUMNS},
    [ACCOUNT_BY_EMAIL] = {"account_by_email", "SELECT " USER_COLUMNS ", password_hash, banned_at IS NOT NULL"
                                              " FROM users WHERE email = $1"},
    [ACCOUNT_BY_ID] = {"account_by_id", "SELECT " USER_COLUMNS ", password_hash, banned_at IS NOT NULL"
                                        " FROM users WHERE id = $1"},
    /*
     * $2 name, $3 kinds wanted again, $4 kinds not wanted, $5 hash of a new password; NULL: as before. $6 hash of the
     * password that it replaces: of two changes at once only one finds it.
     */
    [ACCOUNT_CHANGE] = {"account_change",
                        "UPDATE users SET display_name = coalesce($2, display_name),"
                        " muted = ARRAY(SELECT unnest(muted) EXCEPT SELECT unnest($3::text[])"
                        "  UNION SELECT unnest($4::text[]) ORDER BY 1),"
                        " password_hash = coalesce($5, password_hash)"
                        " WHERE id = $1 AND password_hash = coalesce($6, password_hash) RETURNING " USER_COLUMNS},
};

struct statements accounts_statements = {list, ARRAY_LEN(list), 0};

enum { USER_ID, USER_EMAIL, USER_NAME, USER_ROLE, USER_CREATED, USER_MUTED, USER_PASSWORD, USER_BANNED };

/* Kinds of notifications: what a user may want or not. */
static const char *const kinds[] = {
    "OUTBID",       "PROXY_EXHAUSTED", "WATCHED_BID",    "AUCTION_EXTENDED",  "AUCTION_ENDING_SOON", "AUCTION_WON",
    "AUCTION_LOST", "AUCTION_SOLD",    "AUCTION_UNSOLD", "AUCTION_CANCELLED", "BID_VOIDED",          NULL,
};

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

/* Inside an object. */
static void write_user_members(struct jsonw *json, const PGresult *result)
{
    struct uuid id = pg_uuid(result, 0, USER_ID);
    jsonw_put_uuid(json, "id", &id);
    jsonw_put_string(json, "email", pg_text(result, 0, USER_EMAIL));
    jsonw_put_string(json, "displayName", pg_text(result, 0, USER_NAME));
    jsonw_put_string(json, "role", pg_text(result, 0, USER_ROLE));
    jsonw_put_time(json, "createdAt", pg_int(result, 0, USER_CREATED));
}

static void write_settings(struct jsonw *json, const PGresult *result)
{
    const char *muted = pg_text(result, 0, USER_MUTED);
    char kind[KIND_SIZE];
    jsonw_name(json, "notificationSettings");
    jsonw_object(json);
    for (size_t i = 0; kinds[i] != NULL; i++) {
        (void)snprintf(kind, sizeof kind, ",%s,", kinds[i]);
        jsonw_name(json, kinds[i]);
        jsonw_object(json);
        jsonw_put_bool(json, "inApp", strstr(muted, kind) == NULL);
        jsonw_end_object(json);
    }
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
    jsonw_object(json);
    write_user_members(json, reply->result);
    jsonw_end_object(json);
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
    if (fields_name(request->body, "displayName", FIELDS_REQUIRED, 1, DISPLAY_NAME_MOST, &name, &faults)) {
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

/* A hash of an address, so that Redis does not hold it in the clear. */
static void hash_account(const char *text, char out[static ACCOUNT_HASH_SIZE])
{
    uint8_t hash[16];
    (void)crypto_generichash(hash, sizeof hash, (const uint8_t *)text, strlen(text), NULL, 0);
    (void)sodium_bin2hex(out, ACCOUNT_HASH_SIZE, hash, sizeof hash);
}

/* Names account and address of this login. */
static void seen_key(const struct request *request, char out[static KEYS_SIZE])
{
    const struct account *account = request->own;
    char email[ACCOUNT_HASH_SIZE];
    char address[ACCOUNT_HASH_SIZE];
    hash_account(account->email, email);
    hash_account(request->address, address);
    keys_seen(email, address, out);
}

/* From here on this address is no stranger to the account. Without Redis it stays one. */
static void note_seen(struct request *request)
{
    char key[KEYS_SIZE];
    char life[ACCOUNT_HASH_SIZE];
    const char *command[] = {"SET", key, "1", "EX", life};
    seen_key(request, key);
    (void)snprintf(life, sizeof life, "%d", SEEN_LIFE_S);
    if (!redis_command(request->gateway->redis, NULL, NULL, ARRAY_LEN(command), command, NULL)) {
        log_debug("a login's address was not noted: Redis is not there");
    }
}

/* Into the audit log: the account by its id, or what was taken for one by a hash. */
static void note_login(struct request *request, const char *action)
{
    const struct account *account = request->own;
    char subject[UUID_TEXT_SIZE];
    if (account->found) {
        uuid_format(&account->id, subject);
    } else {
        hash_account(account->email, subject);
    }
    audit_note(request, account->found ? &account->id : NULL, action, subject);
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
    note_login(request, "LOGIN");
    note_seen(request);
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
        note_login(request, "LOGIN_FAILED");
        reply_error(request, ERROR_INVALID_CREDENTIALS);
    } else if (account->banned) {
        note_login(request, "LOGIN_BANNED");
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

/*
 * Each address may try so often (the route's limit). What many addresses try on one account is limited too, but only
 * for those that never logged in to it: nobody can shut its owner out by trying.
 */
static void on_seen(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    const struct account *account = request->own;
    char hash[ACCOUNT_HASH_SIZE];
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
        find_login(request);
        return;
    }
    hash_account(account->email, hash);
    limits_take_text(request, LIMIT_ACCOUNT_LOGINS, hash, find_login);
}

static void limit_login(struct request *request)
{
    char key[KEYS_SIZE];
    const char *command[] = {"EXISTS", key};
    seen_key(request, key);
    if (limits_most(request->gateway, LIMIT_ACCOUNT_LOGINS) == 0 ||
        !redis_command(request->gateway->redis, on_seen, request, ARRAY_LEN(command), command, NULL)) {
        find_login(request);
    }
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
    limit_login(request);
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
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    write_user_members(json, reply->result);
    write_settings(json, reply->result);
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void find_user(struct request *request, pg_callback callback)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, id);
    const char *values[] = {id};
    if (!statements_query(request->gateway, &accounts_statements, ACCOUNT_BY_ID, ARRAY_LEN(values), values, callback,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_me(struct request *request)
{
    find_user(request, on_user);
}

/* The kinds that the body sets to `wanted`, as an array for SQL. */
static const char *kinds_of(const struct json *settings, bool wanted, struct pg_array *array)
{
    pg_array_reset(array);
    for (const struct json *kind = settings == NULL ? NULL : settings->child; kind != NULL; kind = kind->next) {
        if (json_member(kind, "inApp")->truth == wanted) {
            pg_array_text_add(array, kind->name);
        }
    }
    return pg_array_done(array);
}

/* Does what the body says, which was checked; `hash` of the new password and `old` of the one before, or both NULL. */
static void change_user(struct request *request, const char *hash, const char *old, pg_callback callback)
{
    const struct json *name = json_member(request->body, "displayName");
    const struct json *settings = json_member(request->body, "notificationSettings");
    struct pg_array wanted = {.text = NULL};
    struct pg_array muted = {.text = NULL};
    char id[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, id);
    const char *values[] = {id,
                            name == NULL ? NULL : name->text,
                            kinds_of(settings, true, &wanted),
                            kinds_of(settings, false, &muted),
                            hash,
                            old};
    if (values[2] == NULL || values[3] == NULL ||
        !statements_query(request->gateway, &accounts_statements, ACCOUNT_CHANGE, ARRAY_LEN(values), values, callback,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
    pg_array_free(&wanted);
    pg_array_free(&muted);
}

static void refuse_current_password(struct request *request)
{
    struct faults faults = {.count = 0};
    char subject[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, subject);
    audit_note(request, NULL, "PASSWORD_REFUSED", subject);
    faults_add(&faults, "currentPassword", "is not the current password");
    reply_faults(request, &faults);
}

/* The password is changed and the other sessions are gone: shows the user. */
static void on_others_ended(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    if (request_answered(request)) {
        reply_end(request);
    } else if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        reply_error(request, ERROR_UNAVAILABLE); /* doing it again ends them */
    } else {
        handle_me(request);
    }
}

/* Goes on also when the client has been answered by its deadline: the password is another now. */
static void on_password_set(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (reply->outcome != PG_OK && !statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        refuse_current_password(request); /* it was changed since it was looked at */
        return;
    }
    char subject[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, subject);
    audit_note(request, NULL, "PASSWORD_CHANGED", subject);
    const struct sessions_end end = {
        .user = &request->user.id, .which = SESSIONS_OTHERS, .hash = request->user.session};
    if (!sessions_end(request->gateway, &end, on_others_ended, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_new_password_hashed(const char *hash, void *arg)
{
    struct request *request = arg;
    if (request_answered(request)) {
        reply_end(request);
    } else if (hash == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        const struct account *account = request->own;
        change_user(request, hash, account->hash, on_password_set);
    }
}

static void on_old_password_verified(bool right, void *arg)
{
    struct request *request = arg;
    if (request_answered(request)) {
        reply_end(request);
    } else if (!right) {
        refuse_current_password(request);
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
    find_user(request, on_password_owner);
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

/* {"OUTBID": {"inApp": false}, …} */
static void check_settings(const struct json *settings, struct faults *faults)
{
    static const char *const channels[] = {"inApp", NULL};
    if (settings == NULL) {
        return;
    }
    if (settings->type != JSON_OBJECT) {
        faults_add(faults, "notificationSettings", "must be an object");
        return;
    }
    fields_known(settings, kinds, faults);
    for (const struct json *kind = settings->child; kind != NULL; kind = kind->next) {
        bool wanted = false;
        if (kind->type != JSON_OBJECT) {
            faults_add(faults, kind->name, "must be an object");
        } else {
            fields_known(kind, channels, faults);
            (void)fields_bool(kind, "inApp", FIELDS_REQUIRED, &wanted, faults);
        }
    }
}

static void handle_change_me(struct request *request)
{
    static const char *const known[] = {"displayName", "password", "currentPassword", "notificationSettings", NULL};
    struct faults faults = {.count = 0};
    const char *name = NULL;
    const char *password = NULL;
    const char *current = NULL;
    fields_known(request->body, known, &faults);
    (void)fields_name(request->body, "displayName", FIELDS_OPTIONAL, 1, DISPLAY_NAME_MOST, &name, &faults);
    (void)fields_text(request->body, "password", FIELDS_OPTIONAL, PASSWORD_LEAST, PASSWORD_MOST, &password, &faults);
    (void)fields_text(request->body, "currentPassword", password != NULL ? FIELDS_REQUIRED : FIELDS_OPTIONAL, 1,
                      PASSWORD_MOST, &current, &faults);
    check_settings(json_member(request->body, "notificationSettings"), &faults);
    if (faults.count > 0) {
        reply_faults(request, &faults);
        return;
    }
    if (password != NULL) {
        change_password(request);
    } else {
        change_user(request, NULL, NULL, on_user);
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
