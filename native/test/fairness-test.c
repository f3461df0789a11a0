#include "check.h"

#include "../core/conn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 20
/** Where nothing stops a direction this does. */
#define ENOUGH ((size_t)64 << 20)

/* The linker leads calls of the core and of these tests here (--wrap). */
ssize_t __real_recv(int fd, void* data, size_t length, int flags);
ssize_t __real_send(int fd, const void* data, size_t length, int flags);
ssize_t __wrap_recv(int fd, void* data, size_t length, int flags);
ssize_t __wrap_send(int fd, const void* data, size_t length, int flags);

/** A socket that always has more to read, and one that takes all; -1: none. */
static int endless = -1;
static int bottomless = -1;
/** What was read from it in this turn. */
static size_t endless_gave;

ssize_t __wrap_recv(int fd, void* data, size_t length, int flags)
{
	if (fd != endless)
		return __real_recv(fd, data, length, flags);
	if (endless_gave >= ENOUGH) {
		errno = EAGAIN;
		return -1;
	}
	memset(data, 1, length);
	endless_gave += length;
	return (ssize_t)length;
}

ssize_t __wrap_send(int fd, const void* data, size_t length, int flags)
{
	return fd == bottomless ? (ssize_t)length : __real_send(fd, data, length, flags);
}

struct talk {
	int client;
	int endpoint;
};

static struct talk begin(struct world* world, int listening)
{
	struct talk talk = {.client = connect_to(&world->at, true)};
	UNTIL(world, (talk.endpoint = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	return talk;
}

static void end(struct talk* talk)
{
	close(talk->client);
	close(talk->endpoint);
}

/** Counts turns until a byte is there, which at most two may take. */
static void expect_soon(struct world* world, int fd)
{
	char byte;
	for (int turns = 1;; turns++) {
		endless_gave = 0;
		sl_engine_turn(world->engine, 0);
		CHECK(endless_gave >= SL_TURN_BYTES && endless_gave <= SL_TURN_BYTES + SL_BUFFER_BYTES);
		if (take(fd, &byte, 1) == 1)
			return;
		CHECK(turns < 2);
	}
}

/** One whose endpoint always has more to give moves no more than its budget in a turn, and keeps nobody waiting. */
void test_fairness(void)
{
	static char first[1 << 16];
	struct world world;
	world_open(&world, plain_policy, true);
	int listening = listen_here(&world.to);
	struct talk bulk = begin(&world, listening);
	struct sl_conn* conn = SL_OF(world.engine->connections.next, struct sl_conn, link);
	struct talk small = begin(&world, listening);
	CHECK(send(bulk.endpoint, first, sizeof first, 0) == sizeof first);
	endless = conn->endpoint.source.fd;
	bottomless = conn->client.source.fd;
	UNTIL(&world, conn->endpoint.bulk);
	for (int turn = 0; turn < TURNS; turn++) {
		/* Both sides of it have something to tell, too. */
		CHECK(send(bulk.endpoint, "x", 1, 0) == 1 && send(bulk.client, "x", 1, 0) == 1);
		CHECK(send(small.client, "?", 1, 0) == 1);
		expect_soon(&world, small.endpoint);
		CHECK(send(small.endpoint, "!", 1, 0) == 1);
		expect_soon(&world, small.client);
	}
	endless = -1;
	bottomless = -1;
	end(&bulk);
	end(&small);
	close(listening);
	UNTIL(&world, sl_engine_connections(world.engine) == 0);
	world_close(&world);
}
