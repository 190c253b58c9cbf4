/*
 * See delivery_states.h.
 */
#include "notifyworker/delivery_states.h"

#include <assert.h>
#include <string.h>

#include "common/base/names.h"

#define STATE_TEXT(name, text) [DELIVERY_STATE_##name] = (text),
static const char *const texts[DELIVERY_STATE_COUNT] = {DELIVERY_STATES(STATE_TEXT)};

const char *delivery_state_text(enum delivery_state state)
{
    assert(state > DELIVERY_STATE_UNKNOWN && state < DELIVERY_STATE_COUNT);
    return texts[state];
}

enum delivery_state delivery_state_of_text(const char *text)
{
    size_t index = DELIVERY_STATE_UNKNOWN;
    return names_find(texts, DELIVERY_STATE_COUNT, text, strlen(text), &index) ? (enum delivery_state)index
                                                                               : DELIVERY_STATE_UNKNOWN;
}
