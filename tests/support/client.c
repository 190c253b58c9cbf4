/*
 * The HTTP client of the tests. The headers of one call are in a curl list that is freed after it. One buffer holds
 * the body of the last reply and is reused.
 */
#include "tests/support/client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

enum {
    CLIENT_URL_SIZE = 1024,
    CLIENT_HEADER_SIZE = 1024,
    CLIENT_BODY_MAX = 8 << 20, /* bytes of one reply; the longest page of the deployment is much shorter */
    CLIENT_TIMEOUT_MS =
        60000, /* more than the longest Prefer: wait (10 s) and the gateway's deadlines, also of uploads */
    CLIENT_FORMAT_BUFFERS = 8,
    CLIENT_FORMAT_SIZE = 2048,
    CLIENT_PATH_SIZE = 128,
};

struct client {
    CURL *curl;
    char base_url[CLIENT_URL_SIZE];
    const char *token;
    struct curl_slist *headers;
    char *body;
    size_t length;
    size_t size;
    struct json *json;
    struct reply reply;
};

static void client_global_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t client_take(char *bytes, size_t one, size_t count, void *arg)
{
    struct client *client = arg;
    size_t more = one * count;
    size_t need = client->length + more + 1;
    if (need > CLIENT_BODY_MAX) {
        return 0;
    }
    if (need > client->size) {
        char *grown = realloc(client->body, need * 2);
        if (grown == NULL) {
            return 0;
        }
        client->body = grown;
        client->size = need * 2;
    }
    memcpy(client->body + client->length, bytes, more);
    client->length += more;
    client->body[client->length] = '\0';
    return more;
}

struct client *client_new(const char *base_url)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, client_global_start);
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    (void)snprintf(client->base_url, sizeof(client->base_url), "%s", base_url);
    client->curl = curl_easy_init();
    if (client->curl == NULL) {
        free(client);
        return NULL;
    }
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL) {
        return;
    }
    curl_slist_free_all(client->headers);
    curl_easy_cleanup(client->curl);
    json_free(client->json);
    free(client->body);
    free(client);
}

void client_token(struct client *client, const char *token)
{
    client->token = token;
}

void client_header(struct client *client, const char *line)
{
    struct curl_slist *longer = curl_slist_append(client->headers, line);
    if (longer != NULL) {
        client->headers = longer;
    }
}

static void client_prepare(struct client *client, const char *method, const char *path, const void *body, size_t length)
{
    char url[CLIENT_URL_SIZE * 5]; /* 100 ids fit */
    char line[CLIENT_HEADER_SIZE];
    (void)snprintf(url, sizeof(url), "%s%s", client->base_url, path);
    curl_easy_reset(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(client->curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)CLIENT_TIMEOUT_MS);
    curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(client->curl, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, client_take);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
    if (client->token != NULL) {
        (void)snprintf(line, sizeof(line), "Authorization: Bearer %s", client->token);
        client_header(client, line);
    }
    client_header(client, "Expect:");
    if (body != NULL) {
        /* curl would send a second Content-Type beside the one that the test chose. */
        bool chosen = false;
        for (const struct curl_slist *at = client->headers; at != NULL; at = at->next) {
            chosen = chosen || strncasecmp(at->data, "Content-Type:", strlen("Content-Type:")) == 0;
        }
        if (!chosen) {
            client_header(client, "Content-Type: application/json");
        }
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)length);
    } else if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, "");
        client_header(client, "Content-Type:");
    }
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
}

const struct reply *client_call(struct client *client, const char *method, const char *path, const char *body)
{
    return client_send(client, method, path, body, body == NULL ? 0 : strlen(body));
}

const struct reply *client_send(struct client *client, const char *method, const char *path, const void *body,
                                size_t length)
{
    json_free(client->json);
    client->json = NULL;
    client->length = 0;
    client->reply = (struct reply){.body = ""};
    client_prepare(client, method, path, body, length);
    CURLcode outcome = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(client->headers);
    client->headers = NULL;
    if (outcome != CURLE_OK) {
        return &client->reply;
    }
    long status = 0;
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    client->reply.status = (int)status;
    if (client->length > 0) {
        client->json = json_parse(client->body, client->length, NULL);
        client->reply.body = client->body;
        client->reply.length = client->length;
        client->reply.json = client->json;
    }
    return &client->reply;
}

const char *client_reply_header(struct client *client, const char *name)
{
    struct curl_header *header = NULL;
    if (curl_easy_header(client->curl, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return "";
    }
    return header->value;
}

const char *client_format(const char *format, ...)
{
    static _Thread_local char buffers[CLIENT_FORMAT_BUFFERS][CLIENT_FORMAT_SIZE];
    static _Thread_local unsigned turn;
    char *buffer = buffers[turn++ % CLIENT_FORMAT_BUFFERS];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(buffer, CLIENT_FORMAT_SIZE, format, arguments);
    va_end(arguments);
    return buffer;
}

static const struct json *reply_element(const struct json *value, const char *step)
{
    if (value == NULL || value->type != JSON_ARRAY) {
        return json_member(value, step);
    }
    long index = strtol(step, NULL, 10);
    const struct json *element = value->child;
    while (element != NULL && index-- > 0) {
        element = element->next;
    }
    return element;
}

const struct json *reply_at(const struct reply *reply, const char *path)
{
    char steps[CLIENT_PATH_SIZE];
    (void)snprintf(steps, sizeof(steps), "%s", path);
    const struct json *value = reply->json;
    char *rest = NULL;
    for (char *step = strtok_r(steps, ".", &rest); step != NULL; step = strtok_r(NULL, ".", &rest)) {
        value = reply_element(value, step);
    }
    return value;
}

const char *reply_text(const struct reply *reply, const char *path)
{
    const struct json *value = reply_at(reply, path);
    if (value == NULL) {
        return "";
    }
    switch (value->type) {
    case JSON_NULL:
        return "null";
    case JSON_BOOL:
        return value->truth ? "true" : "false";
    case JSON_NUMBER:
    case JSON_STRING:
        return value->text;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return "";
}

int reply_count(const struct reply *reply, const char *path)
{
    const struct json *value = reply_at(reply, path);
    if (value == NULL || value->type != JSON_ARRAY) {
        return -1;
    }
    int count = 0;
    for (const struct json *element = value->child; element != NULL; element = element->next) {
        count++;
    }
    return count;
}

/* Accepts only the form "http://127.0.0.1:8080": the deployment of the tests is on loopback. */
static int client_raw_connect(const char *base_url)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const char *colon = strrchr(base_url, ':');
    if (colon == NULL) {
        return -1;
    }
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* True if `text` contains a whole response. */
static bool client_raw_whole(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\nContent-Length:");
    if (end == NULL || length == NULL || length > end) {
        return false;
    }
    return strlen(end + 4) >= strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

struct client_raw_state {
    int fd;
    int64_t until_ms;
    char *out;
    size_t size;
    size_t got;
    bool ended; /* closed by the deployment, or enough was read */
    bool closed;
};

/* Reads the bytes that arrive within `wait_ms`. */
static void client_raw_read(struct client_raw_state *state, int wait_ms, bool stop_when_whole)
{
    struct pollfd look = {.fd = state->fd, .events = POLLIN};
    if (poll(&look, 1, wait_ms) <= 0) {
        return;
    }
    ssize_t more = recv(state->fd, state->out + state->got, state->size - state->got - 1, 0);
    if (more <= 0) {
        state->ended = true;
        state->closed = true;
        return;
    }
    state->got += (size_t)more;
    state->out[state->got] = '\0';
    if (state->got + 1 >= state->size || (stop_when_whole && client_raw_whole(state->out))) {
        state->ended = true;
    }
}

int client_raw(const char *base_url, const char *bytes, size_t length, int pause_ms, int until_ms, char *out,
               size_t out_size, bool *closed)
{
    struct client_raw_state state = {
        .fd = client_raw_connect(base_url), .until_ms = clock_mono_ms() + until_ms, .out = out, .size = out_size};
    *closed = false;
    out[0] = '\0';
    if (state.fd < 0) {
        return -1;
    }
    size_t chunk = pause_ms > 0 ? 1 : length;
    for (size_t sent = 0; sent < length && !state.ended && clock_mono_ms() < state.until_ms;) {
        ssize_t written = send(state.fd, bytes + sent, chunk < length - sent ? chunk : length - sent, MSG_NOSIGNAL);
        if (written < 0) {
            break; /* the deployment may have answered and closed already, so the answer is read */
        }
        sent += (size_t)written;
        if (pause_ms > 0) {
            client_raw_read(&state, pause_ms, true);
        }
    }
    while (!state.ended && clock_mono_ms() < state.until_ms) {
        client_raw_read(&state, (int)(state.until_ms - clock_mono_ms()), true);
    }
    if (!state.closed) {
        /* The answer is complete; wait a moment longer to see whether the deployment closes. */
        state.ended = false;
        client_raw_read(&state, 1000, false);
    }
    *closed = state.closed;
    (void)close(state.fd);
    return (int)state.got;
}
