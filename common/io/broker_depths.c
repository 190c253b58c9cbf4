/*
 * See broker_depths.h. The channel is opened by the first question on a connection, and again after the server closed
 * it, which it does instead of answering for a queue that is missing. Answers come in the order of the declares.
 */
#include "common/io/broker_depths.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/broker_link.h"

struct broker_depths {
    struct broker_link *link;
    struct broker_depths_options options;
    size_t count; /* of the queues */
    uint16_t channel;
    bool open;       /* channel.open was sent on this connection, and the server has not closed the channel */
    bool reported;   /* a failure was logged; until all queues have answered again */
    size_t first;    /* the queue that is asked first */
    size_t awaited;  /* answers outstanding */
    size_t answered; /* since the last question */
};

static size_t queue_answering(const struct broker_depths *depths)
{
    return (depths->first + depths->answered) % depths->count;
}

static void on_declared(struct broker_depths *depths, const amqp_queue_declare_ok_t *declared)
{
    if (depths->awaited == 0) {
        return;
    }
    size_t queue = queue_answering(depths);
    depths->answered++;
    depths->awaited--;
    depths->reported = depths->reported && depths->awaited > 0;
    depths->options.answered(queue, declared->message_count, declared->consumer_count, depths->options.arg);
}

static void on_closed(struct broker_depths *depths, const amqp_channel_close_t *close)
{
    amqp_channel_close_ok_t close_ok = {0};
    size_t queue = queue_answering(depths);
    broker_link_send(depths->link, depths->channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);
    if (!depths->reported) {
        log_warn("rabbitmq %s: no depth of queue %s: %.*s", broker_link_name(depths->link),
                 depths->options.queues[queue], (int)close->reply_text.len,
                 close->reply_text.len > 0 ? (const char *)close->reply_text.bytes : "");
    }
    depths->reported = true;
    depths->open = false;
    depths->awaited = 0;
    depths->first = (queue + 1) % depths->count;
}

static void on_frame(const amqp_frame_t *frame, void *arg)
{
    struct broker_depths *depths = arg;
    if (frame->frame_type != AMQP_FRAME_METHOD || !depths->open) {
        return;
    }
    if (frame->payload.method.id == AMQP_QUEUE_DECLARE_OK_METHOD) {
        on_declared(depths, frame->payload.method.decoded);
    } else if (frame->payload.method.id == AMQP_CHANNEL_CLOSE_METHOD) {
        on_closed(depths, frame->payload.method.decoded);
    }
}

static void on_lost(void *arg)
{
    struct broker_depths *depths = arg;
    depths->open = false;
    depths->awaited = 0;
}

static void on_freed(void *arg)
{
    free(arg);
}

static const struct broker_channel_calls channel_calls = {.frame = on_frame, .lost = on_lost, .freed = on_freed};

struct broker_depths *broker_depths_new(struct broker *broker, const struct broker_depths_options *options)
{
    struct broker_depths *depths = calloc(1, sizeof *depths);
    if (depths == NULL) {
        return NULL;
    }
    depths->link = broker_link_of(broker);
    depths->options = *options;
    while (options->queues[depths->count] != NULL) {
        depths->count++;
    }
    depths->channel = broker_link_take_channel(depths->link, &channel_calls, depths);
    if (depths->channel == 0) {
        free(depths);
        return NULL;
    }
    return depths;
}

void broker_depths_ask(struct broker_depths *depths)
{
    if (broker_link_state(depths->link) == BROKER_DOWN || depths->awaited > 0) {
        return;
    }
    if (!depths->open) {
        amqp_channel_open_t open = {.out_of_band = amqp_empty_bytes};
        broker_link_send(depths->link, depths->channel, AMQP_CHANNEL_OPEN_METHOD, &open);
        depths->open = true;
    }
    for (size_t i = 0; i < depths->count; i++) {
        amqp_queue_declare_t declare = {
            .queue = amqp_cstring_bytes(depths->options.queues[(depths->first + i) % depths->count]),
            .passive = true,
            .arguments = amqp_empty_table,
        };
        broker_link_send(depths->link, depths->channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
    }
    depths->awaited = depths->count;
    depths->answered = 0;
}
