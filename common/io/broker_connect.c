/*
 * Connects to RabbitMQ in a separate thread, because librabbitmq's login blocks. Steps: socket, login, channel 1 in
 * confirm mode, and a passive declare of everything that must exist. The result is signalled to the event loop through
 * an eventfd.
 *
 * The thread uses only struct broker_connect, which has copies of all options. So the broker can be freed while the
 * thread is blocked in name resolution or by an unreachable host. Such a thread is abandoned and frees the struct
 * itself. Called only by broker_link.c.
 */
#include "common/io/broker_connect.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <amqp_tcp_socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/broker_url.h"
#include "common/io/keepalive.h"

enum { FRAME_MAX_BYTES = 131072 /* the server's default */ };

struct broker_connect {
    struct broker_url url;
    const struct amqp_connection_info *info; /* of the host that is tried */
    char *name;
    int heartbeat_s;
    int timeout_ms;   /* of the whole attempt */
    char **exchanges; /* NULL-ended; may be NULL */
    char **queues;
    int event_fd;
    pthread_t thread;
    bool running; /* started, and the result not taken yet */

    pthread_mutex_t lock; /* protects the members below: loop and thread */
    bool finished;
    bool abandoned; /* by the broker: the thread frees this struct */
    int guard_fd;   /* a duplicate of the socket, so that shutdown cannot hit a reused descriptor; or -1 */

    int64_t deadline_ms; /* monotonic; only the thread uses this and: */
    struct broker_login login;
};

/* ---- the thread */

static void set_error(struct broker_connect *connect, const char *format, ...) PRINTF_LIKE(2, 3);
static void set_error(struct broker_connect *connect, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(connect->login.error, sizeof connect->login.error, format, arguments);
    va_end(arguments);
}

static struct timeval time_left(const struct broker_connect *connect)
{
    int64_t left_ms = connect->deadline_ms - clock_mono_ms();
    left_ms = left_ms > 1 ? left_ms : 1; /* 0 would mean an immediate timeout before the first attempt */
    return clock_timeval(left_ms);
}

static bool check(struct broker_connect *connect, amqp_rpc_reply_t reply, const char *step, const char *object)
{
    amqp_bytes_t text = {0};
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
        return true;
    }
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
        set_error(connect, "%s%s: %s", step, object, amqp_error_string2(reply.library_error));
        return false;
    }
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        text = ((amqp_channel_close_t *)reply.reply.decoded)->reply_text;
    } else if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        text = ((amqp_connection_close_t *)reply.reply.decoded)->reply_text;
    }
    set_error(connect, "%s%s: %.*s", step, object, (int)text.len, text.len > 0 ? (const char *)text.bytes : "");
    return false;
}

/* Limits the next call to the remaining time of the attempt. */
static bool step_begins(struct broker_connect *connect)
{
    struct timeval left = time_left(connect);
    if (clock_mono_ms() >= connect->deadline_ms) {
        set_error(connect, "no answer in %d ms", connect->timeout_ms);
        return false;
    }
    if (amqp_set_handshake_timeout(connect->login.connection, &left) != AMQP_STATUS_OK ||
        amqp_set_rpc_timeout(connect->login.connection, &left) != AMQP_STATUS_OK) {
        set_error(connect, "timeouts cannot be set");
        return false;
    }
    return true;
}

static bool open_socket(struct broker_connect *connect)
{
    amqp_socket_t *socket = amqp_tcp_socket_new(connect->login.connection);
    if (socket == NULL) {
        set_error(connect, "out of memory");
        return false;
    }
    struct timeval left = time_left(connect);
    int status = amqp_socket_open_noblock(socket, connect->info->host, connect->info->port, &left);
    if (status != AMQP_STATUS_OK) {
        set_error(connect, "%s:%d: %s", connect->info->host, connect->info->port, amqp_error_string2(status));
        return false;
    }
    if (!keepalive_set(amqp_socket_get_sockfd(socket))) {
        set_error(connect, "keepalives cannot be set");
        return false;
    }
    pthread_mutex_lock(&connect->lock);
    connect->guard_fd = fcntl(amqp_socket_get_sockfd(socket), F_DUPFD_CLOEXEC, 0);
    pthread_mutex_unlock(&connect->lock);
    return true;
}

static amqp_table_entry_t capability(const char *name)
{
    return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
                                .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value = {.boolean = true}}};
}

/* The server sends connection.blocked and basic.cancel only to clients that announce these capabilities. */
static bool login(struct broker_connect *connect)
{
    if (!step_begins(connect)) {
        return false;
    }
    amqp_table_entry_t capabilities[] = {capability("connection.blocked"), capability("consumer_cancel_notify"),
                                         capability("publisher_confirms"), capability("basic.nack")};
    amqp_table_entry_t properties[] = {
        {.key = amqp_cstring_bytes("connection_name"),
         .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes(connect->name)}}},
        {.key = amqp_cstring_bytes("capabilities"),
         .value = {.kind = AMQP_FIELD_KIND_TABLE,
                   .value = {.table = {.num_entries = ARRAY_LEN(capabilities), .entries = capabilities}}}},
    };
    amqp_table_t table = {.num_entries = ARRAY_LEN(properties), .entries = properties};
    amqp_rpc_reply_t reply = amqp_login_with_properties(
        connect->login.connection, connect->info->vhost, BROKER_CHANNELS_MAX, FRAME_MAX_BYTES, connect->heartbeat_s,
        &table, AMQP_SASL_METHOD_PLAIN, connect->info->user, connect->info->password);
    if (!check(connect, reply, "login", "")) {
        return false;
    }
    int channels = amqp_get_channel_max(connect->login.connection);
    if (channels < BROKER_CHANNELS_MAX) {
        set_error(connect, "the server allows only %d channels", channels);
        return false;
    }
    connect->login.heartbeat_s = amqp_get_heartbeat(connect->login.connection);
    return true;
}

static bool open_channel(struct broker_connect *connect, amqp_channel_t channel)
{
    if (!step_begins(connect)) {
        return false;
    }
    (void)amqp_channel_open(connect->login.connection, channel);
    return check(connect, amqp_get_rpc_reply(connect->login.connection), "channel.open", "");
}

static bool select_confirms(struct broker_connect *connect)
{
    if (!open_channel(connect, BROKER_PUBLISH_CHANNEL) || !step_begins(connect)) {
        return false;
    }
    (void)amqp_confirm_select(connect->login.connection, BROKER_PUBLISH_CHANNEL);
    return check(connect, amqp_get_rpc_reply(connect->login.connection), "confirm.select", "");
}

static bool find_exchange(struct broker_connect *connect, const char *name)
{
    (void)amqp_exchange_declare(connect->login.connection, BROKER_SCRATCH_CHANNEL, amqp_cstring_bytes(name),
                                amqp_cstring_bytes("topic"), true, true, false, false, amqp_empty_table);
    return check(connect, amqp_get_rpc_reply(connect->login.connection), "exchange ", name);
}

static bool find_queue(struct broker_connect *connect, const char *name)
{
    (void)amqp_queue_declare(connect->login.connection, BROKER_SCRATCH_CHANNEL, amqp_cstring_bytes(name), true, true,
                             false, false, amqp_empty_table);
    return check(connect, amqp_get_rpc_reply(connect->login.connection), "queue ", name);
}

static bool find_all(struct broker_connect *connect, char **names,
                     bool (*find)(struct broker_connect *connect, const char *name))
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (!step_begins(connect) || !find(connect, names[i])) {
            return false;
        }
    }
    return true;
}

static bool check_topology(struct broker_connect *connect)
{
    if (connect->exchanges == NULL && connect->queues == NULL) {
        return true;
    }
    if (!open_channel(connect, BROKER_SCRATCH_CHANNEL) || !find_all(connect, connect->exchanges, find_exchange) ||
        !find_all(connect, connect->queues, find_queue) || !step_begins(connect)) {
        return false;
    }
    return check(connect, amqp_channel_close(connect->login.connection, BROKER_SCRATCH_CHANNEL, AMQP_REPLY_SUCCESS),
                 "channel.close", "");
}

/* Switches off the library's heartbeats: see broker_internal.h. */
static bool disable_library_heartbeats(struct broker_connect *connect)
{
    amqp_connection_state_t connection = connect->login.connection;
    /* Tuning is allowed only between two frames. */
    if (!amqp_release_buffers_ok(connection) ||
        amqp_tune_connection(connection, amqp_get_channel_max(connection), amqp_get_frame_max(connection), 0) !=
            AMQP_STATUS_OK) {
        set_error(connect, "the connection cannot be tuned");
        return false;
    }
    return true;
}

static void attempt(struct broker_connect *connect)
{
    connect->deadline_ms = clock_mono_ms() + connect->timeout_ms;
    connect->login = (struct broker_login){
        .connection = amqp_new_connection(), .host = connect->info->host, .port = connect->info->port};
    if (connect->login.connection == NULL) {
        set_error(connect, "out of memory");
        return;
    }
    if (open_socket(connect) && login(connect) && select_confirms(connect) && check_topology(connect) &&
        disable_library_heartbeats(connect)) {
        return;
    }
    /* Never amqp_connection_close: on a broken link it can hang. */
    amqp_destroy_connection(connect->login.connection);
    connect->login.connection = NULL;
    assert(connect->login.error[0] != '\0');
}

static void destroy(struct broker_connect *connect);

static void *run(void *arg)
{
    struct broker_connect *connect = arg;
    attempt(connect);
    pthread_mutex_lock(&connect->lock);
    if (connect->guard_fd >= 0) {
        close(connect->guard_fd);
        connect->guard_fd = -1;
    }
    connect->finished = true;
    bool abandoned = connect->abandoned;
    if (!abandoned && eventfd_write(connect->event_fd, 1) != 0) {
        log_error("rabbitmq: eventfd: errno %d", errno);
    }
    pthread_mutex_unlock(&connect->lock);
    if (abandoned) {
        destroy(connect);
    }
    return NULL;
}

/* ---- functions for the loop */

static void free_names(char **names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        free(names[i]);
    }
    free(names);
}

static bool copy_names(const char *const *names, char ***copy)
{
    if (names == NULL) {
        return true;
    }
    size_t count = 0;
    while (names[count] != NULL) {
        count++;
    }
    *copy = calloc(count + 1, sizeof **copy);
    for (size_t i = 0; *copy != NULL && i < count; i++) {
        (*copy)[i] = strdup(names[i]);
        if ((*copy)[i] == NULL) {
            return false;
        }
    }
    return *copy != NULL;
}

static void destroy(struct broker_connect *connect)
{
    if (connect->login.connection != NULL) {
        amqp_destroy_connection(connect->login.connection);
    }
    if (connect->event_fd >= 0) {
        close(connect->event_fd);
    }
    pthread_mutex_destroy(&connect->lock);
    free_names(connect->exchanges);
    free_names(connect->queues);
    free(connect->name);
    free(connect);
}

struct broker_connect *broker_connect_new(const struct broker_options *options)
{
    assert(options->connect_timeout_ms > 0 && options->heartbeat_s >= 0);
    struct broker_connect *connect = calloc(1, sizeof *connect);
    if (connect == NULL) {
        return NULL;
    }
    connect->guard_fd = -1;
    connect->heartbeat_s = options->heartbeat_s;
    connect->timeout_ms = options->connect_timeout_ms;
    connect->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    connect->name = strdup(options->name);
    if (pthread_mutex_init(&connect->lock, NULL) != 0) {
        abort(); /* cannot happen with default attributes */
    }
    const char *reason = broker_url_parse(options->url, &connect->url);
    if (reason != NULL) {
        log_error("rabbitmq %s: %s", options->name, reason);
        goto failed;
    }
    if (connect->event_fd < 0 || connect->name == NULL ||
        !copy_names(options->require_exchanges, &connect->exchanges) ||
        !copy_names(options->require_queues, &connect->queues)) {
        goto failed;
    }
    return connect;

failed:
    destroy(connect);
    return NULL;
}

void broker_connect_free(struct broker_connect *connect)
{
    if (!connect->running) {
        destroy(connect);
        return;
    }
    pthread_mutex_lock(&connect->lock);
    if (connect->guard_fd >= 0) {
        (void)shutdown(connect->guard_fd, SHUT_RDWR); /* interrupts any blocking call of the thread */
    }
    pthread_mutex_unlock(&connect->lock);
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += BROKER_JOIN_MAX_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_t thread = connect->thread;
    bool joined = pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == 0;
    pthread_mutex_lock(&connect->lock);
    bool finished = connect->finished;
    connect->abandoned = !finished; /* if so, the thread owns the struct from here on */
    pthread_mutex_unlock(&connect->lock);
    if (!finished) {
        (void)pthread_detach(thread);
        return;
    }
    if (!joined) {
        (void)pthread_join(thread, NULL);
    }
    destroy(connect);
}

int broker_connect_fd(const struct broker_connect *connect)
{
    return connect->event_fd;
}

size_t broker_connect_hosts(const struct broker_connect *connect)
{
    return connect->url.count;
}

bool broker_connect_start(struct broker_connect *connect, size_t host)
{
    assert(!connect->running && host < connect->url.count);
    connect->info = &connect->url.hosts[host].info;
    connect->finished = false;
    /* Blocks signals in the new thread: the loop's thread handles them. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return false;
    }
    connect->running = pthread_create(&connect->thread, NULL, run, connect) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return connect->running;
}

void broker_connect_take(struct broker_connect *connect, struct broker_login *login)
{
    assert(connect->running);
    eventfd_t count;
    (void)eventfd_read(connect->event_fd, &count);
    (void)pthread_join(connect->thread, NULL); /* the thread is about to exit */
    connect->running = false;
    *login = connect->login;
    connect->login = (struct broker_login){0};
}
