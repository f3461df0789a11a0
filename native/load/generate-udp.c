#include "load.h"

#include <netinet/udp.h>
#include <string.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define EVENTS 256
/** An answer that takes longer is lost. */
#define LOST_MS 200
#define BURST 32

struct lane {
	int fd;
	uint64_t since_ns;
};

static char datagram[MAX_BYTES];

static int open_socket(int port)
{
	struct sockaddr_in to = loopback(port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof to) != 0)
		die("socket");
	return fd;
}

static void ask(struct lane* lane, size_t bytes)
{
	lane->since_ns = now_ns();
	if (send(lane->fd, datagram, bytes, 0) < 0)
		die("send");
}

/** Asks again where an answer was lost. @return how many were. */
static uint64_t ask_again(struct lane* lanes, int count, size_t bytes)
{
	uint64_t lost = 0;
	uint64_t before = now_ns() - LOST_MS * UINT64_C(1000000);
	for (int at = 0; at < count; at++) {
		if (lanes[at].since_ns >= before)
			continue;
		lost++;
		ask(&lanes[at], bytes);
	}
	return lost;
}

struct measured generate_udp(int port, int count, size_t bytes, uint64_t length_ns)
{
	struct measured measured = {0};
	struct epoll_event events[EVENTS];
	struct lane* lanes = calloc((size_t)count, sizeof *lanes);
	int epoll = epoll_create1(0);
	for (int at = 0; at < count; at++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &lanes[at]};
		lanes[at].fd = open_socket(port);
		epoll_ctl(epoll, EPOLL_CTL_ADD, lanes[at].fd, &event);
		ask(&lanes[at], bytes);
	}
	uint64_t start = now_ns();
	while (now_ns() - start < length_ns) {
		int ready = epoll_wait(epoll, events, EVENTS, LOST_MS);
		for (int at = 0; at < ready; at++) {
			struct lane* lane = events[at].data.ptr;
			ssize_t got = recv(lane->fd, datagram, sizeof datagram, MSG_DONTWAIT);
			if (got != (ssize_t)bytes)
				continue;
			measured.operations++;
			measured.bytes += bytes;
			latency_note(now_ns() - lane->since_ns);
			ask(lane, bytes);
		}
		if (ready == 0)
			measured.errors += ask_again(lanes, count, bytes);
	}
	measured.elapsed_ns = now_ns() - start;
	measured.p50_ns = latency_at(0.5);
	measured.p99_ns = latency_at(0.99);
	free(lanes);
	return measured;
}

/** What the kernel takes as one message. */
#define JOINED_BYTES 65000

/** A burst as one message, which the kernel cuts apart (GSO): so that this end is not what limits. */
static void send_joined(int fd, size_t bytes)
{
	static char burst[JOINED_BYTES];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
	struct iovec piece = {.iov_base = burst, .iov_len = BURST * bytes};
	struct msghdr message = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	uint16_t each = (uint16_t)bytes;
	struct cmsghdr* header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_UDP;
	header->cmsg_type = UDP_SEGMENT;
	header->cmsg_len = CMSG_LEN(sizeof each);
	memcpy(CMSG_DATA(header), &each, sizeof each);
	if (sendmsg(fd, &message, 0) < 0)
		die("sendmsg");
}

static void send_burst(int fd, size_t bytes)
{
	if (BURST * bytes <= JOINED_BYTES) {
		send_joined(fd, bytes);
		return;
	}
	struct mmsghdr messages[BURST] = {0};
	struct iovec piece = {.iov_base = datagram, .iov_len = bytes};
	for (int at = 0; at < BURST; at++) {
		messages[at].msg_hdr.msg_iov = &piece;
		messages[at].msg_hdr.msg_iovlen = 1;
	}
	if (sendmmsg(fd, messages, BURST, 0) < 0)
		die("sendmmsg");
}

/** What came at the backend counts: it says so itself. A window keeps what is lost on the way small. */
struct measured generate_oneway(int port, size_t bytes, uint64_t length_ns)
{
	struct measured measured = {0};
	struct epoll_event event = {.events = EPOLLIN};
	int fd = open_socket(port);
	int epoll = epoll_create1(0);
	uint64_t sent = 0;
	uint64_t first = 0;
	uint64_t received = 0;
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	uint64_t start = now_ns();
	while (now_ns() - start < length_ns) {
		uint64_t total;
		for (; sent - received < WINDOW; sent += BURST)
			send_burst(fd, bytes);
		if (epoll_wait(epoll, &event, 1, LOST_MS / 20) == 0) {
			measured.errors += sent - received;
			sent = received;
			continue;
		}
		while (recv(fd, &total, sizeof total, MSG_DONTWAIT) == (ssize_t)sizeof total) {
			/* The backend may have served others before. */
			if (first == 0)
				first = total - ACK_EVERY;
			received = total - first;
		}
		if (received > sent)
			sent = received;
	}
	measured.elapsed_ns = now_ns() - start;
	measured.operations = received;
	measured.bytes = received * bytes;
	return measured;
}
