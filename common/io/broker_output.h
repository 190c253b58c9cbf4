/*
 * Frames on their way to RabbitMQ: a buffer and its encoders. Called by broker_link.c.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_OUTPUT_H
#define ROSTRUM_COMMON_IO_BROKER_OUTPUT_H

#include "common/io/broker_internal.h"
#include "common/io/broker_types.h"

enum {
    BROKER_OUTPUT_MAX_BYTES = 16 * 1024 * 1024, /* unsent bytes of messages; then broker_publish says false */
    BROKER_OUTPUT_RESERVE_BYTES = 1024 * 1024,  /* above that, for acks and the like; then the link is given up */
    BROKER_OUTPUT_KEEP_BYTES = 256 * 1024,      /* of an empty buffer; what is above is freed */
};

struct broker_output {
    uint8_t *bytes;
    size_t start; /* of what is not sent yet */
    size_t end;
    size_t capacity;
};

enum broker_sent {
    BROKER_SENT_ALL,
    BROKER_SENT_PART, /* go on when the socket is writable */
    BROKER_SENT_ERROR,
};

/* False: no memory, or more than the limits; then nothing was added. */
MUST_CHECK bool broker_output_method(struct broker_output *output, uint16_t channel, amqp_method_number_t id,
                                     void *method);
MUST_CHECK bool broker_output_heartbeat(struct broker_output *output);
MUST_CHECK bool broker_output_publish(struct broker_output *output, uint64_t tag, size_t frame_max,
                                      const struct broker_message *message);
MUST_CHECK enum broker_sent broker_output_send(struct broker_output *output, int fd);
bool broker_output_empty(const struct broker_output *output);
void broker_output_clear(struct broker_output *output); /* and frees its memory */

#endif
