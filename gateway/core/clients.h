/*
 * The clients of a worker: client_counts with the bounds of the settings, and the keys of a client from its address.
 * Networks in limits_exempt, and peers in trusted_proxies, have no keys: they are not counted.
 *
 * One per worker, created by components.c.
 */
#ifndef ROSTRUM_GATEWAY_CORE_CLIENTS_H
#define ROSTRUM_GATEWAY_CORE_CLIENTS_H

#include "gateway/core/client_counts.h"

struct config;

struct clients {
    struct client_counts *counts;
    struct address_networks exempt;
    struct address_networks proxies; /* trusted_proxies */
};

/* False if out of memory, or if a list of networks is invalid, which config_check has excluded. */
MUST_CHECK bool clients_open(struct clients *clients, const struct config *config);
void clients_close(struct clients *clients);

/* The keys of a client address; a text that is no address, which a proxy may forward, is a client too. */
struct client_keys clients_of_address(const struct clients *clients, const char *text);
/* The keys of the peer of a connected socket. */
struct client_keys clients_of_peer(const struct clients *clients, int fd);
/*
 * Counts one thing of a client that is counted by its address already, for its user too, and adds that key to
 * `client`. False: the user has reached the bound. A client without keys stays without.
 */
MUST_CHECK bool clients_take_user(const struct clients *clients, struct client_keys *client, const struct uuid *user,
                                  enum client_resource resource);

#endif
