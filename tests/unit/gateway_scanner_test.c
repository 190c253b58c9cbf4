/*
 * gateway/http/scanner: which bytes are one request, what is replaced, and what is refused. How the gateway answers is
 * in tests/contract/http_framing_test.c.
 */
#include "gateway/http/scanner.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 8192, BODY_MAX = 100, RANDOM_ROUNDS = 20000, RANDOM_SEED = 7 };

#define HEAD  "POST / HTTP/1.1\r\nHost: x\r\n"
#define CHUNK HEAD "Transfer-Encoding: chunked\r\n\r\n"

static struct scanner scanner;
static char text[TEXT_SIZE]; /* the bytes that were read, as the scanner left them */

/* Reads a copy of the bytes, `piece` at a time. Returns how many belong to the request. */
static size_t scan(const char *bytes, size_t length, size_t piece)
{
    size_t taken = 0;
    ck_assert_uint_lt(length, sizeof(text));
    memcpy(text, bytes, length);
    text[length] = '\0';
    scanner_begin(&scanner, BODY_MAX);
    for (size_t at = 0; at < length;) {
        size_t part = piece < length - at ? piece : length - at;
        size_t got = scanner_read(&scanner, text + at, part);
        taken += got;
        at += part;
        if (got < part) {
            break;
        }
    }
    return taken;
}

static void append(char out[static TEXT_SIZE], const char *more)
{
    size_t length = strlen(out);
    (void)snprintf(out + length, TEXT_SIZE - length, "%s", more);
}

static const struct {
    const char *sent;
    const char *left; /* what evhttp gets */
} requests[] = {
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", NULL},
    {HEAD "Content-Length: 3\r\n\r\nabc", NULL},
    {HEAD "content-length:\t3 \t\r\n\r\nabc", HEAD "content-length: 3 \t\r\n\r\nabc"},
    {HEAD "Content-Length: 0\r\n\r\n", NULL},
    {HEAD "\r\n", NULL},
    {"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", NULL},
    {CHUNK "3\r\nabc\r\n0\r\n\r\n", NULL},
    {CHUNK "3;a=b\r\nabc\r\n0;c\r\n\r\n", CHUNK "3    \r\nabc\r\n0  \r\n\r\n"},
    {CHUNK "3\t; \"\t\"\r\n\r\n\r\r\n0\r\n\r\n", CHUNK "3      \r\n\r\n\r\r\n0\r\n\r\n"},
    {CHUNK "0\r\nAbc: d\r\na:\r\n\r\n", CHUNK "0\r\nt:    \r\nt:\r\n\r\n"},
    {"\r\n\r\nGET / HTTP/1.0\r\n\r\n", NULL},
};

START_TEST(a_request_ends_where_rfc_9112_says)
{
    static const char next[] = "GET /next HTTP/1.1\r\n\r\n";
    char bytes[TEXT_SIZE];
    size_t length = strlen(requests[_i].sent);
    const char *left = requests[_i].left != NULL ? requests[_i].left : requests[_i].sent;
    (void)snprintf(bytes, sizeof(bytes), "%s%s", requests[_i].sent, next);
    for (size_t piece = 1; piece <= strlen(bytes); piece++) {
        size_t taken = scan(bytes, strlen(bytes), piece);
        ck_assert_msg(taken == length && scanner.ended && scanner.error == ERROR_COUNT, "%s: %zu of %zu", bytes, taken,
                      length);
        ck_assert_msg(strncmp(text, left, length) == 0 && strcmp(text + length, next) == 0, "%s became %s", bytes,
                      text);
    }
}
END_TEST

START_TEST(empty_lines_are_counted_and_limited)
{
    char bytes[TEXT_SIZE] = "";
    (void)scan("\r\n\r\nGET", 7, 1);
    ck_assert_uint_eq(scanner.empty_bytes, 4);
    ck_assert(scanner.error == ERROR_COUNT);
    for (int i = 0; i <= SCANNER_EMPTY_LINES_MAX; i++) {
        append(bytes, "\r\n");
    }
    (void)scan(bytes, strlen(bytes), 1);
    ck_assert_int_eq((int)scanner.error, ERROR_BAD_REQUEST);
}
END_TEST

START_TEST(extensions_and_trailers_have_a_limit)
{
    char bytes[TEXT_SIZE] = CHUNK "1;";
    size_t length = strlen(bytes);
    memset(bytes + length, 'a', SCANNER_DISCARDED_MAX - 1);
    length += SCANNER_DISCARDED_MAX - 1;
    bytes[length] = '\0';
    append(bytes, "\r\nx\r\n0\r\n\r\n");
    ck_assert_uint_eq(scan(bytes, strlen(bytes), TEXT_SIZE), strlen(bytes));
    ck_assert(scanner.ended);
    bytes[length] = '\0';
    append(bytes, "\r\nx\r\n0\r\na: b\r\n\r\n");
    (void)scan(bytes, strlen(bytes), TEXT_SIZE);
    ck_assert_int_eq((int)scanner.error, ERROR_BAD_REQUEST);
}
END_TEST

START_TEST(a_body_that_is_announced_too_large_is_refused_at_the_end_of_the_head)
{
    static const struct {
        const char *bytes;
        enum error_code error;
    } heads[] = {
        {HEAD "Expect: 100-continue\r\nContent-Length: 101\r\n\r\n", ERROR_BODY_TOO_LARGE},
        {HEAD "Content-Length: 99999999999999999999999\r\nExpect: 100-Continue\r\n\r\n", ERROR_BODY_TOO_LARGE},
        {HEAD "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n", ERROR_COUNT},
        {HEAD "Content-Length: 101\r\n\r\n", ERROR_COUNT}, /* evhttp reads it, and then answers 413 */
        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n", ERROR_COUNT},
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        (void)scan(heads[i].bytes, strlen(heads[i].bytes), 1);
        ck_assert_msg(scanner.error == heads[i].error, "%s", heads[i].bytes);
    }
}
END_TEST

static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245U + 12345U;
    return *state >> 16U;
}

/* Whatever is sent, the pieces that it arrives in make no difference, and only bytes of the request change. */
START_TEST(random_bytes_are_read_alike_in_any_pieces)
{
    static const char *const parts[] = {"POST / HTTP/1.1\r\n",
                                        "Content-Length: 3\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        "\r\n",
                                        "3",
                                        "0",
                                        ";a",
                                        "abc",
                                        "X: y\r\n",
                                        " ",
                                        "\t",
                                        "\n",
                                        "\r",
                                        ":",
                                        "f"};
    unsigned state = RANDOM_SEED;
    for (int round = 0; round < RANDOM_ROUNDS; round++) {
        char bytes[TEXT_SIZE] = CHUNK;
        char whole[TEXT_SIZE];
        size_t begin = next_random(&state) % 2 == 0 ? 0 : strlen(CHUNK);
        bytes[begin] = '\0';
        for (unsigned i = next_random(&state) % 16; i > 0; i--) {
            append(bytes, parts[next_random(&state) % ARRAY_LEN(parts)]);
        }
        size_t length = strlen(bytes);
        size_t taken = scan(bytes, length, length + 1);
        enum error_code error = scanner.error;
        bool ended = scanner.ended;
        memcpy(whole, text, length);
        ck_assert(taken == length || ended || error != ERROR_COUNT);
        ck_assert_mem_eq(bytes + taken, whole + taken, length - taken);
        ck_assert_uint_eq(scan(bytes, length, 1 + next_random(&state) % 5), taken);
        ck_assert(scanner.error == error && scanner.ended == ended);
        ck_assert_mem_eq(text, whole, length);
    }
}
END_TEST

static Suite *scanner_suite(void)
{
    Suite *suite = suite_create("scanner");
    TCase *tcase = tcase_create("scanner");
    tcase_add_loop_test(tcase, a_request_ends_where_rfc_9112_says, 0, (int)ARRAY_LEN(requests));
    tcase_add_test(tcase, empty_lines_are_counted_and_limited);
    tcase_add_test(tcase, extensions_and_trailers_have_a_limit);
    tcase_add_test(tcase, a_body_that_is_announced_too_large_is_refused_at_the_end_of_the_head);
    tcase_add_test(tcase, random_bytes_are_read_alike_in_any_pieces);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(scanner_suite());
}
