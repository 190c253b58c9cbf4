/*
 * The URL of RabbitMQ, which may name several nodes of a cluster:
 *
 *     amqp://user:password@host1:5672,host2:5672,host3:5672/vhost
 *
 * User, password and vhost are the same on each. Which host a connection tries next is decided here, too. Pure.
 * Callers: the settings, the broker, rostrumctl.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_URL_H
#define ROSTRUM_COMMON_IO_BROKER_URL_H

#include <amqp.h>

#include "common/base/base.h"

enum {
    BROKER_HOSTS_MAX = 8,      /* hosts of one URL */
    BROKER_URL_MAX_BYTES = 512 /* of a URL, with its terminator */
};

struct broker_host {
    char text[BROKER_URL_MAX_BYTES];  /* split by amqp_parse_url */
    struct amqp_connection_info info; /* points into `text` */
};

/* Not to be copied: its members point into it. */
struct broker_url {
    size_t count; /* of hosts, at least 1 */
    struct broker_host hosts[BROKER_HOSTS_MAX];
};

/* Returns NULL, or a static sentence: what is wrong with the URL, and what to use. It never quotes the URL. */
MUST_CHECK const char *broker_url_parse(const char *text, struct broker_url *url);

/*
 * The host that the `connection`-th connection of process `pid` tries first. So processes spread over the hosts, and
 * two connections of a process begin at different ones.
 */
size_t broker_url_first(size_t count, int pid, size_t connection);
/*
 * The host after `host`, without `avoided`: the host of the process's other publishing connection, or `count`. With two
 * hosts and one of them avoided, it is the same one again.
 */
size_t broker_url_next(size_t count, size_t host, size_t avoided);

#endif
