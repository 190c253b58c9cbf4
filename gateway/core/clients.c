/*
 * See clients.h.
 */
#include "gateway/core/clients.h"

#include <netinet/in.h>
#include <string.h>

#include "common/service/config.h"

static void set_share(struct client_bounds *bounds, enum client_resource resource, int whole, int percent)
{
    bounds->most[resource][CLIENT_ADDRESS] = client_share(whole, percent);
    bounds->most[resource][CLIENT_NETWORK] = client_network_share(whole, percent);
}

bool clients_open(struct clients *clients, const struct config *config)
{
    struct client_bounds bounds = {.most = {{0}}};
    set_share(&bounds, CLIENT_CONNECTIONS, config->connections_max, config->address_connections_percent);
    set_share(&bounds, CLIENT_REQUESTS, config->connections_max, config->address_connections_percent);
    set_share(&bounds, CLIENT_LIVE, config->live_connections_max, config->address_live_percent);
    set_share(&bounds, CLIENT_UPLOADS, config->image_uploads_max, config->address_uploads_percent);
    set_share(&bounds, CLIENT_UNSENT, config->image_unsent_max_bytes, config->address_unsent_percent);
    bounds.most[CLIENT_REFUSALS][CLIENT_ADDRESS] = config->refusals_per_minute;
    bounds.most[CLIENT_REFUSALS][CLIENT_USER] = config->refusals_per_minute;
    bounds.most[CLIENT_REQUESTS][CLIENT_USER] = config->user_requests_max;
    bounds.most[CLIENT_LIVE][CLIENT_USER] = config->user_live_max;
    clients->counts = client_counts_new(&bounds, (size_t)config->connections_max * CLIENT_KEYS_PER_CONNECTION);
    return clients->counts != NULL && address_networks_parse(config->limits_exempt, &clients->exempt) &&
           address_networks_parse(config->trusted_proxies, &clients->proxies);
}

void clients_close(struct clients *clients)
{
    client_counts_free(clients->counts);
}

static struct client_keys client_at(const struct clients *clients, const struct address *address)
{
    struct client_keys client = {.count = 0};
    if (!address_is_in(&clients->exempt, address)) {
        client_add_address(&client, address);
    }
    return client;
}

struct client_keys clients_of_address(const struct clients *clients, const char *text)
{
    struct address address = {.family = AF_UNSPEC};
    if (!address_parse(text, strlen(text), &address)) {
        address = (struct address){.family = AF_UNSPEC};
    }
    return client_at(clients, &address);
}

struct client_keys clients_of_peer(const struct clients *clients, int fd)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(peer);
    struct address address = {.family = AF_UNSPEC};
    if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0 ||
        !address_of_socket((const struct sockaddr *)&peer, &address)) {
        address = (struct address){.family = AF_UNSPEC}; /* the client has closed already */
    }
    if (address_is_in(&clients->proxies, &address)) {
        return (struct client_keys){.count = 0};
    }
    return client_at(clients, &address);
}

bool clients_take_user(const struct clients *clients, struct client_keys *client, const struct uuid *user,
                       enum client_resource resource)
{
    struct client_keys only = {.count = 0};
    if (client->count == 0) {
        return true;
    }
    client_add_user(&only, user);
    if (!client_counts_take(clients->counts, &only, resource, 1)) {
        return false;
    }
    client_add_user(client, user);
    return true;
}
