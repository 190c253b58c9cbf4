/*
 * Images in a bucket of an S3-compatible store, over libcurl, which signs each request (AWS Signature Version 4).
 * Addresses are ENDPOINT/BUCKET/NAME, which every such store accepts. This file passes the hash of the content: libcurl
 * before 8.0 cannot compute it for an upload, and S3 refuses requests without it.
 *
 * A libcurl handle keeps its connection. Idle handles are kept on a small stack for the next call of any thread. The
 * credentials belong to the deployment: a failure is logged without the key, and the client gets 503.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/protocol/image_decoder.h"
#include "gateway/image/imagestore.h"

enum {
    IDLE_MAX = 16, /* idle handles kept; usually as many as threads call at once */
    URL_SIZE = 2 * CONFIG_TEXT_SIZE + 64,
    HASH_HEX_SIZE = crypto_hash_sha256_BYTES * 2 + 1,
    HEADER_SIZE = 128,
    HTTP_OK = 200,
    HTTP_MULTIPLE_CHOICES = 300,
    HTTP_NOT_FOUND = 404,
    HTTP_PARTIAL = 206,
    RANGE_SIZE = 64,
    TAKE_FIRST_BYTES = 65536,
};

struct bucket {
    char address[2 * CONFIG_TEXT_SIZE]; /* ENDPOINT/BUCKET */
    char signing[CONFIG_TEXT_SIZE + 16];
    char access_key[CONFIG_TEXT_SIZE];
    char secret_key[CONFIG_TEXT_SIZE];
    long timeout_ms;
    pthread_mutex_t lock;
    CURL *idle[IDLE_MAX]; /* under lock */
    size_t idle_count;    /* under lock */
};

/* One request to the store. */
struct call {
    const char *method;
    const char *name;
    const void *bytes; /* body of a PUT */
    size_t length;
    const struct imagestore_range *range; /* of a GET */
    struct imagestore_part taken;         /* body from a GET */
    size_t taken_size;
    struct curl_slist *headers;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void *bucket_open(const struct config *config)
{
    struct bucket *bucket = calloc(1, sizeof(*bucket));
    if (bucket == NULL) {
        return NULL;
    }
    (void)pthread_once(&library_once, library_start);
    (void)snprintf(bucket->address, sizeof(bucket->address), "%s/%s", config->s3_endpoint, config->s3_bucket);
    (void)snprintf(bucket->signing, sizeof(bucket->signing), "aws:amz:%s:s3", config->s3_region);
    (void)snprintf(bucket->access_key, sizeof(bucket->access_key), "%s", config->s3_access_key);
    (void)snprintf(bucket->secret_key, sizeof(bucket->secret_key), "%s", config->s3_secret_key);
    bucket->timeout_ms = config->image_store_timeout_ms;
    pthread_mutex_init(&bucket->lock, NULL);
    return bucket;
}

static void bucket_close(void *backend)
{
    struct bucket *bucket = backend;
    for (size_t i = 0; i < bucket->idle_count; i++) {
        curl_easy_cleanup(bucket->idle[i]);
    }
    pthread_mutex_destroy(&bucket->lock);
    sodium_memzero(bucket, sizeof(*bucket));
    free(bucket);
}

static CURL *handle_take(struct bucket *bucket)
{
    CURL *curl = NULL;
    pthread_mutex_lock(&bucket->lock);
    if (bucket->idle_count > 0) {
        curl = bucket->idle[--bucket->idle_count];
    }
    pthread_mutex_unlock(&bucket->lock);
    return curl != NULL ? curl : curl_easy_init();
}

static void handle_give(struct bucket *bucket, CURL *curl)
{
    curl_easy_reset(curl); /* clears the keys and buffers of the call; keeps the connection */
    pthread_mutex_lock(&bucket->lock);
    bool kept = bucket->idle_count < IDLE_MAX;
    if (kept) {
        bucket->idle[bucket->idle_count++] = curl;
    }
    pthread_mutex_unlock(&bucket->lock);
    if (!kept) {
        curl_easy_cleanup(curl);
    }
}

/* libcurl's callback: returning 0 ends the transfer. */
static size_t take_bytes(char *bytes, size_t one, size_t count, void *arg)
{
    struct call *call = arg;
    size_t more = one * count;
    size_t need = call->taken.length + more;
    if (need > IMAGE_FILE_MAX_BYTES) {
        return 0;
    }
    if (need > call->taken_size) {
        size_t size = need * 2 + TAKE_FIRST_BYTES;
        unsigned char *grown = realloc(call->taken.bytes, size);
        if (grown == NULL) {
            return 0;
        }
        call->taken.bytes = grown;
        call->taken_size = size;
    }
    memcpy(call->taken.bytes + call->taken.length, bytes, more);
    call->taken.length += more;
    return more;
}

static bool add_header(struct call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    if (longer == NULL) {
        return false;
    }
    call->headers = longer;
    return true;
}

static bool add_headers(struct call *call)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[HASH_HEX_SIZE];
    char line[HEADER_SIZE];
    static const unsigned char nothing[1];
    (void)crypto_hash_sha256(hash, call->length == 0 ? nothing : call->bytes, call->length);
    (void)snprintf(line, sizeof(line), "x-amz-content-sha256: %s",
                   sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
    return add_header(call, line) && (call->bytes == NULL || add_header(call, "Content-Type: image/webp"));
}

static bool prepare(CURL *curl, const struct bucket *bucket, struct call *call)
{
    char url[URL_SIZE];
    (void)snprintf(url, sizeof(url), "%s/%s", bucket->address, call->name);
    bool ok = add_headers(call) && curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, bucket->timeout_ms) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, bucket->signing) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_USERNAME, bucket->access_key) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_PASSWORD, bucket->secret_key) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEDATA, call) == CURLE_OK;
    if (ok && call->bytes != NULL) {
        ok = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->bytes) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)call->length) == CURLE_OK;
    }
    if (ok && call->range != NULL) {
        char range[RANGE_SIZE];
        (void)snprintf(range, sizeof(range), "%zu-%zu", call->range->offset,
                       call->range->offset + call->range->most - 1);
        ok = curl_easy_setopt(curl, CURLOPT_RANGE, range) == CURLE_OK;
    }
    return ok && curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method) == CURLE_OK;
}

static enum imagestore_result evaluate(const struct call *call, CURLcode outcome, long status)
{
    if (outcome != CURLE_OK) {
        log_error("image store: %s %s: %s", call->method, call->name, curl_easy_strerror(outcome));
        return IMAGESTORE_DOWN;
    }
    if (status >= HTTP_OK && status < HTTP_MULTIPLE_CHOICES) {
        return IMAGESTORE_OK;
    }
    /* For a PUT 404 means a missing bucket, not a missing image. */
    if (status == HTTP_NOT_FOUND && call->bytes == NULL) {
        return IMAGESTORE_ABSENT;
    }
    log_error("image store: %s %s: status %ld", call->method, call->name, status);
    return IMAGESTORE_DOWN;
}

/* The size of the whole file in "Content-Range: bytes 0-99/1234"; 0: it is unknown. */
static size_t whole_size(CURL *curl)
{
    struct curl_header *header = NULL;
    if (curl_easy_header(curl, "Content-Range", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return 0;
    }
    const char *slash = strchr(header->value, '/');
    return slash == NULL ? 0 : strtoul(slash + 1, NULL, 10);
}

/* Sets the total, and cuts a whole file, which a store without ranges has sent, to the range. */
static bool cut_range(CURL *curl, struct call *call, long status)
{
    struct imagestore_part *taken = &call->taken;
    const struct imagestore_range *range = call->range;
    taken->total = status == HTTP_PARTIAL ? whole_size(curl) : taken->length;
    if (status != HTTP_PARTIAL && taken->length > range->offset) {
        taken->length -= range->offset;
        memmove(taken->bytes, taken->bytes + range->offset, taken->length);
        taken->length = taken->length < range->most ? taken->length : range->most;
    }
    return taken->length > 0 && taken->length <= range->most && range->offset + taken->length <= taken->total;
}

/* On IMAGESTORE_OK the caller owns the bytes of a GET. */
static enum imagestore_result perform(struct bucket *bucket, struct call *call)
{
    long status = 0;
    CURL *curl = handle_take(bucket);
    CURLcode outcome = CURLE_OUT_OF_MEMORY;
    bool whole = true;
    if (curl != NULL && prepare(curl, bucket, call)) {
        outcome = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        whole =
            call->range == NULL || status < HTTP_OK || status >= HTTP_MULTIPLE_CHOICES || cut_range(curl, call, status);
    }
    if (curl != NULL) {
        handle_give(bucket, curl);
    }
    curl_slist_free_all(call->headers);
    call->headers = NULL;
    enum imagestore_result result = evaluate(call, outcome, status);
    if (result == IMAGESTORE_OK && !whole) {
        log_error("image store: %s %s: not the range that was asked for", call->method, call->name);
        result = IMAGESTORE_DOWN;
    }
    if (result != IMAGESTORE_OK || call->taken.length == 0) {
        free(call->taken.bytes);
        call->taken = (struct imagestore_part){.bytes = NULL};
    }
    return result;
}

static enum imagestore_result bucket_put(void *backend, const char *name, const void *bytes, size_t length)
{
    struct call call = {.method = "PUT", .name = name, .bytes = bytes, .length = length};
    enum imagestore_result result = perform(backend, &call);
    free(call.taken.bytes);
    return result;
}

static enum imagestore_result bucket_get(void *backend, const char *name, const struct imagestore_range *range,
                                         struct imagestore_part *out)
{
    struct call call = {.method = "GET", .name = name, .range = range};
    enum imagestore_result result = perform(backend, &call);
    *out = call.taken;
    return result;
}

static enum imagestore_result bucket_remove(void *backend, const char *name)
{
    struct call call = {.method = "DELETE", .name = name};
    enum imagestore_result result = perform(backend, &call);
    free(call.taken.bytes);
    return result;
}

const struct imagestore_calls imagestore_s3 = {bucket_open, bucket_close, bucket_put, bucket_get, bucket_remove};
