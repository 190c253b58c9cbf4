/*
 * See config.h. One table defines every setting; parsing, defaults, bounds and the list for --help use it.
 */
#include "common/service/config.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/address.h"
#include "common/base/origin.h"
#include "common/io/broker_url.h"
#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/protocol/image_decoder.h"
#include "common/protocol/payment_url.h"
#include "common/protocol/webhook.h"
#include "common/service/secrets.h"

enum {
    CONFIG_LEASE_POLLS = 4, /* least number of polls in a lease: one lost answer must not end it */
    PERCENT = 100,
    VARIABLE_SIZE = 64, /* of the name of a variable, NAME_FILE */
};

enum setting_type { SETTING_INT, SETTING_TEXT, SETTING_BOOL };

struct setting {
    const char *section;
    const char *name;
    enum setting_type type;
    size_t offset; /* in struct config */
    size_t size;   /* of a text, with its terminator */
    const char *initial;
    int least; /* bounds of a number */
    int most;
};

#define INT(section, name, initial, least, most)                                                                       \
    {                                                                                                                  \
        section, #name, SETTING_INT, offsetof(struct config, name), 0, initial, least, most                            \
    }
#define TEXT(section, key, member, initial)                                                                            \
    {                                                                                                                  \
        section, key, SETTING_TEXT, offsetof(struct config, member), sizeof(((struct config *)0)->member), initial, 0, \
            0                                                                                                          \
    }
#define BOOL(section, name, initial)                                                                                   \
    {                                                                                                                  \
        section, #name, SETTING_BOOL, offsetof(struct config, name), 0, initial, 0, 0                                  \
    }

/* One setting for each login; "none": the common URL. */
#define PG_URL(NAME, name)    TEXT("postgres", "pg_url_" #name, pg_urls[LOGIN_##NAME], "none"),
#define REDIS_URL(NAME, name) TEXT("redis", "redis_url_" #name, redis_urls[LOGIN_##NAME], "none"),
#define AMQP_URL(NAME, name)  TEXT("rabbitmq", "amqp_url_" #name, amqp_urls[LOGIN_##NAME], "none"),

static const struct setting settings[] = {
    TEXT("log", "log_level", log_level, "info"),

    TEXT("metrics", "metrics_address", metrics_address, "127.0.0.1"),
    INT("metrics", metrics_port, "0", 0, 65535),
    BOOL("metrics", metrics_public, "no"),

    TEXT("postgres", "pg_url", pg_url, "postgresql://rostrum@127.0.0.1:5432/rostrum"),
    LOGINS(PG_URL) INT("postgres", pg_connections, "4", 1, 100),
    INT("postgres", pg_search_connections, "1", 1, 100),
    INT("postgres", pg_timeout_ms, "5000", 100, 600000),
    INT("postgres", lease_s, "3", 1, 60),

    TEXT("redis", "redis_url", redis_url, "redis://127.0.0.1:6379/0"),
    LOGINS_SERVING(REDIS_URL) INT("redis", redis_timeout_ms, "500", 10, 60000),

    TEXT("rabbitmq", "amqp_url", amqp_url, "amqp://guest:guest@127.0.0.1:5672/%2f"),
    LOGINS(AMQP_URL) INT("rabbitmq", amqp_heartbeat_s, "10", 2, 600),
    INT("rabbitmq", shards, "0", 0, 100),
    INT("rabbitmq", shard_queue_max_messages, "200000", 100, 100000000),
    INT("rabbitmq", confirm_deadline_ms, "1500", 50, 60000),

    TEXT("gateway", "listen_address", listen_address, "127.0.0.1"),
    INT("gateway", listen_port, "8080", 1, 65535),
    INT("gateway", workers, "2", 1, 64),
    INT("gateway", connections_max, "8192", 4, 1000000),
    INT("gateway", header_max_bytes, "16384", 1024, 1048576),
    INT("gateway", body_max_bytes, "65536", 1024, 67108864),
    INT("gateway", request_read_timeout_ms, "10000", 100, 600000),
    INT("gateway", first_byte_timeout_ms, "5000", 100, 600000),
    INT("gateway", idle_timeout_s, "75", 1, 86400),
    INT("gateway", request_deadline_ms, "3000", 100, 60000),
    INT("gateway", drain_deadline_ms, "10000", 100, 600000),
    INT("gateway", share_max_bids, "64", 1, 64),
    INT("gateway", publish_pending_max_bids, "4096", 1, 1000000),
    INT("gateway", publish_pending_max_joins, "4096", 1, 1000000),
    INT("gateway", hash_threads, "1", 1, 64),
    INT("gateway", hash_queue_max, "64", 1, 100000),
    INT("gateway", clock_skew_max_ms, "200", 1, 60000),
    INT("gateway", undecided_max_s, "60", 0, 86400),
    TEXT("gateway", "trusted_proxies", trusted_proxies, "none"),
    TEXT("gateway", "cors_origins", cors_origins, "none"),
    TEXT("gateway", "web_root", web_root, "none"),

    INT("auth", argon2_ops, "2", 1, 100),
    INT("auth", argon2_memory_kib, "19456", 8, 4194304),
    INT("auth", session_s, "86400", 60, 31536000),
    INT("auth", access_token_s, "3600", 60, 86400),
    INT("auth", credentials_age_s, "60", 1, 3600),

    INT("limits", bids_per_minute, "10", 0, 1000000),
    INT("limits", joins_per_minute, "10", 0, 1000000),
    INT("limits", orders_per_minute, "20", 0, 1000000),
    INT("limits", bids_per_auction_minute, "0", 0, 1000000),
    INT("limits", auctions_per_hour, "5", 0, 1000000),
    INT("limits", searches_per_minute, "30", 0, 1000000),
    INT("limits", logins_per_minute, "10", 0, 1000000),
    INT("limits", registrations_per_hour, "20", 0, 1000000),
    INT("limits", logins_account_per_minute, "100", 0, 1000000),
    INT("limits", images_per_hour, "120", 0, 1000000),
    INT("limits", mails_per_hour, "5", 0, 1000000),
    INT("limits", resets_per_hour, "20", 0, 1000000),
    INT("limits", webhook_calls_per_hour, "60", 0, 1000000),
    INT("limits", callbacks_per_minute, "6000", 0, 1000000),
    TEXT("limits", "limits_exempt", limits_exempt, "none"),
    INT("limits", address_connections_percent, "50", 1, 100),
    INT("limits", address_live_percent, "50", 1, 100),
    INT("limits", address_uploads_percent, "25", 1, 100),
    INT("limits", address_unsent_percent, "25", 1, 100),
    INT("limits", user_requests_max, "256", 0, 1000000),
    INT("limits", user_live_max, "100", 0, 1000000),
    INT("limits", refusals_per_minute, "600", 0, 1000000),

    TEXT("images", "store", store, "file"),
    TEXT("images", "image_folder", image_folder, "/var/lib/rostrum/images"),
    TEXT("images", "s3_endpoint", s3_endpoint, "https://s3.us-east-1.amazonaws.com"),
    TEXT("images", "s3_region", s3_region, "us-east-1"),
    TEXT("images", "s3_bucket", s3_bucket, "rostrum-images"),
    TEXT("images", "s3_access_key", s3_access_key, "none"),
    TEXT("images", "s3_secret_key", s3_secret_key, "none"),
    TEXT("images", "image_sandbox", image_sandbox, "full"),
    TEXT("images", "image_decoder_socket", image_decoder_socket, "none"),
    INT("images", image_store_timeout_ms, "5000", 100, 600000),
    INT("images", images_max, "12", 0, 100),
    INT("images", image_max_bytes, "5242880", 1024, 67108864),
    INT("images", image_max_pixels, "40000000", 1, 268435456),
    INT("images", image_memory_mib, "1024", 384, 65536),
    INT("images", image_timeout_s, "20", 1, 600),
    INT("images", image_uploads_max, "16", 1, 10000),
    INT("images", image_receive_timeout_ms, "60000", 100, 600000),
    INT("images", image_receive_min_bytes_per_s, "8192", 1, 16777216),
    INT("images", image_threads, "1", 1, 64),
    INT("images", image_read_threads, "4", 1, 64),
    INT("images", image_unsent_max_bytes, "67108864", 1048576, 1073741824),
    INT("images", image_send_min_bytes_per_s, "8192", 1, 16777216),
    INT("images", image_read_queue_max, "256", 1, 100000),
    INT("images", image_sweep_s, "60", 1, 86400),

    INT("live", live_connections_max, "8000", 0, 1000000),
    INT("live", live_subscriptions_max, "100", 1, 10000),
    INT("live", live_message_max_bytes, "4096", 256, 65536),
    INT("live", live_messages_max, "300", 1, 1000000),
    INT("live", live_messages_window_s, "10", 1, 3600),
    INT("live", live_buffer_bytes, "65536", 4096, 67108864),
    INT("live", live_kernel_buffer_bytes, "32768", 4096, 67108864),
    INT("live", live_stall_s, "30", 1, 3600),
    INT("live", live_ping_interval_s, "30", 1, 3600),
    INT("live", live_idle_timeout_s, "20", 1, 3600),
    INT("live", live_check_ms, "1000", 100, 60000),
    INT("live", live_reconnect_ms, "5000", 0, 600000),

    INT("bids", retract_window_s, "0", 0, 86400),

    TEXT("sales", "payment_secret", payment_secret, "none"),
    TEXT("sales", "payment_url", payment_url, "none"),

    TEXT("mail", "mail_url", mail_url, "none"),
    TEXT("mail", "mail_user", mail_user, "none"),
    TEXT("mail", "mail_password", mail_password, "none"),
    TEXT("mail", "mail_from", mail_from, "rostrum@localhost"),
    TEXT("mail", "mail_from_name", mail_from_name, "Rostrum"),
    BOOL("mail", mail_tls_required, "yes"),
    TEXT("mail", "mail_ca_file", mail_ca_file, "none"),
    INT("mail", mail_connect_timeout_ms, "10000", 100, 600000),
    INT("mail", mail_timeout_ms, "30000", 100, 600000),
    INT("mail", mail_connections_max, "8", 1, 1000),
    TEXT("mail", "template_folder", template_folder, "/usr/share/rostrum/templates"),
    TEXT("mail", "public_url", public_url, "http://127.0.0.1:8080"),

    BOOL("accounts", bid_unverified, "yes"),
    INT("accounts", verify_token_s, "172800", 60, 31536000),
    INT("accounts", reset_token_s, "3600", 60, 86400),

    INT("deliveries", delivery_keep_days, "30", 1, 36500),

    INT("bidworker", batch_max_bids, "1024", 1, 1024),
    INT("bidworker", batch_interval_ms, "50", 0, 999),
    INT("bidworker", active_workers_max, "0", 0, 100),
    INT("bidworker", ownership_poll_ms, "250", 10, 60000),
    INT("bidworker", outbox_sweep_ms, "2000", 100, 600000),
    INT("bidworker", outbox_age_ms, "5000", 100, 3600000),
    INT("bidworker", crash_count, "3", 1, 1000),

    INT("endworker", fence_grace_ms, "2000", 100, 600000),
    INT("endworker", fence_repeat_ms, "2000", 100, 600000),
    INT("endworker", schedule_poll_ms, "100", 10, 60000),
    INT("endworker", ending_soon_s, "300", 0, 86400),
    INT("endworker", sale_starting_soon_s, "300", 0, 86400),
    INT("endworker", settle_sweep_ms, "5000", 100, 600000),

    INT("notifyworker", notify_batch_max, "64", 1, 1024),
    INT("notifyworker", notify_interval_ms, "100", 0, 999),
    INT("notifyworker", watch_poll_ms, "5000", 100, 60000),

    BOOL("webhooks", webhook_http, "no"),
    TEXT("webhooks", "webhook_networks", webhook_networks, "none"),
    TEXT("webhooks", "webhook_ca_file", webhook_ca_file, "none"),
    INT("webhooks", webhook_calls_max, "512", 1, 10000),
    INT("webhooks", webhook_endpoint_calls_max, "4", 1, 10000),
    INT("webhooks", webhooks_max, "10", 0, 100),
    INT("webhooks", webhook_connect_timeout_ms, "3000", 100, 60000),
    INT("webhooks", webhook_timeout_ms, "10000", 100, 600000),
    INT("webhooks", webhook_response_max_bytes, "65536", 1024, 16777216),
    INT("webhooks", webhook_off_after_s, "259200", 1, 31536000),
};

static bool parse_int(const struct setting *setting, const char *text, int *out)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < setting->least || value > setting->most) {
        return false;
    }
    *out = (int)value;
    return true;
}

static bool parse_bool(const char *text, bool *out)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    bool no = strcmp(text, "no") == 0 || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
    *out = yes;
    return yes || no;
}

static bool set_text(const struct setting *setting, const char *text, char *out)
{
    size_t length = strlen(text);
    if (length == 0 || length >= setting->size) {
        return false;
    }
    memcpy(out, text, length + 1);
    return true;
}

static bool set(struct config *config, const struct setting *setting, const char *text)
{
    void *member = (char *)config + setting->offset;
    switch (setting->type) {
    case SETTING_INT:
        return parse_int(setting, text, member);
    case SETTING_BOOL:
        return parse_bool(text, member);
    case SETTING_TEXT:
        return set_text(setting, text, member);
    }
    return false;
}

static const struct setting *find(const char *section, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (strcmp(settings[i].section, section) == 0 && strcmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

void config_defaults(struct config *config)
{
    *config = (struct config){.log_level = ""};
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        bool ok = set(config, &settings[i], settings[i].initial);
        assert(ok);
        (void)ok;
    }
}

struct reading {
    struct config *config;
    const char *path;
    char *reason;
    size_t reason_size;
};

/* What a program sees of another program's secret: the checks of settings that belong together then pass. */
static const char not_read[] = "not-read";

/* Sets a secret from a file, unless it belongs to another program. `source` names where the file's name comes from. */
static bool set_from_file(struct config *config, const struct setting *setting, const char *path, const char *source,
                          char *reason, size_t reason_size)
{
    char text[CONFIG_TEXT_SIZE];
    if (!secrets_belongs(setting->name)) {
        return set_text(setting, not_read, (char *)config + setting->offset);
    }
    const char *problem = secrets_read(path, text, setting->size);
    if (problem == NULL && !set(config, setting, text)) {
        problem = "is not a valid value";
    }
    explicit_bzero(text, sizeof(text));
    if (problem != NULL) {
        (void)snprintf(reason, reason_size, "%s: the file %s %s", source, path, problem);
    }
    return problem == NULL;
}

static int on_entry(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *reading = arg;
    char secret[SECRETS_NAME_SIZE];
    if (reading->reason[0] != '\0') {
        return 0; /* only the first error is reported */
    }
    const struct setting *setting = find(section, name);
    if (setting == NULL && secrets_of_file(name, secret) && find(section, secret) != NULL) {
        return set_from_file(reading->config, find(section, secret), value, name, reading->reason,
                             reading->reason_size);
    }
    if (setting == NULL) {
        (void)snprintf(reading->reason, reading->reason_size, "%s: no setting %s in section [%s]", reading->path, name,
                       section);
        return 0;
    }
    if (set(reading->config, setting, value)) {
        return 1;
    }
    if (setting->type == SETTING_INT) {
        (void)snprintf(reading->reason, reading->reason_size, "%s: %s must be a whole number from %d to %d",
                       reading->path, name, setting->least, setting->most);
    } else if (setting->type == SETTING_BOOL) {
        (void)snprintf(reading->reason, reading->reason_size, "%s: %s must be yes or no", reading->path, name);
    } else {
        (void)snprintf(reading->reason, reading->reason_size, "%s: %s must be a text of 1 to %zu characters",
                       reading->path, name, setting->size - 1);
    }
    return 0;
}

bool config_read(struct config *config, const char *path, char *reason, size_t reason_size)
{
    struct reading reading = {config, path, reason, reason_size};
    reason[0] = '\0';
    int line = ini_parse(path, on_entry, &reading);
    if (line == 0) {
        return true;
    }
    if (reason[0] != '\0') {
        size_t used = strlen(reason);
        (void)snprintf(reason + used, reason_size - used, " (line %d)", line);
    } else if (line < 0) {
        (void)snprintf(reason, reason_size, "%s: cannot be read: %s", path, strerror(errno));
    } else {
        (void)snprintf(reason, reason_size, "%s: line %d is not a setting", path, line);
    }
    return false;
}

/* A common URL from the environment, or a credential, overrides the files, so also their URLs of single programs. */
static void forget_own(struct config *config, const char *name)
{
    const struct {
        const char *name;
        char (*urls)[CONFIG_TEXT_SIZE];
    } families[] = {{"pg_url", config->pg_urls}, {"redis_url", config->redis_urls}, {"amqp_url", config->amqp_urls}};
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        for (size_t login = 0; strcmp(families[i].name, name) == 0 && login < LOGIN_COUNT; login++) {
            (void)snprintf(families[i].urls[login], CONFIG_TEXT_SIZE, "none");
        }
    }
}

#define PG_VARIABLE(NAME, name)    {"ROSTRUM_PG_URL_" #NAME, "postgres", "pg_url_" #name},
#define REDIS_VARIABLE(NAME, name) {"ROSTRUM_REDIS_URL_" #NAME, "redis", "redis_url_" #name},
#define AMQP_VARIABLE(NAME, name)  {"ROSTRUM_AMQP_URL_" #NAME, "rabbitmq", "amqp_url_" #name},

static const struct {
    const char *variable;
    const char *section;
    const char *name;
} variables[] = {
    {"ROSTRUM_PG_URL", "postgres", "pg_url"},
    {"ROSTRUM_REDIS_URL", "redis", "redis_url"},
    {"ROSTRUM_AMQP_URL", "rabbitmq", "amqp_url"},
    LOGINS(PG_VARIABLE) LOGINS_SERVING(REDIS_VARIABLE)
        LOGINS(AMQP_VARIABLE){"ROSTRUM_METRICS_PORT", "metrics", "metrics_port"},
    {"ROSTRUM_S3_ACCESS_KEY", "images", "s3_access_key"},
    {"ROSTRUM_S3_SECRET_KEY", "images", "s3_secret_key"},
    {"ROSTRUM_PAYMENT_SECRET", "sales", "payment_secret"},
    {"ROSTRUM_IMAGE_DECODER_SOCKET", "images", "image_decoder_socket"},
    {"ROSTRUM_MAIL_PASSWORD", "mail", "mail_password"},
};

/* The files of systemd's LoadCredential=, each with the name of a setting. */
static bool read_credentials(struct config *config, char *reason, size_t reason_size)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    for (size_t i = 0; folder != NULL && i < ARRAY_LEN(settings); i++) {
        char path[PATH_MAX];
        int length = snprintf(path, sizeof(path), "%s/%s", folder, settings[i].name);
        if (!secrets_is_secret(settings[i].name) || length >= PATH_MAX || access(path, F_OK) != 0) {
            continue;
        }
        if (!set_from_file(config, &settings[i], path, "CREDENTIALS_DIRECTORY", reason, reason_size)) {
            return false;
        }
        forget_own(config, settings[i].name);
    }
    return true;
}

/* The variable, and NAME_FILE if it is that of a secret. */
static bool read_variable(struct config *config, const char *variable, const struct setting *setting, char *reason,
                          size_t reason_size)
{
    char name[VARIABLE_SIZE];
    const char *value = getenv(variable);
    bool given = value != NULL && value[0] != '\0';
    if (given && !set(config, setting, value)) {
        (void)snprintf(reason, reason_size, "%s: not a valid value of %s", variable, setting->name);
        return false;
    }
    (void)snprintf(name, sizeof(name), "%s_FILE", variable);
    const char *path = secrets_is_secret(setting->name) ? getenv(name) : NULL;
    bool in_file = path != NULL && path[0] != '\0';
    if (in_file && !set_from_file(config, setting, path, name, reason, reason_size)) {
        return false;
    }
    if (given || in_file) {
        forget_own(config, setting->name);
    }
    return true;
}

bool config_read_environment(struct config *config, char *reason, size_t reason_size)
{
    const char *file = getenv("ROSTRUM_CONF");
    if (file != NULL && file[0] != '\0' && !config_read(config, file, reason, reason_size)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const struct setting *setting = find(variables[i].section, variables[i].name);
        if (!read_variable(config, variables[i].variable, setting, reason, reason_size)) {
            return false;
        }
    }
    return read_credentials(config, reason, reason_size);
}

/* Returns whether the common URL is kept. */
static bool choose(const char *own, char url[static CONFIG_TEXT_SIZE])
{
    if (own[0] == '\0' || strcmp(own, "none") == 0) {
        return true;
    }
    (void)snprintf(url, CONFIG_TEXT_SIZE, "%s", own);
    return false;
}

void config_choose(struct config *config, enum login login)
{
    config->shared = (struct config_shared){
        .postgres = choose(config->pg_urls[login], config->pg_url),
        .redis = choose(config->redis_urls[login], config->redis_url),
        .rabbitmq = choose(config->amqp_urls[login], config->amqp_url),
    };
}

/* Also of the environment: an empty variable counts as not set. */
static void forget_variables(void)
{
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        char *value = secrets_belongs(variables[i].name) ? NULL : getenv(variables[i].variable);
        if (value != NULL) {
            explicit_bzero(value, strlen(value));
        }
    }
}

void config_forget(struct config *config)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const struct setting *setting = &settings[i];
        if (secrets_is_secret(setting->name) && (secrets_of_login(setting->name) || !secrets_belongs(setting->name))) {
            explicit_bzero((char *)config + setting->offset, setting->size);
            bool ok = set(config, setting, setting->initial);
            assert(ok);
            (void)ok;
        }
    }
    forget_variables();
}

static bool check_images(const struct config *config, char *reason, size_t reason_size)
{
    enum image_sandbox sandbox = IMAGE_SANDBOX_FULL;
    if (!image_sandbox_parse(config->image_sandbox, &sandbox)) {
        (void)snprintf(reason, reason_size, "image_sandbox must be full, seccomp or off");
        return false;
    }
    bool s3 = strcmp(config->store, "s3") == 0;
    if (!s3 && strcmp(config->store, "file") != 0) {
        (void)snprintf(reason, reason_size, "store must be file or s3");
        return false;
    }
    if (s3 && (strcmp(config->s3_access_key, "none") == 0 || strcmp(config->s3_secret_key, "none") == 0)) {
        (void)snprintf(reason, reason_size, "store = s3 needs s3_access_key and s3_secret_key");
        return false;
    }
    return true;
}

/* A value for a header or a link must be on one line; libcurl checks everything else. */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~' || strchr("<>\"", *text) != NULL) {
            return false;
        }
    }
    return true;
}

/* The reasons do not quote the URLs, which contain passwords. */
static bool check_urls(const struct config *config, char *reason, size_t reason_size)
{
    const char *wrong = pg_url_problem(config->pg_url);
    if (wrong != NULL) {
        (void)snprintf(reason, reason_size, "%s", wrong);
        return false;
    }
    if (strncmp(config->redis_url, "rediss://", 9) == 0) {
        wrong =
            "redis_url cannot use TLS: use redis:// to a local HAProxy that does, as conf/haproxy/redis.cfg sets up";
    } else if (!redis_url_is_valid(config->redis_url)) {
        wrong = "redis_url must be of the form redis://[:password@]host:port[/db]";
    } else {
        struct broker_url url;
        wrong = broker_url_parse(config->amqp_url, &url);
    }
    if (wrong != NULL) {
        (void)snprintf(reason, reason_size, "%s", wrong);
    }
    return wrong == NULL;
}

static bool check_origins(const struct config *config, char *reason, size_t reason_size)
{
    const char *list = config->cors_origins;
    if (strcmp(list, "none") == 0) {
        return true;
    }
    while (*list != '\0') {
        size_t word = strcspn(list, " ");
        if (!origin_valid(list, word)) {
            (void)snprintf(reason, reason_size,
                           "cors_origins must be none, or origins such as https://shop.example separated by blanks");
            return false;
        }
        list += word;
        list += strspn(list, " ");
    }
    return true;
}

static bool check_mail(const struct config *config, char *reason, size_t reason_size)
{
    bool smtp = strncmp(config->mail_url, "smtp://", 7) == 0 || strncmp(config->mail_url, "smtps://", 8) == 0;
    if (config_sends_mail(config) && !smtp) {
        (void)snprintf(reason, reason_size, "mail_url must be none, or begin with smtp:// or smtps://");
        return false;
    }
    const char *at = strchr(config->mail_from, '@');
    if (at == NULL || at == config->mail_from || at[1] == '\0' || !is_plain(config->mail_from)) {
        (void)snprintf(reason, reason_size, "mail_from must be an address such as rostrum@example.org");
        return false;
    }
    if (!is_plain(config->public_url) || !origin_url_valid(config->public_url)) {
        (void)snprintf(reason, reason_size, "public_url must be a URL such as https://example.org");
        return false;
    }
    if (!config->bid_unverified && !config_sends_mail(config)) {
        (void)snprintf(reason, reason_size,
                       "bid_unverified = no needs mail_url, because addresses are verified by mail");
        return false;
    }
    if ((strcmp(config->mail_user, "none") == 0) != (strcmp(config->mail_password, "none") == 0)) {
        (void)snprintf(reason, reason_size, "mail_user and mail_password must both be set, or both be none");
        return false;
    }
    return true;
}

static bool check_payments(const struct config *config, char *reason, size_t reason_size)
{
    struct webhook_keys keys;
    bool set = strcmp(config->payment_secret, "none") != 0 && strcmp(config->payment_secret, not_read) != 0;
    if (set && !webhook_keys_parse(config->payment_secret, &keys)) {
        (void)snprintf(reason, reason_size,
                       "payment_secret must be none, or one or two secrets such as whsec_ and the Base64 of %d to %d"
                       " bytes, separated by a blank",
                       WEBHOOK_KEY_LEAST_BYTES, WEBHOOK_KEY_MOST_BYTES);
        return false;
    }
    explicit_bzero(&keys, sizeof(keys));
    if (strcmp(config->payment_url, "none") != 0 &&
        (!is_plain(config->payment_url) || !payment_url_valid(config->payment_url))) {
        (void)snprintf(reason, reason_size,
                       "payment_url must be none, or a URL with {orderId}, for example"
                       " https://pay.example/checkout?order={orderId}&amount={amount}");
        return false;
    }
    return true;
}

static bool check_limits(const struct config *config, char *reason, size_t reason_size)
{
    if ((int64_t)config->image_unsent_max_bytes * config->address_unsent_percent / PERCENT <
        CONFIG_UNSENT_LEAST_BYTES) {
        (void)snprintf(reason, reason_size,
                       "image_unsent_max_bytes (%d) times address_unsent_percent (%d) must be at least %d bytes",
                       config->image_unsent_max_bytes, config->address_unsent_percent, CONFIG_UNSENT_LEAST_BYTES);
        return false;
    }
    return true;
}

static bool check_networks(const struct config *config, char *reason, size_t reason_size)
{
    const struct {
        const char *name;
        const char *text;
    } lists[] = {{"webhook_networks", config->webhook_networks},
                 {"trusted_proxies", config->trusted_proxies},
                 {"limits_exempt", config->limits_exempt}};
    struct address_networks networks;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (!address_networks_parse(lists[i].text, &networks)) {
            (void)snprintf(reason, reason_size, "%s must be none, or up to %d networks like 10.0.0.0/8", lists[i].name,
                           ADDRESS_NETWORKS_MAX);
            return false;
        }
    }
    return true;
}

bool config_check(const struct config *config, char *reason, size_t reason_size)
{
    enum log_level level = LOG_INFO;
    if (!log_level_parse(config->log_level, &level)) {
        (void)snprintf(reason, reason_size, "log_level must be debug, info, warn or error");
        return false;
    }
    /* Every bid that was received in time must be in the queue before the fence (docs/auction-end.md). */
    if (config->fence_grace_ms <= config->confirm_deadline_ms + 2 * config->clock_skew_max_ms) {
        (void)snprintf(
            reason, reason_size,
            "fence_grace_ms (%d) must be more than confirm_deadline_ms (%d) plus twice clock_skew_max_ms (%d)",
            config->fence_grace_ms, config->confirm_deadline_ms, config->clock_skew_max_ms);
        return false;
    }
    if (config->confirm_deadline_ms >= config->request_deadline_ms) {
        (void)snprintf(reason, reason_size, "confirm_deadline_ms (%d) must be less than request_deadline_ms (%d)",
                       config->confirm_deadline_ms, config->request_deadline_ms);
        return false;
    }
    if (config->ownership_poll_ms * CONFIG_LEASE_POLLS > config->lease_s * 1000) {
        (void)snprintf(reason, reason_size, "lease_s (%d) must be at least %d times ownership_poll_ms (%d)",
                       config->lease_s, CONFIG_LEASE_POLLS, config->ownership_poll_ms);
        return false;
    }
    return check_urls(config, reason, reason_size) && check_images(config, reason, reason_size) &&
           check_origins(config, reason, reason_size) && check_mail(config, reason, reason_size) &&
           check_payments(config, reason, reason_size) && check_limits(config, reason, reason_size) &&
           check_networks(config, reason, reason_size);
}

void config_each(void (*each)(const char *section, const char *name, const char *value, void *arg), void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        each(settings[i].section, settings[i].name, settings[i].initial, arg);
    }
}

bool config_has_pages(const struct config *config)
{
    return strcmp(config->web_root, "none") != 0;
}

bool config_sends_mail(const struct config *config)
{
    return strcmp(config->mail_url, "none") != 0;
}

void config_links_session(const struct config *config, char out[static CONFIG_LINKS_SIZE])
{
    (void)snprintf(out, CONFIG_LINKS_SIZE, "-c rostrum.public_url=%s -c rostrum.pages=%s", config->public_url,
                   config_has_pages(config) ? "on" : "off");
}
