/*
 * Each daemon under a supervisor such as systemd: it notifies ready, watchdog and stopping, and exits 0 on SIGTERM. The
 * gateway serves a passed socket and refuses connections beyond its limit. It replaces a killed worker, but no worker
 * that was suspended with the whole machine. It takes client addresses from the proxy, and a drain answers requests
 * that have begun. The tests need a migrated deployment without any of its programs running.
 */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/program.h"
#include "tests/support/suite.h"

enum { NOTIFICATIONS_SIZE = 4096, ANSWER_SIZE = 2048, DEADLINE_MS = 20000, CAP = 4, PASSED_FD = 3 };
enum { STUCK_MS = 20 * 500 + 1000 }; /* longer than the master waits for a worker */

#define HEALTH "GET /health HTTP/1.1\r\nHost: test\r\n\r\n"

static const char settings[] = "[gateway]\nworkers = 1\nconnections_max = 4\ntrusted_proxies = 127.0.0.0/8 10.0.0.0/8\n"
                               "[limits]\nsearches_per_minute = 1\n[images]\nimage_folder = /tmp\n";

static char settings_path[PROGRAM_SETTINGS_SIZE];
static char folder[64];
static char notify_path[96];
static int notify_fd;
static char notifications[NOTIFICATIONS_SIZE]; /* all notifications, one per line */
static int listener;
static in_port_t port;

static void open_notify(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(folder, sizeof(folder), "/tmp/rostrum-notify-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(notify_path, sizeof(notify_path), "%s/socket", folder);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", notify_path);
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(notify_fd, 0);
    ck_assert_int_eq(bind(notify_fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    notifications[0] = '\0';
}

static void open_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(listener, SOMAXCONN), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    port = address.sin_port;
}

static void set_up(void)
{
    program_settings(settings, settings_path);
    open_notify();
    open_listener();
}

static void tear_down(void)
{
    program_settings_remove(settings_path);
    (void)unlink(notify_path);
    (void)rmdir(folder);
    (void)close(notify_fd);
    (void)close(listener);
}

/* Starts the program as systemd does: the listener is descriptor 3, and NOTIFY_SOCKET names a socket. */
static pid_t start(const char *name)
{
    const char *build = getenv("BUILD");
    char path[PROGRAM_SETTINGS_SIZE * 4];
    char own[16];
    (void)snprintf(path, sizeof(path), "%s/bin/%s", build == NULL ? "build" : build, name);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGTERM, SIG_DFL); /* otherwise Check's handler would end the test */
        (void)snprintf(own, sizeof(own), "%d", (int)getpid());
        (void)setenv("ROSTRUM_CONF", settings_path, 1);
        (void)setenv("NOTIFY_SOCKET", notify_path, 1);
        (void)setenv("WATCHDOG_USEC", "2000000", 1);
        (void)setenv("LISTEN_PID", own, 1);
        (void)setenv("LISTEN_FDS", "1", 1);
        if (listener == PASSED_FD || dup2(listener, PASSED_FD) == PASSED_FD) {
            (void)execl(path, name, (char *)NULL);
        }
        _exit(EXIT_FAILURE);
    }
    return pid;
}

static bool notified(const char *line)
{
    size_t length = strlen(notifications);
    for (ssize_t more = 0; more >= 0 && length + 2 < sizeof(notifications);) {
        more = recv(notify_fd, notifications + length, sizeof(notifications) - length - 2, MSG_DONTWAIT);
        if (more > 0) {
            length += (size_t)more;
            notifications[length++] = '\n';
            notifications[length] = '\0';
        }
    }
    return strstr(notifications, line) != NULL;
}

static int dial(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}, .sin_port = port};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    ck_assert_int_eq((int)send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
}

/* Reads up to the end of a JSON body, or until the other side closes. */
static const char *answer(int fd)
{
    static char text[ANSWER_SIZE];
    size_t length = 0;
    text[0] = '\0';
    while (strstr(text, "\r\n\r\n") == NULL || text[length - 1] != '}') {
        struct pollfd look = {.fd = fd, .events = POLLIN};
        ck_assert_msg(poll(&look, 1, DEADLINE_MS) == 1, "no answer, only: %s", text);
        ssize_t more = recv(fd, text + length, sizeof(text) - length - 1, 0);
        if (more <= 0) {
            break;
        }
        length += (size_t)more;
        text[length] = '\0';
    }
    return text;
}

static bool is_answered_after(int fd, const char *rest)
{
    send_text(fd, rest);
    return strncmp(answer(fd), "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) == 0;
}

static bool is_answered(int fd)
{
    return is_answered_after(fd, HEALTH);
}

/* True if a new connection is served. The gateway notices a closed connection only after a short delay. */
static bool is_accepting(void)
{
    int fd = dial();
    (void)send(fd, HEALTH, strlen(HEALTH), MSG_NOSIGNAL); /* it may be closed already */
    bool served = strstr(answer(fd), " 200 ") != NULL;
    (void)close(fd);
    return served;
}

START_TEST(a_daemon_notifies_ready_watchdog_and_stopping)
{
    static const char *const programs[] = {"rostrum-gateway", "rostrum-bidworker", "rostrum-endworker",
                                           "rostrum-notifyworker"};
    pid_t pid = start(programs[_i]);
    SUITE_WAIT(notified("READY=1\n"), DEADLINE_MS);
    SUITE_WAIT(notified("WATCHDOG=1\n"), DEADLINE_MS);
    ck_assert_int_eq(program_end(pid, SIGTERM), 0);
    ck_assert_msg(notified("STOPPING=1\n"), "%s", notifications);
}
END_TEST

START_TEST(a_passed_socket_is_served_up_to_connections_max)
{
    int fds[CAP];
    pid_t pid = start("rostrum-gateway");
    for (size_t i = 0; i < CAP; i++) {
        fds[i] = dial();
        ck_assert(is_answered(fds[i]));
        ck_assert_int_eq((int)send(fds[i], HEALTH, 1, MSG_NOSIGNAL), 1); /* an idle one would give way */
    }
    int fd = dial();
    const char *text = answer(fd);
    ck_assert_msg(strncmp(text, "HTTP/1.1 503 ", strlen("HTTP/1.1 503 ")) == 0, "%s", text);
    ck_assert_msg(strstr(text, "Retry-After: ") != NULL && strstr(text, "Connection: close\r\n") != NULL, "%s", text);
    (void)close(fd);
    ck_assert(is_answered_after(fds[0], &HEALTH[1])); /* connections below the limit stay */
    (void)close(fds[0]);
    SUITE_WAIT(is_accepting(), DEADLINE_MS);
    for (size_t i = 1; i < CAP; i++) {
        (void)close(fds[i]);
    }
    ck_assert_int_eq(program_end(pid, SIGTERM), 0);
}
END_TEST

START_TEST(a_killed_worker_is_replaced)
{
    pid_t pid = start("rostrum-gateway");
    SUITE_WAIT(notified("READY=1\n"), DEADLINE_MS);
    pid_t worker = deployment_child(pid);
    ck_assert_int_gt(worker, 0);
    ck_assert_int_eq(kill(worker, SIGKILL), 0);
    int fd = dial(); /* waits in the kernel's backlog until a new worker accepts */
    ck_assert(is_answered(fd));
    ck_assert_int_ne(deployment_child(pid), worker);
    (void)close(fd);
    ck_assert_int_eq(program_end(pid, SIGTERM), 0);
}
END_TEST

/* A suspended machine: master and worker stop for longer than a worker's limit. Then the master resumes first. */
START_TEST(a_suspended_gateway_kills_no_worker)
{
    pid_t pid = start("rostrum-gateway");
    SUITE_WAIT(notified("READY=1\n"), DEADLINE_MS);
    pid_t worker = deployment_child(pid);
    int fd = dial();
    ck_assert(is_answered(fd));
    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    ck_assert_int_eq(kill(worker, SIGSTOP), 0);
    int64_t until_ms = suite_mono_ms() + STUCK_MS;
    SUITE_WAIT(suite_mono_ms() > until_ms, DEADLINE_MS);
    (void)notified("");
    notifications[0] = '\0';
    ck_assert_int_eq(kill(pid, SIGCONT), 0);
    SUITE_WAIT(notified("WATCHDOG=1\n"), DEADLINE_MS); /* the master has checked its workers */
    ck_assert_int_eq(kill(worker, SIGCONT), 0);
    ck_assert(is_answered(fd));
    ck_assert_int_eq(deployment_child(pid), worker);
    (void)close(fd);
    ck_assert_int_eq(program_end(pid, SIGTERM), 0);
}
END_TEST

/* The status of a guest's search through two proxies. The first one reports this client, who sent another address. */
static int search_status(int client, const char *sent)
{
    char text[256];
    int fd = dial();
    (void)snprintf(text, sizeof(text),
                   "GET /api/v1/auctions?limit=1 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
                   "X-Forwarded-For: %s, 2001:db8::%x:%x\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
                   sent, (unsigned)getpid() % 65536, (unsigned)client);
    send_text(fd, text);
    int status = (int)strtol(answer(fd) + strlen("HTTP/1.1 "), NULL, 10);
    (void)close(fd);
    return status;
}

START_TEST(guests_are_limited_by_the_forwarded_address)
{
    int client = 0;
    pid_t pid = start("rostrum-gateway");
    SUITE_WAIT(search_status(++client, "203.0.113.7") == 200, DEADLINE_MS); /* the gateway's links are up */
    ck_assert_int_eq(search_status(client, "203.0.113.8"), 429);
    ck_assert_int_eq(search_status(client, "10.0.0.2"), 429);
    ck_assert_int_eq(search_status(client + 1, "203.0.113.7"), 200);
    ck_assert_int_eq(program_end(pid, SIGTERM), 0);
}
END_TEST

START_TEST(a_drain_answers_requests_that_have_begun)
{
    pid_t pid = start("rostrum-gateway");
    int fd = dial();
    ck_assert(is_answered(fd));
    send_text(fd, "POST /api/v1/auth/login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: "
                  "2\r\n\r\n{");
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    SUITE_WAIT(notified("STOPPING=1\n"), DEADLINE_MS);
    send_text(fd, "}");
    const char *text = answer(fd);
    ck_assert_msg(strncmp(text, "HTTP/1.1 400 ", strlen("HTTP/1.1 400 ")) == 0, "%s", text);
    ck_assert_msg(strstr(text, "Connection: close\r\n") != NULL, "%s", text);
    (void)close(fd);
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *daemons_suite(void)
{
    enum { TIMEOUT_S = 60, PROGRAMS = 4 };
    Suite *suite = suite_create("daemons");
    TCase *tcase = tcase_create("daemons");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, TIMEOUT_S);
    tcase_add_loop_test(tcase, a_daemon_notifies_ready_watchdog_and_stopping, 0, PROGRAMS);
    tcase_add_test(tcase, a_passed_socket_is_served_up_to_connections_max);
    tcase_add_test(tcase, a_killed_worker_is_replaced);
    tcase_add_test(tcase, a_suspended_gateway_kills_no_worker);
    tcase_add_test(tcase, guests_are_limited_by_the_forwarded_address);
    tcase_add_test(tcase, a_drain_answers_requests_that_have_begun);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(daemons_suite());
}
