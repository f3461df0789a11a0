#include "check.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALLER_UNIT 700

/** What a router on the way says of a datagram that is too long for the next part of it. */
struct too_long {
	struct icmphdr icmp;
	struct iphdr ip;
	struct udphdr udp;
};

static uint16_t checksum(const struct too_long* said)
{
	uint16_t words[sizeof *said / 2];
	uint32_t sum = 0;
	memcpy(words, said, sizeof *said);
	for (size_t at = 0; at < sizeof *said / 2; at++)
		sum += words[at];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static void say_too_long(const struct sockaddr_in* from, const struct sl_addr* to)
{
	struct too_long said = {
		.icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED, .un.frag.mtu = htons(SMALLER_UNIT)},
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP},
		.udp = {.source = from->sin_port, .dest = htons((uint16_t)to->port)},
	};
	said.ip.saddr = from->sin_addr.s_addr;
	said.ip.daddr = htonl(to->ip[0]);
	said.icmp.checksum = checksum(&said);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	CHECK(fd >= 0);
	CHECK(sendto(fd, &said, sizeof said, 0, (const struct sockaddr*)from, sizeof *from) == sizeof said);
	close(fd);
}

void test_smaller_path(void)
{
	static char long_one[SMALLER_UNIT * 2];
	static char got[sizeof long_one];
	struct world world;
	struct sockaddr_in from;
	socklen_t length = sizeof from;
	world_open(&world, plain_policy, false);
	int endpoint = bind_here(&world.to);
	int client = connect_to(&world.at, false);
	CHECK(send(client, "x", 1, 0) == 1);
	UNTIL(&world, recvfrom(endpoint, got, sizeof got, 0, (struct sockaddr*)&from, &length) == 1);
	say_too_long(&from, &world.to);
	for (int turns = 0; turns < 3; turns++)
		turn_once(&world);
	CHECK(world.counters[SL_UDP_ACTIVE] == 1 && world.counters[SL_REFUSED] == 0);
	CHECK(send(client, long_one, sizeof long_one, 0) == sizeof long_one);
	UNTIL(&world, recv(endpoint, got, sizeof got, MSG_DONTWAIT) == sizeof long_one);
	CHECK(world.asked == 1 && world.counters[SL_DATAGRAMS_LOST] == 0);
	close(client);
	close(endpoint);
	world_close(&world);
}
