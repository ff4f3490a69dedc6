/* SPDX-License-Identifier: MIT */
/* The web configuration: the input is the file. Certificates and keys may stand in it; files that it names lie beside
 * it, where there are none. */
#include <ctype.h>

#include "expose/auth.h"
#include "expose/web_config.h"
#include "fuzz.h"
#include "input_file.h"

/* What would end a header where it must not. */
static bool header_sound(const struct web_header *header)
{
	for (const char *c = header->value; *c; c++)
		if (iscntrl((unsigned char)*c) && *c != '\t')
			return false;
	return *header->name;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_config *config = NULL;
	char *error = NULL;
	int r = web_config_load(input_file_write(data, size), NULL, &config, &error);

	fuzz_require(r <= 0 && !r == (config != NULL) && !r == !error);
	fuzz_require(!error || strchr(error, ':'));
	for (size_t i = 0; config && i < config->header_count; i++)
		fuzz_require(header_sound(&config->headers[i]));
	for (size_t i = 0; config && i < config->user_count; i++) {
		const struct web_user *user = &config->users[i];
		fuzz_require(!auth_hash_complaint(user->hash) && web_config_user(config, user->name) == user);
	}
	fuzz_require(!config || !web_config_user(config, "nobody\xff"));
	web_config_put(config);
	free(error);
	return 0;
}
