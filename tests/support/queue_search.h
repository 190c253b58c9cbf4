/*
 * Counts the messages of a queue that contain a text, on the event loop of a broker connection. Tests look for dead
 * letters and events of their auction by its id.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_QUEUE_SEARCH_H
#define ROSTRUM_TESTS_SUPPORT_QUEUE_SEARCH_H

#include "common/io/broker_consumer.h"

struct queue_search {
    const char *text; /* set by the test */
    int found;        /* messages with the text */
};

/*
 * Takes and acks all messages of the queue. The search must outlive the consumer. The caller closes it by
 * broker_consumer_close. Fails the test on error.
 */
struct broker_consumer *queue_search_open(struct broker *broker, const char *queue, struct queue_search *search);

#endif
