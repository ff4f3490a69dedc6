/* SPDX-License-Identifier: MIT */
/* The terminal's screen. See screen.h. Control sequences: ECMA-48, and xterm's alternate screen (1049). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "screen.h"

static volatile sig_atomic_t stop_asked, size_changed;
static sigset_t signals_before;

static void signal_caught(int number)
{
	if (number == SIGWINCH)
		size_changed = 1;
	else
		stop_asked = 1;
}

/* The signals stay blocked but for the time in ppoll(), so that none is missed between a check and a sleep. */
static void signals_catch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
	struct sigaction action = {.sa_handler = signal_caught};
	sigset_t blocked;
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		sigaddset(&blocked, numbers[i]);
		sigaction(numbers[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &signals_before);
}

void screen_open(struct screen *screen)
{
	*screen = (struct screen){.terminal = isatty(STDOUT_FILENO), .rows = 24, .columns = 80};
	signals_catch();
	if (screen->terminal)
		fputs("\033[?1049h\033[?25l\033[2J", stdout);
}

void screen_close(struct screen *screen)
{
	if (screen->terminal) {
		fputs("\033[?25h\033[?1049l", stdout);
		fflush(stdout);
	}
	sigprocmask(SIG_SETMASK, &signals_before, NULL);
}

void screen_begin(struct screen *screen)
{
	struct winsize size;
	if (!screen->terminal)
		return;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
		screen->rows = size.ws_row;
		screen->columns = size.ws_col;
	}
	fputs("\033[H", stdout);
}

void screen_line(const struct screen *screen, const char *text)
{
	if (!screen->terminal) {
		puts(text);
		return;
	}
	size_t column = 0, len = 0;
	for (; text[len]; len++) {
		column += ((unsigned char)text[len] & 0xc0) != 0x80;
		if (column > screen->columns)
			break;
	}
	printf("%.*s\033[K\n", (int)len, text);
}

void screen_end(const struct screen *screen)
{
	if (screen->terminal)
		fputs("\033[J", stdout);
	fflush(stdout);
}

bool screen_wait(int64_t until_ns, bool *resized)
{
	*resized = false;
	size_changed = 0;
	while (!stop_asked && !output_closed()) {
		struct timespec now, left;
		clock_gettime(CLOCK_MONOTONIC, &now);
		int64_t left_ns = until_ns - (now.tv_sec * 1000000000ll + now.tv_nsec);
		if (left_ns <= 0)
			return true;
		left = (struct timespec){left_ns / 1000000000, left_ns % 1000000000};
		/* A pipe whose reader leaves wakes us by POLLERR, which needs not be asked for. */
		struct pollfd output = {.fd = STDOUT_FILENO, .events = 0};
		if (ppoll(&output, 1, &left, &signals_before) < 0 && errno != EINTR)
			return false;
		if (size_changed) {
			*resized = true;
			return !stop_asked;
		}
	}
	return false;
}
