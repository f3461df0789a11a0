#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The linker leads calls of the core here (--wrap). */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

static enum {
	AS_IT_IS,
	TAKES_NOTHING,
	TAKES_HALF,    /** and then nothing, time after time */
	NEVER_ANSWERS  /** says that it has taken all, and then that it is busy */
} host;
static int entries;

static long enter(const long* words)
{
	long count = words[1];
	entries++;
	if (host == NEVER_ANSWERS && count > 0)
		return count;
	if (host == TAKES_HALF && count > 1)
		return __real_syscall(SYS_io_uring_enter, words[0], count / 2, 0L, words[3], words[4], words[5]);
	errno = host == NEVER_ANSWERS ? EBUSY : EAGAIN;
	return -1;
}

long __wrap_syscall(long number, ...)
{
	long words[6];
	va_list rest;
	va_start(rest, number);
	for (int at = 0; at < 6; at++)
		words[at] = va_arg(rest, long);
	va_end(rest);
	if (number == SYS_io_uring_enter && host != AS_IT_IS)
		return enter(words);
	return __real_syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

/** One connection: what a client sends comes back. @return whether it did. */
static bool echoes(struct world* world, int listening)
{
	char data[8];
	int length = 0;
	int accepted = -1;
	int client = connect_to(&world->at, true);
	CHECK(send(client, "hello", 5, MSG_NOSIGNAL) == 5);
	for (int spin = 0; spin < 2000 && length != 5; spin++) {
		world->clock_ms += 1;
		turn_once(world);
		if (accepted < 0)
			accepted = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
		if (accepted >= 0 && take(accepted, data, sizeof data) == 5)
			CHECK(send(accepted, data, 5, MSG_NOSIGNAL) == 5);
		length = take(client, data, sizeof data);
		if (length >= 0 || length != -EAGAIN)
			break;
	}
	if (accepted >= 0)
		close(accepted);
	close(client);
	return length == 5 && memcmp(data, "hello", 5) == 0;
}

/** A host that takes few or no calls together, for however long, gets them one by one: nobody notices, but who counts. */
static void test_refusing(int how)
{
	struct world world;
	world_open(&world, plain_policy, true);
	int listening = listen_here(&world.to);
	host = how;
	for (int time = 0; time < 5; time++)
		CHECK(echoes(&world, listening));
	CHECK(world.counters[SL_CALLS_REFUSED] > 0 && world.counters[SL_ACCEPT_FAILURES] == 0);
	CHECK(world.counters[SL_RESETS] == 0);
	test_tcp();
	test_udp();
	host = AS_IT_IS;
	close(listening);
	world_close(&world);
}

/** An endpoint that speaks first is heard, also where its first words come together with the end of the handshake. */
static void test_speaks_first(void)
{
	struct world world;
	char data[8];
	int accepted;
	world_open(&world, plain_policy, true);
	int listening = listen_here(&world.to);
	/* A connect that no call has asked about a second time is told of by epoll. */
	host = TAKES_NOTHING;
	int client = connect_to(&world.at, true);
	UNTIL(&world, (accepted = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	CHECK(send(accepted, "welcome", 7, MSG_NOSIGNAL) == 7);
	UNTIL(&world, take(client, data, sizeof data) == 7);
	CHECK(memcmp(data, "welcome", 7) == 0);
	host = AS_IT_IS;
	close(accepted);
	close(client);
	close(listening);
	world_close(&world);
}

/** One that never says what became of calls is not waited for, and not asked again; whoever had none of them goes on. */
static void test_never_answering(void)
{
	struct world world;
	world_open(&world, plain_policy, true);
	int listening = listen_here(&world.to);
	CHECK(echoes(&world, listening));
	UNTIL(&world, sl_engine_connections(world.engine) == 0);
	host = NEVER_ANSWERS;
	entries = 0;
	CHECK(!echoes(&world, listening));
	CHECK(entries > 0);
	entries = 0;
	for (int time = 0; time < 3; time++)
		CHECK(echoes(&world, listening));
	CHECK(entries == 0);
	host = AS_IT_IS;
	close(listening);
	world_close(&world);
}

void test_ring(void)
{
	if (world_together_from == 0)
		return;
	test_refusing(TAKES_NOTHING);
	test_refusing(TAKES_HALF);
	test_never_answering();
	test_speaks_first();
}
