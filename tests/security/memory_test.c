/*
 * The memory of each program of the deployment holds keys and passwords. Another process of the same user cannot read
 * it, and no core file is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/suite.h"

enum { PATH_SIZE = 64, LINE_SIZE = 256, WORKERS_MAX = 16, BYTES = 8, PROGRAMS = 5 };

static const char *const programs[PROGRAMS] = {"gateway", "bidworker-1", "bidworker-2", "endworker", "notifyworker"};

/* Reads the line of /proc/PID/FILE that begins with `name`. */
static void read_line(pid_t pid, const char *file_name, const char *name, char line[static LINE_SIZE])
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file_name);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, LINE_SIZE, file) != NULL && strncmp(line, name, strlen(name)) != 0) {
    }
    ck_assert_int_eq(strncmp(line, name, strlen(name)), 0);
    (void)fclose(file);
}

static unsigned id_of(pid_t pid, const char *name)
{
    char line[LINE_SIZE];
    read_line(pid, "status", name, line);
    return (unsigned)strtoul(line + strlen(name), NULL, 10);
}

/* Runs in a child process of the same user as the victim. Returns the name of the attack that works, else NULL. */
static const char *attack(pid_t victim)
{
    static const char *const files[] = {"mem", "environ", "maps", "auxv"};
    char path[PATH_SIZE];
    char bytes[BYTES];
    const struct iovec here = {bytes, sizeof(bytes)};
    const struct iovec there = {bytes, sizeof(bytes)};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)victim, files[i]);
        if (open(path, O_RDONLY) >= 0) {
            return files[i];
        }
    }
    if (process_vm_readv(victim, &here, 1, &there, 1, 0) >= 0 || errno != EPERM) {
        return "process_vm_readv";
    }
    return ptrace(PTRACE_ATTACH, victim, NULL, NULL) == 0 ? "ptrace" : NULL;
}

/* A process of this user that may be read. */
static pid_t start_open_process(void)
{
    int ends[2];
    char byte = 0;
    if (pipe(ends) != 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        (void)!write(ends[1], "r", 1);
        for (;;) {
            (void)pause();
        }
    }
    return read(ends[0], &byte, 1) == 1 ? pid : -1;
}

enum { SAFE = 0, READABLE = 1, NO_ATTACK = 2 };

static int attack_as_same_user(pid_t victim)
{
    unsigned user = id_of(victim, "Uid:");
    unsigned group = id_of(victim, "Gid:");
    if (setresgid(group, group, group) != 0 || setresuid(user, user, user) != 0) {
        return NO_ATTACK;
    }
    pid_t other = start_open_process();
    if (other < 0 || attack(other) == NULL) {
        return NO_ATTACK;
    }
    const char *way = attack(victim);
    (void)fprintf(stderr, "%s", way == NULL ? "" : way);
    return way == NULL ? SAFE : READABLE;
}

static void expect_guarded(const char *name, pid_t victim)
{
    char line[LINE_SIZE];
    int status = 0;
    ck_assert_int_gt(victim, 0);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(attack_as_same_user(victim));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == SAFE, "%s: status %d", name, status);
    read_line(victim, "limits", "Max core file size", line);
    ck_assert_ptr_nonnull(strstr(line, " 0 "));
    ck_assert_ptr_null(strstr(line, "unlimited"));
}

START_TEST(no_process_of_the_user_reads_the_memory_of_a_program)
{
    expect_guarded(programs[_i], deployment_pid(programs[_i]));
}
END_TEST

START_TEST(no_process_of_the_user_reads_the_memory_of_a_gateway_worker)
{
    pid_t workers[WORKERS_MAX];
    size_t count = deployment_children(deployment_pid("gateway"), workers, WORKERS_MAX);
    ck_assert_uint_gt(count, 0);
    for (size_t i = 0; i < count; i++) {
        expect_guarded("a worker of the gateway", workers[i]);
    }
}
END_TEST

static Suite *memory_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *tcase = tcase_create("memory");
    tcase_add_loop_test(tcase, no_process_of_the_user_reads_the_memory_of_a_program, 0, PROGRAMS);
    tcase_add_test(tcase, no_process_of_the_user_reads_the_memory_of_a_gateway_worker);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(memory_suite());
}
