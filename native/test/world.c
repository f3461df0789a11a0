#include "check.h"

#include "../core/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

const struct sl_policy plain_policy = {
	.tries = 1,
	.failure_resets = 1,
	.datagram_bytes = 65535,
	.udp_idle_ms = 1000,
	.udp_stream_ms = 2000,
};

uint32_t world_together_from;

static bool route(void* context, uint32_t changes, uint32_t asks)
{
	struct world* world = context;
	for (uint32_t at = 0; at < changes; at++)
		world->became[world->exchange.changes[at].became]++;
	for (uint32_t at = 0; at < asks; at++) {
		world->last_client = world->exchange.asks[at].client;
		bool again = world->exchange.asks[at].attempt > 0 && world->retry_to.family != 0;
		world->exchange.routes[at] =
			(struct sl_route){.verdict = world->verdict, .to = again ? world->retry_to : world->to};
		world->asked++;
	}
	return true;
}

void world_open(struct world* world, struct sl_policy policy, bool tcp)
{
	memset(world, 0, sizeof *world);
	world->clock_ms = 1000;
	world->engine = sl_engine_new(&(struct sl_engine_options){
		.counters = world->counters,
		.clock_ms = &world->clock_ms,
		.exchange = &world->exchange,
		.router = route,
		.context = world,
		.max_udp_flows = 4,
		.together_from = world_together_from,
		.policy = policy,
	});
	CHECK(world->engine != NULL);
	world->at = (struct sl_addr){.family = 4, .ip = {0x7f000001}};
	world->listening = sl_open_listening(&world->at, tcp, false, 128);
	CHECK(world->listening >= 0);
	CHECK(sl_engine_listen(world->engine, 7, world->listening, tcp, 0) == 0);
}

void world_close(struct world* world)
{
	sl_engine_stop(world->engine);
	sl_engine_free(world->engine);
	close(world->listening);
}

void turn_once(struct world* world)
{
	if (!sl_engine_turn(world->engine, 0))
		usleep(100);
}

int listen_here(struct sl_addr* at)
{
	*at = (struct sl_addr){.family = 4, .ip = {0x7f000001}};
	int fd = sl_open_listening(at, true, false, 128);
	CHECK(fd >= 0);
	return fd;
}

int bind_here(struct sl_addr* at)
{
	*at = (struct sl_addr){.family = 4, .ip = {0x7f000001}};
	int fd = sl_open_listening(at, false, false, 1);
	CHECK(fd >= 0);
	return fd;
}

int connect_to(const struct sl_addr* to, bool tcp)
{
	bool connected;
	int fd = tcp ? sl_open_connecting(to, 0, &connected) : sl_open_flow(to);
	CHECK(fd >= 0);
	return fd;
}

int take(int fd, char* data, size_t length)
{
	ssize_t got = recv(fd, data, length, MSG_DONTWAIT);
	return got < 0 ? -errno : (int)got;
}

int open_descriptors(void)
{
	int count = 0;
	DIR* folder = opendir("/proc/self/fd");
	CHECK(folder != NULL);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}
