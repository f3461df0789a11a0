#include "check.h"

#include "../core/sockets.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONGEST 65536
#define SMALL_UNIT 1500

/* The linker leads calls of the core here (--wrap). */
int __real_sendmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags);

/** What joined messages meet; 0: the kernel's own answer. */
static int refusal;
static int joined_sent;
static int joined_refused;

static bool is_joined(const struct msghdr* header)
{
	for (struct cmsghdr* one = CMSG_FIRSTHDR(header); one != NULL; one = CMSG_NXTHDR((struct msghdr*)header, one))
		if (one->cmsg_level == SOL_UDP && one->cmsg_type == UDP_SEGMENT)
			return true;
	return false;
}

int __wrap_sendmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags)
{
	unsigned before = 0;
	while (before < count && !(refusal != 0 && is_joined(&messages[before].msg_hdr)))
		joined_sent += is_joined(&messages[before++].msg_hdr);
	if (before > 0 || count == 0) {
		int taken = __real_sendmmsg(fd, messages, before, flags);
		joined_refused += taken < 0 && is_joined(&messages[0].msg_hdr);
		return taken;
	}
	joined_refused++;
	errno = refusal;
	return -1;
}

/** Datagrams that are sent at once: one, or several of `each` bytes, the last of which may be shorter. */
struct burst {
	size_t length;
	size_t each; /** 0: one */
};

static char sent[LONGEST];
static char got[LONGEST];

/** No two places of a burst, and no two bursts that follow each other, have the same around them. */
static void fill(size_t length, unsigned number)
{
	for (size_t at = 0; at < length; at++)
		sent[at] = (char)(at * 7 + at / 256 * 3 + number * 31);
}

/** @param to: NULL: the socket is connected. */
static void send_burst(int fd, const struct burst* burst, struct sockaddr_storage* to, socklen_t to_length)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
	struct iovec piece = {.iov_base = sent, .iov_len = burst->length};
	struct msghdr message = {.msg_name = to, .msg_namelen = to_length, .msg_iov = &piece, .msg_iovlen = 1};
	uint16_t each = (uint16_t)burst->each;
	if (each > 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof control;
		struct cmsghdr* header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_UDP;
		header->cmsg_type = UDP_SEGMENT;
		header->cmsg_len = CMSG_LEN(sizeof each);
		memcpy(CMSG_DATA(header), &each, sizeof each);
	}
	CHECK(sendmsg(fd, &message, 0) == (ssize_t)burst->length);
}

/** Takes what a burst consists of: as many datagrams, each as long, with the same in them, but cut. */
static void expect_burst(struct world* world, int fd, const struct burst* burst, size_t cut, struct sockaddr_storage* from,
			 socklen_t* from_length)
{
	size_t at = 0;
	do {
		size_t length = burst->each > 0 && burst->length - at > burst->each ? burst->each : burst->length - at;
		ssize_t n;
		*from_length = sizeof *from;
		UNTIL(world, (n = recvfrom(fd, got, sizeof got, MSG_DONTWAIT, (struct sockaddr*)from, from_length)) >= 0);
		CHECK((size_t)n == (length < cut ? length : cut) && memcmp(got, sent + at, (size_t)n) == 0);
		at += length;
	} while (at < burst->length);
}

/** Carries bursts to the endpoint, and then back. */
static void carry(struct world* world, int client, int endpoint, const struct burst* bursts, size_t count, size_t cut)
{
	struct sockaddr_storage flow;
	struct sockaddr_storage from;
	socklen_t flow_length = 0;
	socklen_t from_length;
	for (size_t at = 0; at < count; at++) {
		fill(bursts[at].length, (unsigned)at);
		send_burst(client, &bursts[at], NULL, 0);
	}
	for (size_t at = 0; at < count; at++) {
		fill(bursts[at].length, (unsigned)at);
		expect_burst(world, endpoint, &bursts[at], cut, &flow, &flow_length);
	}
	for (size_t at = 0; at < count; at++) {
		fill(bursts[at].length, (unsigned)at);
		send_burst(endpoint, &bursts[at], &flow, flow_length);
	}
	for (size_t at = 0; at < count; at++) {
		fill(bursts[at].length, (unsigned)at);
		expect_burst(world, client, &bursts[at], cut, &from, &from_length);
	}
}

/** The first datagram of a flow has a route before others come: only so many wait for one. */
static void begin(struct world* world, int client, int endpoint)
{
	static const struct burst first = {5, 0};
	carry(world, client, endpoint, &first, 1, LONGEST);
}

static const struct burst mixed[] = {
	{1000, 100}, {730, 100},  {0, 0},     {100, 0}, {100, 0},   {100, 0},   {60, 0},    {100, 0},
	{200, 0},    {0, 0},      {640, 10},  {640, 10}, {31, 10},  {1, 0},     {1, 0},     {64000, 1000},
	{1200, 0},   {1200, 0},   {60000, 1200}, {9000, 0}, {9000, 0}, {65000, 0}, {64000, 32000}, {2, 1},
};
#define MIXED (sizeof mixed / sizeof *mixed)

/** More of one length than the kernel takes as one message, joined before and not. */
static void test_many_of_one_length(struct world* world, int client, int endpoint)
{
	enum { MANY = 150 };
	static struct burst many[MANY];
	for (int at = 0; at < MANY; at++)
		many[at] = at < 10 ? (struct burst){64 * 20, 20} : (struct burst){20, 0};
	carry(world, client, endpoint, many, MANY, LONGEST);
}

/** @param at: where there is a listener; the port is filled in. */
static void test_bounds_at(struct sl_addr listening_at, struct sl_addr used, struct sl_addr to)
{
	struct world world;
	world_open(&world, plain_policy, false);
	int listening = sl_open_listening(&listening_at, false, false, 1);
	CHECK(listening >= 0 && sl_engine_listen(world.engine, 8, listening, false, 0) == 0);
	int endpoint = sl_open_listening(&to, false, false, 1);
	CHECK(endpoint >= 0);
	world.to = to;
	used.port = listening_at.port;
	int client = connect_to(&used, false);
	joined_sent = 0;
	begin(&world, client, endpoint);
	for (int time = 0; time < 3; time++)
		carry(&world, client, endpoint, mixed, MIXED, LONGEST);
	test_many_of_one_length(&world, client, endpoint);
	CHECK(joined_sent > 0 && world.asked == 1);
	CHECK(world.counters[SL_DATAGRAMS_TO_ENDPOINTS] == world.counters[SL_DATAGRAMS_TO_CLIENTS]);
	CHECK(world.counters[SL_DATAGRAMS_LOST] == 0 && world.counters[SL_DATAGRAMS_CUT] == 0);
	close(client);
	close(endpoint);
	close(listening);
	world_close(&world);
}

/** However datagrams are joined on the way, each comes as it was sent, both ways. */
static void test_bounds(void)
{
	const struct sl_addr here = {.family = 4, .ip = {0x7f000001}};
	const struct sl_addr there = {.family = 4, .ip = {0x7f000002}};
	const struct sl_addr any = {.family = 4};
	const struct sl_addr here6 = {.family = 6, .ip = {0, 0, 0, 1}};
	const struct sl_addr any6 = {.family = 6};
	test_bounds_at(here, here, here);
	test_bounds_at(any, there, here);
	test_bounds_at(here6, here6, here6);
	test_bounds_at(any6, here6, here);
}

/** A kernel that refuses joined messages is asked once a flow and direction, or once for each length that is too long. */
static void test_refused(int error, int at_most)
{
	struct world world;
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	refusal = error;
	joined_sent = joined_refused = 0;
	begin(&world, client, endpoint);
	for (int time = 0; time < 3; time++)
		carry(&world, client, endpoint, mixed, MIXED, LONGEST);
	refusal = 0;
	CHECK(joined_sent == 0 && joined_refused > 0 && joined_refused <= at_most);
	CHECK(world.counters[SL_DATAGRAMS_LOST] == 0);
	close(client);
	close(endpoint);
	world_close(&world);
}

/** The policy's limit holds for each datagram, joined or not; also for those that wait for a route. */
static void test_cut(void)
{
	static const struct burst bursts[] = {{1000, 100}, {730, 100}, {120, 60}, {0, 0}, {51, 0}, {200, 50}};
	struct sl_policy policy = plain_policy;
	struct world world;
	policy.datagram_bytes = 50;
	world_open(&world, policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	sl_engine_hold(world.engine, true);
	fill(730, 1);
	send_burst(client, &bursts[1], NULL, 0);
	for (int turns = 0; turns < 10; turns++)
		sl_engine_turn(world.engine, 0);
	sl_engine_hold(world.engine, false);
	struct sockaddr_storage from;
	socklen_t from_length;
	expect_burst(&world, endpoint, &bursts[1], 50, &from, &from_length);
	CHECK(world.counters[SL_DATAGRAMS_CUT] == 7);
	for (int time = 0; time < 2; time++)
		carry(&world, client, endpoint, bursts, sizeof bursts / sizeof *bursts, 50);
	CHECK(world.counters[SL_DATAGRAMS_CUT] == 7 + 4 * (10 + 7 + 2 + 1));
	close(client);
	close(endpoint);
	world_close(&world);
}

/** A joined burst whose endpoint is dead is lost whole, and counted datagram by datagram. */
static void test_dead_endpoint(void)
{
	static const struct burst burst = {640, 10};
	struct world world;
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	carry(&world, client, endpoint, &burst, 1, LONGEST);
	close(endpoint);
	for (int time = 0; time < 2; time++)
		send_burst(client, &burst, NULL, 0);
	UNTIL(&world, world.counters[SL_REFUSED] == 1);
	CHECK(world.counters[SL_DATAGRAMS_TO_ENDPOINTS] + world.counters[SL_DATAGRAMS_LOST] == 3 * 64);
	close(client);
	world_close(&world);
}

void test_udp_joined(void)
{
	test_bounds();
	/* Six lengths of joined ones are longer than what the kernel has refused before; and one each way. */
	test_refused(EINVAL, 16);
	test_refused(EMSGSIZE, 16);
	test_refused(EIO, 2);
	test_cut();
	test_dead_endpoint();
}

/** As linux/ipv6.h has it, which does not go together with netinet/in.h. */
struct in6_request {
	struct in6_addr address;
	uint32_t prefix_bits;
	int interface;
};

/** Makes loopback a device that takes no long datagrams, and gives it a link-local address. */
static void prepare_loopback(int* interface)
{
	struct ifreq request = {.ifr_name = "lo"};
	struct in6_request address = {.prefix_bits = 64};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	CHECK(fd >= 0);
	request.ifr_mtu = SMALL_UNIT;
	CHECK(ioctl(fd, SIOCSIFMTU, &request) == 0);
	request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
	CHECK(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
	CHECK(ioctl(fd, SIOCGIFINDEX, &request) == 0);
	*interface = address.interface = request.ifr_ifindex;
	address.address.s6_addr[0] = 0xfe;
	address.address.s6_addr[1] = 0x80;
	address.address.s6_addr[15] = 1;
	CHECK(ioctl(fd, SIOCSIFADDR, &address) == 0);
	close(fd);
}

/** Datagrams that are longer than the path's unit go as fragments: joined they are refused, and sent one by one. */
static void test_small_unit(void)
{
	/* Clients cannot send there what the path refuses joined: separate ones are joined on the way. */
	static const struct burst singles[] = {{2000, 0}, {2000, 0}, {2000, 0}, {1400, 0}, {1400, 0}, {3000, 0}, {7, 0}};
	static const struct burst bursts[] = {{2800, 1400}, {9000, 0}, {9000, 0}, {300, 100}};
	struct world world;
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	joined_refused = 0;
	begin(&world, client, endpoint);
	carry(&world, client, endpoint, singles, sizeof singles / sizeof *singles, LONGEST);
	CHECK(joined_refused > 0);
	carry(&world, client, endpoint, bursts, 4, LONGEST);
	carry(&world, client, endpoint, singles, sizeof singles / sizeof *singles, LONGEST);
	CHECK(world.counters[SL_DATAGRAMS_LOST] == 0);
	close(client);
	close(endpoint);
	world_close(&world);
}

/** An answer finds a client whose address is valid on one interface only. */
static void test_link_local(int interface)
{
	struct world world;
	struct sl_addr any = {.family = 6};
	world_open(&world, plain_policy, false);
	int listening = sl_open_listening(&any, false, false, 1);
	CHECK(listening >= 0 && sl_engine_listen(world.engine, 8, listening, false, 0) == 0);
	int endpoint = bind_here(&world.to);
	struct sockaddr_in6 at = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)any.port),
		.sin6_scope_id = (uint32_t)interface,
		.sin6_addr.s6_addr = {0xfe, 0x80, [15] = 1},
	};
	int client = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CHECK(client >= 0 && connect(client, (struct sockaddr*)&at, sizeof at) == 0);
	static const struct burst burst = {100, 0};
	carry(&world, client, endpoint, &burst, 1, LONGEST);
	CHECK(world.last_client.ip[0] == 0xfe800000 && world.counters[SL_DATAGRAMS_LOST] == 0);
	close(client);
	close(endpoint);
	close(listening);
	world_close(&world);
}

bool test_in_namespace(void)
{
	int status;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		int interface;
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
			_exit(2);
		prepare_loopback(&interface);
		test_small_unit();
		test_smaller_path();
		test_link_local(interface);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2);
	return WEXITSTATUS(status) == 0;
}
