/*
 * Assertions on a reply; a failure prints the reply. Each evaluates its arguments once, so `answer` may be a call. Each
 * uses its own variable names, because the macros nest.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_EXPECT_H
#define ROSTRUM_TESTS_SUPPORT_EXPECT_H

#include <string.h>

#include "tests/support/client.h"
#include "tests/support/suite.h"

/* Check limits messages to 4 KiB. */
#define EXPECT_GOT "got %d: %.1000s"

#define EXPECT_STATUS(answer, expected)                                                                                \
    do {                                                                                                               \
        const struct reply *expect_s_ = (answer);                                                                      \
        ck_assert_msg(expect_s_->status == (expected), "expected %d, " EXPECT_GOT, (expected), expect_s_->status,      \
                      expect_s_->body);                                                                                \
    } while (0)

#define EXPECT_TEXT(answer, path, expected)                                                                            \
    do {                                                                                                               \
        const struct reply *expect_t_ = (answer);                                                                      \
        const char *expect_text_ = (expected);                                                                         \
        ck_assert_msg(strcmp(reply_text(expect_t_, (path)), expect_text_) == 0, "expected %s = %s, " EXPECT_GOT,       \
                      (path), expect_text_, expect_t_->status, expect_t_->body);                                       \
    } while (0)

#define EXPECT_PRESENT(answer, path)                                                                                   \
    do {                                                                                                               \
        const struct reply *expect_p_ = (answer);                                                                      \
        ck_assert_msg(reply_at(expect_p_, (path)) != NULL, "expected %s, " EXPECT_GOT, (path), expect_p_->status,      \
                      expect_p_->body);                                                                                \
    } while (0)

#define EXPECT_ABSENT(answer, path)                                                                                    \
    do {                                                                                                               \
        const struct reply *expect_a_ = (answer);                                                                      \
        ck_assert_msg(reply_at(expect_a_, (path)) == NULL, "expected no %s, " EXPECT_GOT, (path), expect_a_->status,   \
                      expect_a_->body);                                                                                \
    } while (0)

/* An error as the contract defines it: code, message, id of the request. */
#define EXPECT_ERROR(answer, status, code)                                                                             \
    do {                                                                                                               \
        const struct reply *expect_e_ = (answer);                                                                      \
        EXPECT_STATUS(expect_e_, status);                                                                              \
        EXPECT_TEXT(expect_e_, "error", code);                                                                         \
        EXPECT_PRESENT(expect_e_, "message");                                                                          \
        EXPECT_PRESENT(expect_e_, "requestId");                                                                        \
    } while (0)

#endif
