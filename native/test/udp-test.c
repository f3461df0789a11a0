#include "check.h"

#include "../core/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 40

static void expect(struct world* world, int fd, const char* text)
{
	char got[64];
	int length;
	UNTIL(world, (length = take(fd, got, sizeof got)) != -EAGAIN);
	CHECK(length == (int)strlen(text) && memcmp(got, text, strlen(text)) == 0);
}

/** Answers the sender of the next datagram. */
static void answer(struct world* world, int endpoint, const char* expected)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	char got[2048];
	ssize_t n;
	UNTIL(world, (n = recvfrom(endpoint, got, sizeof got, 0, (struct sockaddr*)&from, &length)) >= 0);
	CHECK((size_t)n == strlen(expected) && memcmp(got, expected, (size_t)n) == 0);
	CHECK(sendto(endpoint, got, (size_t)n, 0, (struct sockaddr*)&from, length) == n);
}

static void test_round_trip_and_idle(void)
{
	struct world world;
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	for (int time = 0; time < 2; time++) {
		CHECK(send(client, "question", 8, 0) == 8);
		answer(&world, endpoint, "question");
		expect(&world, client, "question");
	}
	CHECK(world.asked == 1 && world.counters[SL_UDP_ACTIVE] == 1);
	/* It was used again after an answer: the longer time-out holds. */
	world.clock_ms += 1999;
	sl_engine_turn(world.engine, 0);
	CHECK(world.counters[SL_UDP_ACTIVE] == 1);
	world.clock_ms += 1;
	UNTIL(&world, world.counters[SL_UDP_ACTIVE] == 0);
	CHECK(world.became[SL_EXPIRED] == 1);
	close(client);
	close(endpoint);
	world_close(&world);
}

/** What an endpoint sends to a flow that has ended is no event, though a process that is being started has its socket. */
static void test_closed_in_one_process(void)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	struct world world;
	char byte;
	int ends[2];
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	CHECK(send(client, "x", 1, 0) == 1 && pipe(ends) == 0);
	UNTIL(&world, recvfrom(endpoint, &byte, 1, 0, (struct sockaddr*)&from, &length) == 1);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		_exit(0);
	}
	sl_engine_expire(world.engine, 0);
	UNTIL(&world, world.became[SL_EXPIRED] == 1);
	CHECK(sendto(endpoint, "y", 1, 0, (struct sockaddr*)&from, length) == 1);
	for (int turns = 0; turns < 3; turns++)
		CHECK(sl_engine_turn(world.engine, 0) == 0);
	close(ends[0]);
	close(ends[1]);
	CHECK(waitpid(child, NULL, 0) == child);
	close(client);
	close(endpoint);
	world_close(&world);
}

/** Many of one size, which go through the stack as one, and an odd one. */
static void test_bursts(void)
{
	struct world world;
	char text[32];
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	CHECK(send(client, "first", 5, 0) == 5);
	answer(&world, endpoint, "first");
	for (int at = 0; at < MANY; at++) {
		int length = snprintf(text, sizeof text, at == 20 ? "odd one %d" : "%02d", at);
		CHECK(send(client, text, (size_t)length, 0) == length);
	}
	for (int at = 0; at < MANY; at++) {
		snprintf(text, sizeof text, at == 20 ? "odd one %d" : "%02d", at);
		answer(&world, endpoint, text);
	}
	expect(&world, client, "first");
	for (int at = 0; at < MANY; at++) {
		snprintf(text, sizeof text, at == 20 ? "odd one %d" : "%02d", at);
		expect(&world, client, text);
	}
	CHECK(world.counters[SL_DATAGRAMS_TO_ENDPOINTS] == MANY + 1);
	CHECK(world.counters[SL_DATAGRAMS_TO_CLIENTS] == MANY + 1);
	close(client);
	close(endpoint);
	world_close(&world);
}

static void test_full_table_and_dead_endpoint(void)
{
	struct world world;
	int clients[6];
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	for (int at = 0; at < 6; at++) {
		clients[at] = connect_to(&world.at, false);
		CHECK(send(clients[at], "x", 1, 0) == 1);
		answer(&world, endpoint, "x");
		expect(&world, clients[at], "x");
	}
	CHECK(world.counters[SL_UDP_ACTIVE] == 4 && world.counters[SL_UDP_EVICTED] == 2);
	close(endpoint);
	CHECK(send(clients[5], "lost", 4, 0) == 4);
	UNTIL(&world, world.counters[SL_REFUSED] == 1);
	CHECK(world.counters[SL_UDP_ACTIVE] == 3);
	for (int at = 0; at < 6; at++)
		close(clients[at]);
	world_close(&world);
	CHECK(world.became[SL_EXPIRED] == 6);
}

/** A datagram whose flow goes before it has a route, or whose endpoint is dead, is counted. */
static void test_lost_are_counted(void)
{
	struct world world;
	int clients[6];
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	sl_engine_hold(world.engine, true);
	for (int at = 0; at < 6; at++) {
		clients[at] = connect_to(&world.at, false);
		CHECK(send(clients[at], "x", 1, 0) == 1);
	}
	UNTIL(&world, world.counters[SL_UDP_EVICTED] == 2);
	CHECK(world.counters[SL_DATAGRAMS_LOST] == 2);
	sl_engine_hold(world.engine, false);
	for (int at = 2; at < 6; at++) {
		answer(&world, endpoint, "x");
		expect(&world, clients[at], "x");
	}
	close(endpoint);
	/* The first of three that come together meets nobody, and tells so with the second. */
	sl_engine_hold(world.engine, true);
	for (int at = 0; at < 3; at++)
		CHECK(send(clients[5], "x", 1, 0) == 1);
	UNTIL(&world, world.counters[SL_REFUSED] == 1);
	CHECK(world.counters[SL_DATAGRAMS_TO_ENDPOINTS] + world.counters[SL_DATAGRAMS_LOST] == 9);
	for (int at = 0; at < 6; at++)
		close(clients[at]);
	world_close(&world);
}

/** Answers come from the address that the client used, also where the listener has all of them. */
static void test_any_address(void)
{
	struct world world;
	struct sl_addr any = {.family = 4};
	world_open(&world, plain_policy, false);
	int listening = sl_open_listening(&any, false, false, 1);
	CHECK(listening >= 0 && sl_engine_listen(world.engine, 8, listening, false, 0) == 0);
	int endpoint = bind_here(&world.to);
	for (uint32_t host = 2; host <= 3; host++) {
		struct sl_addr used = {.family = 4, .port = any.port, .ip = {0x7f000000 + host}};
		/* Connected: an answer from elsewhere would not be received. */
		int client = connect_to(&used, false);
		CHECK(send(client, "hello", 5, 0) == 5);
		answer(&world, endpoint, "hello");
		expect(&world, client, "hello");
		close(client);
	}
	CHECK(world.asked == 2);
	close(endpoint);
	world_close(&world);
	close(listening);
}

/** Several clients at once, with two answers to each question: each gets its own, in order. */
static void test_several(void)
{
	enum { CLIENTS = 4, TIMES = 20 };
	struct world world;
	int clients[CLIENTS];
	char text[32];
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	for (int at = 0; at < CLIENTS; at++)
		clients[at] = connect_to(&world.at, false);
	for (int time = 0; time < TIMES; time++) {
		for (int at = 0; at < CLIENTS; at++) {
			int length = snprintf(text, sizeof text, "%d of %d", time, at);
			CHECK(send(clients[at], text, (size_t)length, 0) == length);
		}
		for (int answered = 0; answered < CLIENTS; answered++) {
			struct sockaddr_storage from;
			socklen_t length = sizeof from;
			ssize_t n;
			UNTIL(&world, (n = recvfrom(endpoint, text, sizeof text, 0, (struct sockaddr*)&from, &length)) >= 0);
			for (int twice = 0; twice < 2; twice++)
				CHECK(sendto(endpoint, text, (size_t)n, 0, (struct sockaddr*)&from, length) == n);
		}
		for (int at = 0; at < 2 * CLIENTS; at++) {
			snprintf(text, sizeof text, "%d of %d", time, at / 2);
			expect(&world, clients[at / 2], text);
		}
	}
	CHECK(world.asked == CLIENTS && world.counters[SL_DATAGRAMS_LOST] == 0);
	CHECK(world.counters[SL_DATAGRAMS_TO_CLIENTS] == 2 * CLIENTS * TIMES);
	for (int at = 0; at < CLIENTS; at++)
		close(clients[at]);
	close(endpoint);
	world_close(&world);
}

void test_udp(void)
{
	test_round_trip_and_idle();
	test_closed_in_one_process();
	test_bursts();
	test_full_table_and_dead_endpoint();
	test_lost_are_counted();
	test_any_address();
	test_several();
}
