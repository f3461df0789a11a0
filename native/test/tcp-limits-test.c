#include "check.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 30

/** Lets time pass, in steps of 50 ms. */
static void pass(struct world* world, int steps)
{
	while (steps-- > 0) {
		world->clock_ms += 50;
		turn_once(world);
		turn_once(world);
	}
}

/**
 * Out of descriptors: accepting pauses, is counted, does not spin, and goes on when some are given back; those that
 * were accepted and have none to dial with are given up in the end.
 */
static void test_descriptors(void)
{
	struct world world;
	struct sl_addr to;
	struct rlimit before;
	int clients[CLIENTS];
	world_open(&world, plain_policy, true);
	int endpoint = listen_here(&to);
	world.to = to;
	for (int at = 0; at < CLIENTS; at++)
		clients[at] = connect_to(&world.at, true);
	getrlimit(RLIMIT_NOFILE, &before);
	int next = dup(0);
	close(next);
	/* Room for eleven: five connections and one without an endpoint, or fewer. */
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = (rlim_t)next + 11, .rlim_max = before.rlim_max});
	UNTIL(&world, world.counters[SL_ACCEPT_FAILURES] >= 1);
	uint32_t open = sl_engine_connections(world.engine);
	CHECK(open >= 5 && open <= 11);
	CHECK(!sl_engine_turn(world.engine));
	CHECK(sl_engine_wait_ms(world.engine) > 0);

	/* What is accepted and starves ends after a second at the latest, and makes room for others. */
	pass(&world, 60);
	CHECK(world.counters[SL_REFUSED] + world.counters[SL_ACTIVE] >= open);

	setrlimit(RLIMIT_NOFILE, &before);
	pass(&world, 60);
	CHECK(world.counters[SL_ACCEPTED] == CLIENTS);
	for (int at = 0; at < CLIENTS; at++)
		close(clients[at]);
	int accepted;
	while ((accepted = accept(endpoint, NULL, NULL)) >= 0)
		close(accepted);
	close(endpoint);
	pass(&world, 60);
	CHECK(sl_engine_connections(world.engine) == 0);
	world_close(&world);
}

/** An endpoint that refuses is asked about again, as often as the policy says. */
static void test_tries(void)
{
	struct sl_policy policy = plain_policy;
	struct world world;
	char byte;
	int end;
	policy.tries = 3;
	policy.failure_resets = 0;
	world_open(&world, policy, true);
	world.to = (struct sl_addr){.family = 4, .port = 1, .ip = {0x7f000001}};
	int client = connect_to(&world.at, true);
	UNTIL(&world, (end = take(client, &byte, 1)) != -EAGAIN);
	CHECK(end == 0 && world.asked == 3 && world.counters[SL_REFUSED] == 3 && world.became[SL_RESET] == 1);
	close(client);
	world_close(&world);
}

void test_tcp_limits(void)
{
	test_descriptors();
	test_tries();
}
