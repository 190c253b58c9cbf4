/*
 * See program.h. Settings go by ROSTRUM_CONF, which wins over every other file: a test must not depend on how the rest
 * of the run is set.
 */
#include "tests/support/program.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

void program_settings(const char *ini, char path[static PROGRAM_SETTINGS_SIZE])
{
    (void)snprintf(path, PROGRAM_SETTINGS_SIZE, "/tmp/rostrum-test-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ssize_t length = (ssize_t)strlen(ini);
    ck_assert_int_eq(write(fd, ini, (size_t)length), length);
    ck_assert_int_eq(close(fd), 0);
}

void program_settings_remove(const char *path)
{
    (void)unlink(path);
}

pid_t program_start(const char *name, const char *settings_path)
{
    const char *build = getenv("BUILD");
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/bin/%s", build == NULL ? "build" : build, name);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGTERM, SIG_DFL); /* Check's handler would end the test */
        (void)setenv("ROSTRUM_CONF", settings_path, 1);
        (void)execl(path, name, (char *)NULL);
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        _exit(EXIT_FAILURE);
    }
    return pid;
}

int program_end(pid_t pid, int signal_number)
{
    int status = 0;
    ck_assert_int_eq(kill(pid, signal_number), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
