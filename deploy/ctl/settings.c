/*
 * See settings.h. A deployment's folder contains conf/rostrum.ini (copied at its start), deployment.ini (addresses and
 * passwords, written by deploy/private) and, if ROSTRUM_CONF was set, conf/override.ini (a copy of that file).
 */
#include "deploy/ctl/settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const DEPLOYMENT_FILES[] = {"conf/rostrum.ini", "deployment.ini", "conf/override.ini"};

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static bool deployment_path(char out[static PATH_MAX], const char *folder, const char *file)
{
    int length = snprintf(out, PATH_MAX, "%s/%s", folder, file);
    return length > 0 && length < PATH_MAX;
}

/* Whether the settings name PostgreSQL without a deployment's folder. */
static bool has_other_source(size_t files)
{
    return files > 0 || variable("ROSTRUM_CONF") != NULL || variable("ROSTRUM_PG_URL") != NULL ||
           variable("ROSTRUM_PG_URL_CTL") != NULL || variable("ROSTRUM_PG_URL_MIGRATE") != NULL ||
           variable("ROSTRUM_PG_URL_FILE") != NULL || variable("CREDENTIALS_DIRECTORY") != NULL;
}

static bool read_deployment(struct config *config, const char *folder, char *reason, size_t reason_size)
{
    for (size_t i = 0; i < ARRAY_LEN(DEPLOYMENT_FILES); i++) {
        char path[PATH_MAX];
        if (!deployment_path(path, folder, DEPLOYMENT_FILES[i])) {
            (void)snprintf(reason, reason_size, "ROSTRUM_VAR is too long");
            return false;
        }
        if (access(path, F_OK) == 0 && !config_read(config, path, reason, reason_size)) {
            return false;
        }
    }
    return true;
}

/* Returns the deployment's folder, or NULL if the settings have another source. */
static const char *find_deployment(size_t files)
{
    const char *folder = variable("ROSTRUM_VAR");
    if (folder != NULL) {
        return folder;
    }
    return !has_other_source(files) && access("var/deployment.ini", F_OK) == 0 ? "var" : NULL;
}

/* Without this check the defaults would name another PostgreSQL. */
static bool is_deployment(const char *folder, char *reason, size_t reason_size)
{
    char path[PATH_MAX];
    if (deployment_path(path, folder, "deployment.ini") && access(path, F_OK) == 0) {
        return true;
    }
    (void)snprintf(reason, reason_size,
                   "ROSTRUM_VAR=%s contains no deployment: start it by make up, or name the servers by --config or"
                   " ROSTRUM_PG_URL",
                   folder);
    return false;
}

bool settings_find(struct config *config, enum login login, const char *const *files, size_t count, char *reason,
                   size_t reason_size)
{
    const char *folder = find_deployment(count);
    config_defaults(config);
    if (folder != NULL && !has_other_source(count) && !is_deployment(folder, reason, reason_size)) {
        return false;
    }
    if (folder != NULL && !read_deployment(config, folder, reason, reason_size)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!config_read(config, files[i], reason, reason_size)) {
            return false;
        }
    }
    if (!config_read_environment(config, reason, reason_size)) {
        return false;
    }
    config_choose(config, login);
    return config_check(config, reason, reason_size);
}
