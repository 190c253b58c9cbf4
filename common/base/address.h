/*
 * Which addresses a program of ours may connect to when a stranger named the host. Only addresses of the public
 * Internet pass: private, loopback, link-local, multicast, unspecified, documentation, benchmarking and reserved ones,
 * and IPv6 forms that carry an IPv4 address inside (mapped, 6to4, Teredo, NAT64), are special (the registries of
 * RFC 6890). It is judged on the address that is being connected to, after the name was resolved, so that no name can
 * be looked at once and mean something else a moment later.
 *
 * Networks that the operator lists pass nevertheless. Pure.
 *
 * Callers: common/protocol/webhook.c, notifyworker/webhook_call.c.
 */
#ifndef ROSTRUM_COMMON_BASE_ADDRESS_H
#define ROSTRUM_COMMON_BASE_ADDRESS_H

#include <sys/socket.h>

#include "common/base/base.h"

enum { ADDRESS_NETWORKS_MAX = 16 };

struct address_network {
    int family; /* AF_INET, AF_INET6 */
    uint8_t bytes[16];
    unsigned bits;
};

struct address_networks {
    size_t count;
    struct address_network list[ADDRESS_NETWORKS_MAX];
};

/* "127.0.0.1/32 fd00::/8", separated by blanks; "none". False: one of them is no network, or there are too many. */
MUST_CHECK bool address_networks_parse(const char *text, struct address_networks *networks);
/* May be connected to. A family other than IPv4 and IPv6 may not. */
MUST_CHECK bool address_allowed(const struct address_networks *networks, const struct sockaddr *address);

enum address_literal {
    ADDRESS_NO_LITERAL, /* a name, or nonsense */
    ADDRESS_ALLOWED,
    ADDRESS_REFUSED,
};
/* A host as it stands in a URL, without brackets. */
enum address_literal address_literal(const struct address_networks *networks, const char *host);

#endif
