/*
 * Assertions on a reply that show the whole reply when they fail.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_EXPECT_H
#define ROSTRUM_TESTS_SUPPORT_EXPECT_H

#include <string.h>

#include "tests/support/client.h"
#include "tests/support/suite.h"

#define EXPECT_STATUS(reply, expected)                                                                                 \
    ck_assert_msg((reply)->status == (expected), "expected %d, got %d: %s", (expected), (reply)->status, (reply)->body)

#define EXPECT_TEXT(reply, path, expected)                                                                             \
    ck_assert_msg(strcmp(reply_text((reply), (path)), (expected)) == 0, "expected %s = %s, got %d: %s", (path),        \
                  (expected), (reply)->status, (reply)->body)

#define EXPECT_PRESENT(reply, path)                                                                                    \
    ck_assert_msg(reply_at((reply), (path)) != NULL, "expected %s, got %d: %s", (path), (reply)->status, (reply)->body)

#define EXPECT_ABSENT(reply, path)                                                                                     \
    ck_assert_msg(reply_at((reply), (path)) == NULL, "expected no %s, got %d: %s", (path), (reply)->status,            \
                  (reply)->body)

/* The contract's form of an error: its code, a message, the request's id. */
#define EXPECT_ERROR(reply, status, code)                                                                              \
    do {                                                                                                               \
        EXPECT_STATUS(reply, status);                                                                                  \
        EXPECT_TEXT(reply, "error", code);                                                                             \
        EXPECT_PRESENT(reply, "message");                                                                              \
        EXPECT_PRESENT(reply, "requestId");                                                                            \
    } while (0)

#endif
