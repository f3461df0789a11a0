#include "check.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET_SPINS 200

/* The linker leads calls of the core and of these tests here (--wrap). */
void* __real_malloc(size_t bytes);
void* __real_calloc(size_t count, size_t bytes);
void* __real_realloc(void* data, size_t bytes);
int __real_epoll_ctl(int epoll, int how, int fd, struct epoll_event* event);
void* __wrap_malloc(size_t bytes);
void* __wrap_calloc(size_t count, size_t bytes);
void* __wrap_realloc(void* data, size_t bytes);
int __wrap_epoll_ctl(int epoll, int how, int fd, struct epoll_event* event);

int __real_recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* wait);
int __wrap_recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* wait);

/** While it is set no datagram can be received. */
static bool receives_nothing;

/** Counts down to the allocation that fails; 0: none does. */
static int allocations_left;
static int watches_left;

static bool fails(int* left)
{
	if (*left == 0 || --*left > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void* __wrap_malloc(size_t bytes)
{
	return fails(&allocations_left) ? NULL : __real_malloc(bytes);
}

void* __wrap_calloc(size_t count, size_t bytes)
{
	return fails(&allocations_left) ? NULL : __real_calloc(count, bytes);
}

void* __wrap_realloc(void* data, size_t bytes)
{
	return fails(&allocations_left) ? NULL : __real_realloc(data, bytes);
}

int __wrap_epoll_ctl(int epoll, int how, int fd, struct epoll_event* event)
{
	return fails(&watches_left) ? -1 : __real_epoll_ctl(epoll, how, fd, event);
}

int __wrap_recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* wait)
{
	if (!receives_nothing)
		return __real_recvmmsg(fd, messages, count, flags, wait);
	errno = ENOMEM;
	return -1;
}

static struct sl_engine* new_engine(double* counters, struct sl_exchange* exchange)
{
	return sl_engine_new(&(struct sl_engine_options){
		.counters = counters,
		.exchange = exchange,
		.max_udp_flows = 4,
		.together_from = world_together_from,
		.policy = plain_policy,
	});
}

/** An engine for which there is not all of its memory is none; but for the ring, without which it is one all the same. */
static void test_new(void)
{
	static struct sl_exchange exchange;
	double counters[SL_COUNTER_COUNT] = {0};
	int before = open_descriptors();
	int refused = 0;
	for (int nth = 1;; nth++) {
		allocations_left = nth;
		struct sl_engine* engine = new_engine(counters, &exchange);
		bool all = allocations_left > 0;
		int failure = errno;
		allocations_left = 0;
		if (engine != NULL)
			sl_engine_free(engine);
		else
			CHECK(failure == ENOMEM && ++refused > 0);
		CHECK(open_descriptors() == before);
		if (all)
			break;
	}
	CHECK(refused == 7);
}

/** Without a descriptor there is no engine; with one there is, though the ring would take another. */
static void test_no_descriptors(void)
{
	static struct sl_exchange exchange;
	double counters[SL_COUNTER_COUNT] = {0};
	struct rlimit before;
	getrlimit(RLIMIT_NOFILE, &before);
	int next = dup(0);
	close(next);
	for (rlim_t room = 0; room < 2; room++) {
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = (rlim_t)next + room, .rlim_max = before.rlim_max});
		struct sl_engine* engine = new_engine(counters, &exchange);
		CHECK((engine != NULL) == (room == 1) && (engine != NULL || errno == EMFILE));
		if (engine != NULL)
			sl_engine_free(engine);
	}
	setrlimit(RLIMIT_NOFILE, &before);
}

/** Time goes on while turns are made. @return what came: bytes, 0 at the end, -errno. */
static int converse(struct world* world, int client, int listening, int endpoint)
{
	char data[16];
	int accepted = -1;
	int got = -EAGAIN;
	for (int spin = 0; got == -EAGAIN && spin < QUIET_SPINS; spin++) {
		world->clock_ms += 1;
		turn_once(world);
		if (listening >= 0 && accepted < 0)
			accepted = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
		if (listening >= 0) {
			int length = accepted < 0 ? 0 : take(accepted, data, sizeof data);
			if (length > 0)
				CHECK(send(accepted, data, (size_t)length, MSG_NOSIGNAL) == length);
		} else {
			struct sockaddr_storage from;
			socklen_t length = sizeof from;
			ssize_t n = recvfrom(endpoint, data, sizeof data, MSG_DONTWAIT, (struct sockaddr*)&from, &length);
			if (n > 0)
				CHECK(sendto(endpoint, data, (size_t)n, 0, (struct sockaddr*)&from, length) == n);
		}
		got = take(client, data, sizeof data);
	}
	if (accepted >= 0)
		close(accepted);
	return got;
}

static int ask(struct world* world, bool tcp, int endpoint)
{
	int client = connect_to(&world->at, tcp);
	CHECK(send(client, "hello", 5, MSG_NOSIGNAL) == 5);
	int got = converse(world, client, tcp ? endpoint : -1, endpoint);
	close(client);
	return got;
}

/** Whatever allocation fails while a flow begins: it alone is lost, that is counted, and the next one is served. */
static void test_flows(bool tcp)
{
	bool all = false;
	int failures = 0;
	for (int nth = 1; !all; nth++) {
		struct world world;
		world_open(&world, plain_policy, tcp);
		int endpoint = tcp ? listen_here(&world.to) : bind_here(&world.to);
		allocations_left = nth;
		int got = ask(&world, tcp, endpoint);
		all = allocations_left > 0;
		allocations_left = 0;
		failures += got != 5;
		CHECK(got == 5 || tcp || world.counters[SL_DATAGRAMS_LOST] == 1);
		CHECK(ask(&world, tcp, endpoint) == 5);
		close(endpoint);
		world_close(&world);
		double ended = world.became[SL_CLOSED] + world.became[SL_RESET] + world.became[SL_EXPIRED];
		CHECK(!tcp || ended == world.counters[SL_ACCEPTED]);
		CHECK(world.counters[SL_ACTIVE] == 0 && world.counters[SL_UDP_ACTIVE] == 0);
	}
	CHECK(failures >= 4);
}

/** A listener that could not be watched again when a shortage was over is tried once more. */
static void test_watched_again(void)
{
	struct world world;
	world_open(&world, plain_policy, true);
	int endpoint = listen_here(&world.to);
	allocations_left = 1;
	CHECK(ask(&world, true, endpoint) != 5 && world.counters[SL_ACCEPT_FAILURES] == 1);
	watches_left = 1;
	world.clock_ms += 60;
	UNTIL(&world, watches_left == 0);
	CHECK(world.counters[SL_ACCEPT_FAILURES] == 2);
	CHECK(ask(&world, true, endpoint) == 5);
	close(endpoint);
	world_close(&world);
}

/** A listener for whose datagrams there is no memory rests, and is not asked again and again; later it is served. */
static void test_receiving_rests(void)
{
	struct world world;
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	char data[16];
	receives_nothing = true;
	CHECK(send(client, "hello", 5, 0) == 5);
	UNTIL(&world, world.counters[SL_ACCEPT_FAILURES] == 1);
	for (int turns = 0; turns < 5; turns++)
		CHECK(sl_engine_turn(world.engine, 0) == 0);
	world.clock_ms += 60;
	UNTIL(&world, world.counters[SL_ACCEPT_FAILURES] == 2);
	receives_nothing = false;
	world.clock_ms += 60;
	UNTIL(&world, take(endpoint, data, sizeof data) == 5);
	close(client);
	close(endpoint);
	world_close(&world);
}

void test_memory(void)
{
	test_receiving_rests();
	test_new();
	test_no_descriptors();
	test_flows(true);
	test_flows(false);
	test_watched_again();
}
