/*
 * See program.h. Settings are passed by ROSTRUM_CONF, which overrides every other file, so that a test does not depend
 * on the settings of the run.
 */
#include "tests/support/program.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/logins.h"
#include "tests/support/namespaces.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { PATH_SIZE = 512, NOTIFY_NAME_SIZE = 64, NOTIFY_TEXT_SIZE = 1024, READY_MS = 60000, SETTINGS_TEXT_SIZE = 16384 };

void program_settings(const char *ini, char path[static PROGRAM_SETTINGS_SIZE])
{
    scratch_pattern("settings", path, PROGRAM_SETTINGS_SIZE);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ssize_t length = (ssize_t)strlen(ini);
    ck_assert_int_eq(write(fd, ini, (size_t)length), length);
    ck_assert_int_eq(close(fd), 0);
}

void program_settings_of_deployment(const char *ini, char path[static PROGRAM_SETTINGS_SIZE])
{
    static char text[SETTINGS_TEXT_SIZE];
    const char *source = getenv("ROSTRUM_TEST_CONF");
    FILE *file = source == NULL ? NULL : fopen(source, "r");
    if (file == NULL) {
        ck_abort_msg("ROSTRUM_TEST_CONF cannot be read");
        return;
    }
    size_t length = fread(text, 1, sizeof(text), file);
    ck_assert_int_eq(fclose(file), 0);
    int more =
        snprintf(text + length, sizeof(text) - length, "[images]\nimage_sandbox = %s\n%s", namespaces_sandbox(), ini);
    ck_assert_uint_lt(length + (size_t)more, sizeof(text));
    program_settings(text, path);
}

void program_settings_remove(const char *path)
{
    (void)unlink(path);
}

/* NOTIFY_SOCKET=… of systemd's protocol; NULL: none */
static pid_t spawn(const char *name, const char *settings_path, const char *notify)
{
    const char *build = getenv("BUILD");
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/bin/%s", build == NULL ? "build" : build, name);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGTERM, SIG_DFL); /* otherwise Check's handler would end the test */
        (void)setenv("ROSTRUM_CONF", settings_path, 1);
        logins_export(name);
        if (notify != NULL) {
            (void)setenv("NOTIFY_SOCKET", notify, 1);
        }
        (void)execl(path, name, (char *)NULL);
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        _exit(EXIT_FAILURE);
    }
    return pid;
}

pid_t program_start(const char *name, const char *settings_path)
{
    return spawn(name, settings_path, NULL);
}

/* Opens a socket for notifications to systemd. Its abstract name disappears with this process. */
static int notify_open(char name[static NOTIFY_NAME_SIZE])
{
    static int count;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(name, NOTIFY_NAME_SIZE, "@rostrum-test-%d-%d", (int)getpid(), ++count);
    memcpy(address.sun_path, name, (size_t)length);
    address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, size), 0);
    return fd;
}

/* True once READY=1 has arrived. Fails the test if the program has ended. */
static bool said_ready(int fd, pid_t pid)
{
    char text[NOTIFY_TEXT_SIZE];
    ssize_t length = 0;
    int status = 0;
    while ((length = recv(fd, text, sizeof(text) - 1, 0)) > 0) {
        text[length] = '\0';
        if (strstr(text, "READY=1") != NULL) {
            return true;
        }
    }
    ck_assert_msg(waitpid(pid, &status, WNOHANG) == 0, "ended before it was ready: status %d", status);
    return false;
}

pid_t program_start_ready(const char *name, const char *settings_path)
{
    char notify[NOTIFY_NAME_SIZE];
    int fd = notify_open(notify);
    pid_t pid = spawn(name, settings_path, notify);
    SUITE_WAIT(said_ready(fd, pid), READY_MS);
    ck_assert_int_eq(close(fd), 0); /* further notifications are not read, so the program must not wait for them */
    return pid;
}

int program_free_port(int other)
{
    enum { PORT_LEAST = 20000, PORT_COUNT = 12000 };
    for (int i = 0; i < PORT_COUNT; i++) {
        int port = PORT_LEAST + (int)((unsigned)(getpid() * 7 + i * 13) % PORT_COUNT);
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool ok = port != other && fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
        if (fd >= 0) {
            (void)close(fd);
        }
        if (ok) {
            return port;
        }
    }
    ck_abort_msg("no port is free");
    return 0;
}

int program_end(pid_t pid, int signal_number)
{
    int status = 0;
    ck_assert_int_eq(kill(pid, signal_number), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && signal_number != SIGKILL) {
        (void)fprintf(stderr, "process %d: ended by signal %d, was sent %d\n", (int)pid, WTERMSIG(status),
                      signal_number);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
