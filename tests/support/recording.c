/*
 * See recording.h. The files have no quoted fields. A line with other columns is an error, because a partial replay
 * proves nothing.
 */
#include "tests/support/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/money.h"

enum { RECORDING_COLUMNS = 8, RECORDING_LINE_SIZE = 512 };

enum column {
    COLUMN_AUCTION,
    COLUMN_ITEM,
    COLUMN_DAYS,
    COLUMN_OPENING,
    COLUMN_CLOSING,
    COLUMN_SECONDS,
    COLUMN_BIDDER,
    COLUMN_MAXIMUM
};

static const char *const RECORDING_HEADING =
    "auction_id,item,duration_days,opening_bid,closing_price,seconds_from_start,bidder,max_bid";

/* Index of `name` in a list of names; a new name is added. -1 if the list is full. The lists are short, so the search
 * is linear. */
static int recording_name(char (*names)[RECORDING_NAME_SIZE], int *count, int most, const char *name)
{
    for (int i = *count - 1; i >= 0; i--) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    if (*count == most || strlen(name) >= RECORDING_NAME_SIZE) {
        return -1;
    }
    (void)snprintf(names[*count], RECORDING_NAME_SIZE, "%s", name);
    return (*count)++;
}

static bool recording_split(char *line, char *columns[RECORDING_COLUMNS])
{
    int count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *at = line; at != NULL && count < RECORDING_COLUMNS;) {
        columns[count++] = strsep(&at, ",");
        if (count == RECORDING_COLUMNS) {
            return at == NULL;
        }
    }
    return false;
}

static bool recording_amount(const char *text, int64_t *minor)
{
    return money_parse(text, strlen(text), minor);
}

/* The auction of this line: the last one, or a new one. NULL if the line is invalid or there are too many auctions. */
static struct recording_lot *recording_lot(struct recording *recording, char *const columns[RECORDING_COLUMNS])
{
    struct recording_lot *lot = recording->lot_count > 0 ? &recording->lots[recording->lot_count - 1] : NULL;
    if (lot != NULL && strcmp(lot->name, columns[COLUMN_AUCTION]) == 0) {
        return lot;
    }
    if (recording->lot_count == RECORDING_LOTS_MAX || strlen(columns[COLUMN_AUCTION]) >= RECORDING_NAME_SIZE) {
        return NULL;
    }
    lot = &recording->lots[recording->lot_count++];
    (void)snprintf(lot->name, sizeof(lot->name), "%s", columns[COLUMN_AUCTION]);
    lot->item = recording_name(recording->items, &recording->item_count, RECORDING_ITEMS_MAX, columns[COLUMN_ITEM]);
    lot->first = recording->bid_count;
    bool right = lot->item >= 0 && recording_amount(columns[COLUMN_OPENING], &lot->opening) &&
                 recording_amount(columns[COLUMN_CLOSING], &lot->closing);
    return right ? lot : NULL;
}

static bool recording_line(struct recording *recording, char *line)
{
    char *columns[RECORDING_COLUMNS];
    if (recording->bid_count == RECORDING_BIDS_MAX || !recording_split(line, columns)) {
        return false;
    }
    struct recording_lot *lot = recording_lot(recording, columns);
    struct recording_bid *bid = &recording->bids[recording->bid_count];
    if (lot == NULL || !recording_amount(columns[COLUMN_MAXIMUM], &bid->maximum)) {
        return false;
    }
    bid->bidder =
        recording_name(recording->bidders, &recording->bidder_count, RECORDING_BIDDERS_MAX, columns[COLUMN_BIDDER]);
    lot->count++;
    recording->bid_count++;
    return bid->bidder >= 0;
}

struct recording *recording_read(const char *path)
{
    char line[RECORDING_LINE_SIZE];
    struct recording *recording = calloc(1, sizeof(*recording));
    FILE *file = fopen(path, "re");
    int number = 1;
    bool right = recording != NULL && file != NULL && fgets(line, sizeof(line), file) != NULL &&
                 strncmp(line, RECORDING_HEADING, strlen(RECORDING_HEADING)) == 0;
    while (right && fgets(line, sizeof(line), file) != NULL) {
        number++;
        right = recording_line(recording, line);
    }
    if (!right) {
        (void)fprintf(stderr, "%s: line %d is not a recorded bid\n", path, number);
        recording_free(recording);
        recording = NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return recording;
}

void recording_free(struct recording *recording)
{
    free(recording);
}
