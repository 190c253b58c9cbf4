/*
 * See pg_hosts.h. No I/O but libpq's parser of URLs.
 */
#include "common/io/pg_hosts.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

enum {
    /*
     * For one of several hosts, unless the URL has a connect_timeout. A handshake takes some milliseconds, and a dead
     * host that is asked first delays each new connection by so much.
     */
    HOST_DEADLINE_MS = 2000,
    MS_PER_S = 1000,
    CONNECT_TIMEOUT_LEAST_S = 2, /* as libpq */
    CONNECT_TIMEOUT_MOST_S = 3600,
};

static const char NOT_A_URL[] = "pg_url must be a libpq connection URL: postgresql://user:password@host:port/database";
static const char READ_ONLY[] =
    "pg_url must have target_session_attrs=read-write, primary or any, because the programs write";
static const char MISMATCH[] = "pg_url must have one port for all of its hosts, or one for each";
static const char TOO_MANY[] = "pg_url must name at most 8 hosts, and none of several may be empty";
static_assert(PG_HOSTS_MAX == 8, "the text says so");

static const char *value_of(const PQconninfoOption *parts, const char *keyword)
{
    for (; parts->keyword != NULL; parts++) {
        if (strcmp(parts->keyword, keyword) == 0) {
            return parts->val == NULL || parts->val[0] == '\0' ? NULL : parts->val;
        }
    }
    return NULL;
}

/* Splits a list at its commas. Returns the number of items, or 0 if there are too many, or no memory. */
static size_t split(const char *list, char **copy, const char *items[PG_HOSTS_MAX])
{
    size_t count = 0;
    char *rest = *copy = strdup(list);
    while (rest != NULL) {
        if (count == PG_HOSTS_MAX) {
            return 0;
        }
        items[count++] = strsep(&rest, ",");
    }
    return count;
}

static bool any_empty(const char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i][0] == '\0') {
            return true;
        }
    }
    return false;
}

/* An empty port means the default one. libpq would take an empty text for the list of the URL. */
static const char *read_ports(struct pg_hosts *hosts, const char *list)
{
    static const char DEFAULT_PORT[] = "5432";
    size_t count = list == NULL ? 0 : split(list, &hosts->lists[2], hosts->port);
    if (list == NULL) {
        return NULL;
    }
    if (count != 1 && count != hosts->count) {
        return MISMATCH;
    }
    for (size_t i = 0; i < hosts->count; i++) {
        hosts->port[i] = count == 1 ? hosts->port[0] : hosts->port[i];
        hosts->port[i] = hosts->port[i][0] == '\0' ? DEFAULT_PORT : hosts->port[i];
    }
    return NULL;
}

static const char *read_hosts(struct pg_hosts *hosts, const PQconninfoOption *parts)
{
    const char *names = value_of(parts, "host");
    const char *addresses = value_of(parts, "hostaddr");
    const char *list = addresses != NULL ? addresses : names;
    hosts->count = 1;
    if (list == NULL || strchr(list, ',') == NULL) {
        return NULL;
    }
    size_t named = names == NULL ? 0 : split(names, &hosts->lists[0], hosts->host);
    size_t addressed = addresses == NULL ? 0 : split(addresses, &hosts->lists[1], hosts->address);
    hosts->count = addresses != NULL ? addressed : named;
    if (hosts->count == 0 || any_empty(hosts->host, named) || any_empty(hosts->address, addressed)) {
        return TOO_MANY;
    }
    if (names != NULL && addresses != NULL && named != addressed) {
        return "pg_url must have one host for each hostaddr";
    }
    return read_ports(hosts, value_of(parts, "port"));
}

static const char *read_session(struct pg_hosts *hosts, const char *given)
{
    static const char READ_WRITE[] = "read-write";
    if (given == NULL && hosts->count > 1) {
        hosts->session = READ_WRITE;
    }
    bool primary = given != NULL && strcmp(given, "primary") == 0;
    hosts->needs_primary = hosts->session != NULL || primary || (given != NULL && strcmp(given, READ_WRITE) == 0);
    return given == NULL || hosts->needs_primary || strcmp(given, "any") == 0 ? NULL : READ_ONLY;
}

/* As libpq: 0, a negative number and a text that is none mean no limit, and one second means two. */
static void read_timeout(struct pg_hosts *hosts, const char *given)
{
    long seconds = given == NULL ? 0 : strtol(given, NULL, 10);
    if (seconds > 0) {
        seconds = seconds < CONNECT_TIMEOUT_LEAST_S ? CONNECT_TIMEOUT_LEAST_S : seconds;
        seconds = seconds > CONNECT_TIMEOUT_MOST_S ? CONNECT_TIMEOUT_MOST_S : seconds;
        hosts->connect_timeout_ms = (int)seconds * MS_PER_S;
    } else if (hosts->count > 1) {
        hosts->connect_timeout_ms = HOST_DEADLINE_MS;
    }
}

const char *pg_hosts_read(struct pg_hosts *hosts, const char *url)
{
    *hosts = (struct pg_hosts){.count = 1};
    PQconninfoOption *parts = PQconninfoParse(url, NULL);
    if (parts == NULL) {
        return NOT_A_URL;
    }
    const char *reason = read_hosts(hosts, parts);
    if (reason == NULL) {
        reason = read_session(hosts, value_of(parts, "target_session_attrs"));
    }
    read_timeout(hosts, value_of(parts, "connect_timeout"));
    PQconninfoFree(parts);
    return reason;
}

void pg_hosts_free(struct pg_hosts *hosts)
{
    for (size_t i = 0; i < ARRAY_LEN(hosts->lists); i++) {
        free(hosts->lists[i]);
        hosts->lists[i] = NULL;
    }
}

int pg_hosts_deadline_ms(const struct pg_hosts *hosts, int timeout_ms)
{
    bool limited = hosts->connect_timeout_ms > 0 && hosts->connect_timeout_ms < timeout_ms;
    return limited ? hosts->connect_timeout_ms : timeout_ms;
}

void pg_hosts_failed(struct pg_hosts *hosts, size_t tried)
{
    if (hosts->next == tried) {
        hosts->next = (tried + 1) % hosts->count;
    }
}

void pg_hosts_worked(struct pg_hosts *hosts, size_t tried)
{
    hosts->next = tried;
}
