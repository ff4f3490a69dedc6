/* SPDX-License-Identifier: MIT */
/* A plug-in with inlined increments, for test_plugin.sh: it comes and goes by dlopen() and dlclose(). */
#include <mstat/mstat.h>

MSTAT_COUNTER(plugged, "plugged", "Counted by a plug-in.", "kind");

void plugin_count(unsigned int times);

void plugin_count(unsigned int times)
{
	mstat_counter *hot = mstat_counter_with(&plugged, "hot");
	for (unsigned int i = 0; i < times; i++)
		mstat_inc(hot);
	mstat_inc(mstat_counter_with(&plugged, "looked up"));
}
