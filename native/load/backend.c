#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
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

static int open_server(int type)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof address;
	int yes = 1;
	int large = 4 << 20;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
	if (fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) != 0)
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 4096) != 0)
		die("listen");
	getsockname(fd, (struct sockaddr*)&address, &length);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void accept_all(int server)
{
	int yes = 1;
	int fd;
	while ((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
		watch(fd, EPOLLIN);
	}
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
	if (send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got || work == WORK_CLOSE)
		close(fd);
}

/** Answers each datagram; of one-way traffic, says now and then how many have come. */
static void serve_datagrams(enum work work, int fd)
{
	static uint64_t received;
	struct sockaddr_storage from;
	for (;;) {
		socklen_t length = sizeof from;
		ssize_t got = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr*)&from, &length);
		if (got < 0)
			return;
		received++;
		if (work == WORK_UDP)
			sendto(fd, buffer, (size_t)got, 0, (struct sockaddr*)&from, length);
		else if (received % ACK_EVERY == 0)
			sendto(fd, &received, sizeof received, 0, (struct sockaddr*)&from, length);
	}
}

void serve(enum work work)
{
	struct epoll_event events[EVENTS];
	int datagrams = work == WORK_UDP || work == WORK_ONEWAY;
	epoll = epoll_create1(0);
	memset(buffer, 7, sizeof buffer);
	int server = open_server(datagrams ? SOCK_DGRAM : SOCK_STREAM);
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
				accept_all(fd);
		}
	}
}
