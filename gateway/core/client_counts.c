/*
 * See client_counts.h. A hash table with linear probing, at most half full. A removed entry is filled from behind, so
 * no entry marks a gap and the table never needs to be rebuilt. The hash is keyed: a client can choose half of its IPv6
 * address, and must not be able to choose its place.
 */
#include "gateway/core/client_counts.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { IPV6_CUSTOMER_BITS = 64, IPV6_NETWORK_BITS = 48, PERCENT = 100, TABLE_LEAST = 16 };

struct entry {
    struct client_key key;
    bool used;
    int32_t counts[CLIENT_RESOURCES];
};

struct client_counts {
    struct client_bounds bounds;
    unsigned char hash_key[crypto_shorthash_KEYBYTES];
    size_t keys;
    size_t keys_max;
    size_t mask; /* number of entries, a power of two, less one */
    struct entry entries[];
};

static void add_key(struct client_keys *client, enum client_scope scope, int family, const uint8_t *bytes)
{
    assert(client->count < CLIENT_KEYS_MAX);
    struct client_key *key = &client->keys[client->count++];
    *key = (struct client_key){.scope = scope, .family = family};
    memcpy(key->bytes, bytes, sizeof(key->bytes));
}

void client_add_address(struct client_keys *client, const struct address *address)
{
    if (address->family != AF_INET6) {
        add_key(client, CLIENT_ADDRESS, address->family, address->bytes);
        return;
    }
    struct address customer = address_prefix(address, IPV6_CUSTOMER_BITS);
    struct address network = address_prefix(address, IPV6_NETWORK_BITS);
    add_key(client, CLIENT_ADDRESS, AF_INET6, customer.bytes);
    add_key(client, CLIENT_NETWORK, AF_INET6, network.bytes);
}

void client_add_user(struct client_keys *client, const struct uuid *user)
{
    static_assert(sizeof(user->bytes) == sizeof(client->keys[0].bytes), "a key holds the id of a user");
    add_key(client, CLIENT_USER, 0, user->bytes);
}

int client_share(int whole, int percent)
{
    int64_t part = (int64_t)whole * percent / PERCENT;
    return part < 1 ? 1 : (int)part;
}

int client_network_share(int whole, int percent)
{
    return client_share(whole, (percent + PERCENT) / 2);
}

/* ---- the table ---- */

static size_t place_of(const struct client_counts *counts, const struct client_key *key)
{
    unsigned char text[2 + sizeof(key->bytes)] = {(unsigned char)key->scope, (unsigned char)key->family};
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number = 0;
    memcpy(text + 2, key->bytes, sizeof(key->bytes));
    (void)crypto_shorthash(hash, text, sizeof(text), counts->hash_key);
    memcpy(&number, hash, sizeof(number));
    return (size_t)number & counts->mask;
}

static bool key_equal(const struct client_key *a, const struct client_key *b)
{
    return a->scope == b->scope && a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The index of the key's entry, or of the unused one where it belongs. There is one: the table is never full. */
static size_t find(const struct client_counts *counts, const struct client_key *key)
{
    size_t at = place_of(counts, key);
    while (counts->entries[at].used && !key_equal(&counts->entries[at].key, key)) {
        at = (at + 1) & counts->mask;
    }
    return at;
}

static bool is_zero(const struct entry *entry)
{
    for (size_t i = 0; i < CLIENT_RESOURCES; i++) {
        if (entry->counts[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Fills the gap with each later entry that may not stay behind it. */
static void remove_entry(struct client_counts *counts, size_t gap)
{
    counts->entries[gap].used = false;
    counts->keys--;
    for (size_t at = (gap + 1) & counts->mask; counts->entries[at].used; at = (at + 1) & counts->mask) {
        size_t distance = (at - place_of(counts, &counts->entries[at].key)) & counts->mask;
        if (distance >= ((at - gap) & counts->mask)) {
            counts->entries[gap] = counts->entries[at];
            counts->entries[at].used = false;
            gap = at;
        }
    }
}

struct client_counts *client_counts_new(const struct client_bounds *bounds, size_t clients)
{
    size_t keys_max = clients > CLIENT_COUNTS_MOST ? CLIENT_COUNTS_MOST : clients;
    size_t size = TABLE_LEAST;
    while (size < 2 * keys_max) {
        size *= 2;
    }
    struct client_counts *counts = calloc(1, sizeof(*counts) + size * sizeof(counts->entries[0]));
    if (counts != NULL) {
        counts->bounds = *bounds;
        counts->keys_max = keys_max;
        counts->mask = size - 1;
        crypto_shorthash_keygen(counts->hash_key);
    }
    return counts;
}

void client_counts_free(struct client_counts *counts)
{
    free(counts);
}

/* ---- counting ---- */

static size_t unknown_keys(const struct client_counts *counts, const struct client_keys *client)
{
    size_t unknown = 0;
    for (size_t i = 0; i < client->count; i++) {
        unknown += !counts->entries[find(counts, &client->keys[i])].used;
    }
    return unknown;
}

static bool may_take(const struct client_counts *counts, const struct client_keys *client,
                     enum client_resource resource, int amount)
{
    for (size_t i = 0; i < client->count; i++) {
        const struct entry *entry = &counts->entries[find(counts, &client->keys[i])];
        int64_t count = entry->used ? entry->counts[resource] : 0;
        int most = counts->bounds.most[resource][client->keys[i].scope];
        if (count + amount > (most > 0 ? most : INT32_MAX)) {
            return false;
        }
    }
    return counts->keys + unknown_keys(counts, client) <= counts->keys_max;
}

/* Refusals leave half of the room to what clients hold. */
static bool has_room_for_refusals(const struct client_counts *counts, const struct client_keys *client)
{
    size_t unknown = unknown_keys(counts, client);
    return unknown == 0 || counts->keys + unknown <= counts->keys_max / 2;
}

bool client_counts_take(struct client_counts *counts, const struct client_keys *client, enum client_resource resource,
                        int amount)
{
    assert(amount >= 0);
    if (resource == CLIENT_REFUSALS && !has_room_for_refusals(counts, client)) {
        return true;
    }
    if (amount == 0 || !may_take(counts, client, resource, amount)) {
        return amount == 0;
    }
    for (size_t i = 0; i < client->count; i++) {
        struct entry *entry = &counts->entries[find(counts, &client->keys[i])];
        if (!entry->used) {
            *entry = (struct entry){.key = client->keys[i], .used = true};
            counts->keys++;
        }
        entry->counts[resource] += amount;
    }
    return true;
}

void client_counts_give(struct client_counts *counts, const struct client_keys *client, enum client_resource resource,
                        int amount)
{
    for (size_t i = 0; i < client->count; i++) {
        size_t at = find(counts, &client->keys[i]);
        struct entry *entry = &counts->entries[at];
        if (!entry->used) {
            continue;
        }
        assert(entry->counts[resource] >= amount);
        entry->counts[resource] -= amount;
        if (is_zero(entry)) {
            remove_entry(counts, at);
        }
    }
}

/* A removal moves a later entry to the same index, so that index is looked at again. */
void client_counts_clear(struct client_counts *counts, enum client_resource resource)
{
    for (size_t at = 0; at <= counts->mask;) {
        struct entry *entry = &counts->entries[at];
        if (entry->used) {
            entry->counts[resource] = 0;
        }
        if (entry->used && is_zero(entry)) {
            remove_entry(counts, at);
        } else {
            at++;
        }
    }
}

int client_counts_of(const struct client_counts *counts, const struct client_key *key, enum client_resource resource)
{
    const struct entry *entry = &counts->entries[find(counts, key)];
    return entry->used ? entry->counts[resource] : 0;
}

size_t client_counts_keys(const struct client_counts *counts)
{
    return counts->keys;
}
