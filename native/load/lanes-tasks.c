#include "lanes.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 131072
#define REQUESTS_PER_FLOW 128

static const struct {
	const char* name;
	enum work work;
	bool times_connecting;
	unsigned requests_per_flow;
} works[] = {
	{"close", WORK_CLOSE, false, 0},
	{"connect", WORK_CLOSE, true, 0},
	{"echo", WORK_ECHO, false, 0},
	{"bulk", WORK_BULK, false, 0},
	{"udp", WORK_UDP, false, REQUESTS_PER_FLOW},
	{"first", WORK_UDP, false, 1},
};

/** @return false: there is no such work. */
static bool read_lane_work(const char* name, struct slice* slice)
{
	for (size_t at = 0; at < sizeof works / sizeof *works; at++) {
		if (strcmp(works[at].name, name) != 0)
			continue;
		slice->work = works[at].work;
		slice->times_connecting = works[at].times_connecting;
		slice->requests_per_flow = works[at].requests_per_flow;
		return true;
	}
	return false;
}

/** @return how many there are. */
static int read_targets(char* text, struct sockaddr_in* targets, int most)
{
	int count = 0;
	for (char* word = strtok(text, " \n"); word != NULL && count < most; word = strtok(NULL, " \n")) {
		char* colon = strrchr(word, ':');
		if (colon == NULL)
			return 0;
		*colon = '\0';
		targets[count] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
		if (inet_pton(AF_INET, word, &targets[count].sin_addr) != 1)
			return 0;
		count++;
	}
	return count;
}

static void run_task(char* line)
{
	static struct sockaddr_in targets[4096];
	char work[16];
	unsigned long long bytes, window_ns, timeout_ns;
	unsigned first_lane;
	int lanes, rest;
	double rate;
	struct slice slice = {.targets = targets};
	int read = sscanf(line, "%15s %d %llu %llu %llu %u %lf %n", work, &lanes, &bytes, &window_ns, &timeout_ns,
	                  &first_lane, &rate, &rest);
	if (read < 7 || !read_lane_work(work, &slice) || lanes < 1 || bytes < HEADER_BYTES || bytes > MAX_BYTES) {
		fprintf(stderr, "no task: %s", line);
		exit(2);
	}
	slice.count = lanes;
	slice.bytes = bytes;
	slice.window_ns = window_ns;
	slice.timeout_ns = timeout_ns;
	slice.rate = rate;
	slice.target_count = read_targets(line + rest, targets, (int)(sizeof targets / sizeof *targets));
	if (slice.target_count == 0) {
		fputs("no target\n", stderr);
		exit(2);
	}
	run_slice(&slice, first_lane);
}

void serve_slices(void)
{
	static char line[LINE_BYTES];
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdin, NULL, _IONBF, 0);
	while (fgets(line, sizeof line, stdin) != NULL)
		/* One that comes when its slice is over stops nothing. */
		if (strncmp(line, "stop", 4) != 0)
			run_task(line);
}
