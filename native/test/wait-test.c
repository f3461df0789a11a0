#include "check.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/** A wait that is not ended would take so long. */
#define LONG_MS 20000
/** A wait takes up to so much more on a busy host. */
#define LATE_MS 10000

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double turn_takes_ms(struct world* world, int64_t limit_ms)
{
	double before = now_ms();
	(void)sl_engine_turn(world->engine, limit_ms);
	return now_ms() - before;
}

static void test_limit(struct world* world)
{
	double end_ms = now_ms() + 30;
	int turns = 0;
	/* A ring that is being taken down interrupts a wait now and then. */
	for (; now_ms() < end_ms; turns++)
		CHECK(turn_takes_ms(world, 30) < LATE_MS);
	CHECK(turns < 10);
	CHECK(turn_takes_ms(world, 0) < LATE_MS);
	CHECK(!sl_engine_host_is_called(world->engine));
}

/** Level-triggered, as it is the host who reads. */
static void test_host(struct world* world)
{
	uint64_t one = 1;
	int host = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(host >= 0 && sl_engine_watch_host(world->engine, host) == 0);
	CHECK(write(host, &one, sizeof one) == sizeof one);
	for (int again = 0; again < 2; again++) {
		do {
			CHECK(turn_takes_ms(world, LONG_MS) < LATE_MS);
		} while (!sl_engine_host_is_called(world->engine));
		/* What the host has to do is not the engine's. */
		CHECK(sl_engine_turn(world->engine, 0) == 0);
	}
	CHECK(read(host, &one, sizeof one) == sizeof one);
	test_limit(world);
	close(host);
}

static void test_client_ends_it(struct world* world)
{
	int client = connect_to(&world->at, true);
	uint32_t asked = world->asked;
	while (world->asked == asked)
		CHECK(turn_takes_ms(world, LONG_MS) < LATE_MS);
	close(client);
}

/** A flow that nobody uses is ended when its time has come, though nothing else happens. */
static void test_timer_ends_it(void)
{
	struct world world;
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	CHECK(send(client, "x", 1, 0) == 1);
	UNTIL(&world, world.counters[SL_UDP_ACTIVE] == 1);
	world.clock_ms += 960;
	CHECK(turn_takes_ms(&world, LONG_MS) < LATE_MS);
	world.clock_ms += 40;
	UNTIL(&world, world.counters[SL_UDP_ACTIVE] == 0);
	close(client);
	close(endpoint);
	world_close(&world);
}

/** Waiting for events ends when there is something to do, for the engine or for whoever embeds it, and not before. */
void test_wait(void)
{
	struct world world;
	world_open(&world, plain_policy, true);
	int endpoint = listen_here(&world.to);
	test_limit(&world);
	test_host(&world);
	test_client_ends_it(&world);
	world_close(&world);
	close(endpoint);
	test_timer_ends_it();
}
