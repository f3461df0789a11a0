#include "check.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 40
/** The longest is longer than what a connection reads at once. */
#define STEP_BYTES 997

static char said[CLIENTS * STEP_BYTES];

/** Sends back whatever comes, until the end, and then ends. */
static void echo(int* endpoints, int count)
{
	static char data[sizeof said];
	for (int at = 0; at < count; at++) {
		if (endpoints[at] < 0)
			continue;
		int got = take(endpoints[at], data, sizeof data);
		if (got > 0)
			CHECK(send(endpoints[at], data, (size_t)got, MSG_NOSIGNAL) == got);
		if (got != 0)
			continue;
		close(endpoints[at]);
		endpoints[at] = -1;
	}
}

/** @return whether it has got all that it said, and the end. */
static bool has_all(int client, size_t length, size_t* got, bool* ended)
{
	static char data[sizeof said];
	int count = *ended ? -EAGAIN : take(client, data, sizeof data);
	CHECK(count >= 0 || count == -EAGAIN);
	*ended = *ended || count == 0;
	if (count > 0) {
		CHECK(*got + (size_t)count <= length && memcmp(data, said + *got, (size_t)count) == 0);
		*got += (size_t)count;
	}
	CHECK(!*ended || *got == length);
	return *ended;
}

/** Many speak at once, more and less, and end at once: each gets back what it said, and then the end. */
void test_many(void)
{
	struct world world;
	int clients[CLIENTS];
	int endpoints[CLIENTS];
	size_t got[CLIENTS] = {0};
	bool ended[CLIENTS] = {false};
	int accepted = 0;
	int left = CLIENTS;
	world_open(&world, plain_policy, true);
	int listening = listen_here(&world.to);
	for (size_t at = 0; at < sizeof said; at++)
		said[at] = (char)(at * 31 >> 3);
	for (int at = 0; at < CLIENTS; at++) {
		size_t length = (size_t)at * STEP_BYTES;
		clients[at] = connect_to(&world.at, true);
		CHECK(send(clients[at], said, length, MSG_NOSIGNAL) == (ssize_t)length);
		shutdown(clients[at], SHUT_WR);
	}
	for (int spin = 0; left > 0; spin++) {
		CHECK(spin < 100000);
		turn_once(&world);
		int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
		if (fd >= 0)
			endpoints[accepted++] = fd;
		echo(endpoints, accepted);
		left = 0;
		for (int at = 0; at < CLIENTS; at++)
			left += !has_all(clients[at], (size_t)at * STEP_BYTES, &got[at], &ended[at]);
	}
	UNTIL(&world, sl_engine_connections(world.engine) == 0);
	CHECK(world.became[SL_CLOSED] == CLIENTS && world.became[SL_RESET] == 0);
	CHECK(world.counters[SL_BYTES_TO_ENDPOINTS] == world.counters[SL_BYTES_TO_CLIENTS]);
	for (int at = 0; at < CLIENTS; at++)
		close(clients[at]);
	close(listening);
	world_close(&world);
}
