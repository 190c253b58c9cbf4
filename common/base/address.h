/*
 * IP addresses and networks.
 *
 * address_allowed decides which addresses the programs may connect to when a client named the host. Only addresses of
 * the public Internet are allowed. The special ones of the RFC 6890 registries are refused: private, loopback,
 * link-local, multicast, unspecified, documentation, benchmarking and reserved. IPv6 forms that embed an IPv4 address
 * (mapped, 6to4, Teredo, NAT64) are refused too. The check is made on the resolved address at connect time, so DNS
 * rebinding cannot bypass it.
 *
 * Networks that the operator lists are allowed in any case.
 *
 * Callers: common/protocol/webhook.c, notifyworker/webhook_call.c, and the gateway for the addresses of clients and
 * proxies.
 */
#ifndef ROSTRUM_COMMON_BASE_ADDRESS_H
#define ROSTRUM_COMMON_BASE_ADDRESS_H

#include <sys/socket.h>

#include "common/base/base.h"

enum {
    ADDRESS_NETWORKS_MAX = 16,
    ADDRESS_TEXT_SIZE = 46, /* an IPv6 address as text */
};

struct address {
    int family; /* AF_INET, AF_INET6 */
    uint8_t bytes[16];
};

struct address_network {
    int family; /* AF_INET, AF_INET6 */
    uint8_t bytes[16];
    unsigned bits;
};

struct address_networks {
    size_t count;
    struct address_network list[ADDRESS_NETWORKS_MAX];
};

/* "127.0.0.1/32 fd00::/8", separated by blanks, or "none". False: an item is not a network, or there are too many. */
MUST_CHECK bool address_networks_parse(const char *text, struct address_networks *networks);
/* An IPv4 or IPv6 address without port or zone. An IPv4 address that is mapped into IPv6 becomes the IPv4 address. */
MUST_CHECK bool address_parse(const char *text, size_t length, struct address *address);
/* The same of a socket. False for families other than IPv4 and IPv6. */
MUST_CHECK bool address_of_socket(const struct sockaddr *socket, struct address *address);
void address_format(const struct address *address, char out[static ADDRESS_TEXT_SIZE]);
/* The first `bits` bits of an address; the others are 0. */
struct address address_prefix(const struct address *address, unsigned bits);
bool address_is_in(const struct address_networks *networks, const struct address *address);
/* True if connecting is allowed. False for families other than IPv4 and IPv6. */
MUST_CHECK bool address_allowed(const struct address_networks *networks, const struct sockaddr *address);

enum address_literal {
    ADDRESS_NO_LITERAL, /* a host name, or invalid */
    ADDRESS_ALLOWED,
    ADDRESS_REFUSED,
};
/* Checks a host in the form that a URL has, without brackets. */
enum address_literal address_literal(const struct address_networks *networks, const char *host);

#endif
