/*
 * See decoder.h. The helper program is installed beside the gateway's, or listens on a socket of systemd. One socket
 * carries both directions. One poll loop writes and reads, so that neither side can block the other. At the deadline
 * the helper is killed, or disconnected: then its own limit of time ends it.
 */
#include "gateway/image/decoder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/service/config.h"

enum {
    FIRST_OTHER_FD = 3,
    MS_PER_S = 1000,
    CHUNK_BYTES = 256 << 10,
    RESULT_MAX_BYTES =
        (int)sizeof(struct image_head) + IMAGE_SIZES * IMAGE_FILE_MAX_BYTES + (int)sizeof(struct image_end),
};

/* One running helper. */
struct helper {
    pid_t pid; /* 0: systemd has started it */
    int fd;    /* our end; the other one is the helper's stdin and stdout */
    int64_t until_ms;
    const unsigned char *bytes; /* still to be sent */
    size_t left;
    unsigned char *result;
    size_t length;
    size_t size;
};

struct decoder_limits decoder_limits_of(const struct config *config)
{
    struct decoder_limits limits = {
        .pixels_max = config->image_max_pixels,
        .memory_mib = config->image_memory_mib,
        .timeout_s = config->image_timeout_s,
        .sandbox = IMAGE_SANDBOX_FULL,
        .socket = config->image_decoder_socket,
    };
    bool valid = image_sandbox_parse(config->image_sandbox, &limits.sandbox);
    assert(valid); /* config_check */
    (void)valid;
    return limits;
}

/* The path of the helper: "/usr/local/bin/rostrum-gateway" -> "/usr/local/bin/rostrum-image-decoder". */
static bool helper_path(char path[static PATH_MAX])
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (length < 0) {
        return false;
    }
    program[length] = '\0';
    int written = snprintf(path, PATH_MAX, "%s/" IMAGE_PROGRAM, dirname(program));
    return written > 0 && written < PATH_MAX;
}

/* Starts the helper without the gateway's open descriptors and blocked signals. */
static int spawn_prepared(pid_t *pid, const char *path, char *const *argv, int fd, posix_spawn_file_actions_t *actions,
                          posix_spawnattr_t *attributes)
{
    static char language[] = "LC_ALL=C";
    char *const environment[] = {language, NULL};
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    if (posix_spawn_file_actions_adddup2(actions, fd, STDIN_FILENO) != 0 ||
        posix_spawn_file_actions_adddup2(actions, fd, STDOUT_FILENO) != 0 ||
        posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) != 0 ||
        posix_spawn_file_actions_addclosefrom_np(actions, FIRST_OTHER_FD) != 0 ||
        posix_spawnattr_setsigmask(attributes, &none) != 0 || posix_spawnattr_setsigdefault(attributes, &all) != 0 ||
        posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) != 0) {
        return ENOMEM;
    }
    return posix_spawn(pid, path, actions, attributes, argv, environment);
}

static int spawn(pid_t *pid, const char *path, char *const *argv, int fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int failed = spawn_prepared(pid, path, argv, fd, &actions, &attributes);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* Starts the helper, whose stdin and stdout is one end of a new socket pair. */
static bool helper_spawn(struct helper *helper)
{
    static char name[] = IMAGE_PROGRAM;
    char path[PATH_MAX];
    char *const argv[] = {name, NULL};
    int ends[2];
    if (!helper_path(path) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        log_error("cannot start the image decoder: %s", strerror(errno));
        return false;
    }
    int failed = spawn(&helper->pid, path, argv, ends[1]);
    (void)close(ends[1]);
    if (failed != 0) {
        (void)close(ends[0]);
        log_error("%s cannot be started: %s", IMAGE_PROGRAM, strerror(failed));
        return false;
    }
    helper->fd = ends[0];
    return true;
}

/* Connects to the socket of systemd, which starts the helper for the connection. */
static bool helper_connect(struct helper *helper, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    helper->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (helper->fd < 0 || length >= (int)sizeof(address.sun_path) ||
        connect(helper->fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        log_error("cannot connect to the image decoder at %s: %s", path, strerror(errno));
        if (helper->fd >= 0) {
            (void)close(helper->fd);
        }
        return false;
    }
    return true;
}

static bool helper_start(struct helper *helper, const struct decoder_limits *limits)
{
    const struct image_request request = {.magic = IMAGE_MAGIC,
                                          .sandbox = limits->sandbox,
                                          .pixels_max = (uint32_t)limits->pixels_max,
                                          .memory_mib = (uint32_t)limits->memory_mib,
                                          .time_s = (uint32_t)limits->timeout_s};
    bool own = strcmp(limits->socket, "none") == 0;
    if (!(own ? helper_spawn(helper) : helper_connect(helper, limits->socket))) {
        return false;
    }
    helper->until_ms = clock_mono_ms() + (int64_t)limits->timeout_s * MS_PER_S;
    /* It fits into the buffer of a new socket. If the helper has ended already, its output ends, too. */
    ssize_t sent = send(helper->fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != (ssize_t)sizeof(request) || helper->left == 0) {
        helper->left = 0;
        (void)shutdown(helper->fd, SHUT_WR);
    }
    return true;
}

static bool send_more(struct helper *helper)
{
    ssize_t sent = send(helper->fd, helper->bytes, helper->left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        /* the helper reads no more; its exit code gives the reason */
        helper->left = errno == EAGAIN || errno == EINTR ? helper->left : 0;
        return true;
    }
    helper->bytes += sent;
    helper->left -= (size_t)sent;
    return helper->left > 0 || shutdown(helper->fd, SHUT_WR) == 0 || errno == ENOTCONN;
}

/* False at the end of its output, or if that is too long. */
static bool read_more(struct helper *helper)
{
    if (helper->size - helper->length < CHUNK_BYTES) {
        size_t size = helper->size * 2 + CHUNK_BYTES;
        unsigned char *grown = size > 2 * (size_t)RESULT_MAX_BYTES ? NULL : realloc(helper->result, size);
        if (grown == NULL) {
            return false;
        }
        helper->result = grown;
        helper->size = size;
    }
    ssize_t got = recv(helper->fd, helper->result + helper->length, helper->size - helper->length, MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    helper->length += (size_t)got;
    return got > 0;
}

/* Sends the input and reads the output to its end. False: the deadline has passed. */
static bool exchange(struct helper *helper)
{
    for (;;) {
        short events = helper->left > 0 ? POLLIN | POLLOUT : POLLIN;
        struct pollfd look = {.fd = helper->fd, .events = events};
        int64_t left_ms = helper->until_ms - clock_mono_ms();
        if (left_ms <= 0) {
            return false;
        }
        if (poll(&look, 1, (int)left_ms) < 0 && errno != EINTR) {
            return false;
        }
        if ((look.revents & POLLOUT) != 0 && helper->left > 0 && !send_more(helper)) {
            return false;
        }
        if ((look.revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !read_more(helper)) {
            return true;
        }
    }
}

static enum decoder_result result_of(int code)
{
    const char *problem = image_sandbox_problem(code);
    if (problem != NULL) {
        log_error("%s: %s", IMAGE_PROGRAM, problem);
        return DECODER_NO_HELPER;
    }
    switch (code) {
    case IMAGE_MADE:
        return DECODER_MADE;
    case IMAGE_UNKNOWN:
        return DECODER_UNKNOWN;
    case IMAGE_BROKEN:
        return DECODER_BROKEN;
    case IMAGE_TOO_LARGE:
        return DECODER_TOO_LARGE;
    case IMAGE_USAGE:
    case IMAGE_NO_LIBRARY:
        log_error("%s has another version or cannot run, or libvips is missing (code %d)", IMAGE_PROGRAM, code);
        return DECODER_NO_HELPER;
    default:
        log_warn("%s ended with code %d: the image was refused", IMAGE_PROGRAM, code);
        return DECODER_BROKEN;
    }
}

/* Waits for the helper's exit, after its output has ended or it was killed. */
static void helper_end(const struct helper *helper, bool killed)
{
    int status = 0;
    if (killed && helper->pid > 0) {
        (void)kill(helper->pid, SIGKILL);
    }
    (void)close(helper->fd); /* stops a helper that still writes */
    while (helper->pid > 0 && waitpid(helper->pid, &status, 0) < 0) {
        if (errno != EINTR) {
            log_error("cannot wait for the image decoder: %s", strerror(errno));
            return;
        }
    }
}

/* Removes the end of the output, and returns its code. */
static int take_end(struct helper *helper)
{
    struct image_end end = {.magic = 0};
    if (helper->length >= sizeof(end)) {
        helper->length -= sizeof(end);
        memcpy(&end, helper->result + helper->length, sizeof(end));
    }
    return end.magic == IMAGE_MAGIC ? (int)end.code : IMAGE_USAGE;
}

/* The files remain in the buffer of the helper's output. */
static bool take_files(const struct helper *helper, struct decoder *out)
{
    struct image_head head;
    size_t at = sizeof(head);
    if (helper->length < sizeof(head)) {
        return false;
    }
    memcpy(&head, helper->result, sizeof(head));
    for (size_t i = 0; i < IMAGE_SIZES; i++) {
        if (head.lengths[i] > helper->length - at) {
            return false;
        }
        out->files[i] = (struct decoder_file){helper->result + at, head.lengths[i]};
        at += head.lengths[i];
    }
    return head.magic == IMAGE_MAGIC && at == helper->length;
}

static enum decoder_result run(const struct decoder_limits *limits, struct helper *helper, struct decoder *out)
{
    out->problem = "the image decoder cannot be started";
    if (!helper_start(helper, limits)) {
        return DECODER_NO_HELPER;
    }
    bool whole = exchange(helper);
    helper_end(helper, !whole);
    out->memory = helper->result;
    if (!whole) {
        log_warn("%s exceeded its time: the image was refused", IMAGE_PROGRAM);
        return DECODER_BROKEN;
    }
    int code = take_end(helper);
    if (image_sandbox_problem(code) != NULL) {
        out->problem = image_sandbox_problem(code);
    }
    enum decoder_result result = result_of(code);
    if (result == DECODER_MADE && !take_files(helper, out)) {
        log_error("%s sent an invalid answer", IMAGE_PROGRAM);
        return DECODER_NO_HELPER;
    }
    return result;
}

enum decoder_result decoder_make(const struct decoder_limits *limits, const void *bytes, size_t length,
                                 struct decoder *out)
{
    struct helper helper = {.bytes = bytes, .left = length};
    *out = (struct decoder){.memory = NULL};
    enum decoder_result result = run(limits, &helper, out);
    if (result != DECODER_NO_HELPER) {
        out->problem = NULL;
    }
    return result;
}

const char *decoder_try(const struct decoder_limits *limits)
{
    struct decoder none;
    bool works = decoder_make(limits, "", 0, &none) != DECODER_NO_HELPER;
    const char *problem = works ? NULL : none.problem;
    decoder_free(&none);
    return problem;
}

void decoder_free(struct decoder *decoder)
{
    free(decoder->memory);
    *decoder = (struct decoder){.memory = NULL};
}
