/* SPDX-License-Identifier: MIT */
/* What does a scrape of the host cost, in CPU time and until the answer is there, and how much memory does the program
 * hold? The agent beside node_exporter, process-exporter and netdata, each as its package runs it by default, on the
 * same machine and in the same run; then the same with 1,000 sleeping processes.
 *
 * One scrape every 110 ms: the agent shares a page for 100 ms, and caches grow cold in between, as they do between the
 * scrapes of a real Prometheus. netdata collects by itself once a second, which counts for it; its plugins that are
 * programs of their own are off. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "harness.h"
#include "report.h"
#include "scratch.h"

extern char **environ;

#define PROCESSES 1000u
#define SCRAPE_EVERY_US 110000
#define WARM_UP_S 30
#define WORDS_MAX 16u

/* A program that is scraped. */
struct subject {
	const char *name;
	const char *words[WORDS_MAX]; /* "PORT" in one of them is replaced */
	const char *path;
	const char *has; /* on a page that is complete */
	pid_t pid;       /* 0: not installed */
	uint16_t port;
	double wall_ms[REPORT_ROUNDS_MAX]; /* of the rounds that measured CPU time */
	unsigned measured;
	unsigned told;
};

/* ---- asking ----------------------------------------------------------------------------------------------------- */

static int server_connect(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		bench_fail("socket: %s", strerror(errno));
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

/* One scrape; whether the page is there, and has what a complete one has. */
static bool subject_scrape(const struct subject *subject)
{
	static char page[4 << 20];
	char request[256];
	size_t len = 0;
	const int fd = server_connect(subject->port);
	if (fd < 0)
		return false;
	const int request_len =
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
			 subject->path);
	(void)send(fd, request, (size_t)request_len, MSG_NOSIGNAL);
	for (ssize_t n; len < sizeof(page) - 1 && (n = recv(fd, page + len, sizeof(page) - 1 - len, 0)) > 0;)
		len += (size_t)n;
	close(fd);
	page[len] = '\0';
	return strstr(page, subject->has);
}

static double cpu_ms(pid_t pid)
{
	clockid_t clock;
	struct timespec time;
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &time))
		bench_fail("the CPU clock of process %d cannot be read: has it ended?", (int)pid);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static double cpu_measure(void *context)
{
	struct subject *subject = context;
	const unsigned scrapes = bench_quick() ? 3 : 20;
	double wall_ns = 0;
	const double begin_ms = cpu_ms(subject->pid);
	for (unsigned i = 0; i < scrapes; i++) {
		usleep(SCRAPE_EVERY_US);
		const int64_t start_ns = bench_now_ns();
		if (!subject_scrape(subject))
			bench_fail("%s: no complete page", subject->name);
		wall_ns += (double)(bench_now_ns() - start_ns);
	}
	if (subject->measured < REPORT_ROUNDS_MAX)
		subject->wall_ms[subject->measured++] = wall_ns / scrapes / 1e6;
	return (cpu_ms(subject->pid) - begin_ms) / scrapes;
}

/* What the rounds of CPU time took until the answer was there, in their order. */
static double wall_measure(void *context)
{
	struct subject *subject = context;
	return subject->wall_ms[subject->told++ % subject->measured];
}

static double resident_measure(void *context)
{
	const struct subject *subject = context;
	char path[64];
	unsigned long pages = 0;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)subject->pid);
	FILE *file = fopen(path, "r");
	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		bench_fail("%s cannot be read: has %s ended?", path, subject->name);
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* ---- the programs ----------------------------------------------------------------------------------------------- */

static uint16_t port_choose(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || getsockname(fd, (struct sockaddr *)&address, &len))
		bench_fail("no port on 127.0.0.1: %s", strerror(errno));
	close(fd);
	return ntohs(address.sin_port);
}

static const char *word_fill(char *place, size_t size, const char *word, uint16_t port)
{
	const char *mark = strstr(word, "PORT");
	if (!mark)
		return word;
	snprintf(place, size, "%.*s%u%s", (int)(mark - word), word, port, mark + strlen("PORT"));
	return place;
}

static void subject_spawn(struct subject *subject)
{
	char places[WORDS_MAX][128];
	const char *words[WORDS_MAX + 1] = {NULL};
	posix_spawn_file_actions_t actions;
	subject->port = port_choose();
	for (size_t i = 0; i < WORDS_MAX && subject->words[i]; i++)
		words[i] = word_fill(places[i], sizeof(places[i]), subject->words[i], subject->port);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	if (posix_spawnp(&subject->pid, words[0], &actions, NULL, (char *const *)words, environ))
		subject->pid = 0;
	posix_spawn_file_actions_destroy(&actions);
}

/* Left out, if it is not installed. */
static void subject_start(struct subject *subject)
{
	int status;
	subject_spawn(subject);
	for (int64_t end_ns = bench_now_ns() + WARM_UP_S * INT64_C(1000000000); subject->pid; usleep(50000)) {
		if (waitpid(subject->pid, &status, WNOHANG) == subject->pid) {
			/* 127: the program was not found. */
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 127)
				bench_fail("%s ended at its start; start it by hand to see why", subject->words[0]);
			subject->pid = 0;
		} else if (subject_scrape(subject)) {
			return;
		} else if (bench_now_ns() > end_ns) {
			bench_fail("%s: no complete page after %d s", subject->name, WARM_UP_S);
		}
	}
}

static void subject_stop(struct subject *subject)
{
	if (!subject->pid)
		return;
	kill(subject->pid, SIGTERM);
	waitpid(subject->pid, NULL, 0);
	subject->pid = 0;
}

static void group_run(const char *what, const char *unit, double (*measure)(void *context), struct subject *subjects,
		      size_t count)
{
	struct bench_case cases[8];
	char name[128];
	snprintf(name, sizeof(name), "%s", what);
	for (size_t i = 0; i < count; i++)
		cases[i] = (struct bench_case){
			.name = subjects[i].name, .measure = subjects[i].pid ? measure : NULL, .context = &subjects[i]};
	bench_group(name, unit, 1, cases, count);
}

static void subjects_run(const char *what, struct subject *subjects, size_t count)
{
	char name[160];
	for (size_t i = 0; i < count; i++)
		subject_start(&subjects[i]);
	if (!subjects[0].pid)
		bench_fail("%s is not there: build it first (make)", subjects[0].words[0]);
	snprintf(name, sizeof(name), "%s: CPU time", what);
	group_run(name, "ms/scrape", cpu_measure, subjects, count);
	snprintf(name, sizeof(name), "%s: until the answer is there", what);
	group_run(name, "ms/scrape", wall_measure, subjects, count);
	snprintf(name, sizeof(name), "%s: resident memory", what);
	group_run(name, "KiB", resident_measure, subjects, count);
	for (size_t i = 0; i < count; i++)
		subject_stop(&subjects[i]);
}

/* ---- the questions ---------------------------------------------------------------------------------------------- */

static void text_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) == EOF || fclose(file))
		bench_fail("%s: %s", path, strerror(errno));
}

/* Its own collectors alone, in memory, on loopback. */
static void netdata_configure(const char *directory, char *path, size_t size)
{
	static const char *const rooms[] = {"cache", "lib", "log", "etc"};
	char text[2048];
	size_t len = (size_t)snprintf(text, sizeof(text), "[global]\nrun as user = root\n[directories]\n");
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		char room[256];
		snprintf(room, sizeof(room), "%s/%s", directory, rooms[i]);
		if (mkdir(room, 0700))
			bench_fail("%s: %s", room, strerror(errno));
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s = %s\n",
					strcmp(rooms[i], "etc") ? rooms[i] : "config", room);
	}
	snprintf(text + len, sizeof(text) - len,
		 "[db]\nmode = ram\nretention = 300\n[web]\nbind to = 127.0.0.1\n"
		 "[logs]\ndebug = none\nerror = none\naccess = none\n"
		 "[health]\nenabled = no\n[ml]\nenabled = no\n[statsd]\nenabled = no\n"
		 "[plugins]\napps = no\ntc = no\ncgroups = no\nidlejitter = no\ngo.d = no\npython.d = no\n"
		 "charts.d = no\nperf = no\nnfacct = no\nslabinfo = no\nebpf = no\n");
	snprintf(path, size, "%s/netdata.conf", directory);
	text_write(path, text);
}

static int entry_remove(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	if (place->level) /* the directory itself goes when the program ends */
		remove(path);
	return 0;
}

/* What the programs have left, which are directories, too. */
static void directory_clean(const char *directory)
{
	nftw(directory, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

struct sleepers {
	pid_t pids[PROCESSES];
	unsigned count;
};

static void sleepers_start(struct sleepers *sleepers)
{
	sleepers->count = bench_quick() ? PROCESSES / 10 : PROCESSES;
	for (unsigned i = 0; i < sleepers->count; i++) {
		sleepers->pids[i] = fork();
		if (sleepers->pids[i] < 0)
			bench_fail("fork: %s; raise the limit of processes (ulimit -u)", strerror(errno));
		if (sleepers->pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

static void sleepers_stop(struct sleepers *sleepers)
{
	for (unsigned i = 0; i < sleepers->count; i++)
		kill(sleepers->pids[i], SIGKILL);
	for (unsigned i = 0; i < sleepers->count; i++)
		waitpid(sleepers->pids[i], NULL, 0);
}

/* The agent beside this program, and peers that install-deps has unpacked there. */
static void agent_path(char *path, size_t size)
{
	char list[4096];
	ssize_t len = readlink("/proc/self/exe", path, size - 1);
	if (len < 0)
		bench_fail("/proc/self/exe: %s", strerror(errno));
	path[len] = '\0';
	for (int i = 0; i < 2; i++)
		*strrchr(path, '/') = '\0'; /* this program is in bench/ beside it */
	const char *known = getenv("PATH");
	snprintf(list, sizeof(list), "%s/peers/usr/bin:%s", path, known ? known : "/usr/sbin:/usr/bin:/bin");
	setenv("PATH", list, 1);
	strncat(path, "/mstatd", size - strlen(path) - 1);
}

/* Two agents do not share a directory of segments. Returns it. */
static const char *segments_flag(char *flag, size_t size)
{
	const char *directory = scratch_directory();
	snprintf(flag, size, "--segment.dir=%s", directory);
	return directory;
}

static void defaults_run(const char *agent, const char *directory)
{
	char configuration[256], segments[64];
	const char *place = segments_flag(segments, sizeof(segments));
	netdata_configure(directory, configuration, sizeof(configuration));
	struct subject subjects[] = {
		{.name = "mstatd",
		 .words = {agent, segments, "--web.listen-address=127.0.0.1:PORT", NULL},
		 .path = "/metrics",
		 .has = "node_vmstat_pgfault"},
		{.name = "node_exporter",
		 .words = {"prometheus-node-exporter", "--web.listen-address=127.0.0.1:PORT", NULL},
		 .path = "/metrics",
		 .has = "node_vmstat_pgfault"},
		{.name = "netdata, with what it collects by itself",
		 .words = {"netdata", "-D", "-c", configuration, "-i", "127.0.0.1", "-p", "PORT", NULL},
		 .path = "/api/v1/allmetrics?format=prometheus",
		 .has = "netdata_system_load"},
	};
	subjects_run("what is on by default", subjects, sizeof(subjects) / sizeof(subjects[0]));
	directory_clean(directory);
	directory_clean(place);
}

static void processes_run(const char *agent, const char *directory)
{
	static struct sleepers sleepers;
	char configuration[256], flag[300], segments[64], segments_too[64];
	const char *place = segments_flag(segments, sizeof(segments));
	const char *place_too = segments_flag(segments_too, sizeof(segments_too));
	snprintf(configuration, sizeof(configuration), "%s/processes.yml", directory);
	snprintf(flag, sizeof(flag), "-config.path=%s", configuration);
	text_write(configuration, "process_names:\n  - name: \"{{.Comm}}\"\n    cmdline:\n      - '.+'\n");
	struct subject subjects[] = {
		{.name = "mstatd, processes and their groups",
		 .words = {agent, segments, "--collector.disable-defaults", "--collector.processes",
			   "--collector.namedprocess", "--web.listen-address=127.0.0.1:PORT", NULL},
		 .path = "/metrics",
		 .has = "namedprocess_namegroup_num_procs{groupname=\"bench_host\"}"},
		{.name = "mstatd, processes",
		 .words = {agent, segments_too, "--collector.disable-defaults", "--collector.processes",
			   "--web.listen-address=127.0.0.1:PORT", NULL},
		 .path = "/metrics",
		 .has = "node_processes_pids"},
		{.name = "process-exporter",
		 .words = {"prometheus-process-exporter", flag, "-threads=false", "-web.listen-address=127.0.0.1:PORT",
			   NULL},
		 .path = "/metrics",
		 .has = "namedprocess_namegroup_num_procs{groupname=\"bench_host\"}"},
		{.name = "node_exporter, processes",
		 .words = {"prometheus-node-exporter", "--collector.disable-defaults", "--collector.processes",
			   "--web.listen-address=127.0.0.1:PORT", NULL},
		 .path = "/metrics",
		 .has = "node_processes_pids"},
	};
	sleepers_start(&sleepers);
	subjects_run("1,000 sleeping processes", subjects, sizeof(subjects) / sizeof(subjects[0]));
	sleepers_stop(&sleepers);
	directory_clean(place);
	directory_clean(place_too);
}

int main(int argc, char **argv)
{
	char agent[512];
	bench_begin("what does a scrape of the host cost?", argc, argv);
	const char *directory = scratch_directory();
	agent_path(agent, sizeof(agent));
	defaults_run(agent, directory);
	processes_run(agent, directory);
	return bench_end();
}
