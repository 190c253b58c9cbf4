/*
 * Records the messages that the tests of a program send and receive over WebSockets and event streams. At the end they
 * are validated against gateway/asyncapi.yaml (live_contract.py).
 *
 * Callers: websocket.c and events.c (each message); the main of a program with tests of live messages.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_LIVE_RECORDING_H
#define ROSTRUM_TESTS_SUPPORT_LIVE_RECORDING_H

#include "common/base/base.h"

enum live_recording_kind {
    LIVE_RECORDING_SENT = '>',
    LIVE_RECORDING_RECEIVED = '<',
    LIVE_RECORDING_EVENT = '=', /* received as an event */
};

/* Starts recording, in this process and those that it forks. False after printing an error. */
MUST_CHECK bool live_recording_begin(void);
/* No effect without a recording. `connection` distinguishes the connections of a process. The text is one line. */
void live_recording_add(enum live_recording_kind kind, const void *connection, const void *text, size_t length);
/*
 * Ends recording and validates it. `extent`: "auctions" or "sales", if each kind of message about them must occur in
 * it, else "part". False after printing what is wrong.
 */
MUST_CHECK bool live_recording_check(const char *extent);

#endif
