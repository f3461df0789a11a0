#include "proxy-protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const unsigned char signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

#define VERSION_2_PROXY 0x21
#define TCP_OVER_IPV4 0x11
#define TCP_OVER_IPV6 0x21

/** The address in network byte order. @return its length. */
static size_t write_ip(void* out, const struct sl_addr* addr)
{
	uint32_t words[4];
	size_t count = addr->family == 4 ? 1 : 4;
	for (size_t at = 0; at < count; at++)
		words[at] = htonl(addr->ip[at]);
	memcpy(out, words, count * sizeof *words);
	return count * sizeof *words;
}

static size_t write_port(char* out, const struct sl_addr* addr)
{
	uint16_t port = htons((uint16_t)addr->port);
	memcpy(out, &port, sizeof port);
	return sizeof port;
}

static void format_ip(char text[INET6_ADDRSTRLEN], const struct sl_addr* addr)
{
	struct in6_addr ip;
	write_ip(&ip, addr);
	inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, &ip, text, INET6_ADDRSTRLEN);
}

static size_t version_1(char* out, const struct sl_addr* client, const struct sl_addr* to)
{
	char from_ip[INET6_ADDRSTRLEN];
	char to_ip[INET6_ADDRSTRLEN];
	format_ip(from_ip, client);
	format_ip(to_ip, to);
	int length = snprintf(out, SL_PROXY_BYTES, "PROXY TCP%u %s %s %u %u\r\n", client->family, from_ip, to_ip,
			      client->port, to->port);
	return (size_t)length;
}

static size_t version_2(char* out, const struct sl_addr* client, const struct sl_addr* to)
{
	char* addresses = out + sizeof signature + 4;
	char* end = addresses;
	end += write_ip(end, client);
	end += write_ip(end, to);
	end += write_port(end, client);
	end += write_port(end, to);
	uint16_t length = htons((uint16_t)(end - addresses));
	memcpy(out, signature, sizeof signature);
	out[12] = VERSION_2_PROXY;
	out[13] = client->family == 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6;
	memcpy(out + 14, &length, sizeof length);
	return (size_t)(end - out);
}

size_t sl_proxy_header(char* out, uint32_t version, const struct sl_addr* client, const struct sl_addr* to)
{
	return version == 1 ? version_1(out, client, to) : version_2(out, client, to);
}
