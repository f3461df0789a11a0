#include "lanes.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
/** How often lanes are looked through for one that has waited too long. */
#define SWEEP_NS UINT64_C(20000000)
/** epoll waits in whole milliseconds: the rest of a wait is spent asking for the time. */
#define NS_PER_MS UINT64_C(1000000)

char arrived[CHUNK_BYTES];

/* What is counted */

void count_operations(struct slice* slice, uint64_t operations)
{
	if (window_is_open(slice, now_ns()))
		slice->operations += operations;
}

void count_answer(struct slice* slice, const struct lane* lane)
{
	slice->answers++;
	lane_latency_note((slice->times_connecting ? lane->connected_ns : now_ns()) - lane->due_ns);
}

void count_failure(struct slice* slice, struct lane* lane, enum failure failure)
{
	if (!lane->failed)
		slice->errors[failure]++;
	lane->failed = true;
}

struct sockaddr_in* next_target(struct slice* slice)
{
	return &slice->targets[slice->next_target++ % slice->target_count];
}

void number_request(struct lane* lane)
{
	uint32_t sequence = htonl(lane->sequence++);
	memcpy(lane->request + 12, &sequence, sizeof sequence);
}

void watch_lane(struct slice* slice, struct lane* lane, uint32_t events, bool is_new)
{
	struct epoll_event event = {.events = events, .data.ptr = lane};
	if (!is_new && events == lane->watched)
		return;
	lane->watched = events;
	if (epoll_ctl(slice->epoll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, lane->fd, &event) != 0)
		die("epoll_ctl");
}

void lane_drop(struct slice* slice, struct lane* lane)
{
	withdraw(slice, lane);
	if (lane->fd >= 0)
		close(lane->fd);
	lane->fd = -1;
	lane->waiting_since_ns = 0;
	if (lane->state != LANE_OVER)
		lane->state = LANE_CLOSED;
}

void lane_over(struct slice* slice, struct lane* lane)
{
	lane_drop(slice, lane);
	lane->state = LANE_OVER;
	slice->over++;
}

/* One slice */

static char* make_request(const struct slice* slice, const struct lane* lane)
{
	size_t length = slice->work == WORK_BULK ? HEADER_BYTES : slice->bytes;
	char* request = malloc(length);
	uint32_t words[4] = {htonl((uint32_t)length), htonl(slice->work == WORK_BULK ? 2 : 1), htonl(lane->number), 0};
	for (size_t at = 0; at < length; at++)
		request[at] = "sluice "[at % 7];
	memcpy(request, words, sizeof words);
	return request;
}

/** What has no connection and should have one, gets one. A lane that connects anew each time asks for its turn itself. */
static void open_closed(struct slice* slice)
{
	if (slice->work == WORK_CLOSE)
		return;
	for (int at = 0; at < slice->count; at++) {
		struct lane* lane = &slice->lanes[at];
		if (lane->state != LANE_CLOSED)
			continue;
		if (!sending_is_open(slice))
			lane_over(slice, lane);
		else if (slice->work == WORK_UDP)
			udp_open(slice, lane);
		else
			tcp_open(slice, lane);
	}
}

static bool someone_connects(const struct slice* slice)
{
	for (int at = 0; at < slice->count; at++)
		if (slice->lanes[at].state == LANE_CONNECTING)
			return true;
	return false;
}

static void open_window(struct slice* slice)
{
	slice->opened_ns = now_ns();
	slice->closed_ns = slice->opened_ns + slice->window_ns;
	slice->opened_window = true;
	for (int at = 0; at < slice->count; at++)
		lane_begin(slice, &slice->lanes[at]);
}

static void sweep(struct slice* slice)
{
	uint64_t late = now_ns() - slice->timeout_ns;
	for (int at = 0; at < slice->count; at++) {
		struct lane* lane = &slice->lanes[at];
		if (lane->waiting_since_ns != 0 && lane->waiting_since_ns < late)
			lane_give_up(slice, lane);
	}
}

/** Ends everything at once. */
static void stop(struct slice* slice)
{
	uint64_t now = now_ns();
	slice->stopped = true;
	if (slice->opened_window && slice->closed_ns > now)
		slice->closed_ns = now;
	for (int at = 0; at < slice->count; at++)
		if (slice->lanes[at].state != LANE_OVER)
			lane_over(slice, &slice->lanes[at]);
}

/** Whether a line stands in the input: while a slice runs that can only be `stop`, or its end. */
static bool told_to_stop(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	return poll(&input, 1, 0) > 0;
}

/** Ticks wake the loop now and then: a time-out of epoll_wait() would set and clear a timer at each call. */
static int start_ticks(const struct slice* slice)
{
	struct timespec every = {.tv_nsec = SWEEP_NS};
	struct itimerspec timer = {.it_interval = every, .it_value = every};
	struct epoll_event event = {.events = EPOLLIN};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (fd < 0 || timerfd_settime(fd, 0, &timer, NULL) != 0 || epoll_ctl(slice->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("timerfd");
	return fd;
}

static void lane_ready(struct slice* slice, const struct epoll_event* event)
{
	struct lane* lane = event->data.ptr;
	uint64_t ticked;
	if (lane == NULL)
		(void)!read(slice->ticks, &ticked, sizeof ticked);
	/* Else it was dropped by one before it. */
	else if (lane->fd >= 0 && slice->work == WORK_UDP)
		udp_ready(slice, lane);
	else if (lane->fd >= 0)
		tcp_ready(slice, lane, event->events);
}

/** @return the nanoseconds in which there was something to do. */
static uint64_t run(struct slice* slice)
{
	struct epoll_event events[EVENTS];
	uint64_t idle = 0;
	uint64_t start = now_ns();
	uint64_t swept = start;
	for (int at = 0; at < slice->count && slice->work != WORK_CLOSE; at++)
		(slice->work == WORK_UDP ? udp_open : tcp_open)(slice, &slice->lanes[at]);
	while (slice->over < slice->count) {
		if (!slice->opened_window && !someone_connects(slice))
			open_window(slice);
		else if (slice->opened_window)
			open_closed(slice);
		uint64_t wait = hand_out_turns(slice);
		if (slice->over == slice->count)
			break;
		uint64_t before = now_ns();
		int count = epoll_wait(slice->epoll, events, EVENTS, wait == UINT64_MAX ? -1 : (int)(wait / NS_PER_MS));
		uint64_t after = now_ns();
		idle += after - before;
		for (int at = 0; at < count; at++)
			lane_ready(slice, &events[at]);
		if (after - swept < SWEEP_NS)
			continue;
		swept = after;
		sweep(slice);
		if (told_to_stop())
			stop(slice);
	}
	return now_ns() - start - idle;
}

static void print_sample(const struct slice* slice, uint64_t busy_ns, uint64_t elapsed_ns)
{
	uint64_t open_ns = slice->opened_window ? slice->closed_ns - slice->opened_ns : 0;
	const uint64_t* errors = slice->errors;
	printf("{\"operations\":%llu,\"answers\":%llu,\"opened\":%llu,\"bytes\":%llu,\"sentLate\":%llu,\"windowNs\":%llu,",
	       (unsigned long long)slice->operations, (unsigned long long)slice->answers,
	       (unsigned long long)slice->opened, (unsigned long long)slice->received,
	       (unsigned long long)slice->sent_late, (unsigned long long)open_ns);
	printf("\"errors\":{\"refused\":%llu,\"dropped\":%llu,\"timedOut\":%llu,\"wrong\":%llu},\"busyNs\":%llu,\"elapsedNs\":%llu,\"latencies\":",
	       (unsigned long long)errors[REFUSED], (unsigned long long)errors[DROPPED],
	       (unsigned long long)errors[TIMED_OUT], (unsigned long long)errors[WRONG], (unsigned long long)busy_ns,
	       (unsigned long long)elapsed_ns);
	lane_latencies_print();
	puts("}");
	fflush(stdout);
}

static uint64_t round_up(double value)
{
	uint64_t whole = (uint64_t)value;
	return (double)whole < value ? whole + 1 : whole;
}

void run_slice(struct slice* slice, uint32_t first_lane)
{
	slice->lanes = calloc((size_t)slice->count, sizeof *slice->lanes);
	slice->epoll = epoll_create1(EPOLL_CLOEXEC);
	slice->due_total = round_up(slice->rate * (double)slice->window_ns / 1e9);
	for (int at = 0; at < slice->count; at++) {
		struct lane* lane = &slice->lanes[at];
		lane->fd = -1;
		lane->number = first_lane + (uint32_t)at;
		lane->request = make_request(slice, lane);
	}
	slice->ticks = start_ticks(slice);
	lane_latencies_clear();
	uint64_t start = now_ns();
	uint64_t busy = run(slice);
	print_sample(slice, busy, now_ns() - start);
	close(slice->ticks);
	close(slice->epoll);
	for (int at = 0; at < slice->count; at++)
		free(slice->lanes[at].request);
	free(slice->lanes);
}
