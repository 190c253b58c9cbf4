/*
 * The baseline of tests/bench/read: a bare evhttp server. Its processes share one listening socket, as the gateway's
 * workers do, and answer every request with the same bytes.
 *
 *     bare PORT PROCESSES FILE      the answer is FILE's content; ends with SIGTERM, its children with it
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/listener.h"

enum { ANSWER_MAX_BYTES = 65536, PROCESSES_MAX = 64 };

static char content[ANSWER_MAX_BYTES];
static size_t content_length;

static void answer(struct evhttp_request *request, void *arg)
{
    (void)arg;
    if (evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json") != 0 ||
        evbuffer_add(evhttp_request_get_output_buffer(request), content, content_length) != 0) {
        exit(EXIT_FAILURE);
    }
    evhttp_send_reply(request, 200, NULL, NULL);
}

static int serve(int fd)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = base == NULL ? NULL : evhttp_new(base);
    if (http == NULL || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || evhttp_accept_socket(http, fd) != 0) {
        return EXIT_FAILURE;
    }
    evhttp_set_gencb(http, answer, NULL);
    return event_base_dispatch(base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool read_content(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    content_length = fread(content, 1, sizeof(content), file);
    return fclose(file) == 0 && content_length > 0;
}

int main(int argc, char **argv)
{
    if (argc != 4 || !read_content(argv[3])) {
        (void)fprintf(stderr, "usage: bare PORT PROCESSES FILE\n");
        return EXIT_FAILURE;
    }
    int fd = listener_open("127.0.0.1", (int)strtol(argv[1], NULL, 10));
    long processes = strtol(argv[2], NULL, 10);
    if (fd < 0 || processes < 1 || processes > PROCESSES_MAX) {
        return EXIT_FAILURE;
    }
    for (long i = 0; i < processes; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            return serve(fd);
        }
        if (pid < 0) {
            return EXIT_FAILURE;
        }
    }
    while (wait(NULL) > 0) {
    }
    return EXIT_SUCCESS;
}
