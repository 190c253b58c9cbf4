/*
 * Consumers of a broker, one channel each, and the assembly of a delivery from its frames: method, header, and any
 * number of body frames (none for an empty body).
 *
 *     WAITING ------ subscribe ------> SUBSCRIBING --- consume-ok ---> ACTIVE
 *        ^                                  |                            |
 *        +---- the server closed the channel, or the link is lost -------+
 *        |                                                               |
 *        +---- close-ok ---- RECYCLING <---- basic.cancel (queue gone) --+
 *     the owner closes: CLOSING, until close-ok frees the channel's number and the consumer
 *
 * Subscribing is one write: channel.open, basic.qos, basic.consume; the replies are handled as they arrive.
 *
 * Invariants: only ACTIVE delivers and acks. Tags given to the owner never repeat in the life of a consumer, although
 * the server's tags start at 1 on each channel. So an ack for an earlier subscription is recognised. A consumer is
 * freed only on close-ok or without a link; otherwise a callback is the last access to it.
 */
#include "common/io/broker_consumer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/broker_link.h"
#include "common/io/timer.h"

enum { BODY_MAX_BYTES = 128 * 1024 * 1024 }; /* the server's default; a longer delivery ends the link */

enum consumer_state {
    CONSUMER_WAITING, /* for the link, or for the back-off */
    CONSUMER_SUBSCRIBING,
    CONSUMER_ACTIVE,
    CONSUMER_RECYCLING, /* we closed the channel and will subscribe again */
    CONSUMER_CLOSING,   /* the owner has closed the consumer */
};

/* The delivery that is being assembled. */
struct assembly {
    bool open; /* its method frame was received, its end was not */
    bool has_header;
    bool is_probe; /* of a publisher: acked here, see BROKER_PROBE_TYPE */
    uint64_t size; /* of the body, from the header */
    uint64_t got;
    uint8_t *bytes; /* only if the body has more than one frame */
    struct broker_delivery delivery;
    char routing_key[BROKER_SHORT_SIZE];
    char message_id[BROKER_SHORT_SIZE];
    char reason[BROKER_SHORT_SIZE];
};

struct broker_consumer {
    struct broker_link *link;
    enum consumer_state state;
    uint16_t channel;
    bool channel_open; /* open-ok was received; an earlier close-ok belongs to a previous channel of this number */
    uint16_t prefetch;
    char *queue;
    void (*deliver)(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg);
    void (*gone)(struct broker_consumer *consumer, void *arg);
    void *arg;
    struct event *retry;
    int backoff_ms;
    uint64_t tag_base; /* added to the server's tags of this subscription */
    uint64_t tag_last; /* last tag given to the owner */
    int64_t ready;     /* ready messages in the queue by the last reply; -1: none yet */
    struct assembly assembly;
};

/* ---- states */

static void assembly_reset(struct assembly *assembly)
{
    free(assembly->bytes);
    assembly->bytes = NULL;
    assembly->open = false;
}

static void set_state(struct broker_consumer *consumer, enum consumer_state state)
{
    assembly_reset(&consumer->assembly);
    consumer->state = state;
}

/* Frees the consumer without a callback; only when the channel is closed. */
static void consumer_free(struct broker_consumer *consumer)
{
    broker_link_give_channel(consumer->link, consumer->channel);
    assembly_reset(&consumer->assembly);
    if (consumer->retry != NULL) {
        event_free(consumer->retry);
    }
    free(consumer->queue);
    free(consumer);
}

static void subscribe(struct broker_consumer *consumer)
{
    struct broker_link *link = consumer->link;
    assert(consumer->state == CONSUMER_WAITING && broker_link_state(link) != BROKER_DOWN);
    set_state(consumer, CONSUMER_SUBSCRIBING);
    consumer->channel_open = false;
    consumer->tag_base = consumer->tag_last;
    consumer->ready = -1;
    (void)evtimer_del(consumer->retry);

    amqp_channel_open_t open = {.out_of_band = amqp_empty_bytes};
    amqp_basic_qos_t qos = {.prefetch_count = consumer->prefetch};
    amqp_basic_consume_t consume = {
        .queue = amqp_cstring_bytes(consumer->queue), .consumer_tag = amqp_empty_bytes, .arguments = amqp_empty_table};
    broker_link_send(link, consumer->channel, AMQP_CHANNEL_OPEN_METHOD, &open);
    broker_link_send(link, consumer->channel, AMQP_BASIC_QOS_METHOD, &qos);
    broker_link_send(link, consumer->channel, AMQP_BASIC_CONSUME_METHOD, &consume);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker_consumer *consumer = arg;
    if (consumer->state == CONSUMER_WAITING && broker_link_state(consumer->link) != BROKER_DOWN) {
        subscribe(consumer);
    }
}

static void subscribe_later(struct broker_consumer *consumer)
{
    set_state(consumer, CONSUMER_WAITING);
    int64_t after_ms = consumer->backoff_ms;
    consumer->backoff_ms *= 2;
    if (consumer->backoff_ms > BROKER_BACKOFF_MAX_MS) {
        consumer->backoff_ms = BROKER_BACKOFF_MAX_MS;
    }
    timer_set(consumer->retry, after_ms);
}

/* The last access to the consumer: the owner may close it. */
static void notify_gone(struct broker_consumer *consumer)
{
    if (consumer->gone != NULL) {
        consumer->gone(consumer, consumer->arg);
    }
}

static void close_channel(struct broker_consumer *consumer, enum consumer_state state)
{
    set_state(consumer, state);
    amqp_channel_close_t close = {.reply_code = AMQP_REPLY_SUCCESS, .reply_text = amqp_cstring_bytes("done")};
    broker_link_send(consumer->link, consumer->channel, AMQP_CHANNEL_CLOSE_METHOD, &close);
}

/* The channel's number is free again. */
static void channel_closed(struct broker_consumer *consumer)
{
    if (consumer->state == CONSUMER_CLOSING) {
        consumer_free(consumer);
    } else {
        subscribe_later(consumer);
    }
}

/* ---- frames */

static void on_open_ok(struct broker_consumer *consumer, void *decoded)
{
    (void)decoded;
    consumer->channel_open = true;
}

static void on_consume_ok(struct broker_consumer *consumer, void *decoded)
{
    (void)decoded;
    if (consumer->state == CONSUMER_SUBSCRIBING) {
        set_state(consumer, CONSUMER_ACTIVE);
        consumer->backoff_ms = BROKER_BACKOFF_MIN_MS;
    }
}

static void on_declare_ok(struct broker_consumer *consumer, void *decoded)
{
    const amqp_queue_declare_ok_t *declared = decoded;
    consumer->ready = declared->message_count;
}

static void on_cancel(struct broker_consumer *consumer, void *decoded)
{
    (void)decoded;
    if (consumer->state != CONSUMER_ACTIVE && consumer->state != CONSUMER_SUBSCRIBING) {
        return;
    }
    log_warn("rabbitmq %s: queue %s: the server cancelled the subscription", broker_link_name(consumer->link),
             consumer->queue);
    bool was_active = consumer->state == CONSUMER_ACTIVE;
    close_channel(consumer, CONSUMER_RECYCLING);
    if (was_active) {
        notify_gone(consumer);
    }
}

/*
 * The server closed the channel. If our own channel.close was already sent, this is its reply, too. The server may then
 * also send a close-ok; channel_open makes that harmless.
 */
static void on_close(struct broker_consumer *consumer, void *decoded)
{
    const amqp_channel_close_t *close = decoded;
    amqp_channel_close_ok_t close_ok = {0};
    broker_link_send(consumer->link, consumer->channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);
    if (consumer->state != CONSUMER_CLOSING) {
        log_warn("rabbitmq %s: queue %s: %.*s", broker_link_name(consumer->link), consumer->queue,
                 (int)close->reply_text.len, close->reply_text.len > 0 ? (const char *)close->reply_text.bytes : "");
    }
    bool was_active = consumer->state == CONSUMER_ACTIVE;
    channel_closed(consumer);
    if (was_active) {
        notify_gone(consumer);
    }
}

static void on_close_ok(struct broker_consumer *consumer, void *decoded)
{
    (void)decoded;
    if (consumer->channel_open && (consumer->state == CONSUMER_CLOSING || consumer->state == CONSUMER_RECYCLING)) {
        channel_closed(consumer);
    }
}

static void on_deliver(struct broker_consumer *consumer, void *decoded)
{
    const amqp_basic_deliver_t *deliver = decoded;
    if (consumer->state != CONSUMER_ACTIVE) {
        return; /* returns to the queue with the channel */
    }
    struct assembly *assembly = &consumer->assembly;
    assembly_reset(assembly);
    assembly->open = true;
    assembly->has_header = false;
    assembly->got = 0;
    assembly->delivery = (struct broker_delivery){
        .tag = consumer->tag_base + deliver->delivery_tag,
        .redelivered = deliver->redelivered,
        .routing_key = assembly->routing_key,
        .message_id = assembly->message_id,
        .reason = assembly->reason,
    };
    broker_copy_short(assembly->routing_key, deliver->routing_key);
}

static void on_method(struct broker_consumer *consumer, const amqp_method_t *method)
{
    static const struct {
        amqp_method_number_t id;
        void (*handle)(struct broker_consumer *consumer, void *decoded);
    } handlers[] = {
        {AMQP_BASIC_DELIVER_METHOD, on_deliver},       {AMQP_CHANNEL_OPEN_OK_METHOD, on_open_ok},
        {AMQP_BASIC_CONSUME_OK_METHOD, on_consume_ok}, {AMQP_BASIC_CANCEL_METHOD, on_cancel},
        {AMQP_CHANNEL_CLOSE_METHOD, on_close},         {AMQP_CHANNEL_CLOSE_OK_METHOD, on_close_ok},
        {AMQP_QUEUE_DECLARE_OK_METHOD, on_declare_ok},
    };
    for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
        if (handlers[i].id == method->id) {
            handlers[i].handle(consumer, method->decoded);
            return;
        }
    }
    /* Other methods (qos-ok) need no action. */
}

static const amqp_field_value_t *find_header(const amqp_table_t *headers, const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; i < headers->num_entries; i++) {
        const amqp_table_entry_t *entry = &headers->entries[i];
        if (entry->key.len == length && memcmp(entry->key.bytes, name, length) == 0) {
            return &entry->value;
        }
    }
    return NULL;
}

static int64_t integer_header(const amqp_table_t *headers, const char *name)
{
    const amqp_field_value_t *value = find_header(headers, name);
    if (value == NULL) {
        return 0;
    }
    switch (value->kind) {
    case AMQP_FIELD_KIND_I8:
        return value->value.i8;
    case AMQP_FIELD_KIND_I16:
        return value->value.i16;
    case AMQP_FIELD_KIND_I32:
        return value->value.i32;
    case AMQP_FIELD_KIND_I64:
        return value->value.i64;
    default:
        return 0;
    }
}

static void text_header(const amqp_table_t *headers, const char *name, char out[static BROKER_SHORT_SIZE])
{
    const amqp_field_value_t *value = find_header(headers, name);
    if (value != NULL && (value->kind == AMQP_FIELD_KIND_UTF8 || value->kind == AMQP_FIELD_KIND_BYTES)) {
        broker_copy_short(out, value->value.bytes);
    }
}

static void hand_over(struct broker_consumer *consumer, const void *body)
{
    struct assembly *assembly = &consumer->assembly;
    assembly->delivery.body = body;
    assembly->delivery.length = (size_t)assembly->size;
    assembly->open = false;
    consumer->tag_last = assembly->delivery.tag;
    if (assembly->is_probe) {
        bool acked = broker_ack(consumer, consumer->tag_last, false);
        (void)acked; /* else it is redelivered */
        return;
    }
    struct broker_delivery delivery = assembly->delivery;
    /* The owner may close the consumer in this callback, which resets the assembly, so the bytes are kept here. */
    uint8_t *bytes = assembly->bytes;
    assembly->bytes = NULL;
    consumer->deliver(consumer, &delivery, consumer->arg);
    free(bytes);
}

static void on_header(struct broker_consumer *consumer, const amqp_frame_t *frame)
{
    struct assembly *assembly = &consumer->assembly;
    const amqp_basic_properties_t *properties = frame->payload.properties.decoded;
    if (!assembly->open || assembly->has_header) {
        return;
    }
    assembly->has_header = true;
    assembly->size = frame->payload.properties.body_size;
    if (assembly->size > BODY_MAX_BYTES) {
        broker_link_fail(consumer->link, "queue %s: a message of %llu bytes", consumer->queue,
                         (unsigned long long)assembly->size);
        return;
    }
    assembly->message_id[0] = '\0';
    assembly->reason[0] = '\0';
    assembly->is_probe = assembly->size == 0 && (properties->_flags & AMQP_BASIC_TYPE_FLAG) != 0 &&
                         properties->type.len == strlen(BROKER_PROBE_TYPE) &&
                         memcmp(properties->type.bytes, BROKER_PROBE_TYPE, properties->type.len) == 0;
    if ((properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0) {
        broker_copy_short(assembly->message_id, properties->message_id);
    }
    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0) {
        assembly->delivery.delivery_count = integer_header(&properties->headers, "x-delivery-count");
        text_header(&properties->headers, "reason", assembly->reason);
    }
    if (assembly->size == 0) {
        hand_over(consumer, "");
    }
}

static void on_body(struct broker_consumer *consumer, amqp_bytes_t chunk)
{
    struct assembly *assembly = &consumer->assembly;
    if (!assembly->open || !assembly->has_header) {
        return;
    }
    if (assembly->got == 0 && chunk.len == assembly->size) {
        hand_over(consumer, chunk.bytes);
        return;
    }
    if (assembly->bytes == NULL) {
        assembly->bytes = malloc((size_t)assembly->size);
    }
    if (assembly->bytes == NULL || chunk.len > assembly->size - assembly->got) {
        broker_link_fail(consumer->link, "queue %s: %s", consumer->queue,
                         assembly->bytes == NULL ? "out of memory" : "more body than announced");
        return;
    }
    memcpy(assembly->bytes + assembly->got, chunk.bytes, chunk.len);
    assembly->got += chunk.len;
    if (assembly->got == assembly->size) {
        hand_over(consumer, assembly->bytes);
    }
}

static void on_frame(const amqp_frame_t *frame, void *arg)
{
    struct broker_consumer *consumer = arg;
    switch (frame->frame_type) {
    case AMQP_FRAME_METHOD:
        on_method(consumer, &frame->payload.method);
        break;
    case AMQP_FRAME_HEADER:
        on_header(consumer, frame);
        break;
    case AMQP_FRAME_BODY:
        on_body(consumer, frame->payload.body_fragment);
        break;
    default:
        break;
    }
}

static void on_link_up(void *arg)
{
    struct broker_consumer *consumer = arg;
    if (consumer->state == CONSUMER_WAITING) { /* else on_change created it just now, already subscribed */
        subscribe(consumer);
    }
}

static void on_link_lost(void *arg)
{
    struct broker_consumer *consumer = arg;
    enum consumer_state before = consumer->state;
    if (before == CONSUMER_CLOSING) {
        consumer_free(consumer);
        return;
    }
    set_state(consumer, CONSUMER_WAITING);
    consumer->backoff_ms = BROKER_BACKOFF_MIN_MS;
    (void)evtimer_del(consumer->retry);
    if (before == CONSUMER_ACTIVE) {
        notify_gone(consumer);
    }
}

static void on_link_freed(void *arg)
{
    consumer_free(arg);
}

static const struct broker_channel_calls channel_calls = {
    .frame = on_frame,
    .up = on_link_up,
    .lost = on_link_lost,
    .freed = on_link_freed,
};

/* ---- public interface */

struct broker_consumer *broker_consume(struct broker *broker, const struct broker_consumer_options *options)
{
    assert(options->queue != NULL && strlen(options->queue) < BROKER_SHORT_SIZE && options->deliver != NULL);
    struct broker_consumer *consumer = calloc(1, sizeof *consumer);
    if (consumer == NULL) {
        return NULL;
    }
    consumer->link = broker_link_of(broker);
    consumer->channel = broker_link_take_channel(consumer->link, &channel_calls, consumer);
    if (consumer->channel == 0) {
        free(consumer);
        return NULL;
    }
    consumer->prefetch = options->prefetch;
    consumer->deliver = options->deliver;
    consumer->gone = options->gone;
    consumer->arg = options->arg;
    consumer->backoff_ms = BROKER_BACKOFF_MIN_MS;
    consumer->ready = -1;
    consumer->queue = strdup(options->queue);
    consumer->retry = evtimer_new(broker_link_base(consumer->link), on_retry, consumer);
    if (consumer->queue == NULL || consumer->retry == NULL) {
        consumer_free(consumer);
        return NULL;
    }
    if (broker_link_state(consumer->link) != BROKER_DOWN) {
        subscribe(consumer);
    }
    return consumer;
}

bool broker_ack(struct broker_consumer *consumer, uint64_t tag, bool multiple)
{
    assert(consumer->state != CONSUMER_CLOSING && tag > 0 && tag <= consumer->tag_last);
    if (consumer->state != CONSUMER_ACTIVE || tag <= consumer->tag_base || broker_link_failing(consumer->link)) {
        return false;
    }
    amqp_basic_ack_t ack = {.delivery_tag = tag - consumer->tag_base, .multiple = multiple};
    broker_link_send(consumer->link, consumer->channel, AMQP_BASIC_ACK_METHOD, &ack);
    return !broker_link_failing(consumer->link);
}

void broker_consumer_ask_ready(struct broker_consumer *consumer)
{
    if (consumer->state == CONSUMER_ACTIVE) {
        amqp_queue_declare_t declare = {
            .queue = amqp_cstring_bytes(consumer->queue), .passive = true, .arguments = amqp_empty_table};
        broker_link_send(consumer->link, consumer->channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
    }
}

int64_t broker_consumer_ready(const struct broker_consumer *consumer)
{
    return consumer->ready;
}

void broker_consumer_close(struct broker_consumer *consumer)
{
    switch (consumer->state) {
    case CONSUMER_WAITING:
        consumer_free(consumer);
        break;
    case CONSUMER_RECYCLING: /* channel.close was sent */
        set_state(consumer, CONSUMER_CLOSING);
        break;
    case CONSUMER_SUBSCRIBING:
    case CONSUMER_ACTIVE:
        close_channel(consumer, CONSUMER_CLOSING);
        break;
    case CONSUMER_CLOSING:
        assert(!"closed twice");
        break;
    }
}
