/*
 * A parser of Prometheus' text format, as strict as Prometheus, for tests of metrics.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_EXPOSITION_H
#define ROSTRUM_TESTS_SUPPORT_EXPOSITION_H

#include "common/base/base.h"

/*
 * Fails the test unless `text` has version 0.0.4 of the format. HELP and TYPE come before a family's samples, and the
 * samples of a family are together. Names and labels are valid, and no series is duplicate. Histograms are cumulative,
 * with sum and count.
 */
void exposition_check(const char *text);
/* Sum of the samples of this name whose labels contain `labels` ("kind=\"bid\""; "" for all); 0 if there are none. */
int64_t exposition_sum(const char *text, const char *name, const char *labels);
/* How many such samples there are. */
size_t exposition_count(const char *text, const char *name, const char *labels);

#endif
