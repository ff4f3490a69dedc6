/* SPDX-License-Identifier: MIT */
/* A program with a plug-in, for test_plugin.sh: plugin_host PLUGIN ROUNDS loads, uses and unloads the plug-in again and
 * again while another thread goes on counting and threads of the plug-in's code come to their end in between. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <mstat/mstat.h>

#define PLUGIN_COUNTS 100u

MSTAT_COUNTER(hosted, "hosted", "Counted by the program.");

static int over;

static void *host_count(void *context)
{
	uint64_t count = 0;
	mstat_counter *counter = mstat_counter_with(&hosted);
	(void)context;
	for (; !mstat_load_relaxed(&over); count++)
		mstat_inc(counter);
	return (void *)(uintptr_t)count;
}

static void *plugin_thread(void *count)
{
	((void (*)(unsigned int))count)(PLUGIN_COUNTS);
	return NULL;
}

/* Loads, counts in this thread and in another, unloads. */
static int plugin_round(const char *path)
{
	pthread_t thread;
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!plugin)
		return fprintf(stderr, "%s\n", dlerror()), 1;
	void *count = dlsym(plugin, "plugin_count");
	if (!count || pthread_create(&thread, NULL, plugin_thread, count))
		return 1;
	plugin_thread(count);
	pthread_join(thread, NULL);
	return dlclose(plugin);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *count;
	int failed = argc != 3 || pthread_create(&thread, NULL, host_count, NULL);
	for (int i = 0; !failed && i < atoi(argv[2]); i++)
		failed = plugin_round(argv[1]);
	mstat_store_relaxed(&over, 1);
	if (failed || pthread_join(thread, &count))
		return 1;
	/* What readers should see of this program and of its plug-in. */
	printf("%llu %u\n", (unsigned long long)(uintptr_t)count,
	       2 * (PLUGIN_COUNTS + 1) * (unsigned int)atoi(argv[2]));
	return 0;
}
