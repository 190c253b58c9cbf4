/*
 * How `rostrumctl watch` shows an auction: a page of a terminal, drawn anew, or a line for each state where the output
 * is no terminal. Pure: text goes to a stream that the caller names.
 */
#ifndef ROSTRUM_DEPLOY_CTL_SCREEN_H
#define ROSTRUM_DEPLOY_CTL_SCREEN_H

#include <stdio.h>

#include "deploy/ctl/auction_view.h"

struct screen {
    int columns;
    int rows;
    bool colours;
    const char *notice; /* what is amiss; "" if nothing is */
};

/* The page, from the top left corner on. */
void screen_draw(FILE *out, const struct screen *screen, const struct auction_view *view, int64_t now_ms);
/* One line: when it was read, and how the auction stands. */
void screen_line(FILE *out, const struct auction_view *view, int64_t now_ms);
/* The last line: what became of it. */
void screen_outcome(FILE *out, const struct auction_view *view);
/* The price after each accepted bid, oldest left, in at most `columns` characters; its highest is a full block. */
void screen_sparkline(FILE *out, const struct auction_view *view, size_t columns);

#endif
