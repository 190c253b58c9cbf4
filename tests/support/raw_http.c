/*
 * See raw_http.h.
 */
#include "tests/support/raw_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/client.h"
#include "tests/support/suite.h"

enum { HEAD_SIZE = 4096 };

int raw_http_connect(int port, int host, int receive_bytes)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK - 1U + (unsigned)host)}};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    if (receive_bytes > 0) {
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)), 0);
    }
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&from, sizeof(from)), 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

bool raw_http_send(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

int raw_http_status(int fd, int wait_ms)
{
    char head[HEAD_SIZE] = "";
    size_t got = 0;
    int64_t until_ms = suite_mono_ms() + wait_ms;
    while (strstr(head, "\r\n\r\n") == NULL) {
        int64_t left_ms = until_ms - suite_mono_ms();
        struct pollfd look = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&look, 1, (int)left_ms) <= 0) {
            return -1;
        }
        ssize_t more = recv(fd, head + got, sizeof(head) - 1 - got, 0);
        if (more <= 0) {
            return 0;
        }
        got += (size_t)more;
        head[got] = '\0';
    }
    return (int)strtol(head + strlen("HTTP/1.1 "), NULL, 10);
}

int raw_http_get(int fd, const char *path, const char *headers)
{
    if (!raw_http_send(fd, client_format("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", path, headers))) {
        return 0;
    }
    return raw_http_status(fd, RAW_HTTP_ANSWER_MS);
}

int raw_http_get_once(int port, int host, const char *path)
{
    int fd = raw_http_connect(port, host, 0);
    int status = raw_http_get(fd, path, "Connection: close\r\n");
    (void)close(fd);
    return status;
}

bool raw_http_closed(int fd, int wait_ms)
{
    char bytes[HEAD_SIZE];
    int64_t until_ms = suite_mono_ms() + wait_ms;
    for (;;) {
        int64_t left_ms = until_ms - suite_mono_ms();
        struct pollfd look = {.fd = fd, .events = POLLIN};
        if (poll(&look, 1, left_ms > 0 ? (int)left_ms : 0) <= 0) {
            return false;
        }
        if (recv(fd, bytes, sizeof(bytes), 0) <= 0) {
            return true;
        }
    }
}

void raw_http_close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
}
