#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 256
/** For the last answers of an open loop. */
#define LONGEST_WAIT_NS UINT64_C(2000000000)

struct lane {
	int fd;
	size_t got;        /** of the answer so far */
	uint64_t since_ns; /** when it asked */
};

struct run {
	enum work work;
	struct sockaddr_in to;
	size_t bytes;          /** of a question */
	size_t answer_bytes;
	int epoll;
	uint64_t start_ns;
	uint64_t rate;         /** questions a second; 0: each lane asks again at once */
	uint64_t asked;
	struct lane** free;    /** lanes that wait for the next question to be due */
	int free_count;
	struct measured measured;
};

static char question[MAX_BYTES];
static char answer[MAX_BYTES];

static void ask(struct run* run, struct lane* lane)
{
	lane->got = 0;
	if (run->work != WORK_CLOSE)
		lane->since_ns = now_ns();
	if (send(lane->fd, question, run->bytes, MSG_NOSIGNAL) < 0)
		run->measured.errors++;
}

static void open_lane(struct run* run, struct lane* lane)
{
	int yes = 1;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = lane};
	lane->since_ns = now_ns();
	/* Blocking until it is connected: over loopback that is at once. */
	lane->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (lane->fd < 0)
		die("socket");
	/* One write waits for nothing. */
	if (run->work != WORK_CLOSE)
		setsockopt(lane->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	if (connect(lane->fd, (struct sockaddr*)&run->to, sizeof run->to) != 0)
		die("connect");
	if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, lane->fd, &event) != 0)
		die("epoll_ctl");
	if (run->rate == 0)
		ask(run, lane);
	else
		/* All at once would be a burst that nobody asked for, and the slowest of all answers. */
		run->free[run->free_count++] = lane;
}

static void done(struct run* run, struct lane* lane)
{
	run->measured.operations++;
	latency_note(now_ns() - lane->since_ns);
}

static void ended(struct run* run, struct lane* lane)
{
	if (run->work != WORK_CLOSE || lane->got != run->bytes)
		run->measured.errors++;
	else
		done(run, lane);
	close(lane->fd);
	open_lane(run, lane);
}

static void on_ready(struct run* run, struct lane* lane)
{
	ssize_t got = recv(lane->fd, answer, sizeof answer, MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		ended(run, lane);
		return;
	}
	run->measured.bytes += (uint64_t)got;
	lane->got += (size_t)got;
	if ((run->work == WORK_ECHO || run->work == WORK_HTTP) && lane->got == run->answer_bytes) {
		done(run, lane);
		if (run->rate == 0)
			ask(run, lane);
		else
			run->free[run->free_count++] = lane;
	}
}

static uint64_t due_ns(const struct run* run)
{
	return run->start_ns + run->asked * UINT64_C(1000000000) / run->rate;
}

/**
 * Asks what is due until the end, as far as lanes are free: a question that had to wait for one is late from when it was
 * due.
 */
static void ask_due(struct run* run, uint64_t end_ns)
{
	while (run->free_count > 0 && due_ns(run) < end_ns && due_ns(run) <= now_ns()) {
		struct lane* lane = run->free[--run->free_count];
		ask(run, lane);
		lane->since_ns = due_ns(run);
		run->asked++;
	}
}

/** @return how many events there are, at the latest when the next question is due. */
static int wait_for(struct run* run, struct epoll_event* events)
{
	if (run->rate == 0 || run->free_count == 0)
		return epoll_wait(run->epoll, events, EVENTS, 100);
	uint64_t now = now_ns();
	uint64_t due = due_ns(run);
	struct timespec left = {.tv_nsec = due > now ? (long)((due - now) % 1000000000u) : 0};
	return epoll_pwait2(run->epoll, events, EVENTS, &left, NULL);
}

/** Of an open loop: what was due is waited for, or the slowest answers would not count. */
static bool answers_are_due(const struct run* run, int lanes, uint64_t end_ns)
{
	if (run->rate == 0 || now_ns() > end_ns + LONGEST_WAIT_NS)
		return false;
	return run->free_count < lanes || due_ns(run) < end_ns;
}

struct measured generate_tcp(enum work work, int port, int lanes, size_t bytes, uint64_t length_ns, uint64_t rate)
{
	struct run run = {.work = work, .to = loopback(port), .bytes = work == WORK_BULK ? 1 : bytes, .rate = rate};
	struct lane* all = calloc((size_t)lanes, sizeof *all);
	struct epoll_event events[EVENTS];
	run.answer_bytes = run.bytes;
	if (work == WORK_HTTP) {
		run.bytes = sizeof HTTP_QUESTION - 1;
		run.answer_bytes = sizeof HTTP_ANSWER - 1;
	}
	run.epoll = epoll_create1(0);
	run.free = calloc((size_t)lanes, sizeof *run.free);
	memset(question, 7, sizeof question);
	if (work == WORK_HTTP)
		memcpy(question, HTTP_QUESTION, run.bytes);
	for (int at = 0; at < lanes; at++)
		open_lane(&run, &all[at]);
	run.start_ns = now_ns();
	run.measured = (struct measured){0};
	uint64_t end_ns = run.start_ns + length_ns;
	while (now_ns() < end_ns || answers_are_due(&run, lanes, end_ns)) {
		if (rate > 0)
			ask_due(&run, end_ns);
		int count = wait_for(&run, events);
		for (int at = 0; at < count; at++)
			on_ready(&run, events[at].data.ptr);
	}
	run.measured.elapsed_ns = rate > 0 ? length_ns : now_ns() - run.start_ns;
	if (rate > 0)
		run.measured.errors += (uint64_t)(lanes - run.free_count);
	run.measured.p50_ns = latency_at(0.5);
	run.measured.p99_ns = latency_at(0.99);
	free(all);
	free(run.free);
	return run.measured;
}
