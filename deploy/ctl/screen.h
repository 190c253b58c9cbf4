/*
 * Output of `rostrumctl watch`: a full page on a terminal, or a line for each state if the output is not a terminal.
 * Writes only to the caller's stream. Called by watch.c.
 */
#ifndef ROSTRUM_DEPLOY_CTL_SCREEN_H
#define ROSTRUM_DEPLOY_CTL_SCREEN_H

#include <stdio.h>

#include "deploy/ctl/auction_view.h"

struct screen {
    int columns;
    int rows;
    bool colours;
    const char *notice; /* a warning for the user; "" without one */
};

/* Draws the page from the top left corner. */
void screen_draw(FILE *out, const struct screen *screen, const struct auction_view *view, int64_t now_ms);
/* Prints one line: time of reading and state of the auction. */
void screen_line(FILE *out, const struct auction_view *view, int64_t now_ms);
/* Prints the last line: the outcome. */
void screen_outcome(FILE *out, const struct auction_view *view);
/* Draws the price after each accepted bid, oldest left, in at most `columns` characters; the highest is a full block.
 */
void screen_sparkline(FILE *out, const struct auction_view *view, size_t columns);

#endif
