/*
 * The deployment under test, started by tests/run: its addresses, processes and readiness. It is controlled only
 * through deploy/private and rostrumctl, as by an operator. The environment names it: ROSTRUM_HTTP_URL, ROSTRUM_PG_URL,
 * ROSTRUM_REDIS_URL, ROSTRUM_AMQP_URL (as `deploy/private env` prints them), BUILD, ROSTRUM_DEPLOYMENT (path of the
 * script).
 */
#ifndef ROSTRUM_TESTS_SUPPORT_DEPLOYMENT_H
#define ROSTRUM_TESTS_SUPPORT_DEPLOYMENT_H

#include <sys/types.h>

#include "common/base/base.h"

enum {
    DEPLOYMENT_OUTPUT_SIZE = 16384,
    DEPLOYMENT_READY_MS =
        150000, /* until ready after a server was killed; RabbitMQ boots in 5 s, at a load of 25 in 50 s */
};

/* "http://127.0.0.1:PORT"; exits with a message if the environment does not name it. */
const char *deployment_http_url(void);
const char *deployment_pg_url(void);

/*
 * Runs a program to its end; its output (stdout and stderr, cut at `size`) goes to `out`. `argv` ends with NULL.
 * Returns its exit code, -1 if it could not be run.
 */
int deployment_run(const char *const *argv, char *out, size_t size);
/* Runs `deploy/private WORD…`; the words end with NULL. Output and result as above. */
int deployment_script(char *out, size_t size, const char *word, ...) __attribute__((sentinel));
/* Runs `rostrumctl WORD…` of the tree under test. */
int deployment_ctl(char *out, size_t size, const char *word, ...) __attribute__((sentinel));

/* Controls runit's service of this name: "down" (and waits for its end) or "up". */
MUST_CHECK bool deployment_service(const char *service, const char *order);
/* Pid of a service ("bidworker-1", "rabbitmq"), -1 if it does not run. */
pid_t deployment_pid(const char *service);
/* First child of a process (of the gateway's master: a worker), -1 if it has none. */
pid_t deployment_child(pid_t parent);
/* Writes the pids of at most `most` children of a process. Returns their number. */
size_t deployment_children(pid_t parent, pid_t *children, size_t most);
/*
 * A request on a new connection. Returns the X-Request-Id of its answer, NULL if the answer is not the expected one.
 * The text stays valid until the next look.
 */
typedef const char *deployment_look(void *arg);
/*
 * Whether each worker of the gateway gives the expected answer: looks until all of them have answered. Returns false
 * after the first unexpected answer, or if 2,000 looks did not reach some worker. While a processor is busy, a second
 * of new connections may reach the same worker.
 */
bool deployment_each_worker(deployment_look *look, void *arg);
/* Whether GET /ready returns 200 and reports nothing degraded. */
bool deployment_ready(void);
/* The same of every gateway worker: repeated on new connections until each one has answered. */
bool deployment_all_ready(void);

#endif
