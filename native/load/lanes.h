/*
 * lanes.h - the load generator of `sluice bench`: slices of load, one after the other, in one process.
 *
 *   lanes    reads a task a line from standard input, prints a sample a line; ends with its input
 *
 * A task is WORK LANES BYTES WINDOW_NS TIMEOUT_NS FIRST_LANE RATE TARGET...: WORK is close, connect (as close, timed only
 * until the connection stands), echo, bulk, udp or first (as udp, with a flow for each datagram); RATE is how many requests
 * are due a second, 0 in a closed loop; a TARGET is ADDRESS:PORT, IPv4. The line `stop` ends the slice
 * that runs. A sample is one line of JSON. What is counted, and when, is what src/measure/load says: both do the same.
 *
 * A lane is one client: it has at most one connection or flow open, and one request under way. Everything here belongs to
 * one thread; memory is allocated when a slice begins and given back when it ends.
 */
#ifndef SL_LANES_H
#define SL_LANES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load.h"

#define HEADER_BYTES 16u
#define STREAM_BLOCK_BYTES 65536u
/** What arrives at once, at most. */
#define CHUNK_BYTES ((size_t)256 * 1024)

enum failure { REFUSED, DROPPED, TIMED_OUT, WRONG, FAILURES };

enum lane_state {
	LANE_CLOSED,     /** has no socket, and will get one when it is its turn */
	LANE_CONNECTING,
	LANE_RESTING,    /** connected, with nothing under way */
	LANE_ASKING,     /** a request is under way */
	LANE_ENDING,     /** our half is closed; the other one is waited for */
	LANE_OVER
};

struct lane {
	int fd;
	enum lane_state state;
	uint32_t watched;          /** what epoll tells of its socket */
	uint32_t number;
	uint32_t sequence;
	size_t sent;               /** of the request */
	size_t got;                /** of the answer; of a stream, the place in its block */
	uint64_t due_ns;           /** when the request was due */
	uint64_t connected_ns;     /** when its connection stood */
	uint64_t waiting_since_ns; /** for the other side; 0: it waits for nothing */
	uint64_t turn_since_ns;    /** since when it waits for its turn; 0: it does not */
	struct lane* next_waiting; /** in the queue for a turn */
	unsigned flows;            /** of UDP: how many it has opened */
	unsigned sent_on_flow;
	bool begun;                /** a stream has begun */
	bool failed;               /** its connection counts no more errors */
	uint64_t drained;          /** of a stream: bytes after we ended it */
	char* request;
};

struct slice {
	enum work work;
	bool times_connecting;     /** a latency ends when the connection stands, not with the answer */
	unsigned requests_per_flow; /** of UDP */
	struct lane* lanes;
	int count;
	int over;                  /** lanes that are */
	size_t bytes;
	uint64_t window_ns;
	uint64_t timeout_ns;
	double rate;               /** due a second; 0: a closed loop */
	struct sockaddr_in* targets;
	int target_count;
	int next_target;
	int epoll;
	int ticks;                 /** a timer that runs out every SWEEP_NS */
	bool opened_window;
	bool stopped;
	uint64_t opened_ns;
	uint64_t closed_ns;        /** when the window was or will be over */
	uint64_t due_count;        /** requests of an open loop so far */
	uint64_t due_total;
	struct lane* first_waiting;
	struct lane* last_waiting;

	uint64_t operations;
	uint64_t answers;
	uint64_t opened;
	uint64_t received;
	uint64_t sent_late;
	uint64_t errors[FAILURES];
};

/* lanes-tasks.c: what slices are asked for, a line each */

/** Runs until its input ends. */
void serve_slices(void);

/* lanes.c: one slice */

/** Runs it, and prints what was counted. @param first_lane the number of its first lane. */
void run_slice(struct slice* slice, uint32_t first_lane);

/* lanes-turns.c: who may send when */

bool window_is_open(const struct slice* slice, uint64_t at_ns);
/** Whether requests may still be sent. */
bool sending_is_open(const struct slice* slice);
/** Now, later, or never: calls lane_go() or lane_turn_over(). */
void take_turn(struct slice* slice, struct lane* lane);
void withdraw(struct slice* slice, struct lane* lane);
/** Hands out turns that have come due. @return nanoseconds to the next one; UINT64_MAX: nobody waits. */
uint64_t hand_out_turns(struct slice* slice);

/* lanes-tcp.c, lanes-udp.c: what lanes do */

void tcp_open(struct slice* slice, struct lane* lane);
void tcp_ready(struct slice* slice, struct lane* lane, uint32_t events);
void udp_open(struct slice* slice, struct lane* lane);
void udp_ready(struct slice* slice, struct lane* lane);

/** The window is open. */
void lane_begin(struct slice* slice, struct lane* lane);
/** It has its turn. */
void lane_go(struct slice* slice, struct lane* lane, uint64_t due_ns);
/** There are no turns any more. */
void lane_turn_over(struct slice* slice, struct lane* lane);
/** What it waits for took too long. */
void lane_give_up(struct slice* slice, struct lane* lane);
void lane_over(struct slice* slice, struct lane* lane);
/** Closes its socket, without a word. */
void lane_drop(struct slice* slice, struct lane* lane);

/* lanes.c: what is counted */

void count_operations(struct slice* slice, uint64_t operations);
void count_answer(struct slice* slice, const struct lane* lane);
void count_failure(struct slice* slice, struct lane* lane, enum failure failure);
struct sockaddr_in* next_target(struct slice* slice);
/** Numbers the next request of a lane. */
void number_request(struct lane* lane);
void watch_lane(struct slice* slice, struct lane* lane, uint32_t events, bool is_new);
/** Where what arrives is put; CHUNK_BYTES. */
extern char arrived[];

/* lane-latencies.c: a histogram with steps of a thousandth at most */

void lane_latencies_clear(void);
void lane_latency_note(uint64_t ns);
/** Prints [[ns, count], ...] of those that are not empty. */
void lane_latencies_print(void);

#endif /* SL_LANES_H */
