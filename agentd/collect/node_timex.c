/* SPDX-License-Identifier: MIT */
/* The kernel's clock discipline: adjtimex(2). */
#include <sys/timex.h>

#include "host.h"

#define GAUGE(id, help) static const struct host_family id##_family = HOST_GAUGE("node_timex_" #id, help)
#define COUNTER(id, help) static const struct host_family id##_family = HOST_COUNTER("node_timex_" #id, help)
GAUGE(offset_seconds, "Time offset in between local system and reference clock.");
GAUGE(frequency_adjustment_ratio, "Local clock frequency adjustment.");
GAUGE(maxerror_seconds, "Maximum error in seconds.");
GAUGE(estimated_error_seconds, "Estimated error in seconds.");
GAUGE(status, "Value of the status array bits.");
GAUGE(loop_time_constant, "Phase-locked loop time constant.");
GAUGE(tick_seconds, "Seconds between clock ticks.");
GAUGE(pps_frequency_hertz, "Pulse per second frequency.");
GAUGE(pps_jitter_seconds, "Pulse per second jitter.");
GAUGE(pps_shift_seconds, "Pulse per second interval duration.");
GAUGE(pps_stability_hertz, "Pulse per second stability, average of recent frequency changes.");
COUNTER(pps_jitter_total, "Pulse per second count of jitter limit exceeded events.");
COUNTER(pps_calibration_total, "Pulse per second count of calibration intervals.");
COUNTER(pps_error_total, "Pulse per second count of calibration errors.");
COUNTER(pps_stability_exceeded_total, "Pulse per second count of stability limit exceeded events.");
GAUGE(tai_offset_seconds, "International Atomic Time (TAI) offset.");
GAUGE(sync_status, "Is clock synchronized to a reliable server (1 = yes, 0 = no).");

#define MICROSECONDS 1e6
#define NANOSECONDS 1e9
/* Frequencies are parts per million with 16 bits behind the point. */
#define FREQUENCY (1e6 * 65536)

static int timex_collect(struct host *host)
{
	struct timex timex = {.modes = 0};
	int state = adjtimex(&timex);
	if (state < 0)
		return errno == EPERM ? -ENODATA : -errno; /* refused by a sandbox */
	double divisor = timex.status & STA_NANO ? NANOSECONDS : MICROSECONDS;
	host_u64(host, &sync_status_family, state != TIME_ERROR);
	host_f64(host, &offset_seconds_family, (double)timex.offset / divisor);
	host_f64(host, &frequency_adjustment_ratio_family, 1 + (double)timex.freq / FREQUENCY);
	host_f64(host, &maxerror_seconds_family, (double)timex.maxerror / MICROSECONDS);
	host_f64(host, &estimated_error_seconds_family, (double)timex.esterror / MICROSECONDS);
	host_i64(host, &status_family, timex.status);
	host_i64(host, &loop_time_constant_family, timex.constant);
	host_f64(host, &tick_seconds_family, (double)timex.tick / MICROSECONDS);
	host_f64(host, &pps_frequency_hertz_family, (double)timex.ppsfreq / FREQUENCY);
	host_f64(host, &pps_jitter_seconds_family, (double)timex.jitter / divisor);
	host_i64(host, &pps_shift_seconds_family, timex.shift);
	host_f64(host, &pps_stability_hertz_family, (double)timex.stabil / FREQUENCY);
	host_i64(host, &pps_jitter_total_family, timex.jitcnt);
	host_i64(host, &pps_calibration_total_family, timex.calcnt);
	host_i64(host, &pps_error_total_family, timex.errcnt);
	host_i64(host, &pps_stability_exceeded_total_family, timex.stbcnt);
	host_i64(host, &tai_offset_seconds_family, timex.tai);
	return 0;
}

const struct host_ops host_timex = {.collect = timex_collect};
