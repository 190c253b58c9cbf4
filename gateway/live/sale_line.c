/*
 * See sale_line.h.
 */
#include "gateway/live/sale_line.h"

#include <assert.h>

void sale_line_reset(struct sale_line *line, int64_t version, int64_t head_seq)
{
    line->version = version;
    line->first = version;
    line->head_seq = head_seq;
    line->versions[version % SALE_LINE_VERSIONS_MAX].granted = 0;
    line->versions[version % SALE_LINE_VERSIONS_MAX].gone = line->gone_total;
}

void sale_line_add(struct sale_line *line, const struct sale_live *update)
{
    assert(update->version == line->version + 1);
    if (update->look) {
        sale_line_reset(line, update->version, update->head_seq);
        return;
    }
    int64_t granted = line->versions[line->version % SALE_LINE_VERSIONS_MAX].granted + update->granted;
    for (size_t i = 0; i < update->gone_count; i++) {
        line->gone[line->gone_total++ % SALE_LINE_GONE_MAX] = update->gone[i];
    }
    line->version = update->version;
    line->head_seq = update->head_seq;
    line->versions[line->version % SALE_LINE_VERSIONS_MAX].granted = granted;
    line->versions[line->version % SALE_LINE_VERSIONS_MAX].gone = line->gone_total;
    if (line->version - line->first >= SALE_LINE_VERSIONS_MAX) {
        line->first = line->version - SALE_LINE_VERSIONS_MAX + 1;
    }
}

enum sale_line_answer sale_line_advance(const struct sale_line *line, struct sale_place *place)
{
    if (line->version == 0 || place->version < line->first) {
        return SALE_LINE_UNKNOWN;
    }
    if (place->version > line->version) {
        return SALE_LINE_AHEAD;
    }
    int64_t gone = line->versions[place->version % SALE_LINE_VERSIONS_MAX].gone;
    int64_t granted = line->versions[line->version % SALE_LINE_VERSIONS_MAX].granted -
                      line->versions[place->version % SALE_LINE_VERSIONS_MAX].granted;
    int64_t ahead = granted;
    if (place->seq < line->head_seq) {
        return SALE_LINE_ENDED;
    }
    if (line->gone_total - gone > SALE_LINE_GONE_MAX) {
        return SALE_LINE_UNKNOWN;
    }
    for (; gone < line->gone_total; gone++) {
        int64_t seq = line->gone[gone % SALE_LINE_GONE_MAX];
        if (seq == place->seq) {
            return SALE_LINE_ENDED;
        }
        ahead += seq < place->seq ? 1 : 0;
    }
    if (ahead >= place->position) {
        return SALE_LINE_UNKNOWN; /* a contradiction: what was sent is not what happened */
    }
    place->position -= ahead;
    place->version = line->version;
    return SALE_LINE_WAITS;
}
