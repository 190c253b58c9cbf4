/*
 * The client's address behind proxies, from X-Forwarded-For. Each proxy appends the address that it was called from. So
 * the list is read from its end, as long as a trusted proxy wrote the entry. The client is the first address that is no
 * trusted proxy's. Entries before it may be forged. Pure. Caller: dispatch.c.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_FORWARDED_H
#define ROSTRUM_GATEWAY_HTTP_FORWARDED_H

#include "common/base/address.h"

enum { FORWARDED_HOPS_MAX = 32 /* entries that are read */ };

struct forwarded {
    const struct address_networks *trusted;
    struct address client; /* the best known so far */
    bool ended;            /* `client` is certain, or what precedes it cannot be read */
    int hops;
};

/* `peer` is the address of the connection, as text; NULL or invalid: nothing is known. */
void forwarded_begin(struct forwarded *forwarded, const struct address_networks *trusted, const char *peer);
/*
 * Adds the value of a header X-Forwarded-For: the last header first. An entry is an address, with or without port. At
 * another one the search ends: the client is then the proxy that passed it on.
 */
void forwarded_add(struct forwarded *forwarded, const char *value);

#endif
