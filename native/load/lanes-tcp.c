#include "lanes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/** More than all buffers on the way hold: a stream that brings more after its end was asked for does not end. */
#define MOST_TO_DRAIN (UINT64_C(1) << 26)

static bool is_persistent(const struct slice* slice)
{
	return slice->work != WORK_CLOSE;
}

/** The connection is gone. @param clean: we ended it, then the other side did, and nothing went wrong. */
static void closed(struct slice* slice, struct lane* lane, bool clean)
{
	lane_drop(slice, lane);
	if (slice->work == WORK_CLOSE) {
		if (clean)
			count_operations(slice, 1);
		take_turn(slice, lane);
		return;
	}
	withdraw(slice, lane);
	/* Before the window a lane without a connection waits for it to open. */
	if (slice->opened_window && !sending_is_open(slice))
		lane_over(slice, lane);
}

static void failed(struct slice* slice, struct lane* lane, enum failure failure)
{
	count_failure(slice, lane, failure);
	closed(slice, lane, false);
}

void tcp_open(struct slice* slice, struct lane* lane)
{
	int yes = 1;
	struct sockaddr_in* to = next_target(slice);
	lane->failed = false;
	lane->sent = 0;
	lane->got = 0;
	lane->begun = false;
	lane->drained = 0;
	lane->waiting_since_ns = now_ns();
	lane->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (lane->fd < 0)
		die("socket");
	setsockopt(lane->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	/*
	 * One that fails at once fails at its first event, too: nothing is answered from within. But for one that has no port to
	 * come from: it looks as if it stood and was dropped, and whoever is measured would be blamed for that.
	 */
	if (connect(lane->fd, (struct sockaddr*)to, sizeof *to) != 0 && errno == EADDRNOTAVAIL)
		die("no local port is left to connect from");
	lane->state = LANE_CONNECTING;
	watch_lane(slice, lane, EPOLLOUT, true);
}

static void end_half(struct lane* lane)
{
	shutdown(lane->fd, SHUT_WR);
	lane->state = LANE_ENDING;
	lane->waiting_since_ns = now_ns();
}

/** Sends what is left of the request, as far as it is taken. */
static void send_rest(struct slice* slice, struct lane* lane)
{
	size_t length = slice->work == WORK_BULK ? HEADER_BYTES : slice->bytes;
	ssize_t sent = send(lane->fd, lane->request + lane->sent, length - lane->sent, MSG_NOSIGNAL);
	if (sent > 0)
		lane->sent += (size_t)sent;
	/* A broken connection shows itself at its next event. */
	watch_lane(slice, lane, lane->sent < length ? EPOLLIN | EPOLLOUT : EPOLLIN, false);
}

static void ask(struct slice* slice, struct lane* lane)
{
	number_request(lane);
	lane->sent = 0;
	lane->got = 0;
	lane->state = LANE_ASKING;
	lane->waiting_since_ns = now_ns();
	send_rest(slice, lane);
}

/** A persistent connection has nothing under way. */
static void rest(struct slice* slice, struct lane* lane)
{
	lane->state = LANE_RESTING;
	lane->waiting_since_ns = 0;
	if (!slice->opened_window)
		return;
	if (slice->work != WORK_BULK)
		take_turn(slice, lane);
	else if (sending_is_open(slice))
		ask(slice, lane);
	else
		end_half(lane);
}

void lane_begin(struct slice* slice, struct lane* lane)
{
	if (slice->work == WORK_CLOSE)
		take_turn(slice, lane);
	else if (lane->state == LANE_RESTING && slice->work != WORK_UDP)
		rest(slice, lane);
	else if (lane->state == LANE_RESTING)
		take_turn(slice, lane);
	/* One whose connection failed is opened anew by the loop. */
}

void lane_go(struct slice* slice, struct lane* lane, uint64_t due_ns)
{
	lane->due_ns = due_ns;
	if (slice->work == WORK_CLOSE)
		tcp_open(slice, lane);
	else if (slice->work != WORK_UDP)
		ask(slice, lane);
	else {
		number_request(lane);
		if (lane->sent_on_flow++ == 0)
			slice->opened++;
		lane->state = LANE_ASKING;
		lane->waiting_since_ns = now_ns();
		/* What is refused shows itself at the next event; what is lost is a time-out. */
		(void)!send(lane->fd, lane->request, slice->bytes, MSG_NOSIGNAL);
	}
}

void lane_turn_over(struct slice* slice, struct lane* lane)
{
	if (slice->work == WORK_ECHO)
		end_half(lane);
	else
		lane_over(slice, lane);
}

void lane_give_up(struct slice* slice, struct lane* lane)
{
	if (slice->work != WORK_UDP)
		failed(slice, lane, TIMED_OUT);
	else {
		count_failure(slice, lane, TIMED_OUT);
		lane_drop(slice, lane);
	}
}

/** Whether this is what stands in the lane's stream from its place on. */
static bool continues(const struct lane* lane, const char* chunk, size_t length)
{
	uint32_t lane_word = htonl(lane->number);
	for (size_t at = 0; at < length; at++) {
		size_t place = (lane->got + at) % STREAM_BLOCK_BYTES;
		/* Words at once, where one begins. */
		if (place % 8 == 0 && length - at >= 8) {
			uint32_t words[2];
			memcpy(words, chunk + at, sizeof words);
			if (words[0] != lane_word || words[1] != htonl((uint32_t)place))
				return false;
			at += 7;
			continue;
		}
		uint32_t word = place % 8 < 4 ? lane->number : (uint32_t)(place - place % 8);
		if ((unsigned char)chunk[at] != (unsigned char)(word >> (24 - 8 * (place % 4))))
			return false;
	}
	return true;
}

static void stream_came(struct slice* slice, struct lane* lane, size_t length)
{
	if (!continues(lane, arrived, length)) {
		failed(slice, lane, WRONG);
		return;
	}
	lane->got = (lane->got + length) % STREAM_BLOCK_BYTES;
	if (!lane->begun)
		slice->answers++;
	lane->begun = true;
	count_operations(slice, length);
	if (lane->state == LANE_ENDING)
		lane->drained += length;
	if (lane->drained < MOST_TO_DRAIN)
		lane->waiting_since_ns = now_ns();
	if (lane->state != LANE_ENDING && !sending_is_open(slice))
		end_half(lane);
}

static void answer_came(struct slice* slice, struct lane* lane, size_t length)
{
	if (lane->state == LANE_RESTING || lane->got + length > slice->bytes ||
	    memcmp(lane->request + lane->got, arrived, length) != 0) {
		failed(slice, lane, WRONG);
		return;
	}
	lane->got += length;
	if (lane->got < slice->bytes)
		return;
	count_answer(slice, lane);
	if (!is_persistent(slice)) {
		end_half(lane);
		return;
	}
	count_operations(slice, 1);
	rest(slice, lane);
}

static void connected(struct slice* slice, struct lane* lane)
{
	slice->opened++;
	lane->connected_ns = now_ns();
	if (is_persistent(slice)) {
		watch_lane(slice, lane, EPOLLIN, false);
		rest(slice, lane);
	} else
		ask(slice, lane);
}

void tcp_ready(struct slice* slice, struct lane* lane, uint32_t events)
{
	if (lane->state == LANE_CONNECTING) {
		int error = 0;
		socklen_t length = sizeof error;
		getsockopt(lane->fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error != 0)
			failed(slice, lane, error == ECONNREFUSED ? REFUSED : DROPPED);
		else if (events & EPOLLOUT)
			connected(slice, lane);
		return;
	}
	if (events & EPOLLOUT)
		send_rest(slice, lane);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	ssize_t got = recv(lane->fd, arrived, CHUNK_BYTES, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0)
		failed(slice, lane, DROPPED);
	else if (got == 0 && lane->state == LANE_ENDING)
		closed(slice, lane, true);
	else if (got == 0)
		failed(slice, lane, DROPPED);
	else {
		slice->received += (uint64_t)got;
		if (slice->work == WORK_BULK)
			stream_came(slice, lane, (size_t)got);
		else
			answer_came(slice, lane, (size_t)got);
	}
}
