/*
 * Hostile code in the sandbox of the image decoder: it starts a program, opens a socket or a file, and reads, traces or
 * kills another process of its user. Each attack succeeds without the sandbox, which shows that the attack is one.
 *
 * A kernel or a container may forbid namespaces. Then the tests of namespaces assert that the sandbox says so.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/image_decoder/sandbox.h"
#include "tests/support/namespaces.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { PATH_SIZE = 256, SECRET_SIZE = 32, MEMORY_MIB = 4096, CPU_S = 20, BYTES = 4096 };
enum { SUCCEEDED = 0, REFUSED = 50 }; /* codes of an attack */

/* A process like the gateway: of the same user, with a secret in its memory and in a file. */
static struct {
    pid_t pid;
    int port; /* it listens on it */
    char secret[SECRET_SIZE];
    char key_file[PATH_SIZE];
} victim;

static int result(bool succeeded)
{
    return succeeded ? SUCCEEDED : REFUSED;
}

/* ---- attacks ---- */

static int start_program(void *arg)
{
    (void)arg;
    (void)execl("/bin/true", "true", (char *)NULL);
    return REFUSED;
}

static int fork_process(void *arg)
{
    (void)arg;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(EXIT_SUCCESS);
    }
    return result(pid > 0 && waitpid(pid, NULL, 0) == pid);
}

static int connect_to_victim(void *arg)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)victim.port),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)arg;
    return result(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
}

static int open_memory(void *arg)
{
    char path[PATH_SIZE];
    char found[SECRET_SIZE];
    (void)arg;
    (void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)victim.pid);
    int fd = open(path, O_RDONLY);
    return result(fd >= 0 && pread(fd, found, sizeof(found), (off_t)(uintptr_t)victim.secret) == sizeof(found));
}

static int read_memory(void *arg)
{
    char found[SECRET_SIZE];
    const struct iovec to = {found, sizeof(found)};
    const struct iovec from = {victim.secret, sizeof(found)};
    (void)arg;
    return result(process_vm_readv(victim.pid, &to, 1, &from, 1, 0) == sizeof(found));
}

static int read_parent(void *arg)
{
    char found[SECRET_SIZE];
    const struct iovec to = {found, sizeof(found)};
    const struct iovec from = {victim.secret, sizeof(found)};
    (void)arg;
    return result(process_vm_readv(getppid(), &to, 1, &from, 1, 0) == sizeof(found));
}

static int open_socket(void *arg)
{
    (void)arg;
    return result(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

/* Whether one interface at least is up. */
static int find_network(void *arg)
{
    struct ifreq request = {.ifr_flags = 0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct if_nameindex *interfaces = if_nameindex();
    bool up = false;
    for (size_t i = 0; interfaces != NULL && interfaces[i].if_index != 0; i++) {
        (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interfaces[i].if_name);
        up = up || (ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0);
    }
    (void)arg;
    return result(up);
}

/* Whether the root folder has one entry at least. */
static int list_files(void *arg)
{
    DIR *folder = opendir("/");
    const struct dirent *entry = NULL;
    (void)arg;
    do {
        entry = folder == NULL ? NULL : readdir(folder);
    } while (entry != NULL && entry->d_name[0] == '.');
    return result(entry != NULL);
}

static int trace(void *arg)
{
    (void)arg;
    bool traced = ptrace(PTRACE_ATTACH, victim.pid, NULL, NULL) == 0;
    if (traced) {
        (void)waitpid(victim.pid, NULL, 0);
        (void)ptrace(PTRACE_DETACH, victim.pid, NULL, NULL);
    }
    return result(traced);
}

static int kill_victim(void *arg)
{
    (void)arg;
    return result(kill(victim.pid, SIGCONT) == 0); /* which does nothing to a process that runs */
}

static int read_key_file(void *arg)
{
    char found[SECRET_SIZE];
    int fd = open(victim.key_file, O_RDONLY);
    (void)arg;
    return result(fd >= 0 && read(fd, found, sizeof(found)) == sizeof(found));
}

static int write_file(void *arg)
{
    int fd = open(victim.key_file, O_WRONLY);
    (void)arg;
    return result(fd >= 0);
}

static int make_code(void *arg)
{
    (void)arg;
    return result(mmap(NULL, BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
                  MAP_FAILED);
}

static int become_dumpable(void *arg)
{
    (void)arg;
    return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

struct attack {
    const char *name;
    int (*run)(void *arg);
    bool of_machine; /* what it reaches is not there in an empty namespace, also without the filter */
};

static const struct attack attacks[] = {
    {"start a program", start_program, true},
    {"fork", fork_process, false},
    {"open a socket", open_socket, false},
    {"find a network", find_network, true},
    {"connect to a port of this machine", connect_to_victim, true},
    {"open the memory of a process", open_memory, true},
    {"read the memory of a process", read_memory, true},
    {"read the memory of its parent", read_parent, true},
    {"trace a process", trace, true},
    {"signal a process", kill_victim, true},
    {"list the files of the machine", list_files, true},
    {"read a key file", read_key_file, true},
    {"open a file for writing", write_file, true},
    {"make code", make_code, false},
    {"become dumpable", become_dumpable, false},
};

/* ---- the victim ---- */

static void be_victim(int ready)
{
    ck_assert_int_eq(write(ready, "r", 1), 1);
    for (;;) {
        (void)pause();
    }
}

static void listen_for_attack(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    victim.port = ntohs(address.sin_port);
}

static void start_victim(void)
{
    int ends[2];
    char byte = 0;
    (void)snprintf(victim.secret, sizeof(victim.secret), "the key of %d", (int)getpid());
    scratch_pattern("key", victim.key_file, sizeof(victim.key_file));
    int fd = mkstemp(victim.key_file); /* mode 0600 */
    ck_assert_int_eq(write(fd, victim.secret, sizeof(victim.secret)), sizeof(victim.secret));
    ck_assert_int_eq(close(fd), 0);
    listen_for_attack();
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* as the parent of an attack */
    ck_assert_int_eq(pipe(ends), 0);
    victim.pid = fork();
    if (victim.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
        be_victim(ends[1]);
    }
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
}

static void stop_victim(void)
{
    (void)kill(victim.pid, SIGKILL);
    (void)waitpid(victim.pid, NULL, 0);
    (void)unlink(victim.key_file);
}

/* ---- runs ---- */

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Runs in a process of its own, because sandbox_run changes the namespaces of its caller. */
static int run_job(const struct sandbox_job *job)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(sandbox_run(job));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int run_in(enum image_sandbox sandbox, int (*prepare)(void *), int (*work)(void *))
{
    const struct sandbox_job job = {sandbox, MEMORY_MIB, CPU_S, prepare, work, NULL};
    return run_job(&job);
}

/* Without the sandbox it works. */
static void expect_attack(const struct attack *attack)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(attack->run(NULL));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == SUCCEEDED, "%s: no attack", attack->name);
}

START_TEST(each_attack_works_without_the_sandbox)
{
    expect_attack(&attacks[_i]);
}
END_TEST

START_TEST(the_filter_stops_each_attack)
{
    int code = run_in(IMAGE_SANDBOX_SECCOMP, nothing, attacks[_i].run);
    ck_assert_msg(code == IMAGE_KILLED || code == REFUSED, "%s: code %d", attacks[_i].name, code);
}
END_TEST

START_TEST(the_full_sandbox_stops_each_attack)
{
    int code = run_in(IMAGE_SANDBOX_FULL, nothing, attacks[_i].run);
    if (namespaces_allowed()) {
        ck_assert_msg(code == IMAGE_KILLED || code == REFUSED, "%s: code %d", attacks[_i].name, code);
    } else {
        ck_assert_ptr_nonnull(image_sandbox_problem(code));
    }
}
END_TEST

/* The attack runs where the decoder loads its libraries: in the namespaces, before the filter. */
START_TEST(nothing_of_the_machine_is_in_the_namespaces)
{
    int code = run_in(IMAGE_SANDBOX_FULL, attacks[_i].run, nothing);
    if (!namespaces_allowed()) {
        ck_assert_ptr_nonnull(image_sandbox_problem(code));
    } else if (attacks[_i].of_machine) {
        ck_assert_msg(code == REFUSED, "%s: code %d", attacks[_i].name, code);
    }
}
END_TEST

static enum image_sandbox strongest(void)
{
    return namespaces_allowed() ? IMAGE_SANDBOX_FULL : IMAGE_SANDBOX_SECCOMP;
}

static int use_memory(void *arg)
{
    (void)arg;
    const size_t too_much = (size_t)(MEMORY_MIB + 1) << 20;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    return result(mmap(NULL, too_much, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED);
}

static int use_time(void *arg)
{
    volatile const int *forever = arg;
    while (forever == NULL) {
    }
    return SUCCEEDED;
}

/* Says that it runs. */
static int use_time_openly(void *arg)
{
    return write(STDOUT_FILENO, "w", 1) == 1 ? use_time(arg) : REFUSED;
}

START_TEST(memory_and_time_are_limited)
{
#ifndef __SANITIZE_ADDRESS__
    ck_assert_int_eq(run_in(IMAGE_SANDBOX_SECCOMP, nothing, use_memory), REFUSED);
#else
    (void)use_memory;
#endif
    const struct sandbox_job job = {strongest(), MEMORY_MIB, 1, nothing, use_time, NULL};
    ck_assert_int_eq(run_job(&job), IMAGE_KILLED);
}
END_TEST

static int say_no_filter(void *arg)
{
    (void)arg;
    return IMAGE_NO_FILTER;
}

/* Otherwise an image could make GET /ready name the decoder. */
START_TEST(hostile_code_cannot_blame_the_deployment)
{
    ck_assert_int_eq(run_in(strongest(), nothing, say_no_filter), IMAGE_KILLED);
    ck_assert_int_eq(run_in(IMAGE_SANDBOX_OFF, nothing, say_no_filter), IMAGE_KILLED);
    ck_assert_int_eq(run_in(strongest(), say_no_filter, nothing), IMAGE_NO_FILTER);
}
END_TEST

/* If the gateway kills the outer process at its deadline, the work ends with it. */
START_TEST(the_work_ends_with_the_process_that_waits_for_it)
{
    int ends[2];
    char byte = 0;
    const struct sandbox_job job = {strongest(), MEMORY_MIB, CPU_S, nothing, use_time_openly, NULL};
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        /* the work inherits stdout, and nobody else has this end then */
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        _exit(sandbox_run(&job));
    }
    (void)close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);
}
END_TEST

static Suite *sandbox_suite(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tcase = tcase_create("sandbox");
    tcase_add_checked_fixture(tcase, start_victim, stop_victim);
    const int count = (int)ARRAY_LEN(attacks);
    tcase_add_loop_test(tcase, each_attack_works_without_the_sandbox, 0, count);
    tcase_add_loop_test(tcase, the_filter_stops_each_attack, 0, count);
    tcase_add_loop_test(tcase, the_full_sandbox_stops_each_attack, 0, count);
    tcase_add_loop_test(tcase, nothing_of_the_machine_is_in_the_namespaces, 0, count);
    tcase_add_test(tcase, memory_and_time_are_limited);
    tcase_add_test(tcase, hostile_code_cannot_blame_the_deployment);
    tcase_add_test(tcase, the_work_ends_with_the_process_that_waits_for_it);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(sandbox_suite());
}
