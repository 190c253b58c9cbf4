/*
 * Accounts; see accounts.h. Passwords are hashed on the thread pool, never on the loop. A login with an unknown email
 * takes as long as one with a wrong password and gets the same answer. Once the client was answered 503 at the
 * deadline, no further change begins.
 */
#include "gateway/account/accounts.h"

#include <assert.h>
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "gateway/access/audit.h"
#include "gateway/access/limits.h"
#include "gateway/access/refusals.h"
#include "gateway/access/session.h"
#include "gateway/access/sessions.h"
#include "gateway/account/access_tokens.h"
#include "gateway/account/hashpool.h"
#include "gateway/account/preferences.h"
#include "gateway/core/token.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"

enum {
    DISPLAY_NAME_MOST = 100,
    ACCOUNT_HASH_SIZE = 33, /* hex of 16 bytes: identifies an account in Redis keys without revealing the email */
};

enum { SEEN_LIFE_S = 90 * 86400 }; /* how long a client address counts as known to an account after a login */

enum { ACCOUNT_ADD, ACCOUNT_BY_EMAIL, ACCOUNT_BY_ID, ACCOUNT_CHANGE, ACCOUNT_PLACE, ACCOUNT_NOTIFY, ACCOUNT_COUNT };

#define USER_COLUMNS                                                                                                   \
    "id, email, display_name, role, (extract(epoch FROM created_at) * 1000)::bigint,"                                  \
    " verified_at IS NOT NULL, language, " PREFERENCES_COLUMNS

static const struct pg_statement list[] = {
    /* $6 whether mail is configured */
    [ACCOUNT_ADD] = {"account_add",
                     "WITH u AS (INSERT INTO users (id, email, display_name, password_hash, created_at)"
                     "  VALUES ($1, $2, $3, $4, $5) ON CONFLICT (email) DO NOTHING RETURNING *),"
                     " mail AS (INSERT INTO deliveries (id, channel, kind, user_id, endpoint)"
                     "  SELECT delivery_id(), 'email', 'VERIFY_EMAIL', id, email FROM u WHERE $6::boolean)"
                     " SELECT " USER_COLUMNS " FROM u"},
    [ACCOUNT_BY_EMAIL] = {"account_by_email", "SELECT " USER_COLUMNS ", password_hash, banned_at IS NOT NULL, epoch"
                                              " FROM users WHERE email = $1"},
    [ACCOUNT_BY_ID] = {"account_by_id", "SELECT " USER_COLUMNS ", password_hash, banned_at IS NOT NULL, epoch"
                                        " FROM users WHERE id = $1"},
    /*
     * $2 name, $3 hash of a new password; NULL: unchanged. $4 to $9 see preferences.h. $10 hash of the old password: of
     * two concurrent changes only one succeeds. A new password invalidates the links that would reset it. It raises the
     * user's epoch, which ends all sessions except $11, that of the request. $12 language; NULL: unchanged. $13 to $17
     * the entry of the audit log (audit_values).
     */
    /* clang-format off */
    [ACCOUNT_CHANGE] = {"account_change",
        "WITH links AS (DELETE FROM account_tokens WHERE user_id = $1 AND purpose = 'PASSWORD_RESET'"
        "  AND $3::text IS NOT NULL),"
        " u AS (UPDATE users SET display_name = coalesce($2, display_name), password_hash = coalesce($3, password_hash),"
        " language = coalesce($12, language), "
        PREFERENCES_LIST("muted", "$4", "$5") ", " PREFERENCES_LIST("email_kinds", "$6", "$7") ", "
        PREFERENCES_LIST("webhook_muted", "$8", "$9")
        " WHERE id = $1 AND password_hash = coalesce($10, password_hash) RETURNING *),"
        " kept AS (UPDATE sessions s SET epoch = u.epoch FROM u WHERE s.id = $11::uuid AND s.user_id = u.id"
        "  AND $3::text IS NOT NULL RETURNING " CREDENTIALS_SESSION_COLUMNS("s.") "),"
        AUDIT_OWN("PASSWORD_CHANGED", "u WHERE $3::text IS NOT NULL", "$13", "$14", "$15", "$16", "$17")
        " SELECT " USER_COLUMNS ", password_hash, " CREDENTIALS_USER_COLUMNS("u.") ", kept.* FROM u"
        " LEFT JOIN kept ON true"},
    /* clang-format on */
    /*
     * $1 user, $2 client address, $3 user agent, $4 the address as it is compared (place_address). Stores the last two
     * as keyed hashes and mails the owner if one of them is new, except at the first login. Admins see who shares an
     * address (admin_users.c).
     */
    [ACCOUNT_PLACE] = {"account_place",
                       "WITH p AS (SELECT encode(sha256(convert_to(secret || '/address/' || $4, 'UTF8')), 'hex') AS a,"
                       "  encode(sha256(convert_to(secret || '/agent/' || $3, 'UTF8')), 'hex') AS b"
                       "  FROM deployment_keys WHERE name = 'place'),"
                       " known AS (SELECT count(*) AS places, count(*) FILTER (WHERE l.place IN (p.a, p.b)) AS same"
                       "  FROM p CROSS JOIN login_places l WHERE l.user_id = $1),"
                       " noted AS (INSERT INTO login_places (user_id, place, seen_at, kind)"
                       "  SELECT $1, n.place, now(), n.kind FROM p,"
                       "  unnest(ARRAY[p.a, p.b], ARRAY['address', 'agent']) AS n (place, kind)"
                       "  ON CONFLICT (user_id, place) DO UPDATE SET seen_at = excluded.seen_at, kind = excluded.kind)"
                       " INSERT INTO deliveries (id, channel, kind, user_id, endpoint, payload)"
                       " SELECT delivery_id(), 'email', 'NEW_LOGIN', u.id, u.email,"
                       "  jsonb_build_object('address', $2::text, 'agent', $3::text, 'createdAt', now())"
                       " FROM known, users u WHERE u.id = $1 AND u.verified_at IS NOT NULL"
                       " AND known.places > 0 AND known.same < 2"},
    /* $1 user, $2 kind */
    [ACCOUNT_NOTIFY] = {"account_notify", "INSERT INTO deliveries (id, channel, kind, user_id, endpoint, payload)"
                                          " SELECT delivery_id(), 'email', $2, id, email,"
                                          "  jsonb_build_object('createdAt', now()) FROM users WHERE id = $1"},
};
static_assert(ARRAY_LEN(list) == ACCOUNT_COUNT, "each statement has its entry");

struct statements accounts_statements = {list, ARRAY_LEN(list), 0};

static const struct accounts_context *context_of(const struct request *request)
{
    return request->context;
}

enum {
    USER_ID,
    USER_EMAIL,
    USER_NAME,
    USER_ROLE,
    USER_CREATED,
    USER_VERIFIED,
    USER_LANGUAGE,
    USER_PREFERENCES,
    USER_PASSWORD = USER_PREFERENCES + PREFERENCES_COLUMN_COUNT,
    USER_BANNED,
    USER_EPOCH,
    CHANGED_STATE = USER_PASSWORD + 1, /* of ACCOUNT_CHANGE */
    CHANGED_SESSION = CHANGED_STATE + CREDENTIALS_USER_COLUMN_COUNT
};

/* State of a login or a change of password between its steps. */
struct account {
    char email[ACCOUNTS_EMAIL_SIZE];
    struct uuid id;
    int64_t epoch;
    bool admin;
    bool banned;
    bool found;
    bool seen;        /* the client address has logged in to it before */
    bool refreshable; /* the client asks for a refresh token, and gets no cookie */
    bool changed;     /* the password; so the answer has a new access token */
    int64_t created_ms;
    char name[DISPLAY_NAME_MOST * 4 + 1];
    char hash[HASHPOOL_TEXT_SIZE];
};

/* The caller has begun the object. */
static void write_user_members(struct jsonw *json, const PGresult *result)
{
    struct uuid id = pg_uuid(result, 0, USER_ID);
    jsonw_put_uuid(json, "id", &id);
    jsonw_put_string(json, "email", pg_text(result, 0, USER_EMAIL));
    jsonw_put_string(json, "displayName", pg_text(result, 0, USER_NAME));
    jsonw_put_string(json, "role", pg_text(result, 0, USER_ROLE));
    jsonw_put_time(json, "createdAt", pg_int(result, 0, USER_CREATED));
}

/*
 * Checks for one "@", a non-empty local part, a domain with a dot, and printable ASCII only. Only a mail can show
 * whether the address exists. Writes it to `out` in lower case.
 */
static bool normalise_email(const char *text, char out[static ACCOUNTS_EMAIL_SIZE])
{
    size_t length = strlen(text);
    const char *at = strchr(text, '@');
    if (length >= ACCOUNTS_EMAIL_SIZE || at == NULL || at == text || strchr(at + 1, '@') != NULL) {
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

void accounts_read_email(const struct request *request, char out[static ACCOUNTS_EMAIL_SIZE],
                         struct field_errors *field_errors)
{
    const char *text = NULL;
    out[0] = '\0';
    if (fields_text(request->body, "email", FIELDS_REQUIRED, 1, ACCOUNTS_EMAIL_SIZE - 1, &text, field_errors) &&
        !normalise_email(text, out)) {
        field_errors_add(field_errors, "email", FIELD_NOT_AN_EMAIL);
    }
}

/* --- registration --- */

static void on_added(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_EMAIL_TAKEN)) {
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
    const struct account *account = request->handler_state;
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    struct uuid id = uuid_new();
    char id_text[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    uuid_format(&id, id_text);
    clock_format(clock_now_ms(), now);
    bool mail = config_sends_mail(context_of(request)->config);
    const char *values[] = {id_text, account->email, account->name, hash, now, mail ? "true" : "false"};
    if (hash == NULL || !statements_query(context_of(request)->pg, &accounts_statements, ACCOUNT_ADD, ARRAY_LEN(values),
                                          values, on_added, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_register(struct request *request)
{
    static const char *const known[] = {"email", "password", "displayName", NULL};
    struct field_errors field_errors = {.count = 0};
    const char *password = NULL;
    const char *name = NULL;
    struct account *account = request_handler_state(request, sizeof *account);
    if (account == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    fields_known(request->body, known, &field_errors);
    accounts_read_email(request, account->email, &field_errors);
    (void)fields_text(request->body, "password", FIELDS_REQUIRED, ACCOUNTS_PASSWORD_LEAST, ACCOUNTS_PASSWORD_MOST,
                      &password, &field_errors);
    if (fields_name(request->body, "displayName", FIELDS_REQUIRED, 1, DISPLAY_NAME_MOST, &name, &field_errors)) {
        (void)snprintf(account->name, sizeof account->name, "%s", name);
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    const struct hashpool_job job = {.client = HASHPOOL_OTHER, .password = password};
    if (!hashpool_hash(context_of(request)->hashpool, &job, on_register_hashed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* --- login --- */

/* Hashes an email or client address, so that Redis does not hold it in plain text. */
static void hash_account(const char *text, char out[static ACCOUNT_HASH_SIZE])
{
    uint8_t hash[16];
    (void)crypto_generichash(hash, sizeof hash, (const uint8_t *)text, strlen(text), NULL, 0);
    (void)sodium_bin2hex(out, ACCOUNT_HASH_SIZE, hash, sizeof hash);
}

/* The Redis key for account and client address of this login. */
static void seen_key(const struct request *request, char out[static KEYS_SIZE])
{
    const struct account *account = request->handler_state;
    char email[ACCOUNT_HASH_SIZE];
    char address[ACCOUNT_HASH_SIZE];
    hash_account(account->email, email);
    hash_account(request->address, address);
    keys_seen(email, address, out);
}

/* Marks the client address as known to the account. Best effort. */
static void remember_address(struct request *request)
{
    char key[KEYS_SIZE];
    char life[ACCOUNT_HASH_SIZE];
    const char *command[] = {"SET", key, "1", "EX", life};
    seen_key(request, key);
    (void)snprintf(life, sizeof life, "%d", SEEN_LIFE_S);
    if (!redis_command(context_of(request)->redis, NULL, NULL, ARRAY_LEN(command), command, NULL)) {
        log_debug("the client address of a login was not stored: no connection to Redis");
    }
}

static void on_notified(const struct pg_reply *reply, void *arg)
{
    (void)arg;
    if (reply->outcome != PG_OK) {
        log_error("account mail could not be queued: %s",
                  reply->outcome == PG_LOST ? "the connection was lost" : reply->message);
    }
}

/* Queues a mail to the owner without waiting for the result. */
static void notify_owner(struct request *request, size_t statement, int count, const char *const *values)
{
    if (!statements_query(context_of(request)->pg, &accounts_statements, statement, count, values, on_notified, NULL)) {
        struct log_about about = request_about(request);
        log_line(LOG_ERROR, &about, "account mail could not be queued: no connection to PostgreSQL");
    }
}

/* The address as it is compared: of IPv6 the network of a customer, whose other bits change each day. */
static void place_address(const struct request *request, char out[static ADDRESS_TEXT_SIZE])
{
    enum { CUSTOMER_BITS = 64 };
    struct address address;
    (void)snprintf(out, ADDRESS_TEXT_SIZE, "%s", request->address);
    if (address_parse(out, strlen(out), &address) && address.family == AF_INET6) {
        struct address customer = address_prefix(&address, CUSTOMER_BITS);
        address_format(&customer, out);
    }
}

/* Mails the owner about a login from a new client address or user agent. */
static void mail_new_login(struct request *request)
{
    const struct account *account = request->handler_state;
    struct audit_origin origin;
    char id[UUID_TEXT_SIZE];
    char place[ADDRESS_TEXT_SIZE];
    const char *values[] = {id, request->address, origin.agent, place};
    place_address(request, place);
    audit_origin_read(request, &origin);
    uuid_format(&account->id, id);
    notify_owner(request, ACCOUNT_PLACE, ARRAY_LEN(values), values);
}

/* The subject of entries of the audit log: the account's id, or a hash of the email if there is no such account. */
static void login_subject(const struct account *account, char subject[static UUID_TEXT_SIZE])
{
    if (account->found) {
        uuid_format(&account->id, subject);
    } else {
        hash_account(account->email, subject);
    }
}

static void note_login(struct request *request, const char *action)
{
    const struct account *account = request->handler_state;
    char subject[UUID_TEXT_SIZE];
    login_subject(account, subject);
    refusals_note(request, account->found ? &account->id : NULL, action, subject);
}

static void on_session(struct request *request, enum sessions_outcome outcome, const char *session_token,
                       const char *refresh_token)
{
    const struct account *account = request->handler_state;
    struct access_token token;
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    if (outcome == SESSIONS_NONE) { /* the password was changed meanwhile, or another act raised the user's epoch */
        note_login(request, "LOGIN_FAILED");
        reply_error(request, ERROR_INVALID_CREDENTIALS);
        return;
    }
    if (outcome != SESSIONS_DONE || !access_tokens_issue(request, &account->id, account->admin, &token)) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    remember_address(request);
    mail_new_login(request);
    if (refresh_token[0] == '\0') {
        session_cookie(request, session_token);
    }
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
    access_tokens_write(json, &token);
    if (refresh_token[0] != '\0') {
        jsonw_put_string(json, "refreshToken", refresh_token);
    }
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void begin_session(struct request *request)
{
    const struct account *account = request->handler_state;
    const struct credentials_user user = {account->id, account->epoch, account->admin, false};
    session_begin(request, &user, account->refreshable, on_session);
}

/* No session begins without its entry in the audit log. */
static void log_in(struct request *request)
{
    const struct account *account = request->handler_state;
    char subject[UUID_TEXT_SIZE];
    login_subject(account, subject);
    audit_entry(request, &account->id, "LOGIN", subject, begin_session);
}

static void on_login_verified(bool right, void *arg)
{
    struct request *request = arg;
    const struct account *account = request->handler_state;
    if (request_answered(request)) {
        reply_end(request);
    } else if (!right || !account->found) {
        note_login(request, "LOGIN_FAILED");
        reply_error(request, ERROR_INVALID_CREDENTIALS);
    } else if (account->banned) {
        note_login(request, "LOGIN_BANNED");
        reply_error(request, ERROR_USER_BANNED);
    } else {
        log_in(request);
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
    account->epoch = pg_int(result, 0, USER_EPOCH);
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
    struct account *account = request->handler_state;
    keep_account(account, reply->result);
    const struct hashpool_job job = {
        .client = account->seen ? HASHPOOL_KNOWN : HASHPOOL_OTHER,
        .password = json_member(request->body, "password")->text,
        .hash = account->found ? account->hash : NULL,
    };
    if (!hashpool_verify(context_of(request)->hashpool, &job, on_login_verified, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void find_login(struct request *request)
{
    const struct account *account = request->handler_state;
    const char *values[] = {account->email};
    if (!statements_query(context_of(request)->pg, &accounts_statements, ACCOUNT_BY_EMAIL, ARRAY_LEN(values), values,
                          on_login_found, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/*
 * The route's limit counts attempts per client address. A second limit counts attempts of all addresses on one account,
 * but only of addresses that never logged in to it. So an attacker cannot lock its owner out. Those that did also have
 * places of their own in the queue of hashes. Without Redis all addresses are counted.
 */
static void on_seen(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct account *account = request->handler_state;
    char hash[ACCOUNT_HASH_SIZE];
    account->seen = reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    if (account->seen) {
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
    if (!redis_command(context_of(request)->redis, on_seen, request, ARRAY_LEN(command), command, NULL)) {
        on_seen(NULL, request);
    }
}

static void handle_login(struct request *request)
{
    static const char *const known[] = {"email", "password", "refreshToken", NULL};
    struct field_errors field_errors = {.count = 0};
    const char *password = NULL;
    struct account *account = request_handler_state(request, sizeof *account);
    if (account == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    fields_known(request->body, known, &field_errors);
    accounts_read_email(request, account->email, &field_errors);
    (void)fields_text(request->body, "password", FIELDS_REQUIRED, 1, ACCOUNTS_PASSWORD_MOST, &password, &field_errors);
    (void)fields_bool(request->body, "refreshToken", FIELDS_OPTIONAL, &account->refreshable, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    limit_login(request);
}

/* --- logout --- */

static void on_logged_out(enum sessions_outcome outcome, void *arg)
{
    struct request *request = arg;
    const struct request_user *user = &request->user;
    /* A former call may have deleted the row without reaching Redis. */
    if (outcome == SESSIONS_UNAVAILABLE ||
        (outcome == SESSIONS_NONE && !credentials_mark_ended(request->access, &user->id, user->session, NULL, NULL))) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    session_cookie(request, NULL);
    reply_empty(request, 204);
}

static void handle_logout(struct request *request)
{
    if (!sessions_end(request->access, &request->user.id, request->user.session, on_logged_out, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* --- the account --- */

static void on_user(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_UNAUTHORIZED)) {
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    write_user_members(json, reply->result);
    jsonw_put_bool(json, "emailVerified", pg_bool(reply->result, 0, USER_VERIFIED));
    jsonw_put_bool(json, "sendsMail", config_sends_mail(context_of(request)->config));
    jsonw_put_string(json, "language", pg_text(reply->result, 0, USER_LANGUAGE));
    preferences_write(json, reply->result, USER_PREFERENCES);
    const struct account *account = request->handler_state;
    struct access_token token;
    if (account != NULL && account->changed &&
        access_tokens_issue(request, &request->user.id, request->user.admin, &token)) {
        access_tokens_write(json, &token);
    }
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void find_user(struct request *request, pg_callback callback)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, id);
    const char *values[] = {id};
    if (!statements_query(context_of(request)->pg, &accounts_statements, ACCOUNT_BY_ID, ARRAY_LEN(values), values,
                          callback, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_me(struct request *request)
{
    find_user(request, on_user);
}

/* Applies the validated body. `hash` is the new password's, `old` the current one's; both NULL: no new password. */
static void change_user(struct request *request, const char *hash, const char *old, pg_callback callback)
{
    const struct json *name = json_member(request->body, "displayName");
    struct pg_array arrays[PREFERENCES_VALUES] = {{.text = NULL}};
    char id[UUID_TEXT_SIZE];
    const struct json *language = json_member(request->body, "language");
    struct audit_origin origin;
    const char *values[6 + PREFERENCES_VALUES + AUDIT_VALUES] = {id, name == NULL ? NULL : name->text, hash};
    uuid_format(&request->user.id, id);
    values[3 + PREFERENCES_VALUES] = old;
    values[4 + PREFERENCES_VALUES] = request->user.session;
    values[5 + PREFERENCES_VALUES] = language == NULL ? NULL : language->text;
    audit_values(request, &origin, values + 6 + PREFERENCES_VALUES);
    if (!preferences_values(json_member(request->body, "notificationSettings"), arrays, values + 3) ||
        !statements_query(context_of(request)->pg, &accounts_statements, ACCOUNT_CHANGE, ARRAY_LEN(values), values,
                          callback, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
    preferences_free(arrays);
}

static void refuse_current_password(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    char subject[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, subject);
    refusals_note(request, NULL, "PASSWORD_REFUSED", subject);
    field_errors_add(&field_errors, "currentPassword", FIELD_WRONG_PASSWORD);
    reply_field_errors(request, &field_errors);
}

/* Last step of a change of password: answers with the user. Without Redis its copies are too old for some seconds. */
static void on_others_ended(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        struct log_about about = request_about(request);
        log_line(LOG_WARN, &about, "the other sessions have ended, and Redis may keep copies of them for some seconds");
    }
    if (request_answered(request)) {
        reply_end(request);
    } else {
        handle_me(request);
    }
}

/* The session goes on with the new epoch; its former access tokens do not. */
static void end_others(struct request *request, const PGresult *result)
{
    struct account *account = request->handler_state;
    const struct credentials_user user = credentials_user(result, 0, CHANGED_STATE);
    struct credentials_session kept = credentials_session(result, 0, CHANGED_SESSION);
    bool exists = !pg_null(result, 0, CHANGED_SESSION);
    (void)snprintf(kept.hash, sizeof kept.hash, "%s", request->user.session);
    account->changed = exists;
    request->user.epoch = user.epoch;
    request->user.ends_ms = kept.ends_ms;
    if (!sessions_revoked(request->access, &user, exists ? &kept : NULL, on_others_ended, request)) {
        on_others_ended(NULL, request);
    }
}

/* Continues even if the client was answered at the deadline, because the password has been changed. */
static void on_password_set(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (reply->outcome != PG_OK && !statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        refuse_current_password(request); /* a concurrent request has changed it */
        return;
    }
    char subject[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, subject);
    const char *values[] = {subject, "PASSWORD_CHANGED"};
    notify_owner(request, ACCOUNT_NOTIFY, ARRAY_LEN(values), values);
    end_others(request, reply->result);
}

static void on_new_password_hashed(const char *hash, void *arg)
{
    struct request *request = arg;
    if (request_answered(request)) {
        reply_end(request);
    } else if (hash == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        const struct account *account = request->handler_state;
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
    } else {
        const struct hashpool_job job = {HASHPOOL_KNOWN, json_member(request->body, "password")->text, NULL};
        if (!hashpool_hash(context_of(request)->hashpool, &job, on_new_password_hashed, request)) {
            reply_error(request, ERROR_UNAVAILABLE);
        }
    }
}

static void on_password_owner(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    struct account *account = request->handler_state;
    keep_account(account, reply->result);
    if (!account->found) {
        reply_error(request, ERROR_UNAUTHORIZED);
        return;
    }
    const struct hashpool_job job = {HASHPOOL_KNOWN, json_member(request->body, "currentPassword")->text,
                                     account->hash};
    if (!hashpool_verify(context_of(request)->hashpool, &job, on_old_password_verified, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void find_password_owner(struct request *request)
{
    find_user(request, on_password_owner);
}

/* Limited like a login. Otherwise a stolen session could guess the password, or keep the hashing threads busy. */
static void change_password(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    if (request_handler_state(request, sizeof(struct account)) == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    uuid_format(&request->user.id, id);
    limits_take_text(request, LIMIT_LOGINS, id, find_password_owner);
}

/* A language tag in the form of RFC 5646: "en", "pt-BR", "zh-Hant-TW". Adds a field error for another text. */
static void read_language(const struct json *body, struct field_errors *field_errors)
{
    enum { LANGUAGE_MOST = 35, PRIMARY_LEAST = 2, PRIMARY_MOST = 3, PART_MOST = 8 };
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const char *text = NULL;
    if (!fields_text(body, "language", FIELDS_OPTIONAL, PRIMARY_LEAST, LANGUAGE_MOST, &text, field_errors) ||
        text == NULL) {
        return;
    }
    size_t part = strspn(text, alphabet);
    bool valid = part >= PRIMARY_LEAST && part <= PRIMARY_MOST;
    for (text += part; valid && *text == '-'; text += part) {
        text++;
        part = strspn(text, others);
        valid = part >= PRIMARY_LEAST && part <= PART_MOST;
    }
    if (!valid || *text != '\0') {
        field_errors_add(field_errors, "language", FIELD_NOT_A_LANGUAGE);
    }
}

static void handle_change_me(struct request *request)
{
    static const char *const known[] = {"displayName",          "password", "currentPassword",
                                        "notificationSettings", "language", NULL};
    struct field_errors field_errors = {.count = 0};
    const char *name = NULL;
    const char *password = NULL;
    const char *current = NULL;
    fields_known(request->body, known, &field_errors);
    (void)fields_name(request->body, "displayName", FIELDS_OPTIONAL, 1, DISPLAY_NAME_MOST, &name, &field_errors);
    (void)fields_text(request->body, "password", FIELDS_OPTIONAL, ACCOUNTS_PASSWORD_LEAST, ACCOUNTS_PASSWORD_MOST,
                      &password, &field_errors);
    (void)fields_text(request->body, "currentPassword", password != NULL ? FIELDS_REQUIRED : FIELDS_OPTIONAL, 1,
                      ACCOUNTS_PASSWORD_MOST, &current, &field_errors);
    read_language(request->body, &field_errors);
    preferences_check(json_member(request->body, "notificationSettings"), &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    if (password != NULL) {
        change_password(request);
    } else {
        change_user(request, NULL, NULL, on_user);
    }
}

const struct route accounts_routes[] = {
    {METHOD_POST, ROUTE_OPEN, "/api/v1/auth/register", handle_register, LIMIT_REGISTRATIONS, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_OPEN, "/api/v1/auth/login", handle_login, LIMIT_LOGINS, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_USER, "/api/v1/auth/logout", handle_logout, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me", handle_me, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_PATCH, ROUTE_USER, "/api/v1/users/me", handle_change_me, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {0},
};
