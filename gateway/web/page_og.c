/*
 * See page_og.h.
 */
#include "gateway/web/page_og.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/html.h"
#include "common/base/json.h"

enum {
    TITLE_MAX_BYTES = 300,
    DESCRIPTION_MAX_BYTES = 600, /* previews show less */
    TEXT_SIZE = 640,
};

#define TITLE     "<title>"
#define TITLE_END "</title>"
#define ELLIPSIS  "…"

/* Bytes of the character at `text`, which is valid UTF-8. */
static size_t character_length(const char *text)
{
    unsigned char first = (unsigned char)*text;
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: marks, embeddings, overrides and isolates. */
static bool changes_direction(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (length == 2) {
        return bytes[0] == 0xD8 && bytes[1] == 0x9C;
    }
    if (length != 3 || bytes[0] != 0xE2) {
        return false;
    }
    bool marks = bytes[1] == 0x80 && (bytes[2] == 0x8E || bytes[2] == 0x8F);
    bool overrides = bytes[1] == 0x80 && bytes[2] >= 0xAA && bytes[2] <= 0xAE;
    bool isolates = bytes[1] == 0x81 && bytes[2] >= 0xA6 && bytes[2] <= 0xA9;
    return marks || overrides || isolates;
}

/* Copies at most `most` bytes of whole characters as one line: several blanks and line ends become one blank. */
static void copy_line(const char *text, size_t most, char out[static TEXT_SIZE])
{
    size_t used = 0;
    while (*text != '\0') {
        size_t length = character_length(text);
        bool blank = (unsigned char)*text <= ' ' || *text == '\x7f';
        if (used + length > most) {
            (void)snprintf(out + used, TEXT_SIZE - used, ELLIPSIS);
            return;
        }
        if (blank && used > 0 && out[used - 1] != ' ') {
            out[used++] = ' ';
        } else if (!blank && !changes_direction(text, length)) {
            memcpy(out + used, text, length);
            used += length;
        }
        text += length;
    }
    out[used] = '\0';
}

/* Nothing if the content is empty. */
static void put_meta(FILE *out, const char *attribute, const char *name, const char *content)
{
    if (*content == '\0') {
        return;
    }
    (void)fprintf(out, "<meta %s=\"%s\" content=\"", attribute, name);
    html_write(content, strlen(content), out);
    (void)fputs("\">\n", out);
}

/* The path of the first image in a size for previews; NULL: there is none. */
static const char *image_of(const struct json *auction)
{
    const struct json *images = json_member(auction, "images");
    const char *path = NULL;
    const struct json *first = images == NULL ? NULL : images->child;
    return json_get_text(json_member(first, "thumbnails"), "640", &path) ? path : NULL;
}

static void put_tags(FILE *out, const struct page_og *og, const struct json *auction, const char *title)
{
    char description[TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char url[TEXT_SIZE];
    const char *text = NULL;
    const char *image = image_of(auction);
    uuid_format(&og->auction, id);
    copy_line(json_get_text(auction, "description", &text) ? text : "", DESCRIPTION_MAX_BYTES, description);
    (void)snprintf(url, sizeof(url), "%s/auctions/%s", og->public_url, id);
    put_meta(out, "name", "description", description);
    put_meta(out, "property", "og:type", "website");
    put_meta(out, "property", "og:title", title);
    put_meta(out, "property", "og:description", description);
    put_meta(out, "property", "og:url", url);
    if (image != NULL) {
        (void)snprintf(url, sizeof(url), "%s%s", og->public_url, image);
        put_meta(out, "property", "og:image", url);
    }
    put_meta(out, "name", "twitter:card", image == NULL ? "summary" : "summary_large_image");
}

/* The places of index.html that the page of an auction replaces, in their order. */
struct places {
    const char *title;     /* after <title> */
    const char *title_end; /* </title> */
    const char *tags;      /* PAGE_OG_PLACE */
};

static bool find_places(const char *index, const char *end, struct places *places)
{
    const char *title = memmem(index, (size_t)(end - index), TITLE, strlen(TITLE));
    if (title == NULL) {
        return false;
    }
    places->title = title + strlen(TITLE);
    places->title_end = memmem(places->title, (size_t)(end - places->title), TITLE_END, strlen(TITLE_END));
    if (places->title_end == NULL) {
        return false;
    }
    places->tags = memmem(places->title_end, (size_t)(end - places->title_end), PAGE_OG_PLACE, strlen(PAGE_OG_PLACE));
    return places->tags != NULL;
}

static void put_bytes(FILE *out, const char *begin, const char *end)
{
    (void)fwrite(begin, 1, (size_t)(end - begin), out);
}

char *page_og_write(const char *index, size_t index_length, const struct page_og *og, size_t *length)
{
    char title[TEXT_SIZE];
    char *page = NULL;
    const char *text = NULL;
    const char *end = index + index_length;
    struct places places;
    struct json *auction = find_places(index, end, &places) ? json_parse(og->json, og->length, NULL) : NULL;
    FILE *out = auction == NULL ? NULL : open_memstream(&page, length);
    if (out != NULL) {
        copy_line(json_get_text(auction, "title", &text) ? text : "", TITLE_MAX_BYTES, title);
        put_bytes(out, index, places.title);
        html_write(title, strlen(title), out);
        put_bytes(out, places.title_end, places.tags);
        put_tags(out, og, auction, title);
        put_bytes(out, places.tags + strlen(PAGE_OG_PLACE), end);
        bool ok = ferror(out) == 0;
        if (fclose(out) != 0 || !ok) {
            free(page);
            page = NULL;
        }
    }
    json_free(auction);
    return page;
}
