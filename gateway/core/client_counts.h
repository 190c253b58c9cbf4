/*
 * Counts what each client of a worker holds now, and bounds it: connections, requests, live connections, uploads,
 * unsent bytes, and the refusals of a minute. The one module that does. Pure: no I/O, no clock.
 *
 * A client is a set of keys (struct client_keys). An IPv4 address is one key. An IPv6 address is two: its /64, which
 * one customer has, and its /48, which bounds a customer who was given many of them. A user is a third. Connections are
 * counted for the peer, the address of the socket; everything else for the client address, which a trusted proxy may
 * have forwarded, and for the user. A client without keys is exempt.
 *
 * The counts are a worker's own, and so are the bounds that they are shares of (connections_max and others). So the
 * shares of all workers add up to the same share of the whole. Nothing is locked, and the counts of a worker that dies
 * die with it. The number of a user may be reached once in each worker.
 *
 * The table has a fixed size. A key without counts is removed at once. No call allocates memory.
 *
 * Callers: conn_accept.c (connections), limits.c and request.c (requests), stream.c (live connections), upload.c,
 * file_reply.c (unsent bytes), refusals.c.
 */
#ifndef ROSTRUM_GATEWAY_CORE_CLIENT_COUNTS_H
#define ROSTRUM_GATEWAY_CORE_CLIENT_COUNTS_H

#include "common/base/address.h"
#include "common/base/base.h"
#include "common/base/ids.h"

enum client_resource {
    CLIENT_CONNECTIONS, /* of a peer */
    CLIENT_REQUESTS,    /* that are not answered yet */
    CLIENT_LIVE,        /* WebSockets and event streams */
    CLIENT_UPLOADS,     /* that are received or processed */
    CLIENT_UNSENT,      /* bytes of files */
    CLIENT_REFUSALS,    /* since client_counts_clear */
    CLIENT_RESOURCES
};

enum client_scope {
    CLIENT_ADDRESS, /* an IPv4 address, or the /64 of an IPv6 address */
    CLIENT_NETWORK, /* the /48 of an IPv6 address */
    CLIENT_USER,
    CLIENT_SCOPES
};

enum {
    CLIENT_KEYS_MAX = CLIENT_SCOPES,
    CLIENT_COUNTS_MOST = 1 << 20,   /* keys in a table, at most */
    CLIENT_KEYS_PER_CONNECTION = 5, /* two of the peer, two of the client address, the user */
};

struct client_key {
    enum client_scope scope;
    int family; /* 0 for a user */
    uint8_t bytes[16];
};

struct client_keys {
    size_t count;
    struct client_key keys[CLIENT_KEYS_MAX];
};

/* Adds the keys of an address. */
void client_add_address(struct client_keys *client, const struct address *address);
void client_add_user(struct client_keys *client, const struct uuid *user);

/* The maximum of each count; 0: none. */
struct client_bounds {
    int most[CLIENT_RESOURCES][CLIENT_SCOPES];
};

/* The part of `whole` that one address may hold, and at least one. `percent` of 100 is the whole. */
int client_share(int whole, int percent);
/* The part of a /48: half way between the part of an address and the whole. */
int client_network_share(int whole, int percent);

struct client_counts;

/* `clients` is the number of keys that it has room for, at most CLIENT_COUNTS_MOST. NULL only if out of memory. */
MUST_CHECK struct client_counts *client_counts_new(const struct client_bounds *bounds, size_t clients);
void client_counts_free(struct client_counts *counts);

/*
 * Adds `amount` to the count of each key. False if one of them would exceed its bound, or if there is no room for a
 * key: nothing is added. Refusals are never refused for want of room, because they would keep out others: they are then
 * not counted.
 */
MUST_CHECK bool client_counts_take(struct client_counts *counts, const struct client_keys *client,
                                   enum client_resource resource, int amount);
/* Takes back what client_counts_take has added. */
void client_counts_give(struct client_counts *counts, const struct client_keys *client, enum client_resource resource,
                        int amount);
/* Sets one count of all clients to 0. */
void client_counts_clear(struct client_counts *counts, enum client_resource resource);
/* The count of one key, and the number of keys that have a count. For tests. */
int client_counts_of(const struct client_counts *counts, const struct client_key *key, enum client_resource resource);
size_t client_counts_keys(const struct client_counts *counts);

#endif
