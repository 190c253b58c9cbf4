/*
 * See broker_sender.h.
 *
 * When the server closes the publish channel, the whole link is ended and made again. The confirms of the channel are
 * lost in any case, and a new connection also checks the topology again.
 */
#include "common/io/broker_sender.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/io/broker_confirm.h"
#include "common/io/broker_probe.h"

struct broker_sender {
    struct broker_link *link;
    enum broker_state state; /* of the link, as of its last change */
    struct broker_confirms confirms;
    struct broker_prober *prober;
    void (*on_change)(struct broker_sender *sender, void *arg);
    void *arg;
};

/* ---- the publish channel */

static void settle(struct broker_sender *sender, uint64_t tag, bool multiple, enum broker_verdict verdict)
{
    if (!broker_confirm_settle(&sender->confirms, tag, multiple, verdict)) {
        broker_link_fail(sender->link, "confirm of delivery tag %llu, which was never used", (unsigned long long)tag);
    }
}

static void on_ack(struct broker_sender *sender, void *decoded)
{
    const amqp_basic_ack_t *ack = decoded;
    settle(sender, ack->delivery_tag, ack->multiple, BROKER_CONFIRMED);
}

static void on_nack(struct broker_sender *sender, void *decoded)
{
    const amqp_basic_nack_t *nack = decoded;
    settle(sender, nack->delivery_tag, nack->multiple, BROKER_NACKED);
}

static void on_channel_close(struct broker_sender *sender, void *decoded)
{
    const amqp_channel_close_t *close = decoded;
    broker_link_fail(sender->link, "publish channel closed by the server: %.*s", (int)close->reply_text.len,
                     close->reply_text.len > 0 ? (char *)close->reply_text.bytes : "");
}

/* Headers on this channel belong to returned messages only; their bodies are ignored. */
static void on_returned(struct broker_sender *sender, const amqp_basic_properties_t *properties)
{
    if ((properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) == 0) {
        return;
    }
    char tag[BROKER_SHORT_SIZE];
    broker_copy_short(tag, properties->correlation_id);
    broker_confirm_returned(&sender->confirms, strtoull(tag, NULL, 10));
}

static void on_method(struct broker_sender *sender, const amqp_method_t *method)
{
    switch (method->id) {
    case AMQP_BASIC_ACK_METHOD:
        on_ack(sender, method->decoded);
        break;
    case AMQP_BASIC_NACK_METHOD:
        on_nack(sender, method->decoded);
        break;
    case AMQP_CHANNEL_CLOSE_METHOD:
        on_channel_close(sender, method->decoded);
        break;
    default:
        break;
    }
}

static void on_frame(const amqp_frame_t *frame, void *arg)
{
    struct broker_sender *sender = arg;
    if (frame->frame_type == AMQP_FRAME_METHOD) {
        on_method(sender, &frame->payload.method);
    } else if (frame->frame_type == AMQP_FRAME_HEADER) {
        on_returned(sender, frame->payload.properties.decoded);
    }
}

static void on_up(void *arg)
{
    struct broker_sender *sender = arg;
    broker_prober_start(sender->prober);
}

static void on_lost(void *arg)
{
    struct broker_sender *sender = arg;
    broker_confirm_abandon(&sender->confirms);
    broker_prober_stop(sender->prober);
}

static const struct broker_channel_calls publish_channel = {
    .frame = on_frame, .up = on_up, .lost = on_lost, .freed = on_lost};

static void on_link_change(enum broker_state state, void *arg)
{
    struct broker_sender *sender = arg;
    if (state == BROKER_UP && sender->state == BROKER_BLOCKED) {
        broker_confirm_resume(&sender->confirms);
        broker_prober_resume(sender->prober);
    }
    sender->state = state;
    sender->on_change(sender, sender->arg);
}

static bool publish_probe(void *connection, const struct broker_message *message, broker_verdict_callback callback,
                          void *arg)
{
    return broker_sender_publish(connection, message, callback, arg);
}

/* ---- for broker.c */

struct broker_sender *broker_sender_new(const struct broker_options *options, size_t connection,
                                        void (*on_change)(struct broker_sender *sender, void *arg), void *arg)
{
    struct broker_sender *sender = calloc(1, sizeof *sender);
    if (sender == NULL) {
        return NULL;
    }
    sender->on_change = on_change;
    sender->arg = arg;
    sender->link = broker_link_new(options, connection, on_link_change, sender);
    sender->prober = broker_prober_new(options->base, publish_probe, sender);
    if (sender->link == NULL || sender->prober == NULL ||
        !broker_confirm_init(&sender->confirms, options->unconfirmed_max)) {
        broker_sender_free(sender);
        return NULL;
    }
    uint16_t channel = broker_link_take_channel(sender->link, &publish_channel, sender);
    assert(channel == BROKER_PUBLISH_CHANNEL);
    (void)channel;
    return sender;
}

void broker_sender_free(struct broker_sender *sender)
{
    if (sender == NULL) {
        return;
    }
    if (sender->link != NULL) {
        broker_link_free(sender->link);
    }
    broker_prober_free(sender->prober);
    broker_confirm_close(&sender->confirms);
    free(sender);
}

struct broker_link *broker_sender_link(const struct broker_sender *sender)
{
    return sender->link;
}

size_t broker_sender_unconfirmed(const struct broker_sender *sender)
{
    return sender->confirms.open;
}

int64_t broker_sender_latency_ms(const struct broker_sender *sender)
{
    return sender->confirms.latency_ms;
}

int64_t broker_sender_stalled_ms(const struct broker_sender *sender)
{
    return broker_confirm_stalled_ms(&sender->confirms);
}

bool broker_sender_proved(const struct broker_sender *sender)
{
    return broker_link_state(sender->link) == BROKER_UP && !broker_link_failing(sender->link) &&
           broker_prober_proved(sender->prober);
}

bool broker_sender_fresh(const struct broker_sender *sender, int64_t ms)
{
    return broker_prober_fresh(sender->prober, ms);
}

void broker_sender_renew(struct broker_sender *sender)
{
    broker_prober_renew(sender->prober);
}

int64_t broker_sender_unproved_ms(const struct broker_sender *sender)
{
    return broker_prober_waiting_ms(sender->prober);
}

bool broker_sender_answers(const struct broker_sender *sender, int64_t ms)
{
    return sender->confirms.answered_ms != 0 && clock_mono_ms() - sender->confirms.answered_ms < ms;
}

void broker_sender_expire(struct broker_sender *sender, int64_t ms)
{
    broker_confirm_expire(&sender->confirms, ms);
}

bool broker_sender_prepare(struct broker_sender *sender, const char *exchange, const char *routing_key)
{
    return broker_prober_add(sender->prober, exchange, routing_key);
}

bool broker_sender_publish(struct broker_sender *sender, const struct broker_message *message,
                           broker_verdict_callback callback, void *arg)
{
    assert(callback != NULL && message->length <= BROKER_MESSAGE_MAX_BYTES);
    if (broker_confirm_full(&sender->confirms) ||
        !broker_link_publish(sender->link, sender->confirms.next_tag, message)) {
        return false;
    }
    broker_confirm_add(&sender->confirms, callback, arg);
    return true;
}

void broker_sender_leave(struct broker_sender *sender, const char *reason)
{
    broker_link_fail(sender->link, "%s", reason);
    broker_confirm_abandon(&sender->confirms);
}
