#include "lanes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/** First octets of clients: of loopback's addresses, and of reserved ones (RFC 1112, class E), which no cluster has. */
enum { LOOPBACK_NET = 127, RESERVED_NET = 240 };

/** Addresses that repeat only after 256 flows of a lane, and after 65 000 lanes. */
static struct sockaddr_in client_address(const struct lane* lane, const struct sockaddr_in* to)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	bool is_loopback = ntohl(to->sin_addr.s_addr) >> 24 == LOOPBACK_NET;
	uint32_t net = is_loopback ? LOOPBACK_NET : RESERVED_NET;
	uint32_t block = 1 + lane->number % 65000;
	from.sin_addr.s_addr = htonl(net << 24 | block << 8 | (lane->flows & 255));
	return from;
}

/**
 * A new flow. It has an address of its own, since ports alone would come back within a run, and find what remembers the
 * flow before.
 */
void udp_open(struct slice* slice, struct lane* lane)
{
	struct sockaddr_in* to = next_target(slice);
	struct sockaddr_in from = client_address(lane, to);
	lane->flows++;
	lane->sent_on_flow = 0;
	lane->failed = false;
	lane->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (lane->fd < 0 || bind(lane->fd, (struct sockaddr*)&from, sizeof from) != 0 ||
	    connect(lane->fd, (struct sockaddr*)to, sizeof *to) != 0)
		die("udp");
	lane->state = LANE_RESTING;
	lane->waiting_since_ns = 0;
	watch_lane(slice, lane, EPOLLIN, true);
	if (slice->opened_window)
		take_turn(slice, lane);
}

void udp_ready(struct slice* slice, struct lane* lane)
{
	ssize_t got = recv(lane->fd, arrived, CHUNK_BYTES, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		count_failure(slice, lane, errno == ECONNREFUSED ? REFUSED : DROPPED);
		lane_drop(slice, lane);
		return;
	}
	slice->received += (uint64_t)got;
	if (lane->state != LANE_ASKING || (size_t)got != slice->bytes || memcmp(arrived, lane->request, slice->bytes) != 0) {
		count_failure(slice, lane, WRONG);
		lane_drop(slice, lane);
		return;
	}
	count_answer(slice, lane);
	count_operations(slice, 1);
	lane->state = LANE_RESTING;
	lane->waiting_since_ns = 0;
	if (!sending_is_open(slice))
		lane_over(slice, lane);
	else if (lane->sent_on_flow >= slice->requests_per_flow)
		lane_drop(slice, lane);
	else
		take_turn(slice, lane);
}
