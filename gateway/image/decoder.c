/*
 * See decoder.h. The helper program is installed beside the gateway's. A socket pair carries both directions. One poll
 * loop writes and reads, so that neither side can block the other. At the deadline the helper is killed.
 */
#include "gateway/image/decoder.h"

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
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"

enum {
    NUMBER_SIZE = 16,
    FIRST_OTHER_FD = 3,
    MS_PER_S = 1000,
    CHUNK_BYTES = 256 << 10,
    RESULT_MAX_BYTES = (int)sizeof(struct image_head) + IMAGE_SIZES * IMAGE_FILE_MAX_BYTES,
};

/* One running helper. */
struct helper {
    pid_t pid;
    int fd; /* our end; the other one is the helper's stdin and stdout */
    int64_t until_ms;
    const unsigned char *bytes; /* still to be sent */
    size_t left;
    unsigned char *result;
    size_t length;
    size_t size;
};

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

static bool helper_start(struct helper *helper, const struct decoder_limits *limits)
{
    static char name[] = IMAGE_PROGRAM;
    char path[PATH_MAX];
    char pixels[NUMBER_SIZE];
    char memory[NUMBER_SIZE];
    char time[NUMBER_SIZE];
    char *const argv[] = {name, pixels, memory, time, NULL};
    int ends[2];
    (void)snprintf(pixels, sizeof(pixels), "%d", limits->pixels_max);
    (void)snprintf(memory, sizeof(memory), "%d", limits->memory_mib);
    (void)snprintf(time, sizeof(time), "%d", limits->timeout_s);
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
    helper->until_ms = clock_mono_ms() + (int64_t)limits->timeout_s * MS_PER_S;
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

static enum decoder_result result_of(int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
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
        log_error("%s has another version, or libvips is missing (exit code %d)", IMAGE_PROGRAM, code);
        return DECODER_NO_HELPER;
    default:
        log_warn("%s ended by %s %d: the image was refused", IMAGE_PROGRAM, code < 0 ? "signal" : "exit code",
                 code < 0 ? WTERMSIG(status) : code);
        return DECODER_BROKEN;
    }
}

/* Waits for the helper's exit, after its output has ended or it was killed. */
static enum decoder_result helper_end(struct helper *helper, bool killed)
{
    int status = 0;
    if (killed) {
        (void)kill(helper->pid, SIGKILL);
    }
    (void)close(helper->fd); /* stops a helper that still writes */
    while (waitpid(helper->pid, &status, 0) < 0) {
        if (errno != EINTR) {
            log_error("cannot read from the image decoder: %s", strerror(errno));
            return DECODER_NO_HELPER;
        }
    }
    return result_of(status);
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

enum decoder_result decoder_make(const struct decoder_limits *limits, const void *bytes, size_t length,
                                 struct decoder *out)
{
    struct helper helper = {.bytes = bytes, .left = length};
    *out = (struct decoder){.memory = NULL};
    if (!helper_start(&helper, limits)) {
        return DECODER_NO_HELPER;
    }
    bool whole = exchange(&helper);
    enum decoder_result result = helper_end(&helper, !whole);
    out->memory = helper.result;
    if (result == DECODER_MADE && !take_files(&helper, out)) {
        log_error("%s sent an invalid answer", IMAGE_PROGRAM);
        return DECODER_NO_HELPER;
    }
    return result;
}

void decoder_free(struct decoder *decoder)
{
    free(decoder->memory);
    *decoder = (struct decoder){.memory = NULL};
}
