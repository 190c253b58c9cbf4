/*
 * See templates.h.
 */
#include "notifyworker/templates.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/html.h"
#include "common/base/log.h"

enum { FILE_MAX_BYTES = 65536, KINDS_MAX = 64 };

static const char *const names[TEMPLATES_VALUES] = {
    [TEMPLATES_NAME] = "name",
    [TEMPLATES_SITE] = "site",
    [TEMPLATES_PUBLIC_URL] = "publicUrl",
    [TEMPLATES_TITLE] = "title",
    [TEMPLATES_AUCTION_ID] = "auctionId",
    [TEMPLATES_SALE_ID] = "saleId",
    [TEMPLATES_ORDER_ID] = "orderId",
    [TEMPLATES_AMOUNT] = "amount",
    [TEMPLATES_LEDGER_HASH] = "ledgerHash",
    [TEMPLATES_END_TIME] = "endTime",
    [TEMPLATES_CREATED_AT] = "createdAt",
    [TEMPLATES_TOKEN] = "token",
    [TEMPLATES_HOURS] = "hours",
    [TEMPLATES_ADDRESS] = "address",
    [TEMPLATES_AGENT] = "agent",
    [TEMPLATES_UNSUBSCRIBE] = "unsubscribe",
    [TEMPLATES_AUCTION_URL] = "auctionUrl",
    [TEMPLATES_SALE_URL] = "saleUrl",
    [TEMPLATES_ORDER_URL] = "orderUrl",
    [TEMPLATES_VERIFY_URL] = "verifyUrl",
    [TEMPLATES_RESET_URL] = "resetUrl",
};

struct template
{
    const char *kind; /* owned by the caller */
    char *files[2];   /* text, with the subject first; HTML */
    const char *parts[TEMPLATES_PARTS];
};

struct templates {
    size_t count;
    struct template list[KINDS_MAX];
};

static const char subject[] = "Subject: ";

/* Returns the value named between `{{` and `}}`, and the length of the whole tag. TEMPLATES_VALUES: unknown. */
static enum templates_value value_at(const char *text, size_t *length)
{
    const char *end = strstr(text, "}}");
    size_t size = end == NULL ? 0 : (size_t)(end - text) - 2;
    *length = size + 4;
    for (int i = 0; end != NULL && i < TEMPLATES_VALUES; i++) {
        if (strlen(names[i]) == size && strncmp(names[i], text + 2, size) == 0) {
            return (enum templates_value)i;
        }
    }
    return TEMPLATES_VALUES;
}

static bool has_known_names(const char *path, const char *text)
{
    size_t length = 0;
    for (const char *at = text; (at = strstr(at, "{{")) != NULL; at += length) {
        if (value_at(at, &length) == TEMPLATES_VALUES) {
            log_error("%s: unknown value name: %.40s", path, at);
            return false;
        }
    }
    return true;
}

/* NULL if it cannot be read (logged). */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = file == NULL ? NULL : malloc(FILE_MAX_BYTES + 1);
    if (text == NULL) {
        log_error("%s: %s", path, strerror(errno));
    } else {
        size_t length = fread(text, 1, FILE_MAX_BYTES + 1, file);
        bool ok = ferror(file) == 0 && length <= FILE_MAX_BYTES;
        text[ok ? length : 0] = '\0';
        if (!ok || !has_known_names(path, text)) {
            log_error("%s: not a valid template, or longer than %d bytes", path, FILE_MAX_BYTES);
            free(text);
            text = NULL;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return text;
}

/* AUCTION_WON -> FOLDER/auction-won.txt */
static void file_path(const char *folder, const char *kind, const char *suffix, char out[static PATH_MAX])
{
    int length = snprintf(out, PATH_MAX, "%s/", folder);
    size_t at = length < 0 || length >= PATH_MAX ? 0 : (size_t)length;
    for (; *kind != '\0' && at + 1 < PATH_MAX; kind++) {
        out[at++] = (char)(*kind == '_' ? '-' : tolower((unsigned char)*kind));
    }
    (void)snprintf(out + at, PATH_MAX - at, "%s", suffix);
}

/* Splits the subject from the text. */
static bool split(struct template *template, const char *path)
{
    char *text = template->files[0];
    char *end = strstr(text, "\n\n");
    if (strncmp(text, subject, strlen(subject)) != 0 || end == NULL || strchr(text, '\n') != end) {
        log_error("%s: must start with a line \"Subject: …\" and an empty line", path);
        return false;
    }
    *end = '\0';
    template->parts[TEMPLATES_SUBJECT] = text + strlen(subject);
    template->parts[TEMPLATES_TEXT] = end + 2;
    template->parts[TEMPLATES_HTML] = template->files[1];
    return true;
}

static bool load(struct template *template, const char *folder, const char *kind)
{
    char path[PATH_MAX];
    template->kind = kind;
    file_path(folder, kind, ".html", path);
    template->files[1] = read_file(path);
    file_path(folder, kind, ".txt", path);
    template->files[0] = read_file(path);
    return template->files[0] != NULL && template->files[1] != NULL && split(template, path);
}

struct templates *templates_load(const char *folder, const char *const *kinds)
{
    struct templates *templates = calloc(1, sizeof(*templates));
    bool ok = templates != NULL;
    for (size_t i = 0; ok && kinds[i] != NULL; i++) {
        ok = i < KINDS_MAX && load(&templates->list[i], folder, kinds[i]);
        templates->count = i + 1;
    }
    if (!ok) {
        templates_free(templates);
        return NULL;
    }
    return templates;
}

void templates_free(struct templates *templates)
{
    if (templates == NULL) {
        return;
    }
    for (size_t i = 0; i < templates->count; i++) {
        free(templates->list[i].files[0]);
        free(templates->list[i].files[1]);
    }
    free(templates);
}

static void write_plain(const char *value, FILE *out)
{
    for (; *value != '\0'; value++) {
        (void)fputc((unsigned char)*value < ' ' || *value == '\x7f' ? ' ' : *value, out);
    }
}

static const struct template *find(const struct templates *templates, const char *kind)
{
    for (size_t i = 0; i < templates->count; i++) {
        if (strcmp(templates->list[i].kind, kind) == 0) {
            return &templates->list[i];
        }
    }
    return NULL;
}

bool templates_write(const struct templates *templates, const char *kind, enum templates_part part,
                     const char *const values[static TEMPLATES_VALUES], FILE *out)
{
    const struct template *template = find(templates, kind);
    if (template == NULL) {
        return false;
    }
    const char *at = template->parts[part];
    for (const char *next = NULL; (next = strstr(at, "{{")) != NULL;) {
        size_t length = 0;
        enum templates_value value = value_at(next, &length);
        const char *text = value == TEMPLATES_VALUES || values[value] == NULL ? "" : values[value];
        (void)fwrite(at, 1, (size_t)(next - at), out);
        if (part == TEMPLATES_HTML) {
            html_write(text, strlen(text), out);
        } else {
            write_plain(text, out);
        }
        at = next + length;
    }
    (void)fputs(at, out);
    return true;
}
