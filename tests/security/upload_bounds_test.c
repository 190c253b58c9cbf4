/*
 * Who can take the places of uploads: nobody without the right to upload, one address a quarter of them, a slow client
 * none for long. Each test starts a second gateway of one worker on the deployment's servers. Clients come from several
 * addresses of the loopback network, of which the tests' settings exempt only 127.0.0.1.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/fixture.h"
#include "tests/support/image.h"
#include "tests/support/own_gateway.h"
#include "tests/support/raw_http.h"
#include "tests/support/scratch.h"

#define AS_SELLER fixture.seller.token
#define LENGTH    "Content-Length: 1000000\r\n"
#define EXPECT    "Expect: 100-continue\r\n" /* 100 is answered to an upload that has its place */

enum {
    SOCKETS = 32,
    PLACES = 8,
    FOLDER_SIZE = 256,
    HEAD_SIZE = 4096,
    BODY_SIZE = 4096,
    HEADERS_SIZE = 128,
    CHUNK = 1000,
    IMAGE_MOST = 5242880, /* bytes: the default of image_max_bytes */
};

static struct own_gateway gateway;

static void start(void)
{
    char folder[FOLDER_SIZE];
    scratch_pattern("images", folder, sizeof(folder));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    own_gateway_start(&gateway, client_format("[images]\nimage_folder = %s\nimage_uploads_max = %d\n"
                                              "[limits]\nrefusals_per_minute = 1000\n",
                                              folder, PLACES));
}

/* Sends the head of an upload from 127.0.0.`host`. `token` NULL: without credentials. */
static int announce(int host, const char *token, const char *headers)
{
    const char *credentials = token == NULL ? "" : client_format("Authorization: Bearer %s\r\n", token);
    int fd = raw_http_connect(gateway.port, host, 0);
    ck_assert(
        raw_http_send(fd, client_format("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n%s%s\r\n",
                                        fixture_path("/images"), credentials, headers)));
    return fd;
}

static int upload_as(const struct factory_user *who, unsigned width)
{
    struct image image = image_png(width, 20, width);
    client_token(gateway.client, who->token);
    client_header(gateway.client, "Content-Type: image/png");
    int status = client_send(gateway.client, "POST", fixture_path("/images"), image.bytes, image.length)->status;
    free(image.bytes);
    return status;
}

/* The announced uploads are refused at once with this status, and do not keep the seller from uploading. */
static void expect_refusals(const char *token, int status)
{
    int fds[SOCKETS];
    start();
    for (int i = 0; i < SOCKETS; i++) {
        fds[i] = announce(2 + i % 4, token, i % 2 == 0 ? LENGTH : "Transfer-Encoding: chunked\r\n");
    }
    ck_assert_int_eq(upload_as(&fixture.seller, 30), 201);
    for (int i = 0; i < SOCKETS; i++) {
        ck_assert_int_eq(raw_http_status(fds[i], RAW_HTTP_ANSWER_MS), status);
        ck_assert(raw_http_closed(fds[i], RAW_HTTP_ANSWER_MS));
    }
    raw_http_close_all(fds, SOCKETS);
    own_gateway_stop(&gateway);
}

START_TEST(uploads_announced_without_credentials_take_no_place)
{
    expect_refusals(NULL, 401);
}
END_TEST

START_TEST(uploads_announced_by_a_bidder_take_no_place)
{
    expect_refusals(fixture.ann.token, 403);
}
END_TEST

/* Reads one answer with its body, so that the next one can follow. */
static int read_whole(int fd, char body[static BODY_SIZE])
{
    char head[HEAD_SIZE];
    size_t got = 0;
    do {
        ck_assert_uint_lt(got, sizeof(head) - 1);
        ck_assert_int_eq((int)recv(fd, head + got, 1, 0), 1);
        head[++got] = '\0';
    } while (strstr(head, "\r\n\r\n") == NULL);
    const char *length = strcasestr(head, "\r\nContent-Length:");
    long left = length == NULL ? 0 : strtol(length + strlen("\r\nContent-Length:"), NULL, 10);
    ck_assert_int_lt((int)left, BODY_SIZE);
    for (long at = 0; at < left; at++) {
        ck_assert_int_eq((int)recv(fd, body + at, 1, 0), 1);
    }
    body[left] = '\0';
    return (int)strtol(head + strlen("HTTP/1.1 "), NULL, 10);
}

static int read_answer(int fd)
{
    char body[BODY_SIZE];
    return read_whole(fd, body);
}

START_TEST(one_address_holds_a_quarter_of_the_places_and_slow_uploads_end)
{
    int fds[PLACES];
    char body[BODY_SIZE];
    start();
    for (int i = 0; i < PLACES; i++) {
        fds[i] = announce(2, AS_SELLER, LENGTH EXPECT);
        ck_assert_int_eq(raw_http_status(fds[i], RAW_HTTP_ANSWER_MS), i < PLACES / 4 ? 100 : 429);
    }
    ck_assert_int_eq(upload_as(&fixture.seller, 30), 201);
    for (int i = 0; i < PLACES / 4; i++) {
        (void)raw_http_send(fds[i], "a few bytes");
        ck_assert_int_eq(read_whole(fds[i], body), 408);
        /* The sentence has its number: the time for these bytes. */
        ck_assert_msg(strstr(body, "not received within 5") != NULL && strstr(body, "\"max\":5") != NULL, "%s", body);
        ck_assert(raw_http_closed(fds[i], RAW_HTTP_ANSWER_MS));
    }
    raw_http_close_all(fds, PLACES);
    fds[0] = announce(2, AS_SELLER, LENGTH EXPECT);
    ck_assert_int_eq(raw_http_status(fds[0], RAW_HTTP_ANSWER_MS), 100); /* a place is free again */
    (void)close(fds[0]);
    own_gateway_stop(&gateway);
}
END_TEST

static void send_bytes(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        ck_assert_int_gt((int)sent, 0);
        at += sent;
        length -= (size_t)sent;
    }
}

static void send_chunked(int fd, const struct image *image)
{
    for (size_t at = 0; at < image->length; at += CHUNK) {
        size_t size = image->length - at < CHUNK ? image->length - at : CHUNK;
        ck_assert(raw_http_send(fd, client_format("%zx;note=1\r\n", size)));
        send_bytes(fd, image->bytes + at, size);
        ck_assert(raw_http_send(fd, "\r\n"));
    }
    ck_assert(raw_http_send(fd, "0\r\nDigest: x\r\n\r\n"));
}

START_TEST(a_chunked_upload_is_added_and_its_connection_stays_open)
{
    struct image image = image_png(60, 40, 7);
    start();
    for (int i = 0; i < 2; i++) {
        int fd = announce(2, AS_SELLER, "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n");
        send_chunked(fd, &image);
        /* The next request follows before the answer. */
        ck_assert(raw_http_send(fd, "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        ck_assert_int_eq(read_answer(fd), 201);
        ck_assert_int_eq(read_answer(fd), 200);
        ck_assert(!raw_http_closed(fd, 0));
        (void)close(fd);
    }
    free(image.bytes);
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(only_an_authorised_upload_gets_100_continue)
{
    struct image image = image_png(60, 40, 8);
    char headers[HEADERS_SIZE];
    (void)snprintf(headers, sizeof(headers), "Expect: 100-continue\r\nContent-Length: %zu\r\n", image.length);
    start();
    int fd = announce(2, NULL, headers);
    ck_assert_int_eq(raw_http_status(fd, RAW_HTTP_ANSWER_MS), 401);
    (void)close(fd);
    fd = announce(2, fixture.ann.token, headers);
    ck_assert_int_eq(raw_http_status(fd, RAW_HTTP_ANSWER_MS), 403);
    (void)close(fd);
    fd = announce(2, AS_SELLER, "Expect: wonders\r\n" LENGTH);
    ck_assert_int_eq(raw_http_status(fd, RAW_HTTP_ANSWER_MS), 417);
    (void)close(fd);
    fd = announce(2, AS_SELLER, headers);
    ck_assert_int_eq(read_answer(fd), 100);
    send_bytes(fd, image.bytes, image.length);
    ck_assert_int_eq(read_answer(fd), 201);
    ck_assert_int_eq(raw_http_get(fd, "/health", ""), 200);
    (void)close(fd);
    free(image.bytes);
    own_gateway_stop(&gateway);
}
END_TEST

/* A client that sends all before it reads gets its answer. */
START_TEST(a_refused_upload_gets_its_answer_while_it_is_sent)
{
    enum { WIDTH = 1500, HEIGHT = 1000 };
    struct image image = image_png(WIDTH, HEIGHT, 9); /* about 4.5 MB */
    start();
    for (int i = 0; i < 3; i++) {
        client_token(gateway.client, fixture.ann.token);
        client_header(gateway.client, "Content-Type: image/png");
        client_header(gateway.client, "Expect:");
        EXPECT_STATUS(client_send(gateway.client, "POST", fixture_path("/images"), image.bytes, image.length), 403);
    }
    free(image.bytes);
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(malformed_and_excessive_bodies_are_refused_while_they_are_read)
{
    static const struct {
        const char *headers;
        const char *body;
        int status;
    } bodies[] = {
        {"Content-Length: 99999999\r\n", "", 413},
        {"Transfer-Encoding: chunked\r\n", "+5\r\nabcde\r\n0\r\n\r\n", 400},
        {"Content-Length: 3\r\n", "abc", 415},
        {"Content-Length: 0\r\n", "", 415},
        {"", "", 415},
    };
    start();
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        int fd = announce(2, AS_SELLER, bodies[i].headers);
        ck_assert(raw_http_send(fd, bodies[i].body));
        int status = raw_http_status(fd, RAW_HTTP_ANSWER_MS);
        ck_assert_msg(status == bodies[i].status, "%s%s: expected %d, got %d", bodies[i].headers, bodies[i].body,
                      bodies[i].status, status);
        (void)close(fd);
    }
    int fd = announce(2, AS_SELLER, "Transfer-Encoding: chunked\r\n");
    ck_assert(raw_http_send(fd, "7fffffff\r\n")); /* too much only once it has arrived */
    char *bytes = calloc(1, IMAGE_MOST + 1);
    ck_assert_ptr_nonnull(bytes);
    send_bytes(fd, bytes, IMAGE_MOST + 1);
    free(bytes);
    ck_assert_int_eq(raw_http_status(fd, RAW_HTTP_ANSWER_MS), 413);
    (void)close(fd);
    fd = announce(2, AS_SELLER, LENGTH);
    ck_assert(raw_http_send(fd, "half"));
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    ck_assert_int_eq(raw_http_status(fd, RAW_HTTP_ANSWER_MS), 400);
    (void)close(fd);
    ck_assert_int_eq(upload_as(&fixture.seller, 30), 201);
    own_gateway_stop(&gateway);
}
END_TEST

static Suite *upload_bounds_suite(void)
{
    const TTest *const tests[] = {
        uploads_announced_without_credentials_take_no_place,
        uploads_announced_by_a_bidder_take_no_place,
        one_address_holds_a_quarter_of_the_places_and_slow_uploads_end,
        a_chunked_upload_is_added_and_its_connection_stays_open,
        only_an_authorised_upload_gets_100_continue,
        a_refused_upload_gets_its_answer_while_it_is_sent,
        malformed_and_excessive_bodies_are_refused_while_they_are_read,
        NULL,
    };
    return fixture_suite("upload-bounds", tests);
}

int main(void)
{
    return suite_run(upload_bounds_suite());
}
