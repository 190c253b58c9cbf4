/*
 * The public interface of a connection to RabbitMQ, and publishing on it: confirms, returned messages and verdicts. The
 * connection itself is in broker_link.c.
 *
 * When the server closes the publish channel, the whole link is ended and made again. The confirms of the channel are
 * lost in any case, and a new connection also checks the topology again.
 */
#include "common/io/broker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/io/broker_confirm.h"
#include "common/io/broker_link.h"

struct broker {
    struct broker_link *link;
    void (*on_change)(struct broker *broker, enum broker_state state, void *arg);
    void *arg;
    struct broker_confirms confirms;
};

/* ---- the publish channel */

static void settle(struct broker *broker, uint64_t tag, bool multiple, enum broker_verdict verdict)
{
    if (!broker_confirm_settle(&broker->confirms, tag, multiple, verdict)) {
        broker_link_fail(broker->link, "confirm of delivery tag %llu, which was never used", (unsigned long long)tag);
    }
}

static void on_ack(struct broker *broker, void *decoded)
{
    const amqp_basic_ack_t *ack = decoded;
    settle(broker, ack->delivery_tag, ack->multiple, BROKER_CONFIRMED);
}

static void on_nack(struct broker *broker, void *decoded)
{
    const amqp_basic_nack_t *nack = decoded;
    settle(broker, nack->delivery_tag, nack->multiple, BROKER_NACKED);
}

static void on_publish_channel_close(struct broker *broker, void *decoded)
{
    const amqp_channel_close_t *close = decoded;
    broker_link_fail(broker->link, "publish channel closed by the server: %.*s", (int)close->reply_text.len,
                     close->reply_text.len > 0 ? (char *)close->reply_text.bytes : "");
}

/* Headers on this channel belong to returned messages only; their bodies are ignored. */
static void on_returned(struct broker *broker, const amqp_basic_properties_t *properties)
{
    if ((properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) == 0) {
        return;
    }
    char tag[BROKER_SHORT_SIZE];
    broker_copy_short(tag, properties->correlation_id);
    broker_confirm_returned(&broker->confirms, strtoull(tag, NULL, 10));
}

static void on_method(struct broker *broker, const amqp_method_t *method)
{
    switch (method->id) {
    case AMQP_BASIC_ACK_METHOD:
        on_ack(broker, method->decoded);
        break;
    case AMQP_BASIC_NACK_METHOD:
        on_nack(broker, method->decoded);
        break;
    case AMQP_CHANNEL_CLOSE_METHOD:
        on_publish_channel_close(broker, method->decoded);
        break;
    default:
        break;
    }
}

static void on_frame(const amqp_frame_t *frame, void *arg)
{
    struct broker *broker = arg;
    if (frame->frame_type == AMQP_FRAME_METHOD) {
        on_method(broker, &frame->payload.method);
    } else if (frame->frame_type == AMQP_FRAME_HEADER) {
        on_returned(broker, frame->payload.properties.decoded);
    }
}

static void abandon(void *arg)
{
    struct broker *broker = arg;
    broker_confirm_abandon(&broker->confirms);
}

static const struct broker_channel_calls publish_channel = {.frame = on_frame, .lost = abandon, .freed = abandon};

/* ---- public interface */

static void on_link_change(enum broker_state state, void *arg)
{
    struct broker *broker = arg;
    if (state == BROKER_DOWN) {
        log_warn("rabbitmq %s: lost: %s (%zu unconfirmed)", broker_link_name(broker->link),
                 broker_link_error(broker->link), broker->confirms.open);
    }
    if (broker->on_change != NULL) {
        broker->on_change(broker, state, broker->arg);
    }
}

bool broker_url_is_valid(const char *url)
{
    struct amqp_connection_info info = {0};
    char *copy = strdup(url); /* amqp_parse_url splits it in place */
    bool ok = copy != NULL && amqp_parse_url(copy, &info) == AMQP_STATUS_OK && !info.ssl;
    free(copy);
    return ok;
}

struct broker *broker_new(const struct broker_options *options)
{
    struct broker *broker = calloc(1, sizeof *broker);
    if (broker == NULL) {
        return NULL;
    }
    broker->on_change = options->on_change;
    broker->arg = options->arg;
    broker->link = broker_link_new(options, on_link_change, broker);
    if (broker->link == NULL || !broker_confirm_init(&broker->confirms, options->unconfirmed_max)) {
        broker_free(broker);
        return NULL;
    }
    uint16_t channel = broker_link_take_channel(broker->link, &publish_channel, broker);
    assert(channel == BROKER_PUBLISH_CHANNEL);
    (void)channel;
    return broker;
}

void broker_free(struct broker *broker)
{
    if (broker == NULL) {
        return;
    }
    if (broker->link != NULL) {
        broker_link_free(broker->link);
    }
    broker_confirm_close(&broker->confirms);
    free(broker);
}

struct broker_link *broker_link_of(const struct broker *broker)
{
    return broker->link;
}

enum broker_state broker_state(const struct broker *broker)
{
    return broker_link_state(broker->link);
}

size_t broker_unconfirmed(const struct broker *broker)
{
    return broker->confirms.open;
}

int64_t broker_latency_ms(const struct broker *broker)
{
    return broker->confirms.latency_ms;
}

const char *broker_error(const struct broker *broker)
{
    return broker_link_error(broker->link);
}

bool broker_publish(struct broker *broker, const struct broker_message *message, broker_verdict_callback callback,
                    void *arg)
{
    assert(callback != NULL && message->length <= BROKER_MESSAGE_MAX_BYTES);
    if (broker_confirm_full(&broker->confirms) ||
        !broker_link_publish(broker->link, broker->confirms.next_tag, message)) {
        return false;
    }
    broker_confirm_add(&broker->confirms, callback, arg);
    return true;
}
