/*
 * Outgoing frames to RabbitMQ: a buffer and its encoders. Called by broker_link.c.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_OUTPUT_H
#define ROSTRUM_COMMON_IO_BROKER_OUTPUT_H

#include "common/io/broker_internal.h"
#include "common/io/broker_types.h"

enum {
    BROKER_OUTPUT_MAX_BYTES = 16 * 1024 * 1024, /* unsent bytes of messages; above that broker_publish returns false */
    BROKER_OUTPUT_RESERVE_BYTES =
        1024 * 1024,                       /* above that limit, for acks and other methods; above that the link fails */
    BROKER_OUTPUT_KEEP_BYTES = 256 * 1024, /* size of an empty buffer; a larger one is shrunk */
};

struct broker_output {
    uint8_t *bytes;
    size_t start; /* of the unsent bytes */
    size_t end;
    size_t capacity;
};

enum broker_sent {
    BROKER_SENT_ALL,
    BROKER_SENT_PART, /* continue when the socket is writable */
    BROKER_SENT_ERROR,
};

/* False: no memory, or a limit is exceeded; then nothing was added. */
MUST_CHECK bool broker_output_method(struct broker_output *output, uint16_t channel, amqp_method_number_t id,
                                     void *method);
MUST_CHECK bool broker_output_heartbeat(struct broker_output *output);
MUST_CHECK bool broker_output_publish(struct broker_output *output, uint64_t tag, size_t frame_max,
                                      const struct broker_message *message);
MUST_CHECK enum broker_sent broker_output_send(struct broker_output *output, int fd);
bool broker_output_empty(const struct broker_output *output);
void broker_output_clear(struct broker_output *output); /* also frees its memory */

#endif
