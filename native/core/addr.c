#include "addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

socklen_t sl_addr_write(const struct sl_addr* addr, struct sockaddr_storage* to)
{
	memset(to, 0, sizeof *to);
	if (addr->family == 4) {
		struct sockaddr_in* in = (struct sockaddr_in*)to;
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)addr->port);
		in->sin_addr.s_addr = htonl(addr->ip[0]);
		return sizeof *in;
	}
	struct sockaddr_in6* in6 = (struct sockaddr_in6*)to;
	uint32_t words[4];
	for (int at = 0; at < 4; at++)
		words[at] = htonl(addr->ip[at]);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)addr->port);
	memcpy(&in6->sin6_addr, words, sizeof words);
	return sizeof *in6;
}

static void read_ip6(const struct in6_addr* ip, struct sl_addr* addr)
{
	uint32_t words[4];
	memcpy(words, ip, sizeof words);
	for (int at = 0; at < 4; at++)
		addr->ip[at] = ntohl(words[at]);
	addr->family = 6;
	if (!IN6_IS_ADDR_V4MAPPED(ip))
		return;
	addr->family = 4;
	addr->ip[0] = addr->ip[3];
	addr->ip[2] = addr->ip[3] = 0;
}

bool sl_addr_read(const struct sockaddr_storage* from, struct sl_addr* addr)
{
	memset(addr, 0, sizeof *addr);
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in* in = (const struct sockaddr_in*)from;
		addr->family = 4;
		addr->port = ntohs(in->sin_port);
		addr->ip[0] = ntohl(in->sin_addr.s_addr);
		return true;
	}
	if (from->ss_family != AF_INET6)
		return false;
	const struct sockaddr_in6* in6 = (const struct sockaddr_in6*)from;
	addr->port = ntohs(in6->sin6_port);
	read_ip6(&in6->sin6_addr, addr);
	return true;
}

bool sl_addr_same(const struct sl_addr* a, const struct sl_addr* b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

bool sl_addr_is_any(const struct sl_addr* addr)
{
	return (addr->ip[0] | addr->ip[1] | addr->ip[2] | addr->ip[3]) == 0;
}
