/*
 * See s3.h. The server takes one connection at a time and one request of each, which is enough for a gateway that
 * stores a few images.
 */
#include "tests/support/s3.h"

#include <arpa/inet.h>
#include <check.h>
#include <ctype.h>
#include <netinet/in.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CANONICAL_SIZE = 8192,
    HEX_SIZE = crypto_hash_sha256_BYTES * 2 + 1,
    HEAD_MAX = 16384,
    BODY_MAX = 32 << 20,
    NAME_SIZE = 64,
    OBJECTS_MAX = 64,
    PATH_SIZE = 256,
    SKEW_MAX_S = 900, /* the limit of S3 */
    LISTEN_BACKLOG = 16,
    DATE_DAY = 8, /* "20130524" */
};

static void hash_hex(const void *bytes, size_t length, char out[static HEX_SIZE])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(hash, bytes, length);
    (void)sodium_bin2hex(out, HEX_SIZE, hash, sizeof(hash));
}

static void hmac(const void *key, size_t key_length, const char *text, unsigned char out[crypto_auth_hmacsha256_BYTES])
{
    crypto_auth_hmacsha256_state state;
    (void)crypto_auth_hmacsha256_init(&state, key, key_length);
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
    (void)crypto_auth_hmacsha256_final(&state, out);
}

static const char *header_of(const struct s3_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, name) == 0) {
            return request->headers[i].value;
        }
    }
    return NULL;
}

/* The canonical request of AWS's signature; false if a signed header is missing. */
static bool canonical(const struct s3_request *request, char out[static CANONICAL_SIZE])
{
    char names[CANONICAL_SIZE];
    char *rest = NULL;
    int length = snprintf(out, CANONICAL_SIZE, "%s\n%s\n\n", request->method, request->path);
    (void)snprintf(names, sizeof(names), "%s", request->signed_headers);
    for (const char *name = strtok_r(names, ";", &rest); name != NULL; name = strtok_r(NULL, ";", &rest)) {
        const char *value = header_of(request, name);
        if (value == NULL || length >= CANONICAL_SIZE) {
            return false;
        }
        length += snprintf(out + length, CANONICAL_SIZE - (size_t)length, "%s:%s\n", name, value);
    }
    if (length >= CANONICAL_SIZE) {
        return false;
    }
    length += snprintf(out + length, CANONICAL_SIZE - (size_t)length, "\n%s\n%s", request->signed_headers,
                       request->content_hash);
    return length < CANONICAL_SIZE;
}

void s3_signature(const struct s3_request *request, char out[static S3_SIGNATURE_SIZE])
{
    char text[CANONICAL_SIZE];
    char hex[HEX_SIZE];
    char key[CANONICAL_SIZE];
    char day[DATE_DAY + 1];
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    out[0] = '\0';
    if (!canonical(request, text)) {
        return;
    }
    hash_hex(text, strlen(text), hex);
    (void)snprintf(day, sizeof(day), "%.8s", request->date);
    (void)snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s", request->date, day,
                   request->region, hex);
    (void)snprintf(key, sizeof(key), "AWS4%s", request->secret_key);
    hmac(key, strlen(key), day, mac);
    hmac(mac, sizeof(mac), request->region, mac);
    hmac(mac, sizeof(mac), "s3", mac);
    hmac(mac, sizeof(mac), "aws4_request", mac);
    hmac(mac, sizeof(mac), text, mac);
    (void)sodium_bin2hex(out, S3_SIGNATURE_SIZE, mac, sizeof(mac));
}

/* ---- what S3 requires of a request ---- */

/* Copies VALUE of "…KEY=VALUE, …" in an Authorization header to `out`. */
static bool authorization_part(const char *header, const char *key, char *out, size_t size)
{
    const char *at = strstr(header, key);
    if (at == NULL) {
        return false;
    }
    at += strlen(key);
    size_t length = strcspn(at, ", ");
    (void)snprintf(out, size, "%.*s", (int)length, at);
    return length < size;
}

static bool date_is_valid(const char *text)
{
    struct tm parts = {0};
    const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &parts);
    time_t now = time(NULL);
    if (end == NULL || *end != '\0') {
        return false;
    }
    time_t then = timegm(&parts);
    return then <= now + SKEW_MAX_S && then >= now - SKEW_MAX_S;
}

static bool names_signed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == list || at[-1] == ';') && (at[length] == ';' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* The host and all headers that begin with x-amz- must be signed. */
static bool enough_signed(const struct s3_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        if ((strcmp(name, "host") == 0 || strncmp(name, "x-amz-", strlen("x-amz-")) == 0) &&
            !names_signed(request->signed_headers, name)) {
            return false;
        }
    }
    return names_signed(request->signed_headers, "host");
}

/* NULL, or the reason why the request is refused. */
static const char *judge(struct s3_request *request, const unsigned char *body, size_t length)
{
    char signed_headers[CANONICAL_SIZE];
    char scope[PATH_SIZE];
    char wanted_scope[PATH_SIZE];
    char given[PATH_SIZE];
    char made[S3_SIGNATURE_SIZE];
    char hash[HEX_SIZE];
    const char *authorization = header_of(request, "authorization");
    request->date = header_of(request, "x-amz-date");
    request->content_hash = header_of(request, "x-amz-content-sha256");
    if (authorization == NULL || request->date == NULL || request->content_hash == NULL) {
        return "AccessDenied";
    }
    if (!date_is_valid(request->date)) {
        return "RequestTimeTooSkewed";
    }
    if (strncmp(authorization, "AWS4-HMAC-SHA256 ", strlen("AWS4-HMAC-SHA256 ")) != 0 ||
        !authorization_part(authorization, "Credential=", scope, sizeof(scope)) ||
        !authorization_part(authorization, "SignedHeaders=", signed_headers, sizeof(signed_headers)) ||
        !authorization_part(authorization, "Signature=", given, sizeof(given))) {
        return "AuthorizationHeaderMalformed";
    }
    (void)snprintf(wanted_scope, sizeof(wanted_scope), S3_ACCESS_KEY "/%.8s/" S3_REGION "/s3/aws4_request",
                   request->date);
    if (strcmp(scope, wanted_scope) != 0) {
        return "InvalidAccessKeyId";
    }
    hash_hex(body, length, hash);
    if (strcmp(hash, request->content_hash) != 0) {
        return "XAmzContentSHA256Mismatch";
    }
    request->signed_headers = signed_headers;
    request->region = S3_REGION;
    request->secret_key = S3_SECRET_KEY;
    s3_signature(request, made);
    bool ok = enough_signed(request) && strcmp(made, given) == 0;
    request->signed_headers = NULL;
    return ok ? NULL : "SignatureDoesNotMatch";
}

/* ---- the part of HTTP that libcurl uses ---- */

struct exchange {
    int fd;
    char head[HEAD_MAX];
    size_t got; /* bytes of the head, and of the body read with it */
    unsigned char *body;
    size_t length;
    struct s3_request request;
};

static bool read_head(struct exchange *exchange, char **body)
{
    exchange->got = 0;
    for (;;) {
        ssize_t more = recv(exchange->fd, exchange->head + exchange->got, HEAD_MAX - 1 - exchange->got, 0);
        if (more <= 0) {
            return false;
        }
        exchange->got += (size_t)more;
        exchange->head[exchange->got] = '\0';
        char *end = strstr(exchange->head, "\r\n\r\n");
        if (end != NULL) {
            *end = '\0';
            *body = end + 4;
            return true;
        }
    }
}

static bool parse_head(struct exchange *exchange)
{
    char *lines = NULL;
    char *words = NULL;
    char *line = strtok_r(exchange->head, "\r\n", &lines);
    struct s3_request *request = &exchange->request;
    *request = (struct s3_request){.method = line == NULL ? NULL : strtok_r(line, " ", &words)};
    request->path = request->method == NULL ? NULL : strtok_r(NULL, " ", &words);
    while ((line = strtok_r(NULL, "\r\n", &lines)) != NULL && request->header_count < S3_HEADERS_MAX) {
        char *colon = strchr(line, ':');
        if (colon == NULL) {
            return false;
        }
        *colon = '\0';
        for (char *c = line; *c != '\0'; c++) {
            *c = (char)tolower((unsigned char)*c);
        }
        colon += 1 + strspn(colon + 1, " ");
        request->headers[request->header_count++] = (struct s3_header){line, colon};
    }
    return request->path != NULL;
}

static bool read_body(struct exchange *exchange, const char *begun, size_t begun_length)
{
    const char *announced = header_of(&exchange->request, "content-length");
    exchange->length = announced == NULL ? 0 : strtoul(announced, NULL, 10);
    if (exchange->length > BODY_MAX || begun_length > exchange->length) {
        return false;
    }
    exchange->body = malloc(exchange->length + 1);
    if (exchange->body == NULL) {
        return false;
    }
    memcpy(exchange->body, begun, begun_length);
    for (size_t got = begun_length; got < exchange->length;) {
        ssize_t more = recv(exchange->fd, exchange->body + got, exchange->length - got, 0);
        if (more <= 0) {
            return false;
        }
        got += (size_t)more;
    }
    return true;
}

/* One request per connection. Errors are ignored, because the client is the program under test. */
static void answer(const struct exchange *exchange, int status, const void *bytes, size_t length)
{
    char head[PATH_SIZE];
    int size = snprintf(head, sizeof(head), "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
                        length);
    if (send(exchange->fd, head, (size_t)size, MSG_NOSIGNAL) == size && length > 0) {
        (void)send(exchange->fd, bytes, length, MSG_NOSIGNAL);
    }
}

/* ---- the bucket, in the server's memory ---- */

static struct object {
    char name[NAME_SIZE]; /* "": free */
    unsigned char *bytes;
    size_t length;
} objects[OBJECTS_MAX];

static struct object *object_find(const char *name)
{
    for (size_t i = 0; i < OBJECTS_MAX; i++) {
        if (strcmp(objects[i].name, name) == 0) {
            return &objects[i];
        }
    }
    return NULL;
}

static void object_clear(struct object *object)
{
    free(object->bytes);
    *object = (struct object){.name = ""};
}

/* The object takes over the body. */
static int put_object(struct exchange *exchange, const char *name)
{
    struct object *object = object_find(name);
    if (object == NULL) {
        object = object_find("");
    }
    if (object == NULL) {
        return 507;
    }
    object_clear(object);
    (void)snprintf(object->name, sizeof(object->name), "%s", name);
    object->bytes = exchange->body;
    object->length = exchange->length;
    exchange->body = NULL;
    return 200;
}

static void serve_object(struct exchange *exchange, const char *name)
{
    struct object *object = object_find(name);
    if (strcmp(exchange->request.method, "PUT") == 0) {
        answer(exchange, put_object(exchange, name), "", 0);
    } else if (strcmp(exchange->request.method, "DELETE") == 0) {
        if (object != NULL) {
            object_clear(object);
        }
        answer(exchange, 204, "", 0);
    } else if (object == NULL) {
        answer(exchange, 404, "", 0);
    } else {
        answer(exchange, 200, object->bytes, object->length);
    }
}

static void serve_one(struct exchange *exchange)
{
    static const char bucket[] = "/" S3_BUCKET "/";
    char *begun = NULL;
    if (!read_head(exchange, &begun)) {
        return;
    }
    size_t begun_length = exchange->got - (size_t)(begun - exchange->head);
    if (!parse_head(exchange) || !read_body(exchange, begun, begun_length)) {
        return;
    }
    const char *reason = judge(&exchange->request, exchange->body, exchange->length);
    const char *name = exchange->request.path + sizeof(bucket) - 1;
    if (reason != NULL) {
        answer(exchange, 403, reason, strlen(reason));
    } else if (strncmp(exchange->request.path, bucket, sizeof(bucket) - 1) != 0 || strlen(name) >= NAME_SIZE ||
               name[0] == '\0') {
        answer(exchange, 404, "", 0);
    } else {
        serve_object(exchange, name);
    }
}

static void serve(int listener)
{
    static struct exchange exchange;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGTERM, SIG_DFL); /* otherwise Check's handler would end the test */
    for (;;) {
        exchange.fd = accept(listener, NULL, NULL);
        if (exchange.fd >= 0) {
            serve_one(&exchange);
            free(exchange.body);
            exchange.body = NULL;
            (void)close(exchange.fd);
        }
    }
}

pid_t s3_start(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, LISTEN_BACKLOG), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        serve(listener);
    }
    (void)close(listener);
    return pid;
}

void s3_end(pid_t pid)
{
    int status = 0;
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}
