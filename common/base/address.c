/*
 * See address.h.
 */
#include "common/base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { NETWORK_TEXT_SIZE = 64, PREFIX_DIGITS_MAX = 3, IPV4_BITS = 32, IPV6_BITS = 128 };

#define V4(a, b, c, d, bits)                                                                                           \
    {                                                                                                                  \
        AF_INET, {a, b, c, d}, bits                                                                                    \
    }

static const struct address_network special_v4[] = {
    V4(0, 0, 0, 0, 8),       /* this network */
    V4(10, 0, 0, 0, 8),      /* private */
    V4(100, 64, 0, 0, 10),   /* carrier-grade NAT */
    V4(127, 0, 0, 0, 8),     /* loopback */
    V4(169, 254, 0, 0, 16),  /* link-local: metadata services of clouds */
    V4(172, 16, 0, 0, 12),   /* private */
    V4(192, 0, 0, 0, 24),    /* protocol assignments */
    V4(192, 0, 2, 0, 24),    /* documentation */
    V4(192, 88, 99, 0, 24),  /* 6to4 relays */
    V4(192, 168, 0, 0, 16),  /* private */
    V4(198, 18, 0, 0, 15),   /* benchmarking */
    V4(198, 51, 100, 0, 24), /* documentation */
    V4(203, 0, 113, 0, 24),  /* documentation */
    V4(224, 0, 0, 0, 4),     /* multicast */
    V4(240, 0, 0, 0, 4),     /* reserved, and broadcast */
};

/* Only this range of IPv6 is public, except the networks below. */
static const struct address_network global_v6 = {AF_INET6, {0x20}, 3};

static const struct address_network special_v6[] = {
    {AF_INET6, {0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments: Teredo, benchmarking, ORCHID */
    {AF_INET6, {0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {AF_INET6, {0x20, 0x02}, 16},             /* 6to4: an IPv4 address inside */
    {AF_INET6, {0x3f, 0xff, 0x00}, 20},       /* documentation */
};

static bool within(const struct address_network *network, int family, const uint8_t *bytes)
{
    unsigned whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (network->family != family || memcmp(network->bytes, bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || (network->bytes[whole] ^ bytes[whole]) >> (8U - rest) == 0;
}

static bool within_any(const struct address_network *list, size_t count, int family, const uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (within(&list[i], family, bytes)) {
            return true;
        }
    }
    return false;
}

static bool allowed(const struct address_networks *networks, int family, const uint8_t *bytes)
{
    if (within_any(networks->list, networks->count, family, bytes)) {
        return true;
    }
    if (family == AF_INET) {
        return !within_any(special_v4, ARRAY_LEN(special_v4), family, bytes);
    }
    return within(&global_v6, family, bytes) && !within_any(special_v6, ARRAY_LEN(special_v6), family, bytes);
}

bool address_allowed(const struct address_networks *networks, const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof(v4));
        return allowed(networks, AF_INET, (const uint8_t *)&v4.sin_addr);
    case AF_INET6:
        memcpy(&v6, address, sizeof(v6));
        return allowed(networks, AF_INET6, (const uint8_t *)&v6.sin6_addr);
    default:
        return false;
    }
}

/* Returns the address family, or AF_UNSPEC. */
static int parse(const char *text, uint8_t bytes[static 16])
{
    if (inet_pton(AF_INET, text, bytes) == 1) {
        return AF_INET;
    }
    return inet_pton(AF_INET6, text, bytes) == 1 ? AF_INET6 : AF_UNSPEC;
}

static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static struct address canonical(int family, const uint8_t *bytes)
{
    struct address address = {.family = family};
    bool is_mapped = family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0;
    if (is_mapped) {
        address.family = AF_INET;
        memcpy(address.bytes, bytes + sizeof(mapped), sizeof(struct in_addr));
    } else {
        memcpy(address.bytes, bytes, family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr));
    }
    return address;
}

bool address_parse(const char *text, size_t length, struct address *address)
{
    char copy[ADDRESS_TEXT_SIZE];
    uint8_t bytes[16] = {0};
    *address = (struct address){.family = AF_UNSPEC};
    if (length >= sizeof(copy) || memchr(text, '\0', length) != NULL) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    int family = parse(copy, bytes);
    if (family == AF_UNSPEC) {
        return false;
    }
    *address = canonical(family, bytes);
    return true;
}

bool address_of_socket(const struct sockaddr *socket, struct address *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    switch (socket->sa_family) {
    case AF_INET:
        memcpy(&v4, socket, sizeof(v4));
        *address = canonical(AF_INET, (const uint8_t *)&v4.sin_addr);
        return true;
    case AF_INET6:
        memcpy(&v6, socket, sizeof(v6));
        *address = canonical(AF_INET6, (const uint8_t *)&v6.sin6_addr);
        return true;
    default:
        return false;
    }
}

struct address address_prefix(const struct address *address, unsigned bits)
{
    struct address prefix = *address;
    for (unsigned i = 0; i < sizeof(prefix.bytes); i++) {
        unsigned kept = bits <= i * 8 ? 0 : bits - i * 8;
        if (kept < 8) {
            prefix.bytes[i] &= (uint8_t)(0xff00U >> kept);
        }
    }
    return prefix;
}

void address_format(const struct address *address, char out[static ADDRESS_TEXT_SIZE])
{
    if (inet_ntop(address->family, address->bytes, out, ADDRESS_TEXT_SIZE) == NULL) {
        out[0] = '\0';
    }
}

bool address_is_in(const struct address_networks *networks, const struct address *address)
{
    return within_any(networks->list, networks->count, address->family, address->bytes);
}

enum address_literal address_literal(const struct address_networks *networks, const char *host)
{
    uint8_t bytes[16];
    int family = parse(host, bytes);
    if (family == AF_UNSPEC) {
        return ADDRESS_NO_LITERAL;
    }
    return allowed(networks, family, bytes) ? ADDRESS_ALLOWED : ADDRESS_REFUSED;
}

static bool parse_bits(const char *text, unsigned most, unsigned *bits)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > PREFIX_DIGITS_MAX || text[digits] != '\0') {
        return false;
    }
    *bits = (unsigned)strtoul(text, NULL, 10);
    return *bits <= most;
}

static bool parse_network(const char *text, size_t length, struct address_network *network)
{
    char copy[NETWORK_TEXT_SIZE];
    if (length >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    char *slash = strchr(copy, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    *network = (struct address_network){.family = AF_UNSPEC};
    network->family = parse(copy, network->bytes);
    return network->family != AF_UNSPEC &&
           parse_bits(slash + 1, network->family == AF_INET ? IPV4_BITS : IPV6_BITS, &network->bits);
}

bool address_networks_parse(const char *text, struct address_networks *networks)
{
    networks->count = 0;
    if (strcmp(text, "none") == 0) {
        return true;
    }
    for (text += strspn(text, " \t"); *text != '\0'; text += strspn(text, " \t")) {
        size_t length = strcspn(text, " \t");
        if (networks->count == ADDRESS_NETWORKS_MAX || !parse_network(text, length, &networks->list[networks->count])) {
            return false;
        }
        networks->count++;
        text += length;
    }
    return true;
}
