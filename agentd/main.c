/* SPDX-License-Identifier: MIT */
/* mstatd: flags, configuration, run, exit code. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <mstat/mstat.h>

#include "agent.h"
#include "log.h"

enum exit_code { EXIT_CLEAN, EXIT_RUNTIME, EXIT_USAGE, EXIT_OWNED };

static int usage_fail(char *error)
{
	fprintf(stderr, "mstatd: %s\n", error ? error : "out of memory");
	free(error);
	return EXIT_USAGE;
}

static int exit_code(int r)
{
	return !r ? EXIT_CLEAN : r == -EBUSY ? EXIT_OWNED : EXIT_RUNTIME;
}

static int run(struct config *config, int argc, char *const argv[])
{
	struct agent *agent = NULL;
	char *error = NULL;
	int r = agent_open(config, argc, argv, &agent, &error);
	if (r) {
		log_error("cannot start", LOG_TEXT("reason", error ? error : log_errno_text(r)));
		free(error);
		return exit_code(r);
	}
	r = agent_run(agent);
	if (r)
		log_error("the agent ended", LOG_ERRNO(r));
	agent_close(agent);
	log_info("stopped");
	return exit_code(r);
}

int main(int argc, char *argv[])
{
	struct config *config = NULL;
	char *error = NULL;
	agent_prepare_signals();
	if (config_load(argc, argv, &config, &error))
		return usage_fail(error);
	if (config->action == CONFIG_RUN)
		return run(config, argc, argv);
	if (config->action == CONFIG_SHOW_HELP)
		config_print_help(stdout);
	else
		printf("mstatd %s\n", MSTAT_VERSION);
	config_free(config);
	return fflush(stdout) ? EXIT_RUNTIME : EXIT_CLEAN;
}
