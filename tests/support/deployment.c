/*
 * See deployment.h. Commands are short-lived child processes whose output is read through a pipe.
 */
#include "tests/support/deployment.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/ids.h"
#include "tests/support/client.h"

extern char **environ;

enum { DEPLOYMENT_WORDS_MAX = 16, DEPLOYMENT_PATH_SIZE = 512 };
#define SERVICE_WAIT_S "30" /* for the end of a service; then the order has failed */

static const char *deployment_environment(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0') {
        (void)fprintf(stderr, "%s is not set: these tests are started by tests/run\n", name);
        exit(EXIT_FAILURE);
    }
    return value;
}

const char *deployment_http_url(void)
{
    return deployment_environment("ROSTRUM_HTTP_URL");
}

const char *deployment_pg_url(void)
{
    return deployment_environment("ROSTRUM_PG_URL");
}

static void deployment_read(int fd, char *out, size_t size)
{
    char spare[512];
    size_t got = 0;
    for (;;) {
        bool room = got + 1 < size;
        ssize_t more = room ? read(fd, out + got, size - got - 1) : read(fd, spare, sizeof(spare));
        if (more < 0 && errno == EINTR) {
            continue;
        }
        if (more <= 0) {
            break;
        }
        got += room ? (size_t)more : 0;
    }
    out[got] = '\0';
}

int deployment_run(const char *const *argv, char *out, size_t size)
{
    int ends[2];
    pid_t child = -1;
    posix_spawn_file_actions_t actions;
    out[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    if (posix_spawn_file_actions_init(&actions) != 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return -1;
    }
    bool ready = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0 &&
                 posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO) == 0;
    /* posix_spawn does not change the words; its parameter only lacks a const. */
    union {
        const char *const *read_only;
        char *const *as_posix_wants;
    } words = {.read_only = argv};
    bool started = ready && posix_spawn(&child, argv[0], &actions, NULL, words.as_posix_wants, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    if (started) {
        deployment_read(ends[0], out, size);
    }
    (void)close(ends[0]);
    int status = 0;
    if (!started || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

static int deployment_run_words(char *out, size_t size, const char *program, const char *word, va_list more)
{
    const char *argv[DEPLOYMENT_WORDS_MAX] = {program};
    size_t count = 1;
    while (word != NULL && count + 1 < DEPLOYMENT_WORDS_MAX) {
        argv[count++] = word;
        word = va_arg(more, const char *);
    }
    argv[count] = NULL;
    return deployment_run(argv, out, size);
}

int deployment_script(char *out, size_t size, const char *word, ...)
{
    const char *script = getenv("ROSTRUM_DEPLOYMENT");
    va_list more;
    va_start(more, word);
    int code = deployment_run_words(out, size, script != NULL ? script : "deploy/private", word, more);
    va_end(more);
    return code;
}

int deployment_ctl(char *out, size_t size, const char *word, ...)
{
    char program[DEPLOYMENT_PATH_SIZE];
    const char *build = getenv("BUILD");
    (void)snprintf(program, sizeof(program), "%s/bin/rostrumctl", build != NULL ? build : "build");
    va_list more;
    va_start(more, word);
    int code = deployment_run_words(out, size, program, word, more);
    va_end(more);
    return code;
}

static pid_t deployment_number(const char *text)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);
    return end != text && number > 0 ? (pid_t)number : -1;
}

bool deployment_service(const char *service, const char *order)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    char path[DEPLOYMENT_PATH_SIZE];
    const char *folder = getenv("ROSTRUM_VAR");
    const char *const argv[] = {"/usr/bin/sv", "-w", SERVICE_WAIT_S, order, path, NULL};
    if (folder == NULL) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s/service/%s", folder, service);
    return deployment_run(argv, out, sizeof(out)) == 0;
}

pid_t deployment_pid(const char *service)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    if (deployment_script(out, sizeof(out), "pid", service, NULL) != 0) {
        return -1;
    }
    return deployment_number(out);
}

size_t deployment_children(pid_t parent, pid_t *children, size_t most)
{
    char path[DEPLOYMENT_PATH_SIZE];
    char text[DEPLOYMENT_PATH_SIZE];
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    deployment_read(fd, text, sizeof(text));
    (void)close(fd);
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word != NULL && count < most; word = strtok_r(NULL, " ", &rest)) {
        children[count++] = deployment_number(word);
    }
    return count;
}

pid_t deployment_child(pid_t parent)
{
    pid_t child = -1;
    return deployment_children(parent, &child, 1) == 1 ? child : -1;
}

bool deployment_each_worker(deployment_look *look, void *arg)
{
    enum { LOOKS_MAX = 2000, WORKERS_MAX = 16 };
    pid_t workers[WORKERS_MAX];
    char seen[WORKERS_MAX][UUID_TEXT_SIZE]; /* the part of a request's id that names the worker */
    size_t count = deployment_children(deployment_pid("gateway"), workers, WORKERS_MAX);
    size_t found = 0;
    for (int i = 0; i < LOOKS_MAX && found < count; i++) {
        const char *id = look(arg);
        if (id == NULL) {
            return false;
        }
        (void)snprintf(seen[found], UUID_TEXT_SIZE, "%s", id);
        size_t at = 0;
        while (strcmp(seen[at], seen[found]) != 0) {
            at++;
        }
        found += at == found;
    }
    return count > 0 && found == count;
}

/* `arg`: UUID_TEXT_SIZE bytes for the id, because the client ends here. */
static const char *look_at_readiness(void *arg)
{
    struct client *client = client_new(deployment_http_url());
    if (client == NULL) {
        return NULL;
    }
    const struct reply *reply = client_call(client, "GET", "/ready", NULL);
    bool ready = reply->status == 200 && reply_count(reply, "degraded") <= 0;
    (void)snprintf(arg, UUID_TEXT_SIZE, "%s", client_reply_header(client, "X-Request-Id"));
    client_free(client);
    return ready ? arg : NULL;
}

bool deployment_ready(void)
{
    char id[UUID_TEXT_SIZE];
    return look_at_readiness(id) != NULL;
}

bool deployment_all_ready(void)
{
    char id[UUID_TEXT_SIZE];
    return deployment_each_worker(look_at_readiness, id);
}
