/* SPDX-License-Identifier: MIT */
/* One value of the configuration: from text to a field of struct config, with range check. */
#ifndef AGENTD_CONFIG_VALUE_H
#define AGENTD_CONFIG_VALUE_H

#include "config.h"

#define CONFIG_WHY_MAX 256

/* Whether an item takes several values; and whether its field is a text. */
bool config_item_is_list(const struct config_item *item);
bool config_item_is_text(const struct config_item *item);

/* Checks `text` and stores it: appends to a list, replaces anything else. 0, -ENOMEM, or -EINVAL with a sentence in
 * `why` (CONFIG_WHY_MAX bytes) that says what is expected; the field is untouched then. */
int config_value_set(struct config *config, const struct config_item *item, const char *text, char *why);

/* Frees what the field of an item holds and empties it. */
void config_value_clear(struct config *config, const struct config_item *item);

#endif
