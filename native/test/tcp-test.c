#include "check.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/** A world with a client and the endpoint's end of its connection. */
struct pair {
	struct world world;
	int endpoint_listener;
	int client;
	int endpoint;
};

static void open_pair(struct pair* pair, struct sl_policy policy)
{
	world_open(&pair->world, policy, true);
	pair->endpoint_listener = listen_here(&pair->world.to);
	pair->client = connect_to(&pair->world.at, true);
	UNTIL(&pair->world, (pair->endpoint = accept4(pair->endpoint_listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
}

static void close_pair(struct pair* pair)
{
	close(pair->client);
	if (pair->endpoint >= 0)
		close(pair->endpoint);
	close(pair->endpoint_listener);
	UNTIL(&pair->world, sl_engine_connections(pair->world.engine) == 0);
	CHECK(pair->world.counters[SL_ACTIVE] == 0);
	world_close(&pair->world);
}

static void say(struct world* world, int from, int to, const char* text)
{
	char got[64];
	CHECK(send(from, text, strlen(text), 0) == (ssize_t)strlen(text));
	int length = 0;
	UNTIL(world, (length = take(to, got, sizeof got)) != -EAGAIN);
	CHECK(length == (int)strlen(text) && memcmp(got, text, strlen(text)) == 0);
}

static void expect_end(struct world* world, int fd, int expected)
{
	char got[16];
	int length;
	UNTIL(world, (length = take(fd, got, sizeof got)) != -EAGAIN);
	CHECK(length == expected);
}

static void test_half_close(void)
{
	struct pair pair;
	open_pair(&pair, plain_policy);
	say(&pair.world, pair.client, pair.endpoint, "question");
	shutdown(pair.client, SHUT_WR);
	expect_end(&pair.world, pair.endpoint, 0);
	CHECK(pair.world.became[SL_CLOSING] == 1);
	say(&pair.world, pair.endpoint, pair.client, "answer");
	close(pair.endpoint);
	pair.endpoint = -1;
	expect_end(&pair.world, pair.client, 0);
	close_pair(&pair);
	CHECK(pair.world.became[SL_CLOSED] == 1 && pair.world.became[SL_RESET] == 0);
	CHECK(pair.world.counters[SL_BYTES_TO_ENDPOINTS] == 8 && pair.world.counters[SL_BYTES_TO_CLIENTS] == 6);
}

static void test_reset(void)
{
	struct pair pair;
	struct linger at_once = {.l_onoff = 1};
	open_pair(&pair, plain_policy);
	say(&pair.world, pair.client, pair.endpoint, "x");
	setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(pair.client);
	pair.client = dup(pair.endpoint);
	expect_end(&pair.world, pair.endpoint, -ECONNRESET);
	close_pair(&pair);
	CHECK(pair.world.became[SL_RESET] == 1 && pair.world.counters[SL_RESETS] == 1);
}

/** A client that does not read stops its endpoint, at a bounded amount, and then gets all of it. */
static void test_back_pressure(void)
{
	static char block[1 << 20];
	struct pair pair;
	size_t sent = 0;
	size_t got = 0;
	int idle = 0;
	open_pair(&pair, plain_policy);
	memset(block, 7, sizeof block);
	while (idle < 200) {
		ssize_t n = send(pair.endpoint, block, sizeof block, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		bool any = sl_engine_turn(pair.world.engine, 0) > 0;
		idle = n > 0 || any ? 0 : idle + 1;
		CHECK(sent < (size_t)64 << 20);
	}
	shutdown(pair.endpoint, SHUT_WR);
	for (;;) {
		int n = take(pair.client, block, sizeof block);
		if (n == 0)
			break;
		if (n > 0)
			got += (size_t)n;
		else
			turn_once(&pair.world);
	}
	CHECK(got == sent);
	close_pair(&pair);
}

static void test_proxy(void)
{
	struct sl_policy policy = plain_policy;
	struct pair pair;
	char got[128] = {0};
	int length;
	policy.proxy_protocol = 1;
	open_pair(&pair, policy);
	UNTIL(&pair.world, (length = take(pair.endpoint, got, sizeof got - 1)) > 0);
	CHECK(strncmp(got, "PROXY TCP4 127.0.0.1 127.0.0.1 ", 31) == 0 && got[length - 1] == '\n');
	say(&pair.world, pair.client, pair.endpoint, "x");
	close_pair(&pair);
}

static void test_idle(void)
{
	struct sl_policy policy = plain_policy;
	struct pair pair;
	policy.tcp_idle_ms = 500;
	policy.keepalive_s = 60;
	open_pair(&pair, policy);
	pair.world.clock_ms += 400;
	say(&pair.world, pair.client, pair.endpoint, "x");
	pair.world.clock_ms += 499;
	sl_engine_turn(pair.world.engine, 0);
	CHECK(sl_engine_connections(pair.world.engine) == 1);
	pair.world.clock_ms += 2;
	UNTIL(&pair.world, sl_engine_connections(pair.world.engine) == 0);
	expect_end(&pair.world, pair.client, -ECONNRESET);
	close_pair(&pair);
}

static void test_end_of_the_engine(void)
{
	struct pair pair;
	open_pair(&pair, plain_policy);
	sl_engine_hold(pair.world.engine, true);
	int waiting = connect_to(&pair.world.at, true);
	UNTIL(&pair.world, pair.world.counters[SL_ACCEPTED] == 2);
	/* Of one that asks nothing is left either. */
	world_close(&pair.world);
	CHECK(pair.world.became[SL_RESET] == 2 && pair.world.asked == 1);
	expect_end(NULL, pair.client, -ECONNRESET);
	close(waiting);
	close(pair.client);
	close(pair.endpoint);
	close(pair.endpoint_listener);
}

/** Takes what comes until so much is there. */
static void expect_bytes(struct world* world, int fd, const char* text)
{
	char got[16];
	size_t length = 0;
	while (length < strlen(text)) {
		int more;
		UNTIL(world, (more = take(fd, got + length, sizeof got - length)) != -EAGAIN);
		CHECK(more > 0);
		length += (size_t)more;
	}
	CHECK(length == strlen(text) && memcmp(got, text, length) == 0);
}

/** A read stops at urgent data: that and what is behind it are delivered all the same, and the end comes after them. */
static void test_urgent(void)
{
	struct pair pair;
	open_pair(&pair, plain_policy);
	int fds[2] = {pair.client, pair.endpoint};
	for (int from = 0; from < 2; from++) {
		say(&pair.world, fds[from], fds[1 - from], "x");
		for (int last = 0; last < 2; last++) {
			CHECK(send(fds[from], "ab", 2, 0) == 2 && send(fds[from], "!", 1, MSG_OOB) == 1);
			CHECK(send(fds[from], "cd", 2, 0) == 2);
			if (last)
				shutdown(fds[from], SHUT_WR);
			expect_bytes(&pair.world, fds[1 - from], "ab!cd");
		}
		expect_end(&pair.world, fds[1 - from], 0);
	}
	close_pair(&pair);
}

/** So it is with what a client has said before it was accepted. */
static void test_urgent_first(void)
{
	static const char* const texts[] = {"ab!cd", "!cd", "ab!"};
	for (int at = 0; at < 3; at++) {
		struct world world;
		int endpoint;
		size_t before = strcspn(texts[at], "!");
		size_t after = strlen(texts[at]) - before - 1;
		world_open(&world, plain_policy, true);
		int listening = listen_here(&world.to);
		int client = connect_to(&world.at, true);
		CHECK(send(client, texts[at], before, 0) == (ssize_t)before && send(client, "!", 1, MSG_OOB) == 1);
		CHECK(send(client, texts[at] + before + 1, after, 0) == (ssize_t)after);
		shutdown(client, SHUT_WR);
		UNTIL(&world, (endpoint = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
		expect_bytes(&world, endpoint, texts[at]);
		expect_end(&world, endpoint, 0);
		close(endpoint);
		close(client);
		UNTIL(&world, sl_engine_connections(world.engine) == 0);
		close(listening);
		world_close(&world);
	}
}

/** A process that is being started holds a copy of every descriptor, until it has become another program. */
static pid_t start_process(int* alive)
{
	int ends[2];
	char byte;
	CHECK(pipe(ends) == 0);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		_exit(0);
	}
	close(ends[0]);
	*alive = ends[1];
	return child;
}

/** What is closed here and lives on in a process that is being started is no event any more. */
static void test_closed_in_one_process(void)
{
	for (uint32_t closes_both = 0; closes_both < 2; closes_both++) {
		struct sl_policy policy = plain_policy;
		struct pair pair;
		int alive;
		policy.closes_both = closes_both;
		open_pair(&pair, policy);
		say(&pair.world, pair.client, pair.endpoint, "x");
		pid_t child = start_process(&alive);
		if (closes_both)
			shutdown(pair.client, SHUT_WR);
		else
			sl_engine_reset_all(pair.world.engine);
		UNTIL(&pair.world, sl_engine_connections(pair.world.engine) == 0);
		turn_once(&pair.world);
		CHECK(send(pair.endpoint, "y", 1, MSG_NOSIGNAL) == 1);
		for (int turns = 0; turns < 3; turns++)
			CHECK(sl_engine_turn(pair.world.engine, 0) == 0);
		close(alive);
		CHECK(waitpid(child, NULL, 0) == child);
		close_pair(&pair);
	}
}

/** Who waits to be accepted when a listener is closed is served still. */
static void test_last_clients(void)
{
	struct world world;
	int clients[3];
	world_open(&world, plain_policy, true);
	int listening = listen_here(&world.to);
	for (int at = 0; at < 3; at++)
		clients[at] = connect_to(&world.at, true);
	sl_engine_unlisten(world.engine, 7);
	for (int at = 0; at < 3; at++) {
		int endpoint;
		UNTIL(&world, (endpoint = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
		close(endpoint);
	}
	for (int at = 0; at < 3; at++)
		close(clients[at]);
	UNTIL(&world, sl_engine_connections(world.engine) == 0);
	close(listening);
	world_close(&world);
}

void test_tcp(void)
{
	test_urgent();
	test_urgent_first();
	test_closed_in_one_process();
	test_last_clients();
	test_half_close();
	test_reset();
	test_back_pressure();
	test_proxy();
	test_idle();
	test_end_of_the_engine();
	test_many();
}
