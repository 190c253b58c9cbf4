/*
 * See events.h.
 */
#include "tests/support/events.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/live_recording.h"

struct events {
    int fd;
    int status;
    bool closed;
    char head[4096];
    struct event_block block;
    char text[EVENTS_BLOCK_SIZE];
    struct json *json;
    size_t length;
    char bytes[EVENTS_BLOCK_SIZE];
};

static bool read_more(struct events *events, int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_mono_ms();
    struct pollfd look = {.fd = events->fd, .events = POLLIN};
    if (events->closed || events->length == sizeof(events->bytes) ||
        poll(&look, 1, left_ms > 0 ? (int)left_ms : 0) <= 0) {
        return false;
    }
    ssize_t got = recv(events->fd, events->bytes + events->length, sizeof(events->bytes) - events->length, 0);
    events->closed = got <= 0;
    events->length += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* Copies the bytes before `mark` to `out` and removes them and the mark. False if no mark arrives in time. */
static bool read_until(struct events *events, const char *mark, char *out, size_t size)
{
    int64_t until_ms = clock_mono_ms() + EVENTS_WAIT_MS;
    for (;;) {
        const char *end = memmem(events->bytes, events->length, mark, strlen(mark));
        if (end != NULL) {
            size_t before = (size_t)(end - events->bytes);
            size_t whole = before + strlen(mark);
            (void)snprintf(out, size, "%.*s", (int)before, events->bytes);
            memmove(events->bytes, events->bytes + whole, events->length - whole);
            events->length -= whole;
            return true;
        }
        if (!read_more(events, until_ms)) {
            return false;
        }
    }
}

static bool ask(struct events *events, const char *path, const char *headers)
{
    static const char version[] = "HTTP/1.1 ";
    char request[4096];
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n%s\r\n", path, headers);
    if (send(events->fd, request, (size_t)length, MSG_NOSIGNAL) != length ||
        !read_until(events, "\r\n\r\n", events->head, sizeof(events->head)) ||
        strncmp(events->head, version, strlen(version)) != 0) {
        return false;
    }
    events->status = (int)strtol(events->head + strlen(version), NULL, 10);
    return true;
}

/* `receive_bytes` of kernel buffer; 0: the default. */
static struct events *open_stream(const char *base_url, const char *path, const char *headers, int receive_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const char *colon = strrchr(base_url, ':');
    struct events *events = calloc(1, sizeof(*events));
    if (events == NULL || colon == NULL) {
        free(events);
        return NULL;
    }
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    events->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (events->fd < 0 ||
        (receive_bytes > 0 &&
         setsockopt(events->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)) != 0) ||
        connect(events->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || !ask(events, path, headers)) {
        events_free(events);
        return NULL;
    }
    return events;
}

struct events *events_open(const char *base_url, const char *path, const char *headers)
{
    return open_stream(base_url, path, headers, 0);
}

struct events *events_open_small(const char *base_url, const char *path)
{
    enum { SMALL_BYTES = 4096 };
    return open_stream(base_url, path, "", SMALL_BYTES);
}

void events_free(struct events *events)
{
    if (events == NULL) {
        return;
    }
    if (events->fd >= 0) {
        (void)close(events->fd);
    }
    json_free(events->json);
    free(events);
}

int events_status(const struct events *events)
{
    return events->status;
}

const char *events_head(const struct events *events)
{
    return events->head;
}

/* Reads one line of a block. The deployment sends one data line in each block. */
static void read_line(struct events *events, const char *line, size_t length)
{
    struct event_block *block = &events->block;
    static const char id[] = "id: ";
    static const char retry[] = "retry: ";
    static const char data[] = "data: ";
    if (line[0] == ':') {
        block->comment = true;
    } else if (strncmp(line, id, strlen(id)) == 0) {
        (void)snprintf(block->id, sizeof(block->id), "%.*s", (int)(length - strlen(id)), line + strlen(id));
    } else if (strncmp(line, retry, strlen(retry)) == 0) {
        (void)snprintf(block->retry, sizeof(block->retry), "%.*s", (int)(length - strlen(retry)), line + strlen(retry));
    } else if (strncmp(line, data, strlen(data)) == 0) {
        live_recording_add(LIVE_RECORDING_EVENT, events, line + strlen(data), length - strlen(data));
        events->json = json_parse(line + strlen(data), length - strlen(data), NULL);
        block->data = events->json;
    }
}

const struct event_block *events_next(struct events *events)
{
    json_free(events->json);
    events->json = NULL;
    events->block = (struct event_block){.text = events->text};
    if (!read_until(events, "\n\n", events->text, sizeof(events->text))) {
        return NULL;
    }
    for (const char *line = events->text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        read_line(events, line, length);
        line += length + (line[length] == '\n');
    }
    return &events->block;
}

const struct event_block *events_receive(struct events *events, const char *type)
{
    const struct event_block *block = NULL;
    const char *text = NULL;
    while ((block = events_next(events)) != NULL) {
        if (json_get_text(block->data, "type", &text) && strcmp(text, type) == 0) {
            return block;
        }
    }
    return NULL;
}

bool events_ended(struct events *events)
{
    while (events_next(events) != NULL) {
    }
    return events->closed;
}
