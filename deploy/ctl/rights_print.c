/*
 * rostrumctl rights: prints the users and rights of the programs in a form that an administrator's tool of each server
 * accepts. Users and passwords are those of the settings (pg_url_gateway and so on), the rights those of
 * common/protocol/rights and schema/0018-rights.sql. Connects to nothing. Everything that is printed may be applied
 * again.
 */
#include <libpq-fe.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/io/broker_url.h"
#include "common/io/redis.h"
#include "common/protocol/rights.h"
#include "deploy/ctl/ctl.h"

static bool is_set(const char *url)
{
    return strcmp(url, "none") != 0;
}

/* --- PostgreSQL --- */

/* One statement a line, as `postgres --single` reads them. */
#define CREATE_ROLE_SQL                                                                                                \
    "DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) THEN CREATE ROLE %s NOLOGIN; END IF; END$$;\n"
/* After a version that gave the audit log to a role of its own, only an administrator can give it back. */
#define AUDIT_SQL                                                                                                      \
    "DO $$BEGIN IF to_regclass('audit_log') IS NOT NULL THEN ALTER TABLE audit_log OWNER TO %s; "                      \
    "ALTER FUNCTION audit_log_refuse() OWNER TO %s; END IF; END$$;\n"

/* What PostgreSQL allows to all logins, and no program needs: temporary tables, and large objects. */
#define PUBLIC_SQL                                                                                                     \
    "DO $$BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END$$;\n"           \
    "REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;\n"

/* The value of a part of a libpq URL; "" if it has none. */
static const char *part_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++) {
        if (strcmp(option->keyword, keyword) == 0) {
            return option->val == NULL ? "" : option->val;
        }
    }
    return "";
}

enum { QUOTED_SIZE = 2 * CONFIG_TEXT_SIZE + 4 };

/* As SQL writes a name ('"') or a text ('\''). A backslash in it needs no escape with standard_conforming_strings. */
static const char *quote(const char *text, char mark, char out[static QUOTED_SIZE])
{
    size_t length = 0;
    out[length++] = mark;
    for (; *text != '\0' && length + 4 < QUOTED_SIZE; text++) {
        if (*text == mark) {
            out[length++] = mark;
        }
        out[length++] = *text;
    }
    out[length++] = mark;
    out[length] = '\0';
    return out;
}

static void print_role(const char *role)
{
    char name[QUOTED_SIZE];
    char text[QUOTED_SIZE];
    (void)printf(CREATE_ROLE_SQL, quote(role, '\'', text), quote(role, '"', name));
}

/* Prints a login, and its membership in the role that has its rights. */
static void print_login(const char *user, const char *password, const char *role)
{
    char name[QUOTED_SIZE];
    char text[QUOTED_SIZE];
    print_role(user);
    (void)printf("ALTER ROLE %s LOGIN", quote(user, '"', name));
    if (password[0] != '\0') {
        (void)printf(" PASSWORD %s", quote(password, '\'', text));
    }
    (void)printf(";\n");
    if (role[0] != '\0' && strcmp(user, role) != 0) {
        (void)printf("GRANT \"%s\" TO %s;\n", role, name);
    }
}

/* What the owner of the tables needs. */
static void print_owner(const char *user)
{
    char name[QUOTED_SIZE];
    (void)quote(user, '"', name);
    (void)printf("GRANT pg_signal_backend TO %s;\n", name);
    (void)printf(AUDIT_SQL, name, name);
}

static bool print_postgres_login(const struct config *config, enum login login)
{
    char role[sizeof LOGINS_ROLE_PREFIX + 16];
    const char *url = is_set(config->pg_urls[login]) ? config->pg_urls[login] : config->pg_url;
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    const char *user = part_of(options, "user");
    if (user[0] == '\0') {
        ctl_report_error("the URL of %s in PostgreSQL names no user", rights_names[login]);
        PQconninfoFree(options);
        return false;
    }
    (void)snprintf(role, sizeof role, "%s%s", LOGINS_ROLE_PREFIX, rights_names[login]);
    if (login == LOGIN_MIGRATE) {
        print_login(user, part_of(options, "password"), "");
        print_owner(user);
    } else {
        print_role(role);
        if (is_set(config->pg_urls[login])) {
            print_login(user, part_of(options, "password"), role);
        }
    }
    PQconninfoFree(options);
    return true;
}

static int print_postgres(struct ctl *ctl)
{
    for (int login = 0; login < LOGIN_COUNT; login++) {
        if (!print_postgres_login(&ctl->config, (enum login)login)) {
            return CTL_FAILED;
        }
    }
    (void)fputs(PUBLIC_SQL, stdout);
    return CTL_OK;
}

/* --- Redis --- */

enum { HASH_HEX_SIZE = 2 * crypto_hash_sha256_BYTES + 1 };

/* A line of an ACL. The password is only there as its hash. */
static bool print_redis_login(const char *url, enum login login)
{
    char *user = NULL;
    char *password = NULL;
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[HASH_HEX_SIZE];
    bool ok = redis_url_login(url, &user, &password) && user != NULL && password != NULL;
    if (ok) {
        const struct rights_redis *rights = &rights_redis[login];
        (void)crypto_hash_sha256(hash, (const unsigned char *)password, strlen(password));
        (void)sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
        (void)printf("user %s reset on #%s %s%s%s -@all %s %s\n", user, hex, rights->keys,
                     rights->keys[0] == '\0' ? "" : " ", rights->channels, rights_redis_common, rights->commands);
    } else {
        ctl_report_error("redis_url_%s names no user and password", rights_names[login]);
    }
    free(user);
    free(password);
    return ok;
}

static int print_redis(struct ctl *ctl)
{
    bool ok = true;
    for (int login = 0; login < LOGIN_COUNT; login++) {
        const char *url = ctl->config.redis_urls[login];
        if (rights_redis[login].keys != NULL && is_set(url)) {
            ok = print_redis_login(url, (enum login)login) && ok;
        }
    }
    return ok ? CTL_OK : CTL_FAILED;
}

/* --- RabbitMQ --- */

enum { SALT_BYTES = 4, SALTED_MAX_BYTES = SALT_BYTES + BROKER_URL_MAX_BYTES, ENCODED_SIZE = 64 };

/* As RabbitMQ's rabbit_password_hashing_sha256: base64 of the salt and of the hash of salt and password. */
static void hash_password(const char *password, char out[static ENCODED_SIZE])
{
    unsigned char salted[SALTED_MAX_BYTES];
    unsigned char hashed[SALT_BYTES + crypto_hash_sha256_BYTES];
    size_t length = strnlen(password, BROKER_URL_MAX_BYTES);
    randombytes_buf(salted, SALT_BYTES);
    memcpy(salted + SALT_BYTES, password, length);
    memcpy(hashed, salted, SALT_BYTES);
    (void)crypto_hash_sha256(hashed + SALT_BYTES, salted, SALT_BYTES + length);
    (void)sodium_bin2base64(out, ENCODED_SIZE, hashed, sizeof hashed, sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(salted, sizeof salted);
}

/* The URL of a login; NULL: it uses the common one. migrate is always there, as the administrator of the vhost. */
static const char *amqp_url_of(const struct config *config, enum login login)
{
    const char *common = login == LOGIN_MIGRATE ? config->amqp_url : NULL;
    return is_set(config->amqp_urls[login]) ? config->amqp_urls[login] : common;
}

static void write_user(struct jsonw *json, const struct amqp_connection_info *info, enum login login)
{
    char hash[ENCODED_SIZE];
    hash_password(info->password, hash);
    jsonw_object(json);
    jsonw_put_string(json, "name", info->user);
    jsonw_put_string(json, "password_hash", hash);
    jsonw_put_string(json, "hashing_algorithm", "rabbit_password_hashing_sha256");
    jsonw_put_string(json, "tags", login == LOGIN_MIGRATE ? "administrator" : "");
    jsonw_end_object(json);
}

static void write_permissions(struct jsonw *json, const struct amqp_connection_info *info, enum login login)
{
    jsonw_object(json);
    jsonw_put_string(json, "user", info->user);
    jsonw_put_string(json, "vhost", info->vhost);
    jsonw_put_string(json, "configure", rights_amqp[login].configure);
    jsonw_put_string(json, "write", rights_amqp[login].write);
    jsonw_put_string(json, "read", rights_amqp[login].read);
    jsonw_end_object(json);
}

static void write_vhost(struct jsonw *json, const struct amqp_connection_info *info, enum login login)
{
    if (login == LOGIN_MIGRATE) {
        jsonw_object(json);
        jsonw_put_string(json, "name", info->vhost);
        jsonw_end_object(json);
    }
}

/* Writes a member: what `each` writes for every login. */
static bool write_logins(struct jsonw *json, const struct config *config, const char *name,
                         void (*each)(struct jsonw *, const struct amqp_connection_info *, enum login))
{
    struct broker_url url;
    jsonw_name(json, name);
    jsonw_array(json);
    for (int login = 0; login < LOGIN_COUNT; login++) {
        const char *text = amqp_url_of(config, (enum login)login);
        const char *wrong = text == NULL ? NULL : broker_url_parse(text, &url);
        if (wrong != NULL) {
            ctl_report_error("amqp_url_%s: %s", rights_names[login], wrong);
            return false;
        }
        if (text != NULL) {
            each(json, &url.hosts[0].info, (enum login)login);
        }
    }
    jsonw_end_array(json);
    return true;
}

/* Definitions, as `rabbitmqctl import_definitions` and the setting load_definitions read them. */
static int print_rabbitmq(struct ctl *ctl)
{
    struct jsonw *json = jsonw_new();
    bool ok = json != NULL;
    if (ok) {
        jsonw_object(json);
        ok = write_logins(json, &ctl->config, "vhosts", write_vhost) &&
             write_logins(json, &ctl->config, "users", write_user) &&
             write_logins(json, &ctl->config, "permissions", write_permissions);
        jsonw_end_object(json);
    }
    const char *text = ok ? jsonw_text(json, NULL) : NULL;
    if (text != NULL) {
        (void)puts(text);
    }
    jsonw_free(json);
    return text != NULL ? CTL_OK : CTL_FAILED;
}

static const struct {
    const char *name;
    int (*print)(struct ctl *ctl);
} SERVERS[] = {{"postgres", print_postgres}, {"redis", print_redis}, {"rabbitmq", print_rabbitmq}};

int rights_command(struct ctl *ctl, int argc, char **argv)
{
    for (size_t i = 0; argc == 1 && i < ARRAY_LEN(SERVERS); i++) {
        if (strcmp(SERVERS[i].name, argv[0]) == 0) {
            return SERVERS[i].print(ctl);
        }
    }
    ctl_report_error("rights takes postgres, redis or rabbitmq");
    return CTL_USAGE;
}
