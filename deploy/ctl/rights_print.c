/*
 * rostrumctl rights: prints the users and rights of the programs in a form that an administrator's tool of each server
 * accepts. Users and passwords are those of the settings (pg_url_gateway and so on), the rights those of
 * common/protocol/rights and schema/0018-rights.sql. Connects to nothing. Everything that is printed may be applied
 * again.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol/logins.h"
#include "deploy/ctl/ctl.h"

static const char *const NAMES[LOGIN_COUNT] = {
#define LOGIN_NAME(NAME, name) [LOGIN_##NAME] = #name,
    LOGINS(LOGIN_NAME)
#undef LOGIN_NAME
};

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
        ctl_report_error("the URL of %s in PostgreSQL names no user", NAMES[login]);
        PQconninfoFree(options);
        return false;
    }
    (void)snprintf(role, sizeof role, "%s%s", LOGINS_ROLE_PREFIX, NAMES[login]);
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
    return CTL_OK;
}

static const struct {
    const char *name;
    int (*print)(struct ctl *ctl);
} SERVERS[] = {{"postgres", print_postgres}};

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
