/* SPDX-License-Identifier: MIT */
/* The YAML configuration file. */
#ifndef AGENTD_CONFIG_FILE_H
#define AGENTD_CONFIG_FILE_H

#include "config.h"

/* Reads `path` into `config`; items that a flag has set are checked and left. 0, -ENOMEM, -errno of opening, or -EINVAL
 * with a message `FILE:LINE: ...` in *error. */
int config_file_load(struct config *config, const char *path, char **error);

#endif
