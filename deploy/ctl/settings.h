/*
 * Settings of rostrumctl, which select the deployment. Sources, each overriding those before: the defaults; the
 * deployment's folder (ROSTRUM_VAR, or ./var if nothing else names a deployment); the files of --config; ROSTRUM_CONF;
 * the ROSTRUM_*_URL variables.
 */
#ifndef ROSTRUM_DEPLOY_CTL_SETTINGS_H
#define ROSTRUM_DEPLOY_CTL_SETTINGS_H

#include "common/service/config.h"

/* Reads the settings. Returns false with a sentence in `reason`. */
MUST_CHECK bool settings_find(struct config *config, enum login login, const char *const *files, size_t count,
                              char *reason, size_t reason_size);

#endif
