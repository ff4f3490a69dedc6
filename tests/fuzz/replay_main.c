/* SPDX-License-Identifier: MIT */
/* A fuzz target as a plain program: runs files through it once, as tests that print TAP. Any compiler, any sanitizer.
 *
 *     fuzz_NAME [--mutate=N] [--quiet] FILE|DIRECTORY...
 *
 * Files of a directory come in the order of their names. --mutate=N runs N mutations of each file as well (their seed
 * is printed; MSTAT_TEST_SEED sets it; an input that breaks the target is written to ./fuzz-finding), --quiet makes one
 * test of all files. A finding ends the program, with the name of the file as the last line of its output.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_BYTES_MAX ((size_t)1 << 20)

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	(void)seed;
	return LLVMFuzzerMutate(data, size, max_size);
}

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	size_t place = size ? random_next() % size : 0;

	switch (random_next() % 4) {
	case 0: /* insert */
		if (size == max_size)
			return size;
		memmove(data + place + 1, data + place, size - place);
		data[place] = (uint8_t)random_next();
		return size + 1;
	case 1: /* cut out */
		if (size < 2)
			return size;
		memmove(data + place, data + place + 1, size - place - 1);
		return size - 1;
	case 2:
		if (size)
			data[place] ^= (uint8_t)(1u << random_next() % 8);
		return size;
	default:
		if (size)
			data[place] = (uint8_t)random_next();
		return size;
	}
}

struct replay {
	size_t mutations;
	int quiet;
	size_t tests;
	size_t files;
};

static size_t file_read(const char *path, uint8_t *data)
{
	size_t size = 0;
	ssize_t got = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && got > 0 && size < INPUT_BYTES_MAX) {
		got = read(fd, data + size, INPUT_BYTES_MAX - size);
		size += got > 0 ? (size_t)got : 0;
	}
	if (fd < 0 || got < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	close(fd);
	return size;
}

/* The input that runs, for finding_keep(). */
static const uint8_t *running;
static size_t running_size;

/* A mutation that found something is nowhere else. */
static void finding_keep(int number)
{
	static const char path[] = "fuzz-finding";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0 && write(fd, running, running_size) == (ssize_t)running_size)
		dprintf(STDERR_FILENO, "the input was written to %s\n", path);
	signal(number, SIG_DFL);
	raise(number);
}

/* An exact copy: a sanitizer sees a read behind its end. */
static void input_run(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	fuzz_require(exact);
	memcpy(exact, data, size);
	running = exact;
	running_size = size;
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static void file_run(struct replay *replay, const char *path)
{
	const char *name = strrchr(path, '/');
	uint8_t *data = malloc(INPUT_BYTES_MAX), *mutated = malloc(INPUT_BYTES_MAX);

	fuzz_require(data && mutated);
	size_t size = file_read(path, data);
	printf("# %s\n", path);
	fflush(stdout);
	input_run(data, size);
	for (size_t i = 0; i < replay->mutations; i++) {
		size_t mutated_size = size;
		memcpy(mutated, data, size);
		for (uint64_t times = 1 + random_next() % 4; times; times--)
			mutated_size = LLVMFuzzerCustomMutator(
				mutated, mutated_size, size + 4096 < INPUT_BYTES_MAX ? size + 4096 : INPUT_BYTES_MAX,
				(unsigned int)random_next());
		input_run(mutated, mutated_size);
	}
	replay->files++;
	if (!replay->quiet)
		printf("ok %zu - %s\n", ++replay->tests, name ? name + 1 : path);
	free(mutated);
	free(data);
}

static void path_run(struct replay *replay, const char *path)
{
	struct dirent **entries;
	struct stat status;

	if (stat(path, &status) || !S_ISDIR(status.st_mode)) {
		file_run(replay, path);
		return;
	}
	int count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char *inner;
		if (entries[i]->d_name[0] != '.' && asprintf(&inner, "%s/%s", path, entries[i]->d_name) > 0) {
			path_run(replay, inner);
			free(inner);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	struct replay replay = {0};
	const char *given = getenv("MSTAT_TEST_SEED");

	random_state = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 20 | 1;
	if (!random_state)
		random_state = 1;
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--mutate=", 9)) {
			replay.mutations = strtoull(argv[i] + 9, NULL, 10);
			printf("# seed: MSTAT_TEST_SEED=%llu\n", (unsigned long long)random_state);
			signal(SIGABRT, finding_keep);
			signal(SIGSEGV, finding_keep);
		} else if (!strcmp(argv[i], "--quiet")) {
			replay.quiet = 1;
		} else {
			path_run(&replay, argv[i]);
		}
	}
	if (!replay.files) {
		fprintf(stderr, "usage: %s [--mutate=N] [--quiet] FILE|DIRECTORY...\n", argv[0]);
		return 2;
	}
	if (replay.quiet)
		printf("ok 1 - %zu files\n", replay.files);
	return 0;
}
