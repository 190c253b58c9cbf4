/*
 * See rabbit.h.
 */
#include "deploy/ctl/rabbit.h"

#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/broker_url.h"
#include "common/io/keepalive.h"

enum { FRAME_MAX_BYTES = 131072, NOT_FOUND = 404 };

static void copy_reason(amqp_bytes_t text, char reason[static RABBIT_ERROR_SIZE])
{
    (void)snprintf(reason, RABBIT_ERROR_SIZE, "%.*s", (int)text.len, (const char *)text.bytes);
}

/* Returns true if the reply is an error, with its text in `reason`. */
static bool failure(amqp_rpc_reply_t reply, char reason[static RABBIT_ERROR_SIZE])
{
    reason[0] = '\0';
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
        return false;
    }
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
        (void)snprintf(reason, RABBIT_ERROR_SIZE, "%s", amqp_error_string2(reply.library_error));
    } else if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION) {
        (void)snprintf(reason, RABBIT_ERROR_SIZE, "no answer");
    } else if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        copy_reason(((const amqp_channel_close_t *)reply.reply.decoded)->reply_text, reason);
    } else if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        copy_reason(((const amqp_connection_close_t *)reply.reply.decoded)->reply_text, reason);
    } else {
        (void)snprintf(reason, RABBIT_ERROR_SIZE, "refused by the server");
    }
    return true;
}

bool rabbit_failed(const struct ctl *ctl, char reason[static RABBIT_ERROR_SIZE])
{
    return failure(amqp_get_rpc_reply(ctl->amqp), reason);
}

static bool report_error(struct ctl *ctl, const char *reason)
{
    ctl_report_error("RabbitMQ cannot be reached: %s", reason);
    rabbit_close(ctl);
    return false;
}

static bool open_channel(struct ctl *ctl, char reason[static RABBIT_ERROR_SIZE])
{
    (void)amqp_channel_open(ctl->amqp, RABBIT_CHANNEL);
    return !rabbit_failed(ctl, reason);
}

/* Connects to one host, and sets the timeout of each later call. */
static bool log_in(struct ctl *ctl, const struct amqp_connection_info *where, int timeout_s,
                   char reason[static RABBIT_ERROR_SIZE])
{
    const struct timeval timeout = {.tv_sec = timeout_s};
    const struct timeval later = {.tv_sec = RABBIT_TIMEOUT_S};
    amqp_socket_t *socket = amqp_tcp_socket_new(ctl->amqp);
    int status =
        socket == NULL ? AMQP_STATUS_NO_MEMORY : amqp_socket_open_noblock(socket, where->host, where->port, &timeout);
    if (status == AMQP_STATUS_OK && !keepalive_set(amqp_get_sockfd(ctl->amqp))) {
        status = AMQP_STATUS_SOCKET_ERROR;
    }
    if (status == AMQP_STATUS_OK) {
        status = amqp_set_handshake_timeout(ctl->amqp, &timeout);
    }
    if (status == AMQP_STATUS_OK) {
        status = amqp_set_rpc_timeout(ctl->amqp, &later);
    }
    if (status != AMQP_STATUS_OK) {
        (void)snprintf(reason, RABBIT_ERROR_SIZE, "%s", amqp_error_string2(status));
        return false;
    }
    amqp_rpc_reply_t reply = amqp_login(ctl->amqp, where->vhost, 0, FRAME_MAX_BYTES, 0, AMQP_SASL_METHOD_PLAIN,
                                        where->user, where->password);
    return !failure(reply, reason) && open_channel(ctl, reason);
}

bool rabbit_open(struct ctl *ctl)
{
    struct broker_url url;
    char reason[RABBIT_ERROR_SIZE] = "";
    if (ctl->amqp != NULL) {
        return true;
    }
    const char *wrong = broker_url_parse(ctl->config.amqp_url, &url);
    if (wrong != NULL) {
        ctl_report_error("%s", wrong);
        return false;
    }
    for (size_t i = 0; i < url.count; i++) {
        ctl->amqp = amqp_new_connection();
        if (ctl->amqp == NULL) {
            ctl_report_error("no memory");
            return false;
        }
        if (log_in(ctl, &url.hosts[i].info, url.count > 1 ? RABBIT_NEXT_HOST_S : RABBIT_TIMEOUT_S, reason)) {
            return true;
        }
        rabbit_close(ctl);
    }
    return report_error(ctl, reason);
}

bool rabbit_reopen(struct ctl *ctl)
{
    amqp_channel_close_ok_t agreed = {0};
    char reason[RABBIT_ERROR_SIZE];
    int status = amqp_send_method(ctl->amqp, RABBIT_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &agreed);
    if (status != AMQP_STATUS_OK) {
        return report_error(ctl, amqp_error_string2(status));
    }
    return open_channel(ctl, reason) || report_error(ctl, reason);
}

void rabbit_close(struct ctl *ctl)
{
    if (ctl->amqp != NULL) {
        (void)amqp_destroy_connection(ctl->amqp);
        ctl->amqp = NULL;
    }
}

/* Returns whether the last error was 404 NOT_FOUND. */
static bool not_found(const struct ctl *ctl)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(ctl->amqp);
    if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD) {
        return false;
    }
    const amqp_channel_close_t *close = reply.reply.decoded;
    return close->reply_code == NOT_FOUND;
}

bool rabbit_look(struct ctl *ctl, const char *name, struct rabbit_queue *queue)
{
    char reason[RABBIT_ERROR_SIZE];
    amqp_queue_declare_ok_t *answer =
        amqp_queue_declare(ctl->amqp, RABBIT_CHANNEL, amqp_cstring_bytes(name), 1, 0, 0, 0, amqp_empty_table);
    *queue = (struct rabbit_queue){.there = false};
    if (answer != NULL) {
        *queue = (struct rabbit_queue){true, answer->message_count, answer->consumer_count};
        return true;
    }
    if (not_found(ctl)) {
        return rabbit_reopen(ctl);
    }
    return rabbit_failed(ctl, reason) ? report_error(ctl, reason) : report_error(ctl, "no answer");
}

/* Waits for the frame that confirms a message. A returned message has content frames, which are skipped. */
static bool read_confirm(struct ctl *ctl)
{
    const struct timeval patience = {.tv_sec = RABBIT_TIMEOUT_S};
    bool returned = false;
    for (;;) {
        amqp_frame_t frame;
        int status = amqp_simple_wait_frame_noblock(ctl->amqp, &frame, &patience);
        if (status != AMQP_STATUS_OK) {
            return report_error(ctl, amqp_error_string2(status));
        }
        if (frame.frame_type != AMQP_FRAME_METHOD) {
            continue;
        }
        if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD && !returned) {
            return true;
        }
        if (frame.payload.method.id != AMQP_BASIC_RETURN_METHOD) {
            ctl_report_error(returned ? "RabbitMQ: no queue is bound for the message: run `rostrumctl migrate`"
                                      : "RabbitMQ refused the message: the queue may be full");
            return false;
        }
        returned = true;
    }
}

bool rabbit_publish(struct ctl *ctl, const char *exchange, const char *routing_key, const char *message_id,
                    const char *body, size_t length)
{
    char reason[RABBIT_ERROR_SIZE];
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG,
                                          .delivery_mode = AMQP_DELIVERY_PERSISTENT,
                                          .message_id = amqp_cstring_bytes(message_id)};
    amqp_bytes_t bytes = {.len = length};
    memcpy(&bytes.bytes, &body, sizeof(bytes.bytes)); /* the library's type lacks a const; it does not write there */
    (void)amqp_confirm_select(ctl->amqp, RABBIT_CHANNEL); /* may be repeated */
    if (rabbit_failed(ctl, reason)) {
        return report_error(ctl, reason);
    }
    int status = amqp_basic_publish(ctl->amqp, RABBIT_CHANNEL, amqp_cstring_bytes(exchange),
                                    amqp_cstring_bytes(routing_key), /* mandatory */ 1, 0, &properties, bytes);
    bool confirmed = status == AMQP_STATUS_OK ? read_confirm(ctl) : report_error(ctl, amqp_error_string2(status));
    if (ctl->amqp != NULL) {
        amqp_maybe_release_buffers(ctl->amqp);
    }
    return confirmed;
}
