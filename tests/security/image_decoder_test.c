/*
 * The image decoder of a gateway: in every sandbox it makes the same files; where namespaces are forbidden, uploads are
 * 503, GET /ready says why, and all else works. Each test starts a second gateway on the deployment's servers.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/fixture.h"
#include "tests/support/image.h"
#include "tests/support/namespaces.h"
#include "tests/support/own_gateway.h"
#include "tests/support/scratch.h"

enum { NAMED_MS = 60000, URL_SIZE = 64, PATH_SIZE = 256, SETTINGS_SIZE = 1024, KINDS = 3 };

static struct own_gateway gateway;

/* The folder is in the scratch folder of the run, which the runner removes. */
static void start_gateway(const char *images)
{
    char sections[SETTINGS_SIZE];
    char folder[PATH_SIZE];
    scratch_pattern("images", folder, sizeof(folder));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(sections, sizeof(sections), "[images]\nimage_folder = %s\nimage_timeout_s = 60\n%s\n", folder,
                   images);
    own_gateway_start(&gateway, sections);
}

static const struct reply *upload(const char *type, const struct image *image)
{
    client_token(gateway.client, fixture.seller.token);
    client_header(gateway.client, client_format("Content-Type: %s", type));
    return client_send(gateway.client, "POST", fixture_path("/images"), image->bytes, image->length);
}

static int upload_status(void)
{
    struct image image = image_png(40, 30, 1);
    int status = upload("image/png", &image)->status;
    free(image.bytes);
    return status;
}

/* Whether GET /ready names the decoder, with a reason that contains `word`. */
static bool is_named(const char *word)
{
    const struct reply *reply = client_call(gateway.client, "GET", "/ready", NULL);
    bool named = false;
    for (int i = 0; i < reply_count(reply, "degraded"); i++) {
        named = named || strcmp(reply_text(reply, client_format("degraded.%d", i)), "imageDecoder") == 0;
    }
    return reply->status == 200 && named && strcmp(reply_text(reply, "backEnds.imageDecoder.up"), "false") == 0 &&
           strstr(reply_text(reply, "backEnds.imageDecoder.error"), word) != NULL;
}

/* Whether GET /ready says that the sandbox is relaxed. */
static bool is_warned(void)
{
    const struct reply *reply = client_call(gateway.client, "GET", "/ready", NULL);
    bool warned = false;
    for (int i = 0; i < reply_count(reply, "warnings"); i++) {
        warned = warned || strcmp(reply_text(reply, client_format("warnings.%d", i)), "relaxed_image_sandbox") == 0;
    }
    return warned;
}

/* ---- the same files ---- */

/* A file's name is a hash of its bytes, so equal names are equal files. */
static void upload_kinds(const char *images, char urls[static KINDS][URL_SIZE])
{
    start_gateway(images);
    struct image png = image_png(1700, 600, 7);
    struct image jpeg = image_jpeg();
    const struct reply *reply = upload("image/png", &png);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(urls[0], URL_SIZE, "%s", reply_text(reply, "url"));
    reply = upload("image/jpeg", &jpeg);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(urls[1], URL_SIZE, "%s", reply_text(reply, "url"));
    free(png.bytes);
    free(jpeg.bytes);
    reply = client_call(gateway.client, "GET", urls[0], NULL);
    EXPECT_STATUS(reply, 200);
    struct image webp = {malloc(reply->length), reply->length};
    ck_assert_ptr_nonnull(webp.bytes);
    memcpy(webp.bytes, reply->body, reply->length);
    reply = upload("image/webp", &webp);
    free(webp.bytes);
    EXPECT_STATUS(reply, 201);
    (void)snprintf(urls[2], URL_SIZE, "%s", reply_text(reply, "url"));
    own_gateway_stop(&gateway);
}

START_TEST(every_sandbox_makes_the_same_files_of_every_format)
{
    char plain[KINDS][URL_SIZE];
    char filtered[KINDS][URL_SIZE];
    char full[KINDS][URL_SIZE];
    upload_kinds("image_sandbox = off", plain);
    upload_kinds("image_sandbox = seccomp", filtered);
    upload_kinds(client_format("image_sandbox = %s", namespaces_sandbox()), full);
    for (int i = 0; i < KINDS; i++) {
        ck_assert_str_eq(filtered[i], plain[i]);
        ck_assert_str_eq(full[i], plain[i]);
    }
}
END_TEST

/* ---- no namespaces ---- */

/* As RestrictNamespaces= of systemd does, for this process and all that it starts. */
static void forbid_namespaces(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    ck_assert_int_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0), 0);
    ck_assert_int_eq(seccomp_load(filter), 0);
    seccomp_release(filter);
}

START_TEST(without_namespaces_uploads_are_503_ready_names_it_and_all_else_works)
{
    forbid_namespaces();
    start_gateway("image_sandbox = full");
    SUITE_WAIT(is_named("namespaces"), NAMED_MS); /* before any upload */
    ck_assert_int_eq(upload_status(), 503);
    ck_assert(is_named("namespaces"));
    ck_assert(!is_warned());
    const char *body = "{\"amount\": 12.00}";
    client_token(gateway.client, fixture.ann.token);
    EXPECT_STATUS(client_call(gateway.client, "POST", fixture_path("/bids"), body), 202);
    EXPECT_STATUS(client_call(gateway.client, "GET", fixture_path(""), NULL), 200);
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(without_namespaces_a_relaxed_sandbox_takes_uploads)
{
    forbid_namespaces();
    start_gateway("image_sandbox = seccomp");
    ck_assert_int_eq(upload_status(), 201);
    ck_assert(!is_named(""));
    ck_assert(is_warned());
    own_gateway_stop(&gateway);
}
END_TEST

/* ---- the socket of systemd ---- */

/* Does what rostrum-image-decoder.socket does: starts the program for each connection. */
static pid_t start_listener(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *build = getenv("BUILD");
    char program[PATH_SIZE];
    (void)snprintf(program, sizeof(program), "%s/bin/rostrum-image-decoder", build == NULL ? "build" : build);
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    ck_assert_int_lt(length, (int)sizeof(address.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    pid_t pid = fork();
    if (pid != 0) {
        (void)close(fd);
        return pid;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int connection = accept(fd, NULL, NULL);
        if (connection >= 0 && fork() == 0) {
            (void)signal(SIGCHLD, SIG_DFL);
            (void)dup2(connection, STDIN_FILENO);
            (void)dup2(connection, STDOUT_FILENO);
            (void)close(connection);
            (void)execl(program, program, (char *)NULL);
            _exit(EXIT_FAILURE);
        }
        (void)close(connection);
    }
}

START_TEST(a_decoder_behind_a_socket_makes_images)
{
    char path[PATH_SIZE];
    scratch_pattern("d", path, sizeof(path));
    ck_assert_ptr_nonnull(mkdtemp(path));
    (void)strncat(path, "/s", sizeof(path) - strlen(path) - 1);
    pid_t listener = start_listener(path);
    char *settings = strdup(client_format("image_sandbox = %s\nimage_decoder_socket = %s", namespaces_sandbox(), path));
    ck_assert_ptr_nonnull(settings);
    start_gateway(settings);
    free(settings);
    ck_assert_int_eq(upload_status(), 201);
    ck_assert(!is_named(""));
    ck_assert_int_eq(kill(listener, SIGKILL), 0);
    ck_assert_int_eq(waitpid(listener, NULL, 0), listener);
    ck_assert_int_eq(upload_status(), 503);
    ck_assert(is_named("cannot be started"));
    own_gateway_stop(&gateway);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

static Suite *image_decoder_suite(void)
{
    const TTest *const tests[] = {
        every_sandbox_makes_the_same_files_of_every_format,
        without_namespaces_uploads_are_503_ready_names_it_and_all_else_works,
        without_namespaces_a_relaxed_sandbox_takes_uploads,
        a_decoder_behind_a_socket_makes_images,
        NULL,
    };
    return fixture_suite("image_decoder", tests);
}

int main(void)
{
    return suite_run(image_decoder_suite());
}
