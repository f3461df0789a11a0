/*
 * check.h - what the tests of the core share: a check that ends the program, and an engine whose router they hold.
 */
#ifndef SL_CHECK_H
#define SL_CHECK_H

#include "../core/sluice.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1); \
		} \
	} while (0)

/** An engine that forwards everything to `to`, on a clock that the test moves. */
struct world {
	struct sl_engine* engine;
	struct sl_exchange exchange;
	double counters[SL_COUNTER_COUNT];
	double clock_ms;
	struct sl_addr to;
	struct sl_addr retry_to;   /** of further tries; family 0: `to` as well */
	uint32_t verdict;
	uint32_t asked;
	struct sl_addr last_client;
	uint32_t became[4];     /** how often each was told */
	struct sl_addr at;      /** of its listener */
	int listening;          /** the test's own descriptor */
};

/** For the worlds that are opened from here on: how many calls go together at least; 0: none do. */
extern uint32_t world_together_from;

extern const struct sl_policy plain_policy;

/** Opens an engine with one listener. */
void world_open(struct world* world, struct sl_policy policy, bool tcp);
void world_close(struct world* world);

/** Runs turns until a condition holds; fails when it does not after ten seconds. */
#define UNTIL(world, condition) \
	do { \
		for (int spin_ = 0; !(condition); spin_++) { \
			CHECK(spin_ < 100000); \
			turn_once(world); \
		} \
	} while (0)
void turn_once(struct world* world);

/** Sockets of the test, non-blocking, on loopback. */
int listen_here(struct sl_addr* at);
int bind_here(struct sl_addr* at);
int connect_to(const struct sl_addr* to, bool tcp);
/** Blocks shortly. @return bytes, 0 at the end, -errno; -EAGAIN when there is nothing. */
int take(int fd, char* data, size_t length);

int open_descriptors(void);

void test_wheel(void);
void test_proxy_header(void);
void test_tcp(void);
void test_many(void);
void test_tcp_limits(void);
void test_fairness(void);
void test_udp(void);
void test_udp_joined(void);
/** Small paths and link-local clients, in a network namespace. @return false where the host gives none. */
bool test_in_namespace(void);
/** Part of those in a namespace: a path that turns out to be smaller is no death of the endpoint. */
void test_smaller_path(void);
void test_memory(void);
void test_ring(void);
void test_wait(void);

#endif /* SL_CHECK_H */
