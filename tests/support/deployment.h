/*
 * The deployment under test, as tests/run started it: its addresses, its processes, its readiness. It is steered
 * through deploy/private and rostrumctl only, as an operator would. The environment names it: ROSTRUM_HTTP_URL,
 * ROSTRUM_PG_URL, ROSTRUM_REDIS_URL, ROSTRUM_AMQP_URL (as `deploy/private env` prints them), BUILD, ROSTRUM_DEPLOYMENT
 * (path of the script).
 */
#ifndef ROSTRUM_TESTS_SUPPORT_DEPLOYMENT_H
#define ROSTRUM_TESTS_SUPPORT_DEPLOYMENT_H

#include <sys/types.h>

#include "common/base/base.h"

enum {
    DEPLOYMENT_OUTPUT_SIZE = 16384,
    DEPLOYMENT_READY_MS =
        60000, /* to be ready again after a server was killed: RabbitMQ's boot is the longest, some 5 s */
};

/* "http://127.0.0.1:PORT"; exits with a message when the environment does not name it. */
const char *deployment_http_url(void);
const char *deployment_pg_url(void);

/*
 * Runs a program to its end, its output (stdout and stderr, cut at `size`) in `out`. `argv` is NULL-ended. Returns its
 * exit code, -1 if it could not be run.
 */
int deployment_run(const char *const *argv, char *out, size_t size);
/* `deploy/private WORD WORD2 WORD3…`, NULL-ended; output and return as above. */
int deployment_script(char *out, size_t size, const char *word, ...) __attribute__((sentinel));
/* `rostrumctl WORD…` of the tree under test. */
int deployment_ctl(char *out, size_t size, const char *word, ...) __attribute__((sentinel));

/* Process of a service ("bidworker-1", "rabbitmq"), -1 when it is not running. */
pid_t deployment_pid(const char *service);
/* The first child of a process (a gateway worker of its master), -1 when it has none. */
pid_t deployment_child(pid_t parent);
/* Whether GET /ready says 200 and nothing is degraded. */
bool deployment_ready(void);

#endif
