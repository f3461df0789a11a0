#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <unistd.h>

/** SO_ORIGINAL_DST of linux/netfilter_ipv4.h, IP6T_SO_ORIGINAL_DST of netfilter_ipv6/ip6_tables.h. */
#define ORIGINAL_DESTINATION 80

/** Asked for; the kernel gives at most net.core.rmem_max and wmem_max. */
#define UDP_BUFFER_BYTES (4 << 20)

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

static int open_socket(const struct sl_addr* addr, int type)
{
	return socket(addr->family == 4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int close_with(int fd, int error)
{
	close(fd);
	return -error;
}

static void enlarge_buffers(int fd)
{
	/* Smaller ones still carry datagrams: a refusal is no failure. */
	(void)set(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER_BYTES);
	(void)set(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER_BYTES);
}

static int prepare_udp(int fd, const struct sl_addr* at)
{
	enlarge_buffers(fd);
	if (!sl_addr_is_any(at))
		return 0;
	/* Answers have to come from the address that the client used. */
	if (at->family == 4)
		return set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	return set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

/** Accepted sockets inherit TCP_NODELAY, and that urgent data comes with the rest: one call for all of them. */
static int prepare_tcp(int fd)
{
	if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 || set(fd, SOL_SOCKET, SO_OOBINLINE, 1) != 0)
		return -1;
	return set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static int bound_addr(int fd, struct sl_addr* at)
{
	struct sockaddr_storage bound;
	socklen_t length = sizeof bound;
	if (getsockname(fd, (struct sockaddr*)&bound, &length) != 0)
		return -1;
	sl_addr_read(&bound, at);
	return 0;
}

int sl_open_listening(struct sl_addr* at, bool tcp, bool reuse_port, int backlog)
{
	struct sockaddr_storage address;
	socklen_t length = sl_addr_write(at, &address);
	int fd = open_socket(at, tcp ? SOCK_STREAM : SOCK_DGRAM);
	if (fd < 0)
		return -errno;
	if (at->family == 6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0)
		return close_with(fd, errno);
	if (reuse_port && set(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0)
		return close_with(fd, errno);
	if ((tcp ? prepare_tcp(fd) : prepare_udp(fd, at)) != 0)
		return close_with(fd, errno);
	if (bind(fd, (struct sockaddr*)&address, length) != 0)
		return close_with(fd, errno);
	if (tcp && listen(fd, backlog) != 0)
		return close_with(fd, errno);
	if (bound_addr(fd, at) != 0)
		return close_with(fd, errno);
	return fd;
}

int sl_connect_result(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		return -errno;
	return -error;
}

int sl_start_connect(int fd, const struct sl_addr* to, uint32_t keepalive_s)
{
	struct sockaddr_storage address;
	socklen_t length = sl_addr_write(to, &address);
	if (keepalive_s > 0) {
		(void)set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		(void)set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)keepalive_s);
	}
	return connect(fd, (struct sockaddr*)&address, length) == 0 ? 0 : -errno;
}

/** Over loopback the handshake is done by now, and asking again is cheaper than waiting to be told. */
static int ask_again(int fd, const struct sl_addr* to)
{
	struct sockaddr_storage address;
	socklen_t length = sl_addr_write(to, &address);
	if (connect(fd, (struct sockaddr*)&address, length) == 0 || errno == EISCONN)
		return 0;
	return errno == EALREADY ? -EINPROGRESS : -errno;
}

int sl_open_stream(const struct sl_addr* to)
{
	int fd = open_socket(to, SOCK_STREAM);
	return fd < 0 ? -errno : fd;
}

int sl_open_connecting(const struct sl_addr* to, uint32_t keepalive_s, bool* connected)
{
	int fd = sl_open_stream(to);
	if (fd < 0)
		return fd;
	int outcome = sl_start_connect(fd, to, keepalive_s);
	if (outcome == -EINPROGRESS)
		outcome = ask_again(fd, to);
	*connected = outcome == 0;
	return outcome == 0 || outcome == -EINPROGRESS ? fd : close_with(fd, -outcome);
}

void sl_set_no_delay(int fd)
{
	(void)set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void sl_take_urgent(int fd)
{
	(void)set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
}

int sl_open_flow(const struct sl_addr* to)
{
	struct sockaddr_storage address;
	socklen_t length = sl_addr_write(to, &address);
	int fd = open_socket(to, SOCK_DGRAM);
	if (fd < 0)
		return -errno;
	enlarge_buffers(fd);
	if (connect(fd, (struct sockaddr*)&address, length) != 0)
		return close_with(fd, errno);
	return fd;
}

void sl_take_joined(int fd)
{
	(void)set(fd, IPPROTO_UDP, UDP_GRO, 1);
}

int sl_original_destination(int fd, struct sl_addr* to)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	if (bound_addr(fd, to) != 0)
		return -errno;
	/* Without netfilter, or without an entry of its own, nobody has redirected it. */
	if (getsockopt(fd, to->family == 4 ? IPPROTO_IP : IPPROTO_IPV6, ORIGINAL_DESTINATION, &address, &length) == 0)
		sl_addr_read(&address, to);
	return 0;
}

void sl_close_reset(int fd)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

bool sl_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}
