#include "tests/support/gateway_settings.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/suite.h"

enum { WORKERS_MAX = 16 };

static int open_file(int flags)
{
    const char *path = getenv("ROSTRUM_TEST_CONF");
    ck_assert_ptr_nonnull(path);
    int fd = open(path, flags | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

void gateway_settings_read(char text[GATEWAY_SETTINGS_SIZE])
{
    int fd = open_file(O_RDONLY);
    ssize_t length = read(fd, text, GATEWAY_SETTINGS_SIZE - 1);
    ck_assert_int_gt((int)length, 0);
    text[length] = '\0';
    ck_assert_int_eq(close(fd), 0);
}

static bool all_ended(const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (kill(pids[i], 0) == 0) {
            return false;
        }
    }
    return true;
}

void gateway_settings_apply(const char *text)
{
    pid_t old[WORKERS_MAX];
    int fd = open_file(O_WRONLY | O_TRUNC);
    ck_assert_int_eq((int)write(fd, text, strlen(text)), (int)strlen(text));
    ck_assert_int_eq(close(fd), 0);
    pid_t gateway = deployment_pid("gateway");
    ck_assert_int_gt(gateway, 0); /* kill(-1) would signal every process */
    size_t count = deployment_children(gateway, old, WORKERS_MAX);
    ck_assert_uint_gt(count, 0);
    ck_assert_int_eq(kill(gateway, SIGHUP), 0);
    SUITE_WAIT(all_ended(old, count), DEPLOYMENT_READY_MS);
}
