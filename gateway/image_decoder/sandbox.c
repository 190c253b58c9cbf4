/*
 * See sandbox.h. The steps depend on each other: the maps of the user namespace are written before the process becomes
 * undumpable, because /proc/self belongs to root afterwards. The process namespace begins with a child. The filter
 * comes last, because it forbids all of this.
 */
#include "gateway/image_decoder/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

enum { MAP_SIZE = 64, DESCRIPTORS_MAX = 16, FIRST_OTHER_FD = 3, BEGUN_SIZE = 1 };

static bool write_file(const char *path, const char *text, int length)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, (size_t)length) == length;
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

/* In the new user namespace only this user and this group exist. */
static bool write_map(const char *path, unsigned id)
{
    char text[MAP_SIZE];
    return write_file(path, text, snprintf(text, sizeof(text), "%u %u 1\n", id, id));
}

static bool leave_namespaces(void)
{
    unsigned user = geteuid();
    unsigned group = getegid();
    return unshare(NAMESPACES) == 0 && write_file("/proc/self/setgroups", "deny", 4) &&
           write_map("/proc/self/uid_map", user) && write_map("/proc/self/gid_map", group);
}

/* The second pivot_root argument is the new root itself: the old root is mounted there, and unmounted at once. */
static bool leave_root(void)
{
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/tmp", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555") == 0 &&
           chdir("/tmp") == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 &&
           chdir("/") == 0;
}

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capset, &head, none) == 0;
}

static bool limit(__rlimit_resource_t what, rlim_t most)
{
    const struct rlimit both = {.rlim_cur = most, .rlim_max = most};
    return setrlimit(what, &both) == 0;
}

static bool confine(const struct sandbox_job *job)
{
#ifndef __SANITIZE_ADDRESS__ /* it reserves terabytes of address space */
    if (!limit(RLIMIT_AS, (rlim_t)job->memory_mib << 20)) {
        return false;
    }
#endif
    return limit(RLIMIT_CPU, job->cpu_s) && limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
           limit(RLIMIT_MSGQUEUE, 0) && limit(RLIMIT_NOFILE, DESCRIPTORS_MAX) &&
           close_range(FIRST_OTHER_FD, ~0U, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* ---- the filter ---- */

struct rule {
    int call;
    uint32_t action;
    unsigned count; /* of conditions, which must all hold */
    struct scmp_arg_cmp conditions[1];
};

#define ALLOW(name)                                                                                                    \
    {                                                                                                                  \
        SCMP_SYS(name), SCMP_ACT_ALLOW, 0,                                                                             \
        {                                                                                                              \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
#define REFUSE(name, error)                                                                                            \
    {                                                                                                                  \
        SCMP_SYS(name), SCMP_ACT_ERRNO(error), 0,                                                                      \
        {                                                                                                              \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
/* If of argument `number` the bits of `mask` are `bits`. */
#define IF(name, action, number, mask, bits)                                                                           \
    {                                                                                                                  \
        SCMP_SYS(name), action, 1,                                                                                     \
        {                                                                                                              \
            {                                                                                                          \
                number, SCMP_CMP_MASKED_EQ, mask, bits                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    }

#define THREAD ((scmp_datum_t)CLONE_VM | CLONE_THREAD)
#define WHOLE  (~(scmp_datum_t)0)

/* What libvips, its loaders and glibc's threads need after the libraries were loaded. Memory is never executable. */
static const struct rule rules[] = {
    ALLOW(read),
    ALLOW(write),
    ALLOW(close),
    ALLOW(futex),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(brk),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigreturn),
    ALLOW(set_robust_list),
    ALLOW(rseq),
    ALLOW(exit),
    ALLOW(exit_group),
    ALLOW(fstat),
    ALLOW(lseek),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(clock_gettime),
    ALLOW(gettimeofday),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(getrandom),
    ALLOW(sysinfo), /* a large qsort of glibc asks for the size of memory */
    ALLOW(restart_syscall),
    IF(mmap, SCMP_ACT_ALLOW, 2, PROT_EXEC, 0),
    IF(mprotect, SCMP_ACT_ALLOW, 2, PROT_EXEC, 0),
    IF(clone, SCMP_ACT_ALLOW, 0, THREAD | NAMESPACES | CLONE_NEWCGROUP, THREAD),
    IF(prctl, SCMP_ACT_ALLOW, 0, WHOLE, PR_SET_NAME),
    IF(newfstatat, SCMP_ACT_ALLOW, 3, AT_EMPTY_PATH, AT_EMPTY_PATH),
    IF(newfstatat, SCMP_ACT_ERRNO(EACCES), 3, AT_EMPTY_PATH, 0),
    REFUSE(clone3, ENOSYS), /* its flags are in memory, which a filter cannot read; glibc then calls clone */
    REFUSE(openat, EACCES),
    REFUSE(access, EACCES),
    REFUSE(readlink, EACCES),
    REFUSE(getpeername, ENOTCONN), /* GLib looks for a journal before it warns of a broken image */
    REFUSE(ioctl, ENOTTY),         /* and for a terminal */
#ifdef __SANITIZE_ADDRESS__        /* the stack of a new thread, and its stack for signals */
    ALLOW(sigaltstack),
    ALLOW(prlimit64),
#endif
};

static bool add_rules(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (seccomp_rule_add_array(filter, rules[i].action, rules[i].call, rules[i].count, rules[i].conditions) != 0) {
            return false;
        }
    }
    return true;
}

/* For all threads of the process: libvips may have started some. */
static bool set_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool ok = filter != NULL && seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
              seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 && add_rules(filter) &&
              seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

/* ---- the two processes ---- */

/* The kernel kills the child when its parent ends. If it has ended before, the pipe `parent` has no reader. */
static bool follow_parent(int parent)
{
    struct pollfd look = {.fd = parent};
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && poll(&look, 1, 0) == 0;
}

/*
 * `begun` is a byte that both processes see. The child sets it before the work, and cannot reach it any more then: the
 * caller so knows which codes may be those of hostile code.
 */
static int run_child(const struct sandbox_job *job, int parent, bool *begun)
{
    bool full = job->sandbox == IMAGE_SANDBOX_FULL;
    if (full && (!leave_root() || !drop_capabilities())) {
        return IMAGE_NO_ROOT;
    }
    if (!follow_parent(parent)) {
        return IMAGE_KILLED;
    }
    if (!confine(job) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return IMAGE_NO_FILTER;
    }
    int code = job->prepare(job->arg);
    if (code != 0) {
        return code;
    }
    if (job->sandbox != IMAGE_SANDBOX_OFF && !set_filter()) {
        return IMAGE_NO_FILTER;
    }
    *begun = true;
    return munmap(begun, BEGUN_SIZE) == 0 ? job->work(job->arg) : IMAGE_KILLED;
}

static int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return IMAGE_KILLED;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : IMAGE_KILLED;
}

/* The work cannot blame the deployment: that would make GET /ready name the decoder. */
static int wait_for_trusted(pid_t child, const bool *begun)
{
    int code = wait_for(child);
    bool of_deployment = code == IMAGE_USAGE || code == IMAGE_NO_LIBRARY || image_sandbox_problem(code) != NULL;
    return *begun && of_deployment ? IMAGE_KILLED : code;
}

static int run_and_wait(const struct sandbox_job *job, bool *begun)
{
    int ends[2]; /* nothing is written */
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return IMAGE_NO_NAMESPACES;
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        int code = run_child(job, ends[1], begun);
        /* Skips the exit handlers: the end of the process frees the memory of libraries faster. */
        _exit(code);
    }
    (void)close(ends[1]);
    int code = child < 0 ? IMAGE_NO_NAMESPACES : wait_for_trusted(child, begun);
    (void)close(ends[0]);
    return code;
}

int sandbox_run(const struct sandbox_job *job)
{
    if (job->sandbox == IMAGE_SANDBOX_FULL && !leave_namespaces()) {
        return IMAGE_NO_NAMESPACES;
    }
    /* Not earlier: new credentials reset the signal. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return IMAGE_NO_NAMESPACES;
    }
    void *begun = mmap(NULL, BEGUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (begun == MAP_FAILED) {
        return IMAGE_NO_NAMESPACES;
    }
    int code = run_and_wait(job, begun);
    (void)munmap(begun, BEGUN_SIZE);
    return code;
}
