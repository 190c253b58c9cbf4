/*
 * Runs work that parses hostile bytes in a process of its own, which can do nothing but compute, read what is open, and
 * write to it. Callers: main.c, and the attacks of tests/security/sandbox_test.c. Layers, from the weakest:
 *
 *   limits       memory, CPU time, descriptors; no file and no core dump can be written
 *   not dumpable other processes of the user cannot read its memory
 *   filter       an allow-list of system calls (seccomp). Another call ends the process; opening a file is refused
 *   namespaces   user, network, mount, process, IPC and host name, all empty; the root folder is an empty, read-only
 *                tmpfs; no capabilities
 *
 * Code of a sanitizer needs a few more system calls, which its builds allow.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_DECODER_SANDBOX_H
#define ROSTRUM_GATEWAY_IMAGE_DECODER_SANDBOX_H

#include "common/protocol/image_decoder.h"

struct sandbox_job {
    enum image_sandbox sandbox;
    uint32_t memory_mib; /* of its address space */
    uint32_t cpu_s;
    /* Runs after the root folder was left and before the filter: loads libraries. Returns 0, or the code of the job. */
    int (*prepare)(void *arg);
    /* The hostile part. Returns the code of the job. */
    int (*work)(void *arg);
    void *arg;
};

/*
 * Runs the job in a child process, and waits for its end. The caller must have one thread. It is moved to the new
 * namespaces too, and is not dumpable afterwards. If it dies, so does the child; it dies with the thread that started
 * it.
 *
 * Returns the code of `prepare` or `work`, IMAGE_KILLED, or the code that says which layer is not possible: then `work`
 * did not run. If `work` returns a code that blames the deployment, it is IMAGE_KILLED.
 */
MUST_CHECK int sandbox_run(const struct sandbox_job *job);

#endif
