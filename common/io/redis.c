/*
 * One connection to Redis on an event base. hiredis provides the protocol through its non-blocking context: formatting,
 * reading, writing. Events, timers and the ring of pending commands are ours. hiredis' own asynchronous layer has no
 * timers, frees contexts during callbacks, and hides the PONG of a subscribed connection.
 *
 * A connection is DOWN (back-off), CONNECTING, GREETING (AUTH, INFO, SELECT, SCRIPT LOAD and SUBSCRIBE are pending) or
 * UP. Only redis_set_state changes that. Only redis_lost ends a connection that the owner did not close.
 *
 * Replies arrive in the order of the commands, so each belongs to the first entry of the ring. Only the messages of a
 * subscribed channel arrive outside of that order. Callbacks run between redis_enter and redis_leave, which keep the
 * struct allocated; afterwards the caller checks whether the connection still exists.
 *
 * hiredis resolves host names when it connects, which blocks. Use addresses, or a local resolver.
 */
#include "common/io/redis.h"

#include <assert.h>
#include <errno.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/keepalive.h"
#include "common/io/timer.h"

enum {
    BACKOFF_LEAST_MS = 50,
    BACKOFF_MOST_MS = 2000,
    RING_FIRST_SIZE = 64, /* entries; doubles, bounded by pending_max */
    FRAME_DIGITS = 20,    /* of the largest size_t */
    FRAME_SIZE = 1 + FRAME_DIGITS + 2,
    DEFAULT_PORT = 6379,
    DATABASE_MAX = 1000000, /* far above the "databases" setting of any server */
    CALL_ARGUMENTS = 3,     /* EVALSHA, its SHA-1, the number of keys */
    SHA_SIZE = 41,
};

enum redis_state { REDIS_DOWN, REDIS_CONNECTING, REDIS_GREETING, REDIS_UP };

enum pending_kind {
    PENDING_COMMAND, /* a command of a caller */
    PENDING_CALL,    /* a script call of a caller: kept for a retry */
    PENDING_GREETING,
    PENDING_INFO, /* in the greeting: what kind of server this is */
    PENDING_LOAD, /* SCRIPT LOAD: in the greeting, or after NOSCRIPT */
    PENDING_PING,
};

struct pending {
    enum pending_kind kind;
    redis_callback callback; /* may be NULL */
    void *arg;
    int64_t sent_ms; /* clock_mono_ms */
    size_t script;   /* PENDING_CALL, PENDING_LOAD */
    char *bytes;     /* PENDING_CALL: the command as sent, until it was retried; malloced */
    size_t length;
};

struct redis {
    struct redis_options options;
    char *host;
    int port;
    char *user;     /* NULL: none */
    char *password; /* NULL: none */
    int database;
    const char *channel; /* NULL: a connection for commands */

    enum redis_state state;
    bool broken; /* no memory inside a caller's call: the loop ends the connection */
    redisContext *context;
    struct event *read;
    struct event *write;
    struct event
        *timer; /* DOWN: back-off; CONNECTING, GREETING: deadline; UP: timeout of the oldest command, or ping */
    int backoff_ms;
    char (*shas)[SHA_SIZE]; /* one for each script */

    struct pending *ring;
    size_t ring_first;
    size_t ring_count;
    size_t ring_size; /* a power of two */

    int64_t latency_ms;
    unsigned entered; /* event handlers on the stack */
    bool closing;     /* redis_free was called; the last redis_leave frees the memory */
};

static void redis_lost(struct redis *redis, const char *reason);

static void redis_destroy(struct redis *redis)
{
    assert(redis->ring_count == 0 && redis->context == NULL);
    if (redis->timer != NULL) {
        event_free(redis->timer);
    }
    free(redis->ring);
    free(redis->shas);
    free(redis->host);
    free(redis->user);
    free(redis->password);
    free(redis);
}

static void redis_enter(struct redis *redis)
{
    redis->entered++;
}

static void redis_leave(struct redis *redis)
{
    assert(redis->entered > 0);
    if (--redis->entered == 0 && redis->closing) {
        redis_destroy(redis);
    }
}

static void redis_set_state(struct redis *redis, enum redis_state state)
{
    redis->state = state;
}

static void notify_owner(struct redis *redis, bool up)
{
    if (redis->options.on_change != NULL && !redis->closing) {
        redis->options.on_change(redis, up, redis->options.arg);
    }
}

/* --- the ring of pending commands --------------------------------------------------------------------------------- */

static struct pending *ring_at(struct redis *redis, size_t i)
{
    return &redis->ring[(redis->ring_first + i) & (redis->ring_size - 1)];
}

static bool ring_reserve(struct redis *redis)
{
    if (redis->ring_count < redis->ring_size) {
        return true;
    }
    size_t size = redis->ring_size == 0 ? RING_FIRST_SIZE : redis->ring_size * 2;
    struct pending *grown = calloc(size, sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    for (size_t i = 0; i < redis->ring_count; i++) {
        grown[i] = *ring_at(redis, i);
    }
    free(redis->ring);
    redis->ring = grown;
    redis->ring_first = 0;
    redis->ring_size = size;
    return true;
}

static struct pending ring_pop(struct redis *redis)
{
    assert(redis->ring_count > 0);
    struct pending first = *ring_at(redis, 0);
    redis->ring_first = (redis->ring_first + 1) & (redis->ring_size - 1);
    redis->ring_count--;
    return first;
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

/* A call of the owner must not end the connection directly: that would run callbacks inside the call. */
static bool redis_break(struct redis *redis)
{
    redis->broken = true;
    event_active(redis->timer, EV_TIMEOUT, 0);
    return false;
}

/*
 * Sends all commands of a pass of the loop together, at its end. The event runs after those that are active now without
 * being added: waiting for room, which there nearly always is, would take two epoll_ctl and another pass.
 */
static void write_soon(struct redis *redis)
{
    if (!event_pending(redis->write, EV_WRITE, NULL)) {
        event_active(redis->write, EV_WRITE, 0);
    }
}

static bool send_bytes(struct redis *redis, const struct pending *pending, const char *bytes, size_t length)
{
    if (!ring_reserve(redis) || redisAppendFormattedCommand(redis->context, bytes, length) != REDIS_OK) {
        return redis_break(redis);
    }
    write_soon(redis);
    struct pending *place = ring_at(redis, redis->ring_count++);
    *place = *pending;
    place->sent_ms = clock_mono_ms();
    if (redis->state == REDIS_UP && !event_pending(redis->timer, EV_TIMEOUT, NULL)) {
        timer_set(redis->timer, redis->options.timeout_ms);
    }
    return true;
}

/* Writes a number in RESP: '*' or '$', digits, CR LF. Returns the end. */
static char *write_frame(char *out, char kind, size_t number)
{
    char digits[FRAME_DIGITS];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *out++ = kind;
    while (count > 0) {
        *out++ = digits[--count];
    }
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

/*
 * Returns the command in RESP, malloced; NULL without memory. hiredis' own function calls sprintf for each argument,
 * which took a seventh of the bid worker's CPU time.
 */
static char *format_command(int count, const char *const *arguments, const size_t *lengths, size_t *length)
{
    size_t sizes[REDIS_ARGUMENTS_MAX + CALL_ARGUMENTS];
    size_t size = FRAME_SIZE;
    assert(count > 0 && count <= (int)ARRAY_LEN(sizes));
    for (int i = 0; i < count; i++) {
        sizes[i] = lengths != NULL ? lengths[i] : strlen(arguments[i]);
        size += FRAME_SIZE + sizes[i] + 2;
    }
    char *bytes = malloc(size);
    if (bytes == NULL) {
        return NULL;
    }
    char *end = write_frame(bytes, '*', (size_t)count);
    for (int i = 0; i < count; i++) {
        end = write_frame(end, '$', sizes[i]);
        memcpy(end, arguments[i], sizes[i]);
        end += sizes[i];
        *end++ = '\r';
        *end++ = '\n';
    }
    *length = (size_t)(end - bytes);
    assert(*length <= size);
    return bytes;
}

static bool send_arguments(struct redis *redis, const struct pending *pending, int count, const char *const *arguments,
                           const size_t *lengths)
{
    size_t length = 0;
    char *bytes = format_command(count, arguments, lengths, &length);
    if (bytes == NULL) {
        return redis_break(redis);
    }
    struct pending kept = *pending;
    if (kept.kind == PENDING_CALL) {
        kept.bytes = bytes;
        kept.length = length;
    }
    bool sent = send_bytes(redis, &kept, bytes, length);
    if (!sent || kept.kind != PENDING_CALL) {
        free(bytes);
    }
    return sent;
}

static bool send_load(struct redis *redis, size_t script)
{
    const char *const arguments[] = {"SCRIPT", "LOAD", redis->options.scripts[script].body};
    const struct pending pending = {.kind = PENDING_LOAD, .script = script};
    return send_arguments(redis, &pending, ARRAY_LEN(arguments), arguments, NULL);
}

static bool redis_has_room(const struct redis *redis)
{
    return redis->state == REDIS_UP && !redis->broken && redis->channel == NULL &&
           redis->ring_count < redis->options.pending_max;
}

bool redis_command(struct redis *redis, redis_callback callback, void *arg, int count, const char *const *arguments,
                   const size_t *lengths)
{
    const struct pending pending = {.kind = PENDING_COMMAND, .callback = callback, .arg = arg};
    return redis_has_room(redis) && send_arguments(redis, &pending, count, arguments, lengths);
}

bool redis_call(struct redis *redis, size_t script, redis_callback callback, void *arg, int keys, int count,
                const char *const *arguments, const size_t *lengths)
{
    assert(script < redis->options.script_count && keys >= 0 && keys <= count && count <= REDIS_ARGUMENTS_MAX);
    if (!redis_has_room(redis)) {
        return false;
    }
    char keys_text[12];
    (void)snprintf(keys_text, sizeof(keys_text), "%d", keys);
    const char *all[REDIS_ARGUMENTS_MAX + CALL_ARGUMENTS] = {"EVALSHA", redis->shas[script], keys_text};
    size_t all_lengths[REDIS_ARGUMENTS_MAX + CALL_ARGUMENTS] = {strlen("EVALSHA"), SHA_SIZE - 1, strlen(keys_text)};
    for (int i = 0; i < count; i++) {
        all[i + CALL_ARGUMENTS] = arguments[i];
        all_lengths[i + CALL_ARGUMENTS] = lengths != NULL ? lengths[i] : strlen(arguments[i]);
    }
    const struct pending pending = {.kind = PENDING_CALL, .callback = callback, .arg = arg, .script = script};
    return send_arguments(redis, &pending, count + CALL_ARGUMENTS, all, all_lengths);
}

bool redis_listen(struct redis *redis, const char *channel)
{
    assert(redis->options.on_message != NULL);
    if (redis->state != REDIS_DOWN || redis->channel != NULL) {
        return false;
    }
    redis->channel = channel;
    return true;
}

static bool send_listening(struct redis *redis, const char *command, const char *channel, redis_callback callback,
                           void *arg)
{
    const char *const arguments[] = {command, channel};
    const struct pending pending = {.kind = PENDING_COMMAND, .callback = callback, .arg = arg};
    return redis->channel != NULL && redis->state == REDIS_UP && !redis->broken &&
           redis->ring_count < redis->options.pending_max &&
           send_arguments(redis, &pending, ARRAY_LEN(arguments), arguments, NULL);
}

bool redis_subscribe(struct redis *redis, const char *channel, redis_callback callback, void *arg)
{
    return send_listening(redis, "SUBSCRIBE", channel, callback, arg);
}

bool redis_unsubscribe(struct redis *redis, const char *channel)
{
    return send_listening(redis, "UNSUBSCRIBE", channel, NULL, NULL);
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static bool reply_is_error(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR;
}

static void load_answered(struct redis *redis, const struct pending *pending, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STRING && reply->len == SHA_SIZE - 1) {
        memcpy(redis->shas[pending->script], reply->str, SHA_SIZE);
        return;
    }
    log_error("redis: script %s is refused: %s", redis->options.scripts[pending->script].name,
              reply_is_error(reply) ? reply->str : "unexpected reply");
    redis_lost(redis, "a script cannot be loaded");
}

/* The server has lost its scripts (SCRIPT FLUSH, or another server): loads this one and retries once. */
static bool call_again(struct redis *redis, const struct pending *pending, const redisReply *reply)
{
    static const char no_script[] = "NOSCRIPT";
    if (pending->kind != PENDING_CALL || pending->bytes == NULL || !reply_is_error(reply) ||
        strncmp(reply->str, no_script, sizeof(no_script) - 1) != 0) {
        return false;
    }
    struct pending again = *pending;
    again.bytes = NULL;
    again.length = 0;
    return send_load(redis, pending->script) && send_bytes(redis, &again, pending->bytes, pending->length);
}

/*
 * A server that cannot serve: it is asked again after the back-off, because a replica may be promoted, or a proxy may
 * lead to another server. A server that refuses INFO is used: an ACL may forbid the command.
 */
static void info_answered(struct redis *redis, const redisReply *reply)
{
    const char *text = reply->type == REDIS_REPLY_STRING ? reply->str : "";
    if (strstr(text, "cluster_enabled:1") != NULL) {
        redis_lost(redis,
                   "Redis Cluster is not supported: redis_url needs a single Redis, or a local HAProxy that leads"
                   " to the master, as conf/haproxy/redis.cfg sets up");
    } else if (strstr(text, "role:slave") != NULL) {
        redis_lost(redis, "this Redis is a replica and takes no writes: redis_url needs the master, or a local HAProxy"
                          " that leads to it, as conf/haproxy/redis.cfg sets up");
    }
}

static void command_answered(struct redis *redis, struct pending *pending, const redisReply *reply)
{
    static const char READ_ONLY[] = "READONLY ";
    const redisContext *context = redis->context;
    redis->latency_ms = clock_mono_ms() - pending->sent_ms;
    if (!call_again(redis, pending, reply) && pending->callback != NULL) {
        pending->callback(reply, pending->arg);
    }
    free(pending->bytes);
    /* The master has become a replica. */
    if (redis->context == context && reply_is_error(reply) &&
        strncmp(reply->str, READ_ONLY, sizeof(READ_ONLY) - 1) == 0) {
        redis_lost(redis, reply->str);
    }
}

static void redis_answer(struct redis *redis, struct pending *pending, const redisReply *reply)
{
    switch (pending->kind) {
    case PENDING_COMMAND:
    case PENDING_CALL:
        command_answered(redis, pending, reply);
        break;
    case PENDING_INFO:
        info_answered(redis, reply);
        break;
    case PENDING_LOAD:
        load_answered(redis, pending, reply);
        break;
    case PENDING_GREETING:
    case PENDING_PING:
        if (reply_is_error(reply)) {
            redis_lost(redis, reply->str);
        }
        break;
    }
}

static bool is_message(const struct redis *redis, const redisReply *reply)
{
    return redis->channel != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
           reply->element[0]->type == REDIS_REPLY_STRING && strcmp(reply->element[0]->str, "message") == 0 &&
           reply->element[2]->type == REDIS_REPLY_STRING;
}

static void redis_take(struct redis *redis, const redisReply *reply)
{
    if (is_message(redis, reply)) {
        redis->options.on_message(redis, reply->element[1]->str, reply->element[2]->str, reply->element[2]->len,
                                  redis->options.arg);
        return;
    }
    if (redis->ring_count == 0) {
        /* For example the error that the server sends when it has too many clients. */
        redis_lost(redis, reply_is_error(reply) ? reply->str : "an unexpected reply");
        return;
    }
    struct pending first = ring_pop(redis);
    redis_answer(redis, &first, reply);
    if (redis->state == REDIS_GREETING && redis->ring_count == 0) {
        (void)event_del(redis->timer);
        redis->backoff_ms = BACKOFF_LEAST_MS;
        if (redis->channel != NULL) {
            timer_set(redis->timer, redis->options.timeout_ms / 2);
        }
        redis_set_state(redis, REDIS_UP);
        notify_owner(redis, true);
    }
}

/* Handles everything that hiredis has read, at most 16 KiB, before other events run. */
static void redis_drain(struct redis *redis, const redisContext *context)
{
    void *reply = NULL;
    while (redis->context == context) {
        if (redisGetReplyFromReader(redis->context, &reply) != REDIS_OK) {
            redis_lost(redis, redis->context->errstr);
            return;
        }
        if (reply == NULL) {
            return;
        }
        redis_take(redis, reply);
        freeReplyObject(reply);
    }
}

static void redis_on_read(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct redis *redis = arg;
    const redisContext *context = redis->context;
    redis_enter(redis);
    if (redisBufferRead(redis->context) != REDIS_OK) {
        redis_lost(redis, redis->context->errstr);
    } else {
        redis_drain(redis, context);
    }
    redis_leave(redis);
}

static void redis_greet(struct redis *redis);

static void redis_on_write(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct redis *redis = arg;
    redis_enter(redis);
    if (redis->state == REDIS_CONNECTING) {
        int error = 0;
        socklen_t size = sizeof(error);
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
            redis_lost(redis, strerror(error != 0 ? error : errno));
        } else {
            redis_greet(redis);
        }
    } else {
        int done = 0;
        if (redisBufferWrite(redis->context, &done) != REDIS_OK) {
            redis_lost(redis, redis->context->errstr);
        } else if (!done && event_add(redis->write, NULL) != 0) {
            redis_lost(redis, "no memory for events");
        }
    }
    redis_leave(redis);
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

static bool greet_with(struct redis *redis, const char *first, const char *second, const char *third)
{
    const char *const arguments[] = {first, second, third};
    const struct pending pending = {.kind = PENDING_GREETING};
    return send_arguments(redis, &pending, third == NULL ? 2 : 3, arguments, NULL);
}

/* Sends all commands of the greeting together. */
static bool greet_all(struct redis *redis)
{
    bool sent = true;
    if (redis->password != NULL && redis->user != NULL) {
        sent = greet_with(redis, "AUTH", redis->user, redis->password);
    } else if (redis->password != NULL) {
        sent = greet_with(redis, "AUTH", redis->password, NULL);
    }
    static const char *const info[] = {"INFO"};
    const struct pending pending = {.kind = PENDING_INFO};
    char database[16];
    (void)snprintf(database, sizeof(database), "%d", redis->database);
    /* Before SELECT, which a cluster refuses: the reason is then the better one. */
    sent = sent && send_arguments(redis, &pending, ARRAY_LEN(info), info, NULL) &&
           greet_with(redis, "SELECT", database, NULL);
    for (size_t i = 0; sent && i < redis->options.script_count; i++) {
        sent = send_load(redis, i);
    }
    if (sent && redis->channel != NULL) {
        sent = greet_with(redis, "SUBSCRIBE", redis->channel, NULL);
    }
    return sent;
}

static void redis_greet(struct redis *redis)
{
    redis_set_state(redis, REDIS_GREETING);
    if (event_add(redis->read, NULL) != 0 || !greet_all(redis)) {
        redis_lost(redis, "no memory");
    }
}

static void redis_connect(struct redis *redis)
{
    struct event_base *base = redis->options.base;
    timer_set(redis->timer, redis->options.timeout_ms);
    redis_set_state(redis, REDIS_CONNECTING);
    redis->context = redisConnectNonBlock(redis->host, redis->port);
    if (redis->context == NULL || redis->context->err != 0) {
        redis_lost(redis, redis->context == NULL ? "no memory" : redis->context->errstr);
        return;
    }
    if (!keepalive_set(redis->context->fd)) {
        redis_lost(redis, "keepalives cannot be set");
        return;
    }
    redis->read = event_new(base, redis->context->fd, EV_READ | EV_PERSIST, redis_on_read, redis);
    redis->write = event_new(base, redis->context->fd, EV_WRITE, redis_on_write, redis);
    if (redis->read == NULL || redis->write == NULL || event_add(redis->write, NULL) != 0) {
        redis_lost(redis, "no memory for events");
    }
}

static void redis_ping(struct redis *redis)
{
    const char *const arguments[] = {"PING"};
    const struct pending pending = {.kind = PENDING_PING};
    /* Without memory the loop ends the connection. */
    if (send_arguments(redis, &pending, 1, arguments, NULL)) {
        timer_set(redis->timer, redis->options.timeout_ms / 2);
    }
}

/*
 * A late oldest command ends the connection. A subscriber pings every half of the timeout, and a ping may take as long.
 */
static void redis_check_late(struct redis *redis)
{
    int64_t allowed_ms = redis->channel == NULL ? redis->options.timeout_ms : redis->options.timeout_ms / 2;
    if (redis->ring_count == 0) {
        if (redis->channel != NULL) {
            redis_ping(redis);
        }
        return;
    }
    int64_t left = ring_at(redis, 0)->sent_ms + allowed_ms - clock_mono_ms();
    if (left > 0) {
        timer_set(redis->timer, left);
    } else {
        redis_lost(redis, "a command took too long");
    }
}

static void redis_on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct redis *redis = arg;
    redis_enter(redis);
    if (redis->broken) {
        redis_lost(redis, "no memory");
    } else if (redis->state == REDIS_DOWN) {
        redis_connect(redis);
    } else if (redis->state == REDIS_UP) {
        redis_check_late(redis);
    } else {
        redis_lost(redis, "connecting took too long");
    }
    redis_leave(redis);
}

/* --- the end of a connection -------------------------------------------------------------------------------------- */

static void redis_close(struct redis *redis)
{
    if (redis->read != NULL) {
        event_free(redis->read);
        redis->read = NULL;
    }
    if (redis->write != NULL) {
        event_free(redis->write);
        redis->write = NULL;
    }
    (void)event_del(redis->timer);
    redisFree(redis->context);
    redis->context = NULL;
    redis->broken = false;
    redis_set_state(redis, REDIS_DOWN);
}

static void redis_fail_all(struct redis *redis)
{
    while (redis->ring_count > 0) {
        struct pending first = ring_pop(redis);
        free(first.bytes);
        if (first.callback != NULL) {
            first.callback(NULL, first.arg);
        }
    }
}

static void redis_lost(struct redis *redis, const char *reason)
{
    log_warn("redis: connection %s: %s", redis->state == REDIS_UP ? "lost" : "not made", reason);
    bool was_up = redis->state == REDIS_UP;
    redis_close(redis);
    timer_set(redis->timer, redis->backoff_ms);
    redis->backoff_ms = redis->backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : redis->backoff_ms * 2;
    redis_fail_all(redis);
    if (was_up) {
        notify_owner(redis, false);
    }
}

/* --- making and freeing ------------------------------------------------------------------------------------------- */

static bool decode_part(const char *from, size_t length, char **out)
{
    char *part = strndup(from, length);
    if (part == NULL) {
        return false;
    }
    *out = evhttp_uridecode(part, 0, NULL);
    free(part);
    return *out != NULL;
}

/* [user][:password] */
static bool parse_userinfo(struct redis *redis, const char *info)
{
    const char *colon = info == NULL ? NULL : strchr(info, ':');
    if (colon == NULL) {
        return info == NULL;
    }
    if (colon != info && !decode_part(info, (size_t)(colon - info), &redis->user)) {
        return false;
    }
    return decode_part(colon + 1, strlen(colon + 1), &redis->password);
}

static bool parse_database(struct redis *redis, const char *path)
{
    if (path == NULL || strcmp(path, "") == 0 || strcmp(path, "/") == 0) {
        return true;
    }
    char *end = NULL;
    long number = strtol(path + 1, &end, 10);
    redis->database = (int)number;
    return path[1] >= '0' && path[1] <= '9' && *end == '\0' && number <= DATABASE_MAX;
}

static bool redis_parse_url(struct redis *redis, const char *url)
{
    struct evhttp_uri *uri = evhttp_uri_parse(url);
    if (uri == NULL) {
        return false;
    }
    const char *scheme = evhttp_uri_get_scheme(uri);
    const char *host = evhttp_uri_get_host(uri);
    bool ok = scheme != NULL && strcmp(scheme, "redis") == 0 && host != NULL && host[0] != '\0' &&
              parse_userinfo(redis, evhttp_uri_get_userinfo(uri)) && parse_database(redis, evhttp_uri_get_path(uri));
    if (ok) {
        redis->host = strdup(host);
        redis->port = evhttp_uri_get_port(uri) > 0 ? evhttp_uri_get_port(uri) : DEFAULT_PORT;
    }
    evhttp_uri_free(uri);
    return ok && redis->host != NULL;
}

bool redis_url_login(const char *url, char **user, char **password)
{
    struct redis parsed = {.port = 0};
    bool ok = redis_parse_url(&parsed, url);
    free(parsed.host);
    *user = parsed.user;
    *password = parsed.password;
    return ok;
}

bool redis_url_is_valid(const char *url)
{
    char *user = NULL;
    char *password = NULL;
    bool ok = redis_url_login(url, &user, &password);
    free(user);
    free(password);
    return ok;
}

struct redis *redis_new(const struct redis_options *options)
{
    assert(options->base != NULL && options->url != NULL && options->timeout_ms > 0 && options->pending_max > 0);
    struct redis *redis = calloc(1, sizeof(*redis));
    if (redis == NULL) {
        return NULL;
    }
    redis->options = *options;
    redis->backoff_ms = BACKOFF_LEAST_MS;
    redis->timer = evtimer_new(options->base, redis_on_timer, redis);
    redis->shas = calloc(options->script_count + 1, sizeof(*redis->shas));
    bool parsed = redis_parse_url(redis, options->url);
    if (!parsed) {
        log_error("redis: the URL cannot be parsed");
    }
    if (!parsed || redis->timer == NULL || redis->shas == NULL) {
        redis_destroy(redis);
        return NULL;
    }
    timer_set(redis->timer, 0);
    return redis;
}

void redis_free(struct redis *redis)
{
    if (redis == NULL) {
        return;
    }
    assert(!redis->closing);
    redis->closing = true;
    redis_enter(redis);
    redis_close(redis);
    redis_fail_all(redis);
    redis_leave(redis);
}

bool redis_up(const struct redis *redis)
{
    return redis->state == REDIS_UP && !redis->broken;
}

int64_t redis_latency_ms(const struct redis *redis)
{
    return redis->latency_ms;
}
