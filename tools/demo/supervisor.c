/* SPDX-License-Identifier: MIT */
/* The parent's loop: wait for signals and times, replace dead workers after settling what they left.
 *
 * Everything that it started ends with it: children ask for SIGTERM at their parent's death, and are waited for at a
 * regular end.
 */
#include "supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event.h"
#include "gateway.h"
#include "load.h"
#include "process_memory.h"
#include "random.h"
#include "stream_process.h"
#include "worker.h"

#define WORKERS_MAX 64u
#define STOP_NS 8000000000ull

struct supervisor {
	struct supervisor_options given;
	uint32_t workers;
	uint32_t threads;
	pid_t worker_pids[WORKERS_MAX]; /* 0: reaped */
	pid_t load_pid;
	pid_t stream_pid; /* 0: reaped */
	int signal_fd;
	uint64_t random;
	uint64_t next_kill_ns; /* UINT64_MAX: never */
	uint64_t end_ns;       /* likewise */
	uint64_t kills;
	uint64_t deaths;
	uint64_t completed; /* adds made for the dead */
	bool stopping;
	bool failed;
};

static uint64_t clock_ns(void)
{
	return (uint64_t)mstat_now_ns();
}

uint32_t supervisor_slots(const struct options *options)
{
	return (uint32_t)(options->workers * options->threads);
}

/* ---- children ---------------------------------------------------------------------------------------------------- */

/* Forks; in the child: ends with its parent, and has a name by which ps and pkill tell it from the others. */
static pid_t child_fork(const struct supervisor *supervisor, const char *name)
{
	pid_t parent = getpid();
	fflush(NULL);
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	close(supervisor->signal_fd);
	/* SIGTERM stays blocked and is waited for; SIGINT from a terminal reaches the parent as well, which stops the
	 * load before the workers. */
	signal(SIGINT, SIG_IGN);
	return 0;
}

static int worker_start(struct supervisor *supervisor, uint32_t worker)
{
	pid_t pid = child_fork(supervisor, "demo-worker");
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		struct worker_options options = {
			.listen_fd = supervisor->given.listen_fd,
			.threads = supervisor->threads,
			.first_slot = worker * supervisor->threads,
			.ledger = supervisor->given.ledger,
			.event_fd = supervisor->given.event_fds[1],
		};
		exit(worker_run(&options));
	}
	supervisor->worker_pids[worker] = pid;
	return 0;
}

static int stream_start(struct supervisor *supervisor)
{
	pid_t pid = child_fork(supervisor, "demo-stream");
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(supervisor->given.listen_fd); /* or connections would be accepted by nobody */
		exit(stream_process_run(supervisor->given.event_fds[0]));
	}
	supervisor->stream_pid = pid;
	return 0;
}

static int load_start(struct supervisor *supervisor)
{
	const struct options *options = supervisor->given.options;
	uint64_t seed = options->seed ? options->seed : random_next(&supervisor->random) >> 16;
	pid_t pid = child_fork(supervisor, "demo-load");
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		struct load_options load = {
			.address = supervisor->given.address,
			.address_len = supervisor->given.address_len,
			.run = ledger_run(supervisor->given.ledger),
			.lanes = (uint32_t)options->connections,
			.rate = options->load_rate,
			.requests = options->requests,
			.seed = seed,
			.report_path = options->load_report,
		};
		close(supervisor->given.listen_fd); /* or connections would be accepted by nobody */
		exit(load_run(&load));
	}
	supervisor->load_pid = pid;
	printf("demo: load of %g requests/s, seed %" PRIu64 "\n", options->load_rate, seed);
	return 0;
}

static void worker_exited(struct supervisor *supervisor, uint32_t worker, int status)
{
	supervisor->worker_pids[worker] = 0;
	supervisor->deaths += WIFSIGNALED(status) != 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
		fprintf(stderr, "demo: a worker died of signal %d (%s)\n", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
		supervisor->failed = true;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		supervisor->failed = true; /* it has said why */
}

static void load_exited(struct supervisor *supervisor, int status)
{
	supervisor->load_pid = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "demo: the load generator failed; its count is not complete\n");
		supervisor->failed = true;
	}
	if (supervisor->given.options->exit_with_load)
		supervisor->stopping = true;
}

static void stream_exited(struct supervisor *supervisor, int status)
{
	supervisor->stream_pid = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return; /* it loses what it had in its queues, and begins anew */
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "demo: the stream process failed\n");
		supervisor->failed = true;
	}
}

/* Waits for nobody; takes note of all children that have ended. Returns true if a worker is missing. */
static bool children_reap(struct supervisor *supervisor)
{
	int status;
	bool missing = false;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid == supervisor->load_pid)
			load_exited(supervisor, status);
		if (pid == supervisor->stream_pid)
			stream_exited(supervisor, status);
		for (uint32_t i = 0; i < supervisor->workers; i++)
			if (pid == supervisor->worker_pids[i])
				worker_exited(supervisor, i, status);
	}
	for (uint32_t i = 0; i < supervisor->workers; i++)
		missing |= supervisor->worker_pids[i] == 0;
	return missing;
}

static bool slot_is_dead(void *context, uint32_t slot)
{
	struct supervisor *supervisor = context;
	children_reap(supervisor); /* a worker may die while its slot is waited for */
	return supervisor->worker_pids[slot / supervisor->threads] == 0;
}

static void settle(struct supervisor *supervisor)
{
	int completed = ledger_settle(supervisor->given.ledger, slot_is_dead, supervisor);
	if (completed < 0)
		supervisor->failed = true;
	else
		supervisor->completed += (uint64_t)completed;
}

static void child_failed(struct supervisor *supervisor, const char *what, int error)
{
	if (!error)
		return;
	fprintf(stderr, "demo: no %s could be started: %s\n", what, strerror(-error));
	supervisor->failed = true;
}

/* Settles after deaths and fills the gaps. */
static void workers_replace(struct supervisor *supervisor)
{
	bool missing = children_reap(supervisor);
	if (!supervisor->stream_pid && !supervisor->failed)
		child_failed(supervisor, "stream process", stream_start(supervisor));
	if (!missing)
		return;
	settle(supervisor);
	for (uint32_t i = 0; i < supervisor->workers && !supervisor->failed; i++) {
		child_failed(supervisor, "worker", supervisor->worker_pids[i] ? 0 : worker_start(supervisor, i));
	}
}

/* ---- killing ----------------------------------------------------------------------------------------------------- */

static void kill_schedule(struct supervisor *supervisor)
{
	double every_s = supervisor->given.options->kill_every_s;
	/* Half to one and a half times the average, in steps of nanoseconds: no phase of the work is spared. */
	double factor = 0.5 + (double)(random_next(&supervisor->random) >> 11) * 0x1p-53;
	supervisor->next_kill_ns = every_s > 0 ? clock_ns() + (uint64_t)(every_s * factor * 1e9) : UINT64_MAX;
}

static void kill_one(struct supervisor *supervisor)
{
	pid_t pid = supervisor->worker_pids[random_below(&supervisor->random, supervisor->workers)];
	if (pid && kill(pid, SIGKILL) == 0)
		supervisor->kills++;
	kill_schedule(supervisor);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void signals_read(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;
	while (read(supervisor->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			supervisor->stopping = true;
}

/* Waits for a signal until a time, at most 100 ms: so a lost wake-up costs no more than that. */
static void wait_until(struct supervisor *supervisor, uint64_t until_ns)
{
	uint64_t now_ns = clock_ns();
	uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec timeout = {0, (long)(left_ns < 100000000 ? left_ns : 100000000)};
	struct pollfd pollfd = {supervisor->signal_fd, POLLIN, 0};
	ppoll(&pollfd, 1, &timeout, NULL);
	signals_read(supervisor);
}

static void serve(struct supervisor *supervisor)
{
	while (!supervisor->stopping && !supervisor->failed) {
		uint64_t until_ns = supervisor->next_kill_ns;
		if (supervisor->end_ns < until_ns)
			until_ns = supervisor->end_ns;
		wait_until(supervisor, until_ns);
		workers_replace(supervisor);
		process_memory_tick((int64_t)clock_ns());
		if (clock_ns() >= supervisor->next_kill_ns)
			kill_one(supervisor);
		if (clock_ns() >= supervisor->end_ns)
			supervisor->stopping = true;
	}
}

/* Ends the load while there are workers to answer what it has asked. No more kills: they would be as exact, but the
 * end could be put off for ever. */
static void load_stop(struct supervisor *supervisor)
{
	if (supervisor->load_pid)
		kill(supervisor->load_pid, SIGTERM);
	for (uint64_t end_ns = clock_ns() + STOP_NS; supervisor->load_pid && clock_ns() < end_ns;) {
		workers_replace(supervisor);
		wait_until(supervisor, end_ns);
	}
	if (supervisor->load_pid) {
		fprintf(stderr, "demo: the load generator did not end in time and was killed\n");
		kill(supervisor->load_pid, SIGKILL);
		supervisor->failed = true;
		while (supervisor->load_pid) {
			children_reap(supervisor);
			wait_until(supervisor, clock_ns() + 10000000);
		}
	}
}

static bool children_live(const struct supervisor *supervisor)
{
	if (supervisor->stream_pid)
		return true;
	for (uint32_t i = 0; i < supervisor->workers; i++)
		if (supervisor->worker_pids[i])
			return true;
	return false;
}

static void children_signal(const struct supervisor *supervisor, int number)
{
	if (supervisor->stream_pid)
		kill(supervisor->stream_pid, number);
	for (uint32_t i = 0; i < supervisor->workers; i++)
		if (supervisor->worker_pids[i])
			kill(supervisor->worker_pids[i], number);
}

static void children_stop(struct supervisor *supervisor)
{
	uint64_t end_ns = clock_ns() + STOP_NS;
	children_signal(supervisor, SIGTERM);
	for (bool killed = false; children_reap(supervisor), children_live(supervisor);) {
		if (!killed && clock_ns() >= end_ns) {
			children_signal(supervisor, SIGKILL);
			killed = true;
		}
		wait_until(supervisor, clock_ns() + 20000000);
	}
	settle(supervisor);
}

static void audit(struct supervisor *supervisor)
{
	uint32_t series = 0;
	int error = ledger_audit(supervisor->given.ledger, &series);
	printf("demo: %" PRIu64 " workers died (%" PRIu64 " killed here), %" PRIu64 " adds completed for them\n",
	       supervisor->deaths, supervisor->kills, supervisor->completed);
	if (error == -ENOTSUP)
		printf("demo: values are in private memory, nothing to audit\n");
	else if (error) {
		fprintf(stderr, "demo: audit failed: %s\n",
			error == -EDOM ? "the segment disagrees with the ledger" : strerror(-error));
		supervisor->failed = true;
	} else
		printf("demo: audit: all %" PRIu32 " series in the segment agree with the ledger\n", series);
}

static int supervisor_init(struct supervisor *supervisor, const struct supervisor_options *given)
{
	sigset_t signals;
	memset(supervisor, 0, sizeof(*supervisor));
	supervisor->given = *given;
	supervisor->workers = (uint32_t)given->options->workers;
	supervisor->threads = (uint32_t)given->options->threads;
	supervisor->random = ledger_run(given->ledger);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	supervisor->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (supervisor->signal_fd < 0)
		return -errno;
	kill_schedule(supervisor);
	supervisor->end_ns = UINT64_MAX;
	if (given->options->duration_s > 0)
		supervisor->end_ns = clock_ns() + (uint64_t)(given->options->duration_s * 1e9);
	return 0;
}

int supervisor_run(const struct supervisor_options *given)
{
	struct supervisor supervisor;
	int error = supervisor_init(&supervisor, given);
	for (uint32_t i = 0; !error && i < supervisor.workers; i++)
		error = worker_start(&supervisor, i);
	if (!error)
		error = stream_start(&supervisor);
	if (!error && given->options->load_rate > 0)
		error = load_start(&supervisor);
	if (error) {
		fprintf(stderr, "demo: cannot start: %s\n", strerror(-error));
		supervisor.failed = true;
	}
	fflush(stdout);
	gateway_enter(GATEWAY_SERVING);
	serve(&supervisor);
	gateway_enter(GATEWAY_DRAINING);
	load_stop(&supervisor);
	children_stop(&supervisor);
	audit(&supervisor);
	close(supervisor.signal_fd);
	return supervisor.failed ? 1 : 0;
}
