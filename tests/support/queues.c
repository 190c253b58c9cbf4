/*
 * See queues.h. Two channels: one publishes with confirms, the other does the rest.
 */
#include "tests/support/queues.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/topology.h"

enum { CHANNEL_PUBLISH = 1, CHANNEL_LOOK = 2, URL_SIZE = 512, FRAME_MAX = 131072, CONFIRM_S = 20 };

struct queues {
    amqp_connection_state_t connection;
};

static void ck_reply(amqp_rpc_reply_t reply)
{
    ck_assert_int_eq(reply.reply_type, AMQP_RESPONSE_NORMAL);
}

struct queues *queues_open(void)
{
    static char url[URL_SIZE];
    struct amqp_connection_info server;
    const char *given = getenv("ROSTRUM_AMQP_URL");
    ck_assert_msg(given != NULL, "ROSTRUM_AMQP_URL is not set");
    (void)snprintf(url, sizeof(url), "%s", given);
    ck_assert_int_eq(amqp_parse_url(url, &server), AMQP_STATUS_OK);
    struct queues *queues = calloc(1, sizeof(*queues));
    ck_assert_ptr_nonnull(queues);
    queues->connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(queues->connection);
    ck_assert_ptr_nonnull(socket);
    ck_assert_int_eq(amqp_socket_open(socket, server.host, server.port), AMQP_STATUS_OK);
    ck_reply(amqp_login(queues->connection, server.vhost, 0, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN, server.user,
                        server.password));
    for (int channel = CHANNEL_PUBLISH; channel <= CHANNEL_LOOK; channel++) {
        (void)amqp_channel_open(queues->connection, (amqp_channel_t)channel);
        ck_reply(amqp_get_rpc_reply(queues->connection));
    }
    (void)amqp_confirm_select(queues->connection, CHANNEL_PUBLISH);
    ck_reply(amqp_get_rpc_reply(queues->connection));
    return queues;
}

void queues_close(struct queues *queues)
{
    (void)amqp_connection_close(queues->connection, AMQP_REPLY_SUCCESS);
    (void)amqp_destroy_connection(queues->connection);
    free(queues);
}

void queues_publish(struct queues *queues, const char *exchange, const char *routing_key, const void *body,
                    size_t length)
{
    struct amqp_basic_properties_t_ properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
    amqp_bytes_t bytes = {.len = length};
    memcpy(&bytes.bytes, &body,
           sizeof(bytes.bytes)); /* the library's type lacks a const; it does not change the text */
    ck_assert_int_eq(amqp_basic_publish(queues->connection, CHANNEL_PUBLISH, amqp_cstring_bytes(exchange),
                                        amqp_cstring_bytes(routing_key), 0, 0, &properties, bytes),
                     AMQP_STATUS_OK);
    struct timeval patience = {.tv_sec = CONFIRM_S};
    amqp_method_t method;
    amqp_frame_t frame;
    ck_assert_int_eq(amqp_simple_wait_frame_noblock(queues->connection, &frame, &patience), AMQP_STATUS_OK);
    ck_assert_int_eq(frame.frame_type, AMQP_FRAME_METHOD);
    method = frame.payload.method;
    ck_assert_uint_eq(method.id, AMQP_BASIC_ACK_METHOD);
    amqp_maybe_release_buffers(queues->connection);
}

static void declare(struct queues *queues, amqp_table_t arguments, char name[static QUEUES_NAME_SIZE])
{
    const amqp_queue_declare_ok_t *queue =
        amqp_queue_declare(queues->connection, CHANNEL_LOOK, amqp_empty_bytes, 0, 0, 1, 1, arguments);
    ck_reply(amqp_get_rpc_reply(queues->connection));
    ck_assert_ptr_nonnull(queue);
    (void)snprintf(name, QUEUES_NAME_SIZE, "%.*s", (int)queue->queue.len, (const char *)queue->queue.bytes);
}

static void bind_to(struct queues *queues, const char *exchange, const char *routing_key, const char *name)
{
    (void)amqp_queue_bind(queues->connection, CHANNEL_LOOK, amqp_cstring_bytes(name), amqp_cstring_bytes(exchange),
                          amqp_cstring_bytes(routing_key), amqp_empty_table);
    ck_reply(amqp_get_rpc_reply(queues->connection));
}

void queues_tap(struct queues *queues, const char *exchange, const char *routing_key,
                char name[static QUEUES_NAME_SIZE])
{
    declare(queues, amqp_empty_table, name);
    bind_to(queues, exchange, routing_key, name);
}

void queues_tap_full(struct queues *queues, const char *exchange, char name[static QUEUES_NAME_SIZE])
{
    amqp_table_entry_t entries[] = {
        {.key = amqp_cstring_bytes("x-max-length"), .value = {.kind = AMQP_FIELD_KIND_I32, .value.i32 = 1}},
        {.key = amqp_cstring_bytes("x-overflow"),
         .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes("reject-publish")}},
    };
    declare(queues, (amqp_table_t){.num_entries = ARRAY_LEN(entries), .entries = entries}, name);
    queues_publish(queues, "", name, "full", strlen("full"));
    bind_to(queues, exchange, "", name);
}

void queues_tap_key(struct queues *queues, const char *exchange, const char *routing_key,
                    char name[static QUEUES_NAME_SIZE])
{
    static const char sieve[] = "tap";
    amqp_exchange_declare(queues->connection, CHANNEL_LOOK, amqp_cstring_bytes(sieve), amqp_cstring_bytes("direct"), 0,
                          0, 1, 0, amqp_empty_table);
    ck_reply(amqp_get_rpc_reply(queues->connection));
    amqp_exchange_bind(queues->connection, CHANNEL_LOOK, amqp_cstring_bytes(sieve), amqp_cstring_bytes(exchange),
                       amqp_empty_bytes, amqp_empty_table);
    ck_reply(amqp_get_rpc_reply(queues->connection));
    queues_tap(queues, sieve, routing_key, name);
}

void queues_tap_auction(struct queues *queues, unsigned shards, const char *auction, char tap[static QUEUES_NAME_SIZE])
{
    char exchange[TOPOLOGY_QUEUE_SIZE];
    char key[TOPOLOGY_KEY_SIZE];
    struct uuid id;
    ck_assert(uuid_parse(auction, UUID_TEXT_SIZE - 1, &id));
    topology_exchange(&topology_bids, &id, shards, exchange);
    topology_key(&topology_bids, &id, shards, key);
    queues_tap_key(queues, exchange, key, tap);
}

static void copy_reason(const amqp_basic_properties_t *properties, char reason[static QUEUES_REASON_SIZE])
{
    const amqp_table_t *headers = &properties->headers;
    reason[0] = '\0';
    for (int i = 0; (properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0 && i < headers->num_entries; i++) {
        const amqp_table_entry_t *entry = &headers->entries[i];
        if (entry->key.len == strlen("reason") && memcmp(entry->key.bytes, "reason", entry->key.len) == 0) {
            (void)snprintf(reason, QUEUES_REASON_SIZE, "%.*s", (int)entry->value.value.bytes.len,
                           (const char *)entry->value.value.bytes.bytes);
        }
    }
}

bool queues_take(struct queues *queues, const char *queue, struct queues_message *message)
{
    amqp_rpc_reply_t reply = amqp_basic_get(queues->connection, CHANNEL_LOOK, amqp_cstring_bytes(queue), 1);
    ck_reply(reply);
    if (reply.reply.id != AMQP_BASIC_GET_OK_METHOD) {
        return false;
    }
    const amqp_basic_get_ok_t *got = reply.reply.decoded;
    (void)snprintf(message->routing_key, sizeof(message->routing_key), "%.*s", (int)got->routing_key.len,
                   (const char *)got->routing_key.bytes);
    amqp_message_t whole;
    ck_reply(amqp_read_message(queues->connection, CHANNEL_LOOK, &whole, 0));
    copy_reason(&whole.properties, message->reason);
    message->length = whole.body.len;
    message->body = malloc(whole.body.len + 1);
    ck_assert_ptr_nonnull(message->body);
    if (whole.body.len > 0) {
        memcpy(message->body, whole.body.bytes, whole.body.len);
    }
    message->body[whole.body.len] = '\0';
    amqp_destroy_message(&whole);
    amqp_maybe_release_buffers(queues->connection);
    return true;
}

int queues_depth(struct queues *queues, const char *queue)
{
    const amqp_queue_declare_ok_t *declared =
        amqp_queue_declare(queues->connection, CHANNEL_LOOK, amqp_cstring_bytes(queue), 1, 0, 0, 0, amqp_empty_table);
    ck_reply(amqp_get_rpc_reply(queues->connection));
    ck_assert_ptr_nonnull(declared);
    return (int)declared->message_count;
}

void queues_purge(struct queues *queues, const char *queue)
{
    (void)amqp_queue_purge(queues->connection, CHANNEL_LOOK, amqp_cstring_bytes(queue));
    ck_reply(amqp_get_rpc_reply(queues->connection));
}

void queues_purge_shards(struct queues *queues, unsigned shards)
{
    char name[TOPOLOGY_QUEUE_SIZE];
    for (unsigned shard = 0; shard < shards; shard++) {
        topology_shard_name(&topology_bids, shard, name);
        queues_purge(queues, name);
        topology_shard_name(&topology_sales, shard, name);
        queues_purge(queues, name);
    }
}
