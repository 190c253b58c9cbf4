/*
 * Prometheus text, read as strictly as Prometheus reads it, for the tests of what the programs count.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_EXPOSITION_H
#define ROSTRUM_TESTS_SUPPORT_EXPOSITION_H

#include "common/base/base.h"

/*
 * Fails the test unless `text` is in version 0.0.4 of the format: HELP and TYPE before a family's samples, those in one
 * stretch, names and labels well formed, no series twice, histograms cumulative and with their sum and count.
 */
void exposition_check(const char *text);
/* Sum of the samples of this name whose labels contain `labels` ("kind=\"bid\""; "" for all); 0 if there are none. */
int64_t exposition_sum(const char *text, const char *name, const char *labels);
/* How many such samples there are. */
size_t exposition_count(const char *text, const char *name, const char *labels);

#endif
