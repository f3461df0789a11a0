#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 256
/** Of a datagram of sockperf: behind its number, the low byte of its flags, and the flag of one that a client sent. */
#define SOCKPERF_FLAGS_AT 9
#define SOCKPERF_FROM_CLIENT 1

static char question[REFERENCE_BYTES];
static char http_answer[REFERENCE_BYTES];
static uint64_t service_ns;

/** So long an answer takes this processor, whoever asked: what all of them have to find. */
static void take_time(void)
{
	uint64_t end = now_ns() + service_ns;
	while (now_ns() < end)
		;
}

static void prepare_http_answer(void)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n";
	memset(http_answer, 'k', sizeof http_answer);
	memcpy(http_answer, head, sizeof head - 1);
	_Static_assert(sizeof head - 1 + 25 == REFERENCE_BYTES, "an answer is as long as a question");
}

static void open_reference(int type, int epoll, int* server)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof address;
	int yes = 1;
	struct epoll_event event = {.events = EPOLLIN};
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) != 0)
		die("bind");
	/* Accepted sockets inherit it. */
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	if (type == SOCK_STREAM && listen(fd, 4096) != 0)
		die("listen");
	event.data.fd = fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl");
	getsockname(fd, (struct sockaddr*)&address, &length);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	*server = fd;
}

static void accept_clients(int server, int epoll)
{
	int fd;
	while ((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
			die("epoll_ctl");
	}
}

/** A question of another length than REFERENCE_BYTES, or one in pieces, ends the connection: nobody compares unlike work. */
static void answer_stream(int fd)
{
	ssize_t got = recv(fd, question, sizeof question, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got != REFERENCE_BYTES) {
		close(fd);
		return;
	}
	take_time();
	if (send(fd, question[0] == 'G' ? http_answer : question, REFERENCE_BYTES, MSG_NOSIGNAL) != REFERENCE_BYTES)
		close(fd);
}

/** Whether it is a question of ours: it begins with its own length. In one of sockperf a number of 64 bits stands there. */
static int is_ours(void)
{
	uint32_t length;
	memcpy(&length, question, sizeof length);
	return ntohl(length) == REFERENCE_BYTES;
}

static void answer_datagram(int fd)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	ssize_t got = recvfrom(fd, question, sizeof question, MSG_TRUNC, (struct sockaddr*)&from, &length);
	if (got != REFERENCE_BYTES)
		return;
	take_time();
	if (!is_ours())
		question[SOCKPERF_FLAGS_AT] &= ~SOCKPERF_FROM_CLIENT;
	sendto(fd, question, REFERENCE_BYTES, 0, (struct sockaddr*)&from, length);
}

void serve_reference(int type, uint64_t each_ns)
{
	struct epoll_event events[EVENTS];
	int server;
	int epoll = epoll_create1(0);
	service_ns = each_ns;
	prepare_http_answer();
	open_reference(type, epoll, &server);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);
		for (int at = 0; at < count; at++) {
			int fd = events[at].data.fd;
			if (fd != server)
				answer_stream(fd);
			else if (type == SOCK_STREAM)
				accept_clients(server, epoll);
			else
				answer_datagram(fd);
		}
	}
}
