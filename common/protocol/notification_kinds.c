/*
 * See notification_kinds.h.
 */
#include "common/protocol/notification_kinds.h"

#include <string.h>

#include "common/base/names.h"

const char *const notification_kinds[] = {NOTIFICATION_KINDS(NOTIFICATION_WORD) NULL};

bool notification_kind_parse(const char *text, enum notification_kind *kind)
{
    size_t index = 0;
    if (!names_find(notification_kinds, NOTIFICATION_KIND_COUNT, text, strlen(text), &index)) {
        return false;
    }
    *kind = (enum notification_kind)index;
    return true;
}
