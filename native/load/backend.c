#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 256

static char buffer[MAX_BYTES];
static int epoll;

static void watch(int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl");
}

static int open_server(enum work work, int type)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof address;
	int yes = 1;
	int large = 4 << 20;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
	if (work == WORK_ONEWAY)
		setsockopt(fd, IPPROTO_UDP, UDP_GRO, &yes, sizeof yes);
	if (fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) != 0)
		die("bind");
	/* Accepted sockets inherit it. */
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	if (type == SOCK_STREAM && listen(fd, 4096) != 0)
		die("listen");
	getsockname(fd, (struct sockaddr*)&address, &length);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

/** Answers the one question of a connection, and ends it. @return false when it has not come yet. */
static int answer_and_close(int fd)
{
	ssize_t got = recv(fd, buffer, sizeof buffer, 0);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got > 0)
		(void)send(fd, buffer, (size_t)got, MSG_NOSIGNAL);
	close(fd);
	return 1;
}

static void accept_all(enum work work, int server)
{
	int fd;
	while ((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		/* Most questions have come by now, and epoll need not hear of them. */
		if (work != WORK_CLOSE || !answer_and_close(fd))
			watch(fd, EPOLLIN);
}

/** Whoever asked for bulk gets bytes for as long as it takes them. */
static void pour(int fd)
{
	struct epoll_event more = {.events = EPOLLOUT, .data.fd = fd};
	ssize_t sent = send(fd, buffer, sizeof buffer, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		close(fd);
	else
		epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &more);
}

static void serve_connection(enum work work, int fd, uint32_t events)
{
	if (work == WORK_BULK && (events & EPOLLOUT)) {
		pour(fd);
		return;
	}
	if (work == WORK_CLOSE) {
		(void)answer_and_close(fd);
		return;
	}
	ssize_t got = recv(fd, buffer, sizeof buffer, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		close(fd);
		return;
	}
	if (work == WORK_BULK) {
		pour(fd);
		return;
	}
	if (work == WORK_HTTP) {
		if (send(fd, HTTP_ANSWER, sizeof HTTP_ANSWER - 1, MSG_NOSIGNAL) < 0)
			close(fd);
		return;
	}
	if (send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
		close(fd);
}

/** Messages that one-way traffic is received in, each with room for the longest. */
#define BATCH 32
/** A cache line more: else all first bytes would share one set of the cache. */
#define STRIDE_BYTES ((size_t)65536 + 64)

/** One message of one-way traffic: several datagrams that the kernel has joined (GRO), or one. */
struct arrival {
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct sockaddr_storage from;
	struct iovec piece;
};

static uint64_t datagrams_in(struct mmsghdr* message)
{
	struct cmsghdr* header = CMSG_FIRSTHDR(&message->msg_hdr);
	int each = 0;
	if (header != NULL && header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO)
		memcpy(&each, CMSG_DATA(header), sizeof each);
	return each <= 0 ? 1 : (message->msg_len + (unsigned)each - 1) / (unsigned)each;
}

/** Says now and then how many have come. */
static void serve_oneway(int fd)
{
	static struct mmsghdr messages[BATCH];
	static struct arrival arrivals[BATCH];
	static char data[BATCH * STRIDE_BYTES];
	static uint64_t received;
	int got;
	do {
		for (int at = 0; at < BATCH; at++) {
			struct arrival* arrival = &arrivals[at];
			arrival->piece = (struct iovec){.iov_base = data + (size_t)at * STRIDE_BYTES, .iov_len = 65536};
			messages[at].msg_hdr = (struct msghdr){
				.msg_name = &arrival->from,
				.msg_namelen = sizeof arrival->from,
				.msg_iov = &arrival->piece,
				.msg_iovlen = 1,
				.msg_control = arrival->control,
				.msg_controllen = sizeof arrival->control,
			};
		}
		got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
		for (int at = 0; at < got; at++) {
			uint64_t before = received;
			struct msghdr* header = &messages[at].msg_hdr;
			received += datagrams_in(&messages[at]);
			if (received / ACK_EVERY != before / ACK_EVERY)
				sendto(fd, &received, sizeof received, 0, header->msg_name, header->msg_namelen);
		}
	} while (got == BATCH);
}

/** Answers each datagram. */
static void serve_datagrams(enum work work, int fd)
{
	struct sockaddr_storage from;
	if (work == WORK_ONEWAY) {
		serve_oneway(fd);
		return;
	}
	for (;;) {
		socklen_t length = sizeof from;
		ssize_t got = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr*)&from, &length);
		if (got < 0)
			return;
		sendto(fd, buffer, (size_t)got, 0, (struct sockaddr*)&from, length);
	}
}

void serve(enum work work)
{
	struct epoll_event events[EVENTS];
	int datagrams = work == WORK_UDP || work == WORK_ONEWAY;
	epoll = epoll_create1(0);
	memset(buffer, 7, sizeof buffer);
	int server = open_server(work, datagrams ? SOCK_DGRAM : SOCK_STREAM);
	watch(server, EPOLLIN);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);
		for (int at = 0; at < count; at++) {
			int fd = events[at].data.fd;
			if (fd != server)
				serve_connection(work, fd, events[at].events);
			else if (datagrams)
				serve_datagrams(work, fd);
			else
				accept_all(work, fd);
		}
	}
}
