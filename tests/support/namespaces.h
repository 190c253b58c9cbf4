/*
 * Whether this machine lets an unprivileged process make the namespaces of the image decoder's sandbox. Many containers
 * do not. Found out by the system calls themselves, without the code under test.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_NAMESPACES_H
#define ROSTRUM_TESTS_SUPPORT_NAMESPACES_H

#include "common/base/base.h"

bool namespaces_allowed(void);
/* The strongest image_sandbox that works on this machine: "full" or "seccomp", as deploy/private chooses it. */
const char *namespaces_sandbox(void);

#endif
