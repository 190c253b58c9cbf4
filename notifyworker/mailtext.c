/*
 * See mailtext.h. The mail is written to a memory stream, whose error flag is checked once at the end.
 */
#include "notifyworker/mailtext.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    /*
     * Of an encoded word: 52 characters of Base64, 64 with its frame. A line with one has at most 76, including
     * "Subject: ".
     */
    WORD_MOST_BYTES = 39,
    WORD_TEXT_SIZE = 64,
    LINE_MOST = 76,   /* of quoted-printable, including the soft line break */
    PLAIN_MOST = 500, /* of an unencoded header; RFC 5322 allows 998 */
    DATE_SIZE = 40,
};

static bool is_plain(const char *text, const char *special)
{
    size_t length = 0;
    for (; text[length] != '\0'; length++) {
        if (text[length] < ' ' || text[length] > '~' || strchr(special, text[length]) != NULL) {
            return false;
        }
    }
    return length <= PLAIN_MOST && strstr(text, "=?") == NULL;
}

/* Length of the UTF-8 character at `text`. */
static size_t character_length(const char *text)
{
    size_t length = 1;
    while (((unsigned char)text[length] & 0xC0U) == 0x80U) {
        length++;
    }
    return length;
}

/* Writes encoded words, each with whole characters and on its own line. */
static void write_words(FILE *out, const char *text)
{
    const char *between = "";
    while (*text != '\0') {
        char word[WORD_MOST_BYTES];
        char encoded[WORD_TEXT_SIZE];
        size_t length = 0;
        for (size_t next = 0; *text != '\0' && (next = character_length(text)) <= WORD_MOST_BYTES - length;
             text += next, length += next) {
            memcpy(word + length, text, next);
            if (next == 1 && ((unsigned char)word[length] < ' ' || word[length] == '\x7f')) {
                word[length] = ' ';
            }
        }
        (void)sodium_bin2base64(encoded, sizeof(encoded), (const unsigned char *)word, length,
                                sodium_base64_VARIANT_ORIGINAL);
        (void)fprintf(out, "%s=?UTF-8?B?%s?=", between, encoded);
        between = "\r\n ";
    }
}

static void write_header(FILE *out, const char *name, const char *value)
{
    (void)fprintf(out, "%s: ", name);
    if (is_plain(value, "")) {
        (void)fputs(value, out);
    } else {
        write_words(out, value);
    }
    (void)fputs("\r\n", out);
}

/* Encodes names with special characters, so that address parsers cannot misread them. */
static void write_address(FILE *out, const char *header, const char *name, const char *address)
{
    (void)fprintf(out, "%s: ", header);
    if (is_plain(name, "()<>[]:;@\\,.\"")) {
        (void)fputs(name, out);
    } else {
        write_words(out, name);
    }
    (void)fprintf(out, "\r\n <%s>\r\n", address);
}

/* RFC 2045, 6.7: lines of at most LINE_MOST printable ASCII characters. */
static void write_quoted_printable(FILE *out, const char *text)
{
    size_t column = 0;
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '\n') {
            (void)fputs("\r\n", out);
            column = 0;
            continue;
        }
        bool at_end = text[1] == '\n' || text[1] == '\0';
        bool plain = (byte > ' ' && byte <= '~' && byte != '=') || (byte == ' ' && !at_end);
        size_t width = plain ? 1 : 3;
        if (column + width > LINE_MOST - 1) {
            (void)fputs("=\r\n", out);
            column = 0;
        }
        (void)fprintf(out, plain ? "%c" : "=%02X", byte);
        column += width;
    }
    (void)fputs("\r\n", out);
}

static void write_part(FILE *out, const char *boundary, const char *type, const char *text)
{
    (void)fprintf(out, "--%s\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
                  boundary, type);
    write_quoted_printable(out, text);
}

static void write_date(FILE *out, int64_t ms)
{
    /* strftime would use names of days and months of the locale. */
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) != NULL) {
        (void)fprintf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
                      months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    }
}

static void write_mail(FILE *out, const struct mailtext *mail)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&mail->id, id);
    write_address(out, "From", mail->from_name, mail->from);
    write_address(out, "To", mail->to_name, mail->to);
    write_header(out, "Subject", mail->subject);
    write_date(out, mail->date_ms);
    (void)fprintf(out, "Message-ID: <%s%s>\r\n", id, strchr(mail->from, '@'));
    (void)fputs("Auto-Submitted: auto-generated\r\n", out);
    if (mail->unsubscribe != NULL) {
        (void)fprintf(out, "List-Unsubscribe: <%s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                      mail->unsubscribe);
    }
    /* "=_" cannot occur in quoted-printable. */
    (void)fprintf(out, "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"=_%s\"\r\n\r\n", id);
    char boundary[UUID_TEXT_SIZE + 2];
    (void)snprintf(boundary, sizeof(boundary), "=_%s", id);
    write_part(out, boundary, "text/plain", mail->text);
    write_part(out, boundary, "text/html", mail->html);
    (void)fprintf(out, "--%s--\r\n", boundary);
}

char *mailtext_write(const struct mailtext *mail, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    if (out == NULL) {
        return NULL;
    }
    write_mail(out, mail);
    bool ok = ferror(out) == 0;
    if (fclose(out) != 0 || !ok) {
        free(text);
        return NULL;
    }
    return text;
}
