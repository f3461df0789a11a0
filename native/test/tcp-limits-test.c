#include "check.h"

#include "../core/conn.h"
#include "../core/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 30

/* The linker leads calls of the core and of these tests here (--wrap). */
int __real_connect(int fd, const struct sockaddr* to, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr* to, socklen_t length);

/** While it is set there are no local ports. */
static bool no_ports;

int __wrap_connect(int fd, const struct sockaddr* to, socklen_t length)
{
	if (!no_ports)
		return __real_connect(fd, to, length);
	errno = EADDRNOTAVAIL;
	return -1;
}

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
	CHECK(!sl_engine_turn(world.engine, 0));
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

/** One that has waited too long for a descriptor at the moment when there are some again is dialled once. */
static void test_late_descriptors(void)
{
	struct sl_policy policy = plain_policy;
	struct world world;
	struct rlimit before;
	int endpoint;
	policy.tries = 2;
	world_open(&world, policy, true);
	int listening = listen_here(&world.to);
	int client = connect_to(&world.at, true);
	getrlimit(RLIMIT_NOFILE, &before);
	int next = dup(0);
	close(next);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = before.rlim_max});
	UNTIL(&world, world.counters[SL_ACCEPT_FAILURES] == 1);
	CHECK(sl_engine_connections(world.engine) == 1);
	setrlimit(RLIMIT_NOFILE, &before);
	world.clock_ms += 1000;
	UNTIL(&world, (endpoint = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	pass(&world, 2);
	CHECK(accept4(listening, NULL, NULL, SOCK_NONBLOCK) < 0 && world.asked == 2);
	close(endpoint);
	close(client);
	UNTIL(&world, sl_engine_connections(world.engine) == 0);
	close(listening);
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

/** Out of local ports is no refusal of the endpoint's, and keeps nobody else from being accepted. */
static void test_local_ports(void)
{
	struct sl_policy policy = plain_policy;
	struct world world;
	char byte;
	int end;
	int endpoint;
	policy.tries = 2;
	world_open(&world, policy, true);
	int listening = listen_here(&world.to);
	int client = connect_to(&world.at, true);
	no_ports = true;
	UNTIL(&world, (end = take(client, &byte, 1)) != -EAGAIN);
	no_ports = false;
	CHECK(end == -ECONNRESET && world.asked == 2 && world.counters[SL_REFUSED] == 0);
	CHECK(world.counters[SL_ACCEPT_FAILURES] == 2 && sl_engine_wait_ms(world.engine) == -1);
	int next = connect_to(&world.at, true);
	UNTIL(&world, (endpoint = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	close(client);
	close(next);
	close(endpoint);
	UNTIL(&world, sl_engine_connections(world.engine) == 0);
	close(listening);
	world_close(&world);
}

enum { QUEUE = 4 };

/** An endpoint whose queue is full: it answers no SYN until `fillers` have been accepted. */
static int listen_full(struct sl_addr* at, int* fillers)
{
	*at = (struct sl_addr){.family = 4, .ip = {0x7f000001}};
	int fd = sl_open_listening(at, true, false, 1);
	CHECK(fd >= 0);
	for (int each = 0; each < QUEUE; each++)
		fillers[each] = connect_to(at, true);
	return fd;
}

static void reset(int fd)
{
	struct linger at_once = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

/** A client whose endpoint is being dialled, and that has said something. */
struct dialling {
	struct world world;
	int fillers[QUEUE];
	int listening;
	int client;
};

static void begin_dialling(struct dialling* dialling, struct sl_policy policy)
{
	struct world* world = &dialling->world;
	world_open(world, policy, true);
	dialling->listening = listen_full(&world->to, dialling->fillers);
	dialling->client = connect_to(&world->at, true);
	UNTIL(world, world->asked == 1);
	CHECK(send(dialling->client, "hello", 5, 0) == 5);
	pass(world, 2);
}

static void end_dialling(struct dialling* dialling)
{
	UNTIL(&dialling->world, sl_engine_connections(dialling->world.engine) == 0);
	CHECK(dialling->world.counters[SL_ACTIVE] == 0);
	for (int each = 0; each < QUEUE; each++)
		close(dialling->fillers[each]);
	close(dialling->listening);
	world_close(&dialling->world);
}

/** A client that resets while its endpoint is dialled frees both, also one that has half-closed before. */
static void test_client_resets(bool half_closes)
{
	struct dialling dialling;
	struct world* world = &dialling.world;
	begin_dialling(&dialling, plain_policy);
	if (half_closes)
		shutdown(dialling.client, SHUT_WR);
	pass(world, 2);
	CHECK(sl_engine_connections(world->engine) == 1);
	reset(dialling.client);
	end_dialling(&dialling);
	CHECK(world->counters[SL_RESETS] == 1 && world->became[SL_RESET] == 1 && world->counters[SL_REFUSED] == 0);
}

/** One that resets between two tries is noted, and not dialled for a second time. */
static void test_client_resets_between_tries(void)
{
	struct sl_policy policy = plain_policy;
	struct dialling dialling;
	struct world* world = &dialling.world;
	policy.tries = 2;
	policy.dial_timeout_ms[0] = 1000;
	begin_dialling(&dialling, policy);
	sl_engine_hold(world->engine, true);
	pass(world, 20);
	CHECK(world->counters[SL_REFUSED] == 1 && sl_engine_connections(world->engine) == 1);
	reset(dialling.client);
	pass(world, 2);
	sl_engine_hold(world->engine, false);
	end_dialling(&dialling);
	CHECK(world->asked == 2 && world->counters[SL_RESETS] == 1 && world->counters[SL_REFUSED] == 1);
}

/** Makes room in the endpoint's queue. @return the connection that has something to say; the others are closed. */
static int accept_speaker(struct dialling* dialling, char* data, size_t length, int* got)
{
	for (;;) {
		int endpoint;
		UNTIL(&dialling->world, (endpoint = accept4(dialling->listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
		for (int turns = 0; turns < 100; turns++) {
			turn_once(&dialling->world);
			*got = take(endpoint, data, length);
			if (*got > 0)
				return endpoint;
		}
		close(endpoint);
	}
}

/** A half-close while the endpoint is dialled ends nothing: it gets all, and then the end. */
static void test_early_half_close(void)
{
	struct dialling dialling;
	char data[16];
	int got;
	begin_dialling(&dialling, plain_policy);
	shutdown(dialling.client, SHUT_WR);
	pass(&dialling.world, 2);
	int endpoint = accept_speaker(&dialling, data, sizeof data, &got);
	CHECK(got == 5 && memcmp(data, "hello", 5) == 0);
	UNTIL(&dialling.world, (got = take(endpoint, data, sizeof data)) != -EAGAIN);
	CHECK(got == 0 && dialling.world.became[SL_RESET] == 0);
	close(endpoint);
	close(dialling.client);
	end_dialling(&dialling);
}

/** What a client says before it has an endpoint reaches the one that takes it; where none does, the client sees a RST. */
static void test_first_bytes(void)
{
	struct sl_policy policy = plain_policy;
	struct world world;
	char data[16];
	int got;
	int endpoint;
	policy.tries = 2;
	policy.failure_resets = 0;
	world_open(&world, policy, true);
	world.to = (struct sl_addr){.family = 4, .port = 1, .ip = {0x7f000001}};
	int listening = listen_here(&world.retry_to);
	int client = connect_to(&world.at, true);
	CHECK(send(client, "hello", 5, MSG_NOSIGNAL) == 5);
	UNTIL(&world, (endpoint = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	UNTIL(&world, (got = take(endpoint, data, sizeof data)) != -EAGAIN);
	CHECK(got == 5 && memcmp(data, "hello", 5) == 0 && world.counters[SL_BYTES_TO_ENDPOINTS] == 5);
	close(endpoint);
	close(client);
	UNTIL(&world, sl_engine_connections(world.engine) == 0);
	close(listening);
	client = connect_to(&world.at, true);
	CHECK(send(client, "hello", 5, MSG_NOSIGNAL) == 5);
	UNTIL(&world, (got = take(client, data, sizeof data)) != -EAGAIN);
	CHECK(got == -ECONNRESET && world.counters[SL_REFUSED] == 3);
	CHECK(world.counters[SL_BYTES_TO_ENDPOINTS] == 5);
	close(client);
	world_close(&world);
}

/** A client that does not read for long costs no more memory than is held for it, and then gets all of that. */
static void test_slow_reader(void)
{
	enum { PERIOD = 251 };
	static char data[PERIOD * 1000];
	struct world world;
	size_t sent = 0;
	size_t got = 0;
	int endpoint;
	for (size_t at = 0; at < sizeof data; at++)
		data[at] = (char)(at % PERIOD);
	world_open(&world, plain_policy, true);
	int listening = listen_here(&world.to);
	int client = connect_to(&world.at, true);
	UNTIL(&world, (endpoint = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	for (int idle = 0; idle < 200;) {
		ssize_t n = send(endpoint, data + sent % PERIOD, sizeof data - sent % PERIOD, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		idle = n > 0 || sl_engine_turn(world.engine, 0) > 0 ? 0 : idle + 1;
	}
	struct sl_conn* conn = SL_OF(world.engine->connections.next, struct sl_conn, link);
	struct sl_rest* rest = &conn->endpoint.rest;
	size_t held = rest->end - rest->at;
	CHECK(held > 0 && held <= SL_BUFFER_BYTES && (rest->large || rest->at == 0));
	pass(&world, 45);
	CHECK(!rest->large && rest->at == 0 && rest->end == held && sl_engine_wait_ms(world.engine) == -1);
	shutdown(endpoint, SHUT_WR);
	for (int length = 1; length != 0;) {
		static char taken[65536];
		UNTIL(&world, (length = take(client, taken, sizeof taken)) != -EAGAIN);
		for (int at = 0; at < length; at++)
			CHECK(taken[at] == (char)((got + (size_t)at) % PERIOD));
		got += (size_t)length;
	}
	CHECK(got == sent);
	close(client);
	close(endpoint);
	close(listening);
	world_close(&world);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof value;
	CHECK(getsockopt(fd, level, name, &value, &length) == 0);
	return value;
}

/** The kernel probes endpoints as the policy says; no side gathers small writes once there was more than one. */
static void test_options(void)
{
	for (uint32_t keepalive_s = 0; keepalive_s <= 60; keepalive_s += 60) {
		struct sl_policy policy = plain_policy;
		struct world world;
		char byte;
		int endpoint;
		policy.keepalive_s = keepalive_s;
		world_open(&world, policy, true);
		int listening = listen_here(&world.to);
		int client = connect_to(&world.at, true);
		UNTIL(&world, (endpoint = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0);
		for (int time = 0; time < 2; time++) {
			CHECK(send(client, "x", 1, MSG_NOSIGNAL) == 1);
			UNTIL(&world, take(endpoint, &byte, 1) == 1);
		}
		struct sl_conn* conn = SL_OF(world.engine->connections.next, struct sl_conn, link);
		int to_client = conn->client.source.fd;
		int to_endpoint = conn->endpoint.source.fd;
		CHECK(option(to_endpoint, SOL_SOCKET, SO_KEEPALIVE) == (keepalive_s > 0));
		CHECK(keepalive_s == 0 || option(to_endpoint, IPPROTO_TCP, TCP_KEEPIDLE) == (int)keepalive_s);
		CHECK(option(to_endpoint, IPPROTO_TCP, TCP_NODELAY) == 1 && option(to_client, IPPROTO_TCP, TCP_NODELAY) == 1);
		close(endpoint);
		close(client);
		UNTIL(&world, sl_engine_connections(world.engine) == 0);
		close(listening);
		world_close(&world);
	}
}

void test_tcp_limits(void)
{
	test_options();
	test_slow_reader();
	test_descriptors();
	test_late_descriptors();
	test_tries();
	test_local_ports();
	test_client_resets(false);
	test_client_resets(true);
	test_client_resets_between_tries();
	test_early_half_close();
	test_first_bytes();
}
