#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

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

/** Accepted sockets inherit TCP_NODELAY: one call for all of them. */
static int prepare_tcp(int fd)
{
	if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0)
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

static int start_connect(int fd, const struct sl_addr* to, bool* connected)
{
	struct sockaddr_storage address;
	socklen_t length = sl_addr_write(to, &address);
	*connected = connect(fd, (struct sockaddr*)&address, length) == 0;
	if (*connected)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	/* Over loopback the handshake is done by now, and asking again is cheaper than waiting to be told. */
	if (connect(fd, (struct sockaddr*)&address, length) == 0 || errno == EISCONN)
		*connected = true;
	else if (errno != EALREADY && errno != EINPROGRESS)
		return -errno;
	return 0;
}

int sl_open_connecting(const struct sl_addr* to, uint32_t keepalive_s, bool* connected)
{
	int fd = open_socket(to, SOCK_STREAM);
	if (fd < 0)
		return -errno;
	if (keepalive_s > 0) {
		(void)set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		(void)set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)keepalive_s);
	}
	int failure = start_connect(fd, to, connected);
	return failure == 0 ? fd : close_with(fd, -failure);
}

void sl_set_no_delay(int fd)
{
	(void)set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
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
