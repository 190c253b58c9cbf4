/*
 * Which deployment a command is about. Settings come, each winning over the one before, from the defaults; the
 * deployment's folder (ROSTRUM_VAR, or ./var when nothing else names a deployment); the files of --config; ROSTRUM_CONF
 * and the ROSTRUM_*_URL variables.
 */
#ifndef ROSTRUM_DEPLOY_CTL_SETTINGS_H
#define ROSTRUM_DEPLOY_CTL_SETTINGS_H

#include "common/service/config.h"

/* False with a sentence in `why`. */
MUST_CHECK bool settings_find(struct config *config, const char *const *files, size_t count, char *reason,
                              size_t reason_size);

#endif
