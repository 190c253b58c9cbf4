/*
 * See mail.h. A mail to an unverified address must not contain text that another person could have chosen, such as the
 * name of the account. It uses the address instead.
 */
#include "notifyworker/mail.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/protocol/links.h"
#include "common/protocol/notification_kinds.h"
#include "common/protocol/topology.h"
#include "notifyworker/mail_links.h"
#include "notifyworker/mailtext.h"
#include "notifyworker/templates.h"

enum {
    NUMBER_SIZE = 16,
    MAILBOX_SIZE = CONFIG_TEXT_SIZE + 2, /* with < and > */
    LINK_SIZE = CONFIG_TEXT_SIZE + 128,
    VALUE_SIZE = 64,
    LINE_SIZE = DELIVERY_ERROR_SIZE,
    S_PER_HOUR = 3600,
    SOCKETS_MAX = 16, /* of one mail: libcurl tries several addresses of the server at the same time */
    SMTP_OK = 250,
    SMTP_REFUSED = 500, /* and above: permanent */
    SMTP_NO_LOGIN_FIRST = 530,
    SMTP_NO_LOGIN_LAST = 538, /* login errors: not caused by the recipient */
};

static const char quit[] = "QUIT";

static const char *const kinds[] = {NOTIFICATION_KINDS(NOTIFICATION_WORD) ACCOUNT_MAILS(NOTIFICATION_WORD) NULL};

enum {
    COLUMN_NAME = DELIVERY_OWN_COLUMN,
    COLUMN_KNOWN,    /* the account exists and is not banned */
    COLUMN_VERIFIED, /* its address is verified */
    COLUMN_WANTED,   /* the user wants this kind by mail */
    COLUMN_NOTIFIES, /* the delivery is for a notification */
    COLUMN_LATELY,   /* account mail of this kind to that address within the hour before, except dropped ones */
    COLUMN_KEY,      /* key of unsubscribe tokens */
    COLUMN_LEDGER_HASH,
};

/*
 * $2 hash of a token that this attempt may use, $3 and $4 lifetimes in seconds, for verification and reset. A password
 * reset is requested by address. The account is looked up here and not during the request, so that the duration of the
 * request does not reveal whether the account exists.
 */
static const char lookup[] =
    "WITH d AS (SELECT *, coalesce(user_id, (SELECT u.id FROM users u WHERE u.email = endpoint)) AS owner"
    "  FROM deliveries WHERE id = $1),"
    " made AS (INSERT INTO account_tokens (hash, user_id, purpose, expires_at)"
    "  SELECT $2, d.owner, d.kind, now() + interval '1 second' * CASE d.kind WHEN 'VERIFY_EMAIL' THEN $3::integer"
    "   ELSE $4::integer END FROM d"
    "  WHERE d.owner IS NOT NULL AND d.kind IN ('VERIFY_EMAIL', 'PASSWORD_RESET')"
    "  AND d.state IN ('queued', 'retrying', 'failed'))"
    " SELECT " DELIVERY_COLUMNS ", u.display_name, u.id IS NOT NULL AND u.banned_at IS NULL, u.verified_at IS NOT NULL,"
    " d.kind = ANY (u.email_kinds), d.notification_id IS NOT NULL,"
    " CASE WHEN d.notification_id IS NULL THEN (SELECT count(*) FROM deliveries o WHERE o.endpoint = d.endpoint"
    "  AND o.notification_id IS NULL AND o.created_at > d.created_at - interval '1 hour' AND o.id < d.id"
    "  AND o.kind = d.kind AND o.channel = 'email' AND o.state <> 'dropped') END,"
    " (SELECT secret FROM deployment_keys WHERE name = 'unsubscribe'),"
    " (SELECT coalesce('entry ' || a.ledger_hash_seq || ', SHA-256 ' || encode(a.ledger_hash, 'hex'), 'none')"
    "  FROM auctions a WHERE a.id = (d.payload ->> 'auctionId')::uuid)"
    " FROM d LEFT JOIN users u ON u.id = d.owner";

struct mail {
    const struct config *config;
    bool on;
    struct templates *templates; /* NULL: mail is off */
    char sender[MAILBOX_SIZE];
    char verify_s[NUMBER_SIZE];
    char reset_s[NUMBER_SIZE];
};

/* The state of one attempt. */
struct mail_message {
    char token[LINKS_TOKEN_SIZE];
    char hash[LINKS_HASH_SIZE];
    char *text; /* the text of the mail */
    size_t length;
    size_t sent; /* bytes sent */
    struct curl_slist *recipients;
    char error[CURL_ERROR_SIZE];
    char line[LINE_SIZE];     /* last error reply of the server */
    int sockets[SOCKETS_MAX]; /* open sockets of this mail */
    size_t socket_count;
};

/* ---- content ---- */

/* The values of a template and their memory. */
struct template_values {
    const char *values[TEMPLATES_VALUES];
    char hours[NUMBER_SIZE];
    char unsubscribe[LINK_SIZE];
    char links[MAIL_LINKS][MAIL_LINK_SIZE];
    char end_time[VALUE_SIZE];
    char created_at[VALUE_SIZE];
};

/* "2026-11-20 22:58:16 UTC"; other text is returned unchanged. */
static const char *show_time(const char *text, char out[static VALUE_SIZE])
{
    int64_t ms = 0;
    char iso[CLOCK_TEXT_SIZE];
    if (text == NULL || !clock_parse(text, &ms)) {
        return text;
    }
    clock_format(ms, iso);
    (void)snprintf(out, VALUE_SIZE, "%.10s %.8s UTC", iso, iso + 11);
    return out;
}

static const char *member_text(const struct json *payload, const char *name)
{
    const struct json *member = json_member(payload, name);
    return member != NULL && (member->type == JSON_STRING || member->type == JSON_NUMBER) ? member->text : NULL;
}

static bool fill_unsubscribe(const struct mail *mail, const struct delivery *delivery, const char *secret,
                             struct template_values *template_values)
{
    uint8_t key[LINKS_KEY_BYTES];
    char token[LINKS_UNSUBSCRIBE_SIZE];
    if (!links_key_read(secret, key)) {
        return false;
    }
    links_unsubscribe_write(key, &delivery->user_id, delivery->kind, token);
    sodium_memzero(key, sizeof(key));
    (void)snprintf(template_values->unsubscribe, sizeof(template_values->unsubscribe), "%s/api/v1/unsubscribe?token=%s",
                   mail->config->public_url, token);
    template_values->values[TEMPLATES_UNSUBSCRIBE] = template_values->unsubscribe;
    return true;
}

static void fill_links(const struct mail *mail, struct template_values *template_values)
{
    const char **values = template_values->values;
    const struct mail_link_ids ids = {values[TEMPLATES_AUCTION_ID], values[TEMPLATES_SALE_ID],
                                      values[TEMPLATES_ORDER_ID], values[TEMPLATES_TOKEN]};
    for (int link = 0; link < MAIL_LINKS; link++) {
        mail_link_write(mail->config, (enum mail_link)link, &ids, template_values->links[link]);
        values[TEMPLATES_AUCTION_URL + link] = template_values->links[link];
    }
}

static void set_values(const struct mail *mail, const struct delivery *delivery, const PGresult *row,
                       const struct json *payload, struct template_values *template_values)
{
    const struct mail_message *message = delivery->channel_state;
    const char **values = template_values->values;
    bool verify = strcmp(delivery->kind, "VERIFY_EMAIL") == 0;
    int seconds = verify ? mail->config->verify_token_s : mail->config->reset_token_s;
    bool verified = pg_bool(row, 0, COLUMN_VERIFIED);
    values[TEMPLATES_NAME] = pg_text(row, 0, verified ? COLUMN_NAME : DELIVERY_COLUMN_ENDPOINT);
    values[TEMPLATES_SITE] = mail->config->mail_from_name;
    values[TEMPLATES_PUBLIC_URL] = mail->config->public_url;
    values[TEMPLATES_TITLE] = member_text(payload, "title");
    values[TEMPLATES_AUCTION_ID] = member_text(payload, "auctionId");
    values[TEMPLATES_SALE_ID] = member_text(payload, "saleId");
    values[TEMPLATES_ORDER_ID] = member_text(payload, "orderId");
    values[TEMPLATES_AMOUNT] = member_text(payload, "amount");
    values[TEMPLATES_LEDGER_HASH] = pg_text(row, 0, COLUMN_LEDGER_HASH);
    values[TEMPLATES_END_TIME] = show_time(member_text(payload, "endTime"), template_values->end_time);
    values[TEMPLATES_CREATED_AT] = show_time(member_text(payload, "createdAt"), template_values->created_at);
    values[TEMPLATES_ADDRESS] = member_text(payload, "address");
    values[TEMPLATES_AGENT] = member_text(payload, "agent");
    values[TEMPLATES_TOKEN] = message->token;
    (void)snprintf(template_values->hours, sizeof(template_values->hours), "%d",
                   (seconds + S_PER_HOUR - 1) / S_PER_HOUR);
    values[TEMPLATES_HOURS] = template_values->hours;
    fill_links(mail, template_values);
}

/* Renders one part of the template; the caller frees it. NULL: no memory. */
static char *render(const struct mail *mail, const struct delivery *delivery, enum templates_part part,
                    const struct template_values *template_values)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) {
        return NULL;
    }
    bool ok = templates_write(mail->templates, delivery->kind, part, template_values->values, out) && ferror(out) == 0;
    if (fclose(out) != 0 || !ok) {
        free(text);
        return NULL;
    }
    return text;
}

static bool compose(const struct mail *mail, struct delivery *delivery, const char *to,
                    const struct template_values *template_values)
{
    struct mail_message *message = delivery->channel_state;
    char *parts[TEMPLATES_PARTS];
    bool ok = true;
    for (int part = 0; part < TEMPLATES_PARTS; part++) {
        parts[part] = render(mail, delivery, (enum templates_part)part, template_values);
        ok = ok && parts[part] != NULL;
    }
    if (ok) {
        const struct mailtext text = {.from = mail->config->mail_from,
                                      .from_name = mail->config->mail_from_name,
                                      .to = to,
                                      .to_name = template_values->values[TEMPLATES_NAME],
                                      .subject = parts[TEMPLATES_SUBJECT],
                                      .text = parts[TEMPLATES_TEXT],
                                      .html = parts[TEMPLATES_HTML],
                                      .unsubscribe = template_values->values[TEMPLATES_UNSUBSCRIBE],
                                      .id = delivery->id,
                                      .date_ms = delivery->created_ms};
        message->text = mailtext_write(&text, &message->length);
    }
    for (int part = 0; part < TEMPLATES_PARTS; part++) {
        free(parts[part]);
    }
    return message->text != NULL;
}

/* False: no memory, or the deployment has no key yet. */
static bool write_message(const struct mail *mail, struct delivery *delivery, const PGresult *row)
{
    struct template_values template_values = {.values = {NULL}};
    const char *text = pg_text(row, 0, DELIVERY_COLUMN_PAYLOAD);
    struct json *payload = json_parse(text, strlen(text), NULL);
    set_values(mail, delivery, row, payload, &template_values);
    bool ok = !pg_bool(row, 0, COLUMN_NOTIFIES) ||
              fill_unsubscribe(mail, delivery, pg_text(row, 0, COLUMN_KEY), &template_values);
    ok = ok && compose(mail, delivery, pg_text(row, 0, DELIVERY_COLUMN_ENDPOINT), &template_values);
    json_free(payload);
    return ok;
}

/* ---- the transfer ---- */

/* Called by libcurl for the next bytes of the mail. */
static size_t read_mail(char *out, size_t one, size_t count, void *arg)
{
    struct mail_message *message = arg;
    size_t most = one * count;
    size_t left = message->length - message->sent;
    size_t given = left < most ? left : most;
    memcpy(out, message->text + message->sent, given);
    message->sent += given;
    return given;
}

/* Called by libcurl for each reply line of the server; keeps error replies. */
static size_t keep_error_line(char *bytes, size_t one, size_t count, void *arg)
{
    struct mail_message *message = arg;
    size_t length = one * count;
    if (length > 0 && (bytes[0] == '4' || bytes[0] == '5')) {
        size_t kept = length < sizeof(message->line) ? length : sizeof(message->line) - 1;
        memcpy(message->line, bytes, kept);
        message->line[kept] = '\0';
        message->line[strcspn(message->line, "\r\n")] = '\0';
    }
    return length;
}

/*
 * When libcurl closes a connection to a mail server, it sends QUIT and waits for the reply, however long the server
 * takes. The mail would not be finished until then. So every mail has its own connection, whose sockets are stored
 * here. After QUIT they are shut down for reading.
 */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct mail_message *message = arg;
    if (message->socket_count == SOCKETS_MAX) {
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0) {
        message->sockets[message->socket_count++] = fd;
    }
    return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
    struct mail_message *message = arg;
    for (size_t i = 0; i < message->socket_count; i++) {
        if (message->sockets[i] == fd) {
            message->sockets[i] = message->sockets[--message->socket_count];
            break;
        }
    }
    return close(fd);
}

/* Called by libcurl with the bytes that it has just sent. */
static int watch_commands(CURL *curl, curl_infotype type, char *bytes, size_t length, void *arg)
{
    (void)curl;
    const struct mail_message *message = arg;
    if (type == CURLINFO_HEADER_OUT && length >= strlen(quit) && memcmp(bytes, quit, strlen(quit)) == 0) {
        for (size_t i = 0; i < message->socket_count; i++) {
            (void)shutdown(message->sockets[i], SHUT_RD);
        }
    }
    return 0;
}

static bool set_sockets(CURL *curl, struct mail_message *message)
{
    return curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, message) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, message) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, watch_commands) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_DEBUGDATA, message) == CURLE_OK;
}

static bool set_login(CURL *curl, const struct config *config)
{
    bool encrypts = config->mail_tls_required;
    bool login = strcmp(config->mail_user, "none") != 0;
    bool ca = strcmp(config->mail_ca_file, "none") != 0;
    return curl_easy_setopt(curl, CURLOPT_USE_SSL, encrypts ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY) ==
               CURLE_OK &&
           (!ca || curl_easy_setopt(curl, CURLOPT_CAINFO, config->mail_ca_file) == CURLE_OK) &&
           (!login || (curl_easy_setopt(curl, CURLOPT_USERNAME, config->mail_user) == CURLE_OK &&
                       curl_easy_setopt(curl, CURLOPT_PASSWORD, config->mail_password) == CURLE_OK));
}

static bool set_server(CURL *curl, const struct config *config)
{
    return curl_easy_setopt(curl, CURLOPT_URL, config->mail_url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)config->mail_connect_timeout_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)config->mail_timeout_ms) == CURLE_OK &&
           set_login(curl, config);
}

static bool set_message(CURL *curl, const struct mail *mail, struct mail_message *message, const char *to)
{
    char recipient[DELIVERY_ENDPOINT_SIZE + 3];
    (void)snprintf(recipient, sizeof(recipient), "<%s>", to);
    message->recipients = curl_slist_append(NULL, recipient);
    return message->recipients != NULL && curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->sender) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, message->recipients) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_mail) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READDATA, message) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep_error_line) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, message) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message->error) == CURLE_OK;
}

/* ---- the channel ---- */

/* Returns why the mail is not sent; NULL: it is sent. */
static const char *drop_reason(const struct mail *mail, const struct delivery *delivery, const PGresult *row)
{
    bool verified = pg_bool(row, 0, COLUMN_VERIFIED);
    int most = mail->config->mails_per_hour;
    if (!mail->on) {
        return "mail is off";
    }
    if (!pg_bool(row, 0, COLUMN_KNOWN)) {
        return "the account does not exist or is banned";
    }
    if (pg_bool(row, 0, COLUMN_NOTIFIES)) {
        return verified && pg_bool(row, 0, COLUMN_WANTED) ? NULL : "not wanted by the user any more";
    }
    if (strcmp(delivery->kind, "VERIFY_EMAIL") == 0 && verified) {
        return "the address is already verified";
    }
    return most != 0 && pg_int(row, 0, COLUMN_LATELY) >= most ? "too many of this kind within an hour" : NULL;
}

/* Accounts have only such addresses. It is checked again, because the address is inserted into an SMTP command. */
static bool is_address(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '<' || *at == '>') {
            return false;
        }
    }
    return strchr(text, '@') != NULL && strlen(text) < DELIVERY_ENDPOINT_SIZE;
}

static enum delivery_verdict stop(struct delivery *delivery, enum delivery_verdict verdict, const char *reason)
{
    (void)snprintf(delivery->error, sizeof(delivery->error), "%s", reason);
    return verdict;
}

static size_t mail_ask(struct delivery *delivery, const char *values[static DELIVERY_VALUES_MAX], void *arg)
{
    const struct mail *mail = arg;
    struct mail_message *message = calloc(1, sizeof(*message));
    delivery->channel_state = message;
    if (message != NULL) {
        links_token_new(message->token, message->hash);
    }
    values[0] = message == NULL ? NULL : message->hash; /* NULL is refused where a token is needed */
    values[1] = mail->verify_s;
    values[2] = mail->reset_s;
    return 3;
}

static enum delivery_verdict mail_begin(struct delivery *delivery, const PGresult *row, void *arg)
{
    const struct mail *mail = arg;
    struct mail_message *message = delivery->channel_state;
    const char *reason = drop_reason(mail, delivery, row);
    if (reason != NULL) {
        return stop(delivery, DELIVERY_DROPPED, reason);
    }
    if (!is_address(pg_text(row, 0, DELIVERY_COLUMN_ENDPOINT))) {
        return stop(delivery, DELIVERY_REFUSED, "the recipient is not a valid address");
    }
    if (message == NULL || !write_message(mail, delivery, row) || !set_server(delivery->curl, mail->config) ||
        !set_sockets(delivery->curl, message) ||
        !set_message(delivery->curl, mail, message, pg_text(row, 0, DELIVERY_COLUMN_ENDPOINT))) {
        return stop(delivery, DELIVERY_FAILED, "no memory, or no template of this kind");
    }
    return DELIVERY_GO;
}

static bool is_refusal(CURLcode outcome, long status)
{
    bool about_mail = outcome == CURLE_SEND_ERROR || outcome == CURLE_RECV_ERROR || outcome == CURLE_WEIRD_SERVER_REPLY;
    return about_mail && status >= SMTP_REFUSED && (status < SMTP_NO_LOGIN_FIRST || status > SMTP_NO_LOGIN_LAST);
}

static enum delivery_verdict mail_judge(struct delivery *delivery, CURLcode outcome, void *arg)
{
    (void)arg;
    const struct mail_message *message = delivery->channel_state;
    if (outcome == CURLE_OK) {
        delivery->status = SMTP_OK;
        return DELIVERY_SENT;
    }
    delivery->status = strtol(message->line, NULL, 10); /* libcurl's own status is that of QUIT */
    /* The server's reply is more precise than libcurl's text. */
    const char *error = message->error[0] != '\0' ? message->error : curl_easy_strerror(outcome);
    (void)snprintf(delivery->error, sizeof(delivery->error), "%s", message->line[0] != '\0' ? message->line : error);
    return is_refusal(outcome, delivery->status) ? DELIVERY_REFUSED : DELIVERY_FAILED;
}

static void mail_end(struct delivery *delivery, void *arg)
{
    (void)arg;
    struct mail_message *message = delivery->channel_state;
    delivery->channel_state = NULL;
    if (message == NULL) {
        return;
    }
    curl_slist_free_all(message->recipients);
    if (message->text != NULL) {
        sodium_memzero(message->text, message->length);
    }
    free(message->text);
    sodium_memzero(message, sizeof(*message));
    free(message);
}

struct mail *mail_new(const struct config *config)
{
    struct mail *mail = calloc(1, sizeof(*mail));
    if (mail == NULL) {
        return NULL;
    }
    mail->config = config;
    mail->on = config_sends_mail(config);
    (void)snprintf(mail->sender, sizeof(mail->sender), "<%s>", config->mail_from);
    (void)snprintf(mail->verify_s, sizeof(mail->verify_s), "%d", config->verify_token_s);
    (void)snprintf(mail->reset_s, sizeof(mail->reset_s), "%d", config->reset_token_s);
    mail->templates = mail->on ? templates_load(config->template_folder, kinds) : NULL;
    if (mail->on && mail->templates == NULL) {
        log_error("the mail templates cannot be loaded: %s", config->template_folder);
        mail_free(mail);
        return NULL;
    }
    return mail;
}

void mail_free(struct mail *mail)
{
    if (mail == NULL) {
        return;
    }
    templates_free(mail->templates);
    free(mail);
}

void mail_channel(struct mail *mail, struct delivery_channel *out)
{
    *out = (struct delivery_channel){.name = TOPOLOGY_KEY_EMAIL,
                                     .queue = TOPOLOGY_EMAIL_QUEUE,
                                     .dead_key = TOPOLOGY_KEY_DEAD_EMAIL,
                                     .lookup = lookup,
                                     .transfers_max = mail->config->mail_connections_max,
                                     .endpoint_max = mail->config->mail_connections_max,
                                     .threaded = true,
                                     .ask = mail_ask,
                                     .begin = mail_begin,
                                     .judge = mail_judge,
                                     .end = mail_end,
                                     .arg = mail};
}
