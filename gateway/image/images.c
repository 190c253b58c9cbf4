/*
 * See images.h. An upload goes through these steps:
 *
 *   permit  the user and the auction or product (SQL)
 *   receive the file, at a place for uploads
 *   hash    with an idempotency key: the file, as the content that the key names (thread)
 *   check   the same, and the number of images (SQL)
 *   make    re-encode the image in four sizes (thread, rostrum-image-decoder)
 *   note    list the files in image_leftovers (SQL), so that they are removed if a later step fails
 *   put     write the files to the store (thread)
 *   add     insert the image and delete the notes (SQL)
 *
 * The files of a deleted image are listed in image_leftovers, and image_sweep.c removes them when they are overdue.
 * After the first bid the seller may add images but delete none, because bidders have seen them. An admin may.
 */
#include "gateway/image/images.h"

#include <assert.h>
#include <event2/buffer.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/service/config.h"
#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/access/key_header.h"
#include "gateway/access/limits.h"
#include "gateway/core/workpool.h"
#include "gateway/http/conn.h"
#include "gateway/http/file_reply.h"
#include "gateway/http/reply.h"
#include "gateway/http/request.h"
#include "gateway/http/upload.h"
#include "gateway/image/decoder.h"
#include "gateway/image/image_owner.h"
#include "gateway/image/image_read.h"
#include "gateway/image/image_sweep.h"
#include "gateway/image/imagestore.h"

enum {
    MS_PER_S = 1000,
    NUMBER_SIZE = 24,
    URL_SIZE = 64,
    CONTENT_SIZE = sizeof(struct uuid) + crypto_generichash_BYTES,
    FILES_SIZE = IMAGE_SIZES * UUID_TEXT_SIZE + 2, /* "{a,b,c,d}" */
};

struct images {
    struct images_options options;
    struct decoder_limits limits;
    const char *problem; /* of the decoder, as of the last upload; NULL: none */
    const char *tried;   /* the same, of the trial at the start; written on a thread */
    struct imagestore *store;
    struct workpool *makers;
    struct workpool *readers;
    struct image_sweep *sweep;
    struct file_replies *replies;
    struct image_read_context reading;
};

static struct images *images_of(const struct request *request)
{
    return request->context;
}

/* Only admins change images of products, and by routes for admins. */
static const struct image_owner *owner_of(const struct request *request)
{
    return request->route->auth == ROUTE_ADMIN ? &image_owner_product : &image_owner_auction;
}

/* The reason why the images must not be changed; ERROR_COUNT: they may be. */
static enum error_code refusal(const struct request *request, const PGresult *result, bool adding)
{
    enum error_code code = owner_of(request)->refusal(request, result, adding);
    if (code == ERROR_COUNT && adding &&
        pg_int(result, 0, IMAGE_OWNER_IMAGES) >= images_of(request)->options.config->images_max) {
        return ERROR_TOO_MANY_IMAGES;
    }
    return code;
}

/* The images of the owner were changed. */
static void invalidate(const struct request *request)
{
    const struct image_owner *owner = owner_of(request);
    const struct images *images = images_of(request);
    documents_invalidate(images->options.redis, owner->document, images->options.deployment->epoch.number,
                         &request->parameters[0]);
}

/* ENDS the request, with the maximum if one is exceeded. */
static void refuse(struct request *request, enum error_code code)
{
    const struct config *config = images_of(request)->options.config;
    const int64_t most = code == ERROR_TOO_MANY_IMAGES   ? config->images_max
                         : code == ERROR_BODY_TOO_LARGE  ? config->image_max_bytes
                         : code == ERROR_IMAGE_TOO_LARGE ? config->image_max_pixels
                                                         : 0;
    const struct parameter max = parameter_number("max", most);
    reply_error_with(request, code, &max, most > 0 ? 1 : 0);
}

static bool check_owner(struct request *request, pg_callback then)
{
    char owner[UUID_TEXT_SIZE];
    uuid_format(&request->parameters[0], owner);
    char image[UUID_TEXT_SIZE];
    const struct creation *creation = creation_of(request);
    bool keyed = creation != NULL && creation->keyed;
    const char *values[] = {owner, keyed ? image : NULL};
    if (keyed) {
        uuid_format(&creation->id, image);
    }
    return statements_query(images_of(request)->options.pg, &image_owner_statements, owner_of(request)->check,
                            ARRAY_LEN(values), values, then, request);
}

/* --- uploads --- */

struct upload {
    struct evbuffer *body; /* NULL after re-encoding */
    struct decoder_limits limits;
    struct imagestore *store;
    struct decoder decoder;
    enum decoder_result made;
    enum imagestore_result stored;
    char key[IDEMPOTENCY_KEY_SIZE];
    bool hashed;
    unsigned char content[CONTENT_SIZE]; /* of a request with a key: the auction and the hash of the file */
    int tries;                           /* number of attempts to add it: concurrent uploads may take its position */
    struct uuid files[IMAGE_SIZES];
    char files_text[FILES_SIZE]; /* as a PostgreSQL array */
};

/* Called with the handler state when the request ends. */
static void upload_drop(void *state)
{
    struct upload *upload = state;
    decoder_free(&upload->decoder);
    if (upload->body != NULL) {
        evbuffer_free(upload->body);
    }
}

static void write_url(const struct uuid *file, char url[static URL_SIZE])
{
    char text[UUID_TEXT_SIZE];
    uuid_format(file, text);
    (void)snprintf(url, URL_SIZE, "/images/%s", text);
}

static void reply_image(struct request *request, const struct uuid *file, int64_t order)
{
    char url[URL_SIZE];
    struct jsonw *json = reply_json(request);
    write_url(file, url);
    jsonw_object(json);
    jsonw_put_uuid(json, "id", &creation_of(request)->id);
    jsonw_put_string(json, "url", url);
    reply_header(request, "Location", url);
    jsonw_put_int(json, "order", order);
    jsonw_end_object(json);
    invalidate(request);
    reply_send(request, 201);
}

/* Passes the reply of IMAGE_CHECK on. `then` runs if the image may be added; otherwise the request ENDS. */
static void check_upload(struct request *request, const struct pg_reply *reply, route_handler then)
{
    if (!statements_usable(request, reply)) {
        return;
    }
    const PGresult *result = reply->result;
    if (PQntuples(result) > 0 && !pg_null(result, 0, IMAGE_OWNER_FILE)) {
        struct uuid file = pg_uuid(result, 0, IMAGE_OWNER_FILE); /* an earlier request has added it */
        reply_image(request, &file, pg_int(result, 0, IMAGE_OWNER_ORDER));
        return;
    }
    enum error_code code = refusal(request, result, true);
    if (code != ERROR_COUNT) {
        refuse(request, code);
    } else {
        then(request);
    }
}

static void add_image(struct request *request);

static void on_checked_again(const struct pg_reply *reply, void *arg)
{
    check_upload(arg, reply, add_image);
}

static void on_added(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    const struct upload *upload = request->handler_state;
    bool there = pg_int(reply->result, 0, IMAGE_OWNER_THERE) > 0;
    if (pg_int(reply->result, 0, IMAGE_OWNER_ADDED) > 0) {
        reply_image(request, &upload->files[IMAGE_FULL], pg_int(reply->result, 0, IMAGE_OWNER_NEW_ORDER));
        return;
    }
    /*
     * Nothing was added. Either the draft was deleted or published right now: a retry gets the exact error. Or another
     * upload has taken the position. Each time there is one more image, so retrying as often as an auction may have
     * images is enough, unless images are deleted meanwhile.
     */
    if (!there || upload->tries > images_of(request)->options.config->images_max ||
        !check_owner(request, on_checked_again)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void add_image(struct request *request)
{
    struct upload *upload = request->handler_state;
    char owner[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char most[NUMBER_SIZE];
    char now[CLOCK_TEXT_SIZE];
    upload->tries++;
    uuid_format(&request->parameters[0], owner);
    uuid_format(&creation_of(request)->id, id);
    clock_format(clock_now_ms(), now);
    (void)snprintf(most, sizeof(most), "%d", images_of(request)->options.config->images_max);
    const char *values[] = {owner, id, upload->files_text, most, now};
    if (!creation_query(request, images_of(request)->options.pg, &image_owner_statements, owner_of(request)->add,
                        ARRAY_LEN(values), values, on_added)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_put(void *arg)
{
    struct request *request = arg;
    const struct upload *upload = request->handler_state;
    if (upload->stored != IMAGESTORE_OK || request_answered(request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        add_image(request);
    }
}

/* Runs on a thread of the workpool. */
static void work_put(void *arg)
{
    const struct request *request = arg;
    struct upload *upload = request->handler_state;
    upload->stored = IMAGESTORE_OK;
    for (size_t i = 0; i < IMAGE_SIZES && upload->stored == IMAGESTORE_OK; i++) {
        const struct decoder_file *file = &upload->decoder.files[i];
        upload->stored = imagestore_put(upload->store, &upload->files[i], file->bytes, file->length);
    }
}

/* The number of distinct files: a small image is not shrunk. */
static int files_count(const struct upload *upload)
{
    int count = 0;
    for (size_t i = 0; i < IMAGE_SIZES; i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++) {
            seen = seen || uuid_equal(&upload->files[i], &upload->files[j]);
        }
        count += seen ? 0 : 1;
    }
    return count;
}

static void on_noted(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) < files_count(request->handler_state) ||
        !workpool_run(images_of(request)->makers, work_put, on_put, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void note_files(struct request *request)
{
    struct upload *upload = request->handler_state;
    char text[IMAGE_SIZES][UUID_TEXT_SIZE];
    for (size_t i = 0; i < IMAGE_SIZES; i++) {
        uuid_format(&upload->files[i], text[i]);
    }
    (void)snprintf(upload->files_text, sizeof(upload->files_text), "{%s,%s,%s,%s}", text[IMAGE_FULL], text[IMAGE_1600],
                   text[IMAGE_640], text[IMAGE_160]);
    const char *values[] = {upload->files_text};
    if (!statements_query(images_of(request)->options.pg, &image_owner_statements, image_owner_note, ARRAY_LEN(values),
                          values, on_noted, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_made(void *arg)
{
    static const enum error_code codes[] = {
        [DECODER_MADE] = ERROR_INTERNAL_ERROR, /* unused */
        [DECODER_UNKNOWN] = ERROR_UNSUPPORTED_MEDIA_TYPE,
        [DECODER_BROKEN] = ERROR_INVALID_IMAGE,
        [DECODER_TOO_LARGE] = ERROR_IMAGE_TOO_LARGE,
        [DECODER_NO_HELPER] = ERROR_UNAVAILABLE,
    };
    static_assert(ARRAY_LEN(codes) == DECODER_NO_HELPER + 1, "a code for each result");
    struct request *request = arg;
    const struct upload *upload = request->handler_state;
    images_of(request)->problem = upload->decoder.problem;
    if (upload->made != DECODER_MADE) {
        refuse(request, codes[upload->made]);
    } else if (request_answered(request)) {
        reply_error(request, ERROR_UNAVAILABLE); /* only ends the request */
    } else {
        note_files(request);
    }
}

/* Runs on a thread of the workpool. The upload's bytes are freed after re-encoding. */
static void work_make(void *arg)
{
    const struct request *request = arg;
    struct upload *upload = request->handler_state;
    size_t length = evbuffer_get_length(upload->body);
    const unsigned char *bytes = evbuffer_pullup(upload->body, -1);
    upload->made = DECODER_NO_HELPER;
    if (bytes != NULL) {
        upload->made = decoder_make(&upload->limits, bytes, length, &upload->decoder);
    }
    evbuffer_free(upload->body);
    upload->body = NULL;
    for (size_t i = 0; upload->made == DECODER_MADE && i < IMAGE_SIZES; i++) {
        upload->files[i] = imagestore_name(upload->decoder.files[i].bytes, upload->decoder.files[i].length);
    }
}

static void make_image(struct request *request)
{
    if (!workpool_run(images_of(request)->makers, work_make, on_made, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_upload_checked(const struct pg_reply *reply, void *arg)
{
    check_upload(arg, reply, make_image);
}

static void begin_check(struct request *request)
{
    if (!check_owner(request, on_upload_checked)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void begin_creation(struct request *request)
{
    const struct upload *upload = request->handler_state;
    const struct creation_content content = {upload->key, upload->content, sizeof(upload->content)};
    creation_begin_content(request, owner_of(request)->kind, &content, begin_check, begin_check);
}

static void on_hashed(void *arg)
{
    const struct upload *upload = ((struct request *)arg)->handler_state;
    if (upload->hashed) {
        begin_creation(arg);
    } else {
        reply_error(arg, ERROR_UNAVAILABLE);
    }
}

/* Runs on a thread of the workpool. */
static void work_hash(void *arg)
{
    const struct request *request = arg;
    struct upload *upload = request->handler_state;
    size_t length = evbuffer_get_length(upload->body);
    const unsigned char *bytes = evbuffer_pullup(upload->body, -1);
    upload->hashed = bytes != NULL;
    if (upload->hashed) {
        memcpy(upload->content, &request->parameters[0], sizeof(struct uuid));
        (void)crypto_generichash(upload->content + sizeof(struct uuid), crypto_generichash_BYTES, bytes, length, NULL,
                                 0);
    }
}

/* The content type follows from the first bytes, and the header must agree with them. */
static bool content_is_valid(const struct request *request, struct evbuffer *body)
{
    unsigned char head[IMAGE_SNIFF_BYTES];
    ev_ssize_t length = evbuffer_copyout(body, head, sizeof(head));
    enum image_kind kind = image_kind(head, length < 0 ? 0 : (size_t)length);
    const char *type = request_header(request, "Content-Type");
    const char *is = image_kind_type(kind);
    size_t is_length = strlen(is);
    return kind != IMAGE_NONE && type != NULL && strncasecmp(type, is, is_length) == 0 &&
           (type[is_length] == '\0' || type[is_length] == ';' || type[is_length] == ' ');
}

/* Twice image_timeout_s, because another upload may be processed first, and the store's timeout for each file. */
static int64_t upload_deadline_ms(const struct config *config)
{
    return 2 * (int64_t)config->image_timeout_s * MS_PER_S + IMAGE_SIZES * (int64_t)config->image_store_timeout_ms;
}

/* ERROR_COUNT: it can be processed. */
static enum error_code upload_refusal(const struct request *request, struct evbuffer *body)
{
    if (body == NULL) {
        return ERROR_UNAVAILABLE;
    }
    if (evbuffer_get_length(body) > (size_t)images_of(request)->options.config->image_max_bytes) {
        return ERROR_BODY_TOO_LARGE;
    }
    return content_is_valid(request, body) ? ERROR_COUNT : ERROR_UNSUPPORTED_MEDIA_TYPE;
}

/* The body was read. */
static void on_received(struct request *request, struct evbuffer *body)
{
    struct upload *upload = request->handler_state;
    upload->body = body;
    enum error_code code = upload_refusal(request, body);
    request_set_deadline(request, upload_deadline_ms(images_of(request)->options.config), NULL);
    if (code != ERROR_COUNT) {
        refuse(request, code);
    } else if (upload->key[0] == '\0') {
        begin_creation(request);
    } else if (!workpool_run(images_of(request)->readers, work_hash, on_hashed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/*
 * A request with a key may repeat one that has added its image. Then the auction's state does not matter, which is
 * known only with the file.
 */
static void on_permission_checked(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct upload *upload = request->handler_state;
    if (!statements_usable(request, reply)) {
        return;
    }
    enum error_code code = refusal(request, reply->result, true);
    bool later = upload->key[0] != '\0' && code != ERROR_NOT_FOUND && code != ERROR_FORBIDDEN;
    if (code == ERROR_COUNT || later) {
        code = upload_take_place(request);
    }
    if (code == ERROR_RATE_LIMITED) {
        limits_refuse_client(request);
    } else if (code != ERROR_COUNT) {
        refuse(request, code);
    } else {
        upload_read(request, (size_t)images_of(request)->options.config->image_max_bytes, on_received);
    }
}

static void handle_upload(struct request *request)
{
    char key[IDEMPOTENCY_KEY_SIZE];
    if (!key_header_read(request, key)) {
        return;
    }
    struct upload *upload = request_handler_state(request, sizeof(*upload));
    if (upload == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    *upload = (struct upload){
        .limits = images_of(request)->limits,
        .store = images_of(request)->store,
    };
    memcpy(upload->key, key, sizeof(key));
    request->drop = upload_drop;
    if (!check_owner(request, on_permission_checked)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* --- deleting --- */

static void on_removed(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        invalidate(request);
        reply_empty(request, 204);
    }
}

static void remove_image(struct request *request)
{
    char owner[UUID_TEXT_SIZE];
    char image[UUID_TEXT_SIZE];
    uuid_format(&request->parameters[0], owner);
    uuid_format(&request->parameters[1], image);
    const char *values[] = {owner, image};
    if (!statements_query(images_of(request)->options.pg, &image_owner_statements, owner_of(request)->remove,
                          ARRAY_LEN(values), values, on_removed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* Before an admin deletes an image of another user's auction, the audit log gets an entry, as for admin routes. */
static void on_remove_checked(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    enum error_code code = refusal(request, reply->result, false);
    if (code != ERROR_COUNT) {
        refuse(request, code);
        return;
    }
    if (owner_of(request)->audited(request, reply->result)) {
        audit_call(request, remove_image);
    } else {
        remove_image(request);
    }
}

static void handle_remove(struct request *request)
{
    if (!check_owner(request, on_remove_checked)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route images_routes[] = {
    {METHOD_POST, ROUTE_USER, "/api/v1/auctions/:id/images", handle_upload, LIMIT_IMAGES, ROUTE_FILE_BODY, NULL},
    {METHOD_DELETE, ROUTE_USER, "/api/v1/auctions/:id/images/:imageId", handle_remove, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/products/:id/images", handle_upload, LIMIT_IMAGES, ROUTE_FILE_BODY, NULL},
    {METHOD_DELETE, ROUTE_ADMIN, "/api/v1/products/:id/images/:imageId", handle_remove, LIMIT_NONE, ROUTE_NO_BODY,
     NULL},
    {0},
};

/* Whether the request line is `before`, a UUID, "/images" and the end of the path. */
static bool is_upload_to(const char *before, const char *head, size_t length)
{
    static const char after[] = "/images";
    const size_t id = strlen(before);
    const size_t tail = id + UUID_TEXT_SIZE - 1;
    const size_t end = tail + sizeof(after) - 1;
    return length > end && memcmp(head, before, id) == 0 && memcmp(head + tail, after, end - tail) == 0 &&
           (head[end] == ' ' || head[end] == '?');
}

bool images_is_upload(const char *head, size_t length)
{
    return is_upload_to("POST /api/v1/auctions/", head, length) || is_upload_to("POST /api/v1/products/", head, length);
}

/* --- start and stop --- */

static void work_try(void *arg)
{
    struct images *images = arg;
    images->tried = decoder_try(&images->limits);
}

static void on_tried(void *arg)
{
    struct images *images = arg;
    images->problem = images->tried;
}

const char *images_decoder_problem(const struct images *images)
{
    return images->problem;
}

struct images *images_new(const struct images_options *options)
{
    const struct config *config = options->config;
    struct images *images = calloc(1, sizeof(*images));
    if (images == NULL) {
        return NULL;
    }
    images->options = *options;
    images->limits = decoder_limits_of(config);
    /* Each upload has one job at a time, the sweep has one, and so has the trial of the decoder. */
    const struct workpool_options makers = {options->base, config->image_threads, config->image_uploads_max + 2};
    const struct workpool_options readers = {options->base, config->image_read_threads, config->image_read_queue_max};
    const struct file_replies_options replies = {options->base, config->image_unsent_max_bytes,
                                                 config->image_send_min_bytes_per_s};
    images->store = imagestore_open(config);
    images->replies = file_replies_new(&replies);
    images->makers = workpool_new(&makers);
    images->readers = workpool_new(&readers);
    images->reading = (struct image_read_context){images->store, images->readers, images->replies};
    if (images->store != NULL && images->makers != NULL && images->readers != NULL && images->replies != NULL) {
        const struct image_sweep_options sweep = {
            .base = options->base,
            .every_s = config->image_sweep_s,
            .pg = options->pg,
            .store = images->store,
            .pool = images->makers,
        };
        images->sweep = image_sweep_new(&sweep);
    }
    if (images->sweep == NULL || !workpool_run(images->makers, work_try, on_tried, images)) {
        images_free(images);
        return NULL;
    }
    return images;
}

struct image_read_context *images_reading(struct images *images)
{
    return &images->reading;
}

void images_drain(struct images *images)
{
    image_sweep_drain(images->sweep);
}

void images_free(struct images *images)
{
    if (images == NULL) {
        return;
    }
    workpool_free(images->makers);
    workpool_free(images->readers);
    image_sweep_free(images->sweep);
    file_replies_free(images->replies);
    imagestore_close(images->store);
    free(images);
}
