/*
 * See live_recording.h. The file has a line for each message: kind, pid and connection, text. Check forks a process for
 * each test, so each line is one write to the end of the file.
 */
#include "tests/support/live_recording.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/deployment.h"

enum { PATH_SIZE = 256, LINE_SIZE = 1 << 16 };

static char recording_path[PATH_SIZE]; /* "": no recording */

bool live_recording_begin(void)
{
    const char *folder = getenv("TMPDIR"); /* not by scratch.h, whose assertions need a running test */
    (void)snprintf(recording_path, sizeof(recording_path), "%s/live-recording.XXXXXX",
                   folder != NULL ? folder : "/tmp");
    int fd = mkostemp(recording_path, O_CLOEXEC);
    if (fd < 0) {
        perror("live-recording");
        recording_path[0] = '\0';
        return false;
    }
    (void)close(fd);
    return true;
}

/* A message that is not recorded would make the check incomplete. */
static void fail(const char *reason)
{
    (void)fprintf(stderr, "live-recording: %s\n", reason);
    exit(EXIT_FAILURE);
}

void live_recording_add(enum live_recording_kind kind, const void *connection, const void *text, size_t length)
{
    static char line[LINE_SIZE];
    if (recording_path[0] == '\0') {
        return;
    }
    int head = snprintf(line, sizeof(line), "%c %d.%p ", (char)kind, (int)getpid(), connection);
    if (head < 0 || (size_t)head + length + 1 > sizeof(line) || memchr(text, '\n', length) != NULL) {
        fail("a message is too long, or no line");
    }
    memcpy(line + head, text, length);
    line[(size_t)head + length] = '\n';
    ssize_t size = (ssize_t)((size_t)head + length + 1);
    int fd = open(recording_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || write(fd, line, (size_t)size) != size) {
        fail("a message cannot be written");
    }
    (void)close(fd);
}

bool live_recording_check(const char *extent)
{
    static char output[DEPLOYMENT_OUTPUT_SIZE];
    const char *const check[] = {"/usr/bin/python3", "tests/support/live_contract.py", recording_path, extent, NULL};
    int code = deployment_run(check, output, sizeof(output));
    (void)printf("%s", output);
    (void)unlink(recording_path);
    recording_path[0] = '\0';
    return code == 0;
}
