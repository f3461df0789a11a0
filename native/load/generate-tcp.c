#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 256

struct lane {
	int fd;
	size_t got;        /** of the answer so far */
	uint64_t since_ns; /** when it asked */
};

struct run {
	enum work work;
	struct sockaddr_in to;
	size_t bytes;
	int epoll;
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
	setsockopt(lane->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	if (connect(lane->fd, (struct sockaddr*)&run->to, sizeof run->to) != 0)
		die("connect");
	if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, lane->fd, &event) != 0)
		die("epoll_ctl");
	ask(run, lane);
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
	if (run->work == WORK_ECHO && lane->got == run->bytes) {
		done(run, lane);
		ask(run, lane);
	}
}

struct measured generate_tcp(enum work work, int port, int lanes, size_t bytes, uint64_t length_ns)
{
	struct run run = {.work = work, .to = loopback(port), .bytes = work == WORK_BULK ? 1 : bytes};
	struct lane* all = calloc((size_t)lanes, sizeof *all);
	struct epoll_event events[EVENTS];
	run.epoll = epoll_create1(0);
	memset(question, 7, sizeof question);
	for (int at = 0; at < lanes; at++)
		open_lane(&run, &all[at]);
	uint64_t start = now_ns();
	run.measured = (struct measured){0};
	while (now_ns() - start < length_ns) {
		int count = epoll_wait(run.epoll, events, EVENTS, 100);
		for (int at = 0; at < count; at++)
			on_ready(&run, events[at].data.ptr);
	}
	run.measured.elapsed_ns = now_ns() - start;
	run.measured.p50_ns = latency_at(0.5);
	run.measured.p99_ns = latency_at(0.99);
	free(all);
	return run.measured;
}
