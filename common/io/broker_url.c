/*
 * See broker_url.h. Each host is put into a URL of its own, which librabbitmq's parser reads: it decodes percent signs
 * and knows the defaults.
 */
#include "common/io/broker_url.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char scheme[] = "amqp://";
static const char form[] = "amqp_url must be of the form amqp://user:password@host1:port,host2:port/vhost";

/* The parts of a URL: amqp:// `user` hosts `rest`. `user` ends with its @, `rest` begins with /. Both may be empty. */
struct parts {
    const char *user;
    size_t user_length;
    const char *hosts;
    size_t hosts_length;
    const char *rest;
};

static void split(const char *text, struct parts *parts)
{
    parts->user = text + strlen(scheme);
    size_t authority = strcspn(parts->user, "/?#");
    const char *at = memchr(parts->user, '@', authority);
    parts->user_length = at == NULL ? 0 : (size_t)(at + 1 - parts->user);
    parts->hosts = parts->user + parts->user_length;
    parts->hosts_length = authority - parts->user_length;
    parts->rest = parts->user + authority;
}

/* NULL, or the reason. */
static const char *parse_host(const struct parts *parts, const char *host, size_t length, struct broker_host *out)
{
    int written = snprintf(out->text, sizeof out->text, "%s%.*s%.*s%s", scheme, (int)parts->user_length, parts->user,
                           (int)length, host, parts->rest);
    if (written < 0 || (size_t)written >= sizeof out->text) {
        return "amqp_url is too long";
    }
    if (length == 0 && parts->hosts_length > 0) {
        return "amqp_url has a comma without a host before or after it";
    }
    return amqp_parse_url(out->text, &out->info) == AMQP_STATUS_OK ? NULL : form;
}

static bool is_repeated(const struct broker_url *url)
{
    const struct amqp_connection_info *last = &url->hosts[url->count - 1].info;
    for (size_t i = 0; i + 1 < url->count; i++) {
        if (strcmp(url->hosts[i].info.host, last->host) == 0 && url->hosts[i].info.port == last->port) {
            return true;
        }
    }
    return false;
}

static const char *parse_hosts(const struct parts *parts, struct broker_url *url)
{
    static_assert(BROKER_HOSTS_MAX == 8, "the sentence says so");
    const char *end = parts->hosts + parts->hosts_length;
    url->count = 0;
    for (const char *host = parts->hosts; host <= end; host++) {
        const char *comma = memchr(host, ',', (size_t)(end - host));
        size_t length = (size_t)((comma == NULL ? end : comma) - host);
        if (url->count == BROKER_HOSTS_MAX) {
            return "amqp_url must name at most 8 hosts";
        }
        const char *reason = parse_host(parts, host, length, &url->hosts[url->count]);
        if (reason != NULL) {
            return reason;
        }
        url->count++;
        if (is_repeated(url)) {
            return "amqp_url must name each host once";
        }
        host += length;
    }
    return NULL;
}

const char *broker_url_parse(const char *text, struct broker_url *url)
{
    struct parts parts;
    if (strncmp(text, "amqps://", strlen("amqps://")) == 0) {
        return "amqp_url cannot use TLS: use amqp:// to a local HAProxy that does, as conf/haproxy/rabbitmq.cfg sets "
               "up";
    }
    if (strncmp(text, scheme, strlen(scheme)) != 0) {
        return form;
    }
    if (strpbrk(text, " \t\r\n") != NULL) {
        return "amqp_url must not contain blanks: several hosts are separated by a comma alone";
    }
    split(text, &parts);
    if (memchr(parts.hosts, '@', parts.hosts_length) != NULL) {
        return "amqp_url must name user and password once, before the first host; write an @ in a password as %40";
    }
    return parse_hosts(&parts, url);
}

size_t broker_url_first(size_t count, int pid, size_t connection)
{
    assert(count > 0 && pid >= 0);
    return ((size_t)pid + connection) % count;
}

size_t broker_url_next(size_t count, size_t host, size_t avoided)
{
    size_t next = (host + 1) % count;
    return next == avoided ? (next + 1) % count : next;
}
