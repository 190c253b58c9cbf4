/*
 * See logins.h.
 */
#include "tests/support/logins.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_SIZE = 1024, VARIABLE_SIZE = 64 };

static const struct {
    const char *name;
    const char *suffix; /* of variables */
} PROGRAMS[LOGIN_COUNT] = {
#define LOGIN_ENTRY(NAME, name) [LOGIN_##NAME] = {#name, #NAME},
    LOGINS(LOGIN_ENTRY)
#undef LOGIN_ENTRY
};

static bool read_file(const char *file, struct config *config)
{
    char path[PATH_MAX];
    char reason[REASON_SIZE] = "";
    const char *folder = getenv("ROSTRUM_VAR");
    config_defaults(config);
    (void)snprintf(path, sizeof(path), "%s/%s", folder == NULL ? "var" : folder, file);
    return config_read(config, path, reason, sizeof(reason));
}

void logins_read(enum login login, struct config *config)
{
    char file[VARIABLE_SIZE];
    (void)snprintf(file, sizeof(file), "programs/%s.ini", PROGRAMS[login].name);
    ck_assert_msg(read_file(login == LOGIN_MIGRATE ? "deployment.ini" : file, config), "%s cannot be read", file);
    config_choose(config, login);
}

/* The length of "user:password" behind the scheme; 0: none. */
static size_t userinfo(const char *url, const char **start)
{
    const char *from = strstr(url, "://");
    *start = from == NULL ? url : from + 3;
    const char *end = strchr(*start, '@');
    return end == NULL ? 0 : (size_t)(end - *start);
}

static void export_one(const char *variable, const char *suffix, const char *common, const char *own)
{
    char name[VARIABLE_SIZE];
    char url[CONFIG_TEXT_SIZE];
    const char *user = NULL;
    const char *common_user = NULL;
    const char *own_user = NULL;
    const char *given = getenv(variable);
    if (given == NULL) {
        return;
    }
    size_t length = userinfo(given, &user);
    size_t own_length = userinfo(own, &own_user);
    if (length != userinfo(common, &common_user) || strncmp(user, common_user, length) != 0) {
        return;
    }
    (void)snprintf(name, sizeof(name), "%s_%s", variable, suffix);
    (void)snprintf(url, sizeof(url), "%.*s%.*s%s", (int)(user - given), given, (int)own_length, own_user,
                   user + length);
    (void)setenv(name, url, 1);
}

void logins_export(const char *name)
{
    static const char prefix[] = "rostrum-";
    struct config common;
    for (int login = 0; login < LOGIN_COUNT; login++) {
        struct config own;
        char file[VARIABLE_SIZE];
        (void)snprintf(file, sizeof(file), "programs/%s.ini", PROGRAMS[login].name);
        if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 ||
            strcmp(name + sizeof(prefix) - 1, PROGRAMS[login].name) != 0 || !read_file("deployment.ini", &common) ||
            !read_file(file, &own)) {
            continue;
        }
        config_choose(&own, (enum login)login);
        export_one("ROSTRUM_PG_URL", PROGRAMS[login].suffix, common.pg_url, own.pg_url);
        export_one("ROSTRUM_REDIS_URL", PROGRAMS[login].suffix, common.redis_url, own.redis_url);
        export_one("ROSTRUM_AMQP_URL", PROGRAMS[login].suffix, common.amqp_url, own.amqp_url);
    }
}
