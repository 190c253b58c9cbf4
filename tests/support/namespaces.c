/*
 * See namespaces.h. Some kernels permit the namespaces and then refuse every mount in them.
 */
#include "tests/support/namespaces.h"

#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

bool namespaces_allowed(void)
{
    const int wanted = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        bool works = unshare(wanted) == 0 && mount("none", "/tmp", "tmpfs", MS_RDONLY, NULL) == 0;
        _exit(works ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

const char *namespaces_sandbox(void)
{
    return namespaces_allowed() ? "full" : "seccomp";
}
