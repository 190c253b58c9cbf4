/*
 * Outgoing frames to RabbitMQ: encoded by librabbitmq's codec into one buffer, and sent from it without blocking. A
 * frame has 7 bytes (type, channel, size), its payload, and an end byte. A published message is a method frame, a
 * header frame and any number of body frames.
 *
 * Invariant: the bytes before `end` are whole frames; only the first one may be partly sent.
 */
#include "common/io/broker_output.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    FRAME_HEAD_BYTES = 7,
    FRAME_TAIL_BYTES = 1,
    FRAME_AROUND_BYTES = FRAME_HEAD_BYTES + FRAME_TAIL_BYTES,
    METHOD_MAX_BYTES = 1024,     /* our methods have at most two short strings of 255 */
    KEY_AROUND_BYTES = 5,        /* in header CC: type, length */
    PROPERTIES_MAX_BYTES = 4096, /* three short strings and up to three headers, one of them long; without the keys */
    REASON_MAX_BYTES = 1024,     /* of a dead letter's reason; longer ones are cut */
    TAG_TEXT_SIZE = 21,
    CAPACITY_MIN_BYTES = 16 * 1024,
};

/* Reserves `more` bytes after `end`. */
static bool reserve(struct broker_output *output, size_t more, size_t limit)
{
    size_t waiting = output->end - output->start;
    if (waiting + more > limit) {
        return false;
    }
    if (output->end + more <= output->capacity) {
        return true;
    }
    if (output->start > 0) {
        memmove(output->bytes, output->bytes + output->start, waiting);
        output->start = 0;
        output->end = waiting;
    }
    size_t capacity = output->capacity > 0 ? output->capacity : CAPACITY_MIN_BYTES;
    while (capacity < waiting + more) {
        capacity *= 2;
    }
    if (capacity > output->capacity) {
        uint8_t *bytes = realloc(output->bytes, capacity);
        if (bytes == NULL) {
            return false;
        }
        output->bytes = bytes;
        output->capacity = capacity;
    }
    return true;
}

static void put_number(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        at[i] = (uint8_t)value;
        value >>= 8;
    }
}

/* Start of the next frame's payload. */
static uint8_t *payload(struct broker_output *output)
{
    return output->bytes + output->end + FRAME_HEAD_BYTES;
}

/* Adds head and end byte around the payload, which is already in place. */
static void add_frame(struct broker_output *output, uint8_t type, uint16_t channel, size_t length)
{
    uint8_t *head = output->bytes + output->end;
    head[0] = type;
    put_number(head + 1, channel, 2);
    put_number(head + 3, length, 4);
    head[FRAME_HEAD_BYTES + length] = AMQP_FRAME_END;
    output->end += length + FRAME_AROUND_BYTES;
    assert(output->end <= output->capacity);
}

/* METHOD_MAX_BYTES and the frame around it are already reserved. */
static bool add_method(struct broker_output *output, uint16_t channel, amqp_method_number_t id, void *method)
{
    uint8_t *at = payload(output);
    put_number(at, id, 4);
    int length = amqp_encode_method(id, method, (amqp_bytes_t){.len = METHOD_MAX_BYTES - 4, .bytes = at + 4});
    if (length < 0) {
        return false;
    }
    add_frame(output, AMQP_FRAME_METHOD, channel, (size_t)length + 4);
    return true;
}

bool broker_output_method(struct broker_output *output, uint16_t channel, amqp_method_number_t id, void *method)
{
    return reserve(output, METHOD_MAX_BYTES + FRAME_AROUND_BYTES,
                   BROKER_OUTPUT_MAX_BYTES + BROKER_OUTPUT_RESERVE_BYTES) &&
           add_method(output, channel, id, method);
}

bool broker_output_heartbeat(struct broker_output *output)
{
    if (!reserve(output, FRAME_AROUND_BYTES, BROKER_OUTPUT_MAX_BYTES + BROKER_OUTPUT_RESERVE_BYTES)) {
        return false;
    }
    add_frame(output, AMQP_FRAME_HEARTBEAT, 0, 0);
    return true;
}

static amqp_table_entry_t text_entry(const char *key, const char *text, size_t length_max)
{
    amqp_bytes_t value = amqp_cstring_bytes(text);
    value.len = value.len < length_max ? value.len : length_max;
    return (amqp_table_entry_t){.key = amqp_cstring_bytes(key),
                                .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = value}}};
}

/* Header CC: the broker routes the message by each of these keys, too. `values` must live as long as the entry. */
static amqp_table_entry_t keys_entry(const struct broker_message *message,
                                     amqp_field_value_t values[static BROKER_MORE_KEYS_MAX])
{
    assert(message->more_keys_count <= BROKER_MORE_KEYS_MAX);
    for (size_t i = 0; i < message->more_keys_count; i++) {
        values[i] = (amqp_field_value_t){.kind = AMQP_FIELD_KIND_UTF8,
                                         .value = {.bytes = amqp_cstring_bytes(message->more_keys[i])}};
        assert(values[i].value.bytes.len < BROKER_SHORT_SIZE);
    }
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes("CC"),
        .value = {.kind = AMQP_FIELD_KIND_ARRAY,
                  .value = {.array = {.num_entries = (int)message->more_keys_count, .entries = values}}}};
}

static size_t keys_bytes(const struct broker_message *message)
{
    size_t bytes = 0;
    for (size_t i = 0; i < message->more_keys_count; i++) {
        bytes += strlen(message->more_keys[i]) + KEY_AROUND_BYTES;
    }
    return bytes;
}

/* The delivery tag is sent as correlation_id: basic.return has no other field that identifies the message. */
static bool add_header(struct broker_output *output, uint64_t tag, const struct broker_message *message,
                       size_t properties_max)
{
    char tag_text[TAG_TEXT_SIZE];
    (void)snprintf(tag_text, sizeof tag_text, "%llu", (unsigned long long)tag);
    amqp_table_entry_t headers[3];
    amqp_field_value_t keys[BROKER_MORE_KEYS_MAX];
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG,
        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
        .correlation_id = amqp_cstring_bytes(tag_text),
        .headers = {.num_entries = 0, .entries = headers},
    };
    if (message->message_id != NULL) {
        properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
        properties.message_id = amqp_cstring_bytes(message->message_id);
        assert(properties.message_id.len < BROKER_SHORT_SIZE);
    }
    if (message->type != NULL) {
        properties._flags |= AMQP_BASIC_TYPE_FLAG;
        properties.type = amqp_cstring_bytes(message->type);
    }
    if (message->traceparent != NULL) {
        headers[properties.headers.num_entries++] = text_entry("traceparent", message->traceparent, BROKER_SHORT_SIZE);
    }
    if (message->reason != NULL) {
        headers[properties.headers.num_entries++] = text_entry("reason", message->reason, REASON_MAX_BYTES);
    }
    if (message->more_keys_count > 0) {
        headers[properties.headers.num_entries++] = keys_entry(message, keys);
    }
    if (properties.headers.num_entries > 0) {
        properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    }

    uint8_t *at = payload(output);
    put_number(at, AMQP_BASIC_CLASS, 2);
    put_number(at + 2, 0, 2); /* "weight": always 0 */
    put_number(at + 4, message->length, 8);
    int length = amqp_encode_properties(AMQP_BASIC_CLASS, &properties,
                                        (amqp_bytes_t){.len = properties_max - 12, .bytes = at + 12});
    if (length < 0) {
        return false;
    }
    add_frame(output, AMQP_FRAME_HEADER, BROKER_PUBLISH_CHANNEL, (size_t)length + 12);
    return true;
}

static void add_body(struct broker_output *output, const struct broker_message *message, size_t chunk_max)
{
    const uint8_t *from = message->body;
    for (size_t left = message->length; left > 0;) {
        size_t chunk = left < chunk_max ? left : chunk_max;
        memcpy(payload(output), from, chunk);
        add_frame(output, AMQP_FRAME_BODY, BROKER_PUBLISH_CHANNEL, chunk);
        from += chunk;
        left -= chunk;
    }
}

bool broker_output_publish(struct broker_output *output, uint64_t tag, size_t frame_max,
                           const struct broker_message *message)
{
    size_t chunk_max = frame_max - FRAME_AROUND_BYTES;
    size_t body_frames = (message->length + chunk_max - 1) / chunk_max;
    size_t properties_max = PROPERTIES_MAX_BYTES + keys_bytes(message);
    size_t room = METHOD_MAX_BYTES + properties_max + message->length + (2 + body_frames) * FRAME_AROUND_BYTES;
    if (!reserve(output, room, BROKER_OUTPUT_MAX_BYTES)) {
        return false;
    }
    amqp_basic_publish_t publish = {
        .exchange = amqp_cstring_bytes(message->exchange),
        .routing_key = amqp_cstring_bytes(message->routing_key),
        .mandatory = true,
    };
    assert(publish.exchange.len < BROKER_SHORT_SIZE && publish.routing_key.len < BROKER_SHORT_SIZE);
    size_t end = output->end;
    if (!add_method(output, BROKER_PUBLISH_CHANNEL, AMQP_BASIC_PUBLISH_METHOD, &publish) ||
        !add_header(output, tag, message, properties_max)) {
        output->end = end;
        return false;
    }
    add_body(output, message, chunk_max);
    return true;
}

enum broker_sent broker_output_send(struct broker_output *output, int fd)
{
    while (output->start < output->end) {
        ssize_t sent =
            send(fd, output->bytes + output->start, output->end - output->start, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            output->start += (size_t)sent;
        } else if (sent < 0 && errno == EAGAIN) {
            return BROKER_SENT_PART;
        } else if (sent < 0 && errno != EINTR) {
            return BROKER_SENT_ERROR;
        }
    }
    output->start = 0;
    output->end = 0;
    if (output->capacity > BROKER_OUTPUT_KEEP_BYTES) {
        broker_output_clear(output);
    }
    return BROKER_SENT_ALL;
}

bool broker_output_empty(const struct broker_output *output)
{
    return output->start == output->end;
}

void broker_output_clear(struct broker_output *output)
{
    free(output->bytes);
    *output = (struct broker_output){0};
}
