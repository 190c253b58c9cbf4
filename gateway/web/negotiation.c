/*
 * See negotiation.h. Both headers are lists of names with weights: `br;q=1.0, gzip;q=0.5, *;q=0`. An element with an
 * invalid weight has weight 0.
 */
#include "gateway/web/negotiation.h"

#include <string.h>
#include <strings.h>

enum {
    WEIGHT_MOST = 1000, /* q=1: weights are thousandths */
    UNNAMED = -1,
};

struct element {
    const char *name;
    size_t length;
    int weight;
};

static const char blanks[] = " \t";

/* "0.25" is 250; three digits at most. `end` is the first character after the parameter. */
static int read_weight(const char *text, const char *end)
{
    int weight = 0;
    int unit = WEIGHT_MOST;
    if (text == end || (*text != '0' && *text != '1')) {
        return 0;
    }
    weight = (*text++ - '0') * WEIGHT_MOST;
    if (text < end && *text == '.') {
        for (text++; text < end && *text >= '0' && *text <= '9' && unit > 1; text++) {
            unit /= 10;
            weight += (*text - '0') * unit;
        }
    }
    text += text < end ? strspn(text, blanks) : 0;
    return text != end || weight > WEIGHT_MOST ? 0 : weight;
}

/* Reads the parameters of an element, which begin at a semicolon or at `end`. */
static int weight_of(const char *at, const char *end)
{
    while (at < end) {
        at += 1 + strspn(at + 1, blanks);
        const char *semicolon = at < end ? memchr(at, ';', (size_t)(end - at)) : NULL;
        const char *next = semicolon == NULL ? end : semicolon;
        if (next - at >= 2 && strncasecmp(at, "q=", 2) == 0) {
            return read_weight(at + 2, next);
        }
        at = next;
    }
    return WEIGHT_MOST;
}

/* Reads the next element of a list. Returns the rest of it, NULL after the last one. */
static const char *read_element(const char *list, struct element *element)
{
    list += strspn(list, " \t,");
    if (*list == '\0') {
        return NULL;
    }
    const char *end = list + strcspn(list, ",");
    element->name = list;
    element->length = strcspn(list, " \t;,");
    const char *parameters = element->name + element->length;
    parameters += strspn(parameters, blanks);
    element->weight = parameters == end || *parameters == ';' ? weight_of(parameters, end) : 0;
    return end;
}

static bool is_named(const struct element *element, const char *name)
{
    return strlen(name) == element->length && strncasecmp(element->name, name, element->length) == 0;
}

const char *coding_name(enum coding coding)
{
    static const char *const names[CODING_COUNT] = {
        [CODING_BR] = "br", [CODING_GZIP] = "gzip", [CODING_IDENTITY] = "identity"};
    return names[coding];
}

static bool is_coding(const struct element *element, enum coding coding)
{
    return is_named(element, coding_name(coding)) || (coding == CODING_GZIP && is_named(element, "x-gzip"));
}

enum coding coding_choose(const char *accept, unsigned available)
{
    int weights[CODING_COUNT] = {UNNAMED, UNNAMED, UNNAMED};
    int others = UNNAMED;
    struct element element;
    while ((accept = read_element(accept, &element)) != NULL) {
        for (int i = 0; i < CODING_COUNT; i++) {
            weights[i] = is_coding(&element, (enum coding)i) ? element.weight : weights[i];
        }
        others = is_named(&element, "*") ? element.weight : others;
    }
    enum coding best = CODING_IDENTITY;
    int most = 0;
    for (int i = 0; i < CODING_COUNT; i++) {
        int weight = weights[i] == UNNAMED ? others : weights[i];
        if ((available & (1U << (unsigned)i)) != 0 && weight > most) {
            best = (enum coding)i;
            most = weight;
        }
    }
    return best;
}

bool accepts_html(const char *accept)
{
    static const char *const ranges[] = {"*/*", "text/*", "text/html"}; /* a later one is more specific */
    int weight = *accept == '\0' ? WEIGHT_MOST : 0;
    size_t rank = 0;
    struct element element;
    while ((accept = read_element(accept, &element)) != NULL) {
        for (size_t i = rank; i < ARRAY_LEN(ranges); i++) {
            if (is_named(&element, ranges[i])) {
                weight = element.weight;
                rank = i;
            }
        }
    }
    return weight > 0;
}
