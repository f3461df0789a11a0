/*
 * Two engines in two threads serve one listening socket, while a third thread reads their counters: what is shared
 * between threads, for ThreadSanitizer.
 */
#include "../test/check.h"

#include "../core/sockets.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 2
#define CLIENTS 200

/*
 * Every worker listens before the first client comes. ThreadSanitizer sees neither that the ring closes a descriptor nor
 * that fcntl() makes one: a listener that took a client's old number would count as a race, though the kernel orders both.
 */
static pthread_barrier_t listening_all;

struct worker {
	pthread_t thread;
	struct world world;
	int listening;
	atomic_bool stop;
};

static bool route(void* context, uint32_t changes, uint32_t asks)
{
	struct world* world = context;
	(void)changes;
	for (uint32_t at = 0; at < asks; at++)
		world->exchange.routes[at] = (struct sl_route){.verdict = SL_FORWARD, .to = world->to};
	return true;
}

static void* work(void* data)
{
	struct worker* worker = data;
	struct world* world = &worker->world;
	world->engine = sl_engine_new(&(struct sl_engine_options){
		.counters = world->counters,
		.exchange = &world->exchange,
		.router = route,
		.context = world,
		.max_udp_flows = 4,
		.together_from = 1,
		.policy = plain_policy,
	});
	CHECK(world->engine != NULL && sl_engine_listen(world->engine, 1, worker->listening, true, 0) == 0);
	pthread_barrier_wait(&listening_all);
	while (!atomic_load(&worker->stop))
		(void)sl_engine_turn(world->engine, 1);
	sl_engine_stop(world->engine);
	sl_engine_free(world->engine);
	return NULL;
}

static double sum(struct worker* workers, enum sl_counter which)
{
	double total = 0;
	for (int at = 0; at < THREADS; at++) {
		double one;
		__atomic_load(&workers[at].world.counters[which], &one, __ATOMIC_RELAXED);
		total += one;
	}
	return total;
}

/** Sends back what it gets on each connection, one after the other. */
static void* echo(void* data)
{
	int listening = *(int*)data;
	for (int at = 0; at < CLIENTS; at++) {
		char got[64];
		struct pollfd ready = {.fd = listening, .events = POLLIN};
		poll(&ready, 1, 10000);
		int fd = accept(listening, NULL, NULL);
		ssize_t n = recv(fd, got, sizeof got, 0);
		CHECK(n > 0 && send(fd, got, (size_t)n, MSG_NOSIGNAL) == n);
		close(fd);
	}
	return NULL;
}

int main(void)
{
	static struct worker workers[THREADS];
	struct sl_addr at = {.family = 4, .ip = {0x7f000001}};
	struct sl_addr to;
	pthread_t echoes;
	int listening = sl_open_listening(&at, true, false, 128);
	int endpoint = listen_here(&to);
	CHECK(listening >= 0);
	CHECK(pthread_barrier_init(&listening_all, NULL, THREADS + 1) == 0);
	pthread_create(&echoes, NULL, echo, &endpoint);
	for (int one = 0; one < THREADS; one++) {
		workers[one].listening = listening;
		workers[one].world.to = to;
		pthread_create(&workers[one].thread, NULL, work, &workers[one]);
	}
	pthread_barrier_wait(&listening_all);
	for (int client = 0; client < CLIENTS; client++) {
		char got[4];
		int fd = connect_to(&at, true);
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		CHECK(send(fd, "ping", 4, 0) == 4);
		poll(&ready, 1, 10000);
		CHECK(recv(fd, got, sizeof got, 0) == 4 && memcmp(got, "ping", 4) == 0);
		close(fd);
		CHECK(sum(workers, SL_ACCEPTED) <= CLIENTS);
	}
	while (sum(workers, SL_ACTIVE) > 0)
		usleep(1000);
	CHECK(sum(workers, SL_ACCEPTED) == CLIENTS && sum(workers, SL_BYTES_TO_CLIENTS) == 4 * CLIENTS);
	for (int one = 0; one < THREADS; one++) {
		atomic_store(&workers[one].stop, true);
		pthread_join(workers[one].thread, NULL);
	}
	pthread_join(echoes, NULL);
	pthread_barrier_destroy(&listening_all);
	close(listening);
	close(endpoint);
	puts("threads: passed");
	return 0;
}
