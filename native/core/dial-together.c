#include "conn.h"

#include "ring.h"
#include "sockets.h"
#include "volley.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

/** Connections that go together: their first bytes lie on the stack. */
#define DIALS 64

/** One on its way, with what its client has said already. */
struct dial {
	struct sl_conn* conn;
	int fd;
	int outcome;       /** 0, or -errno */
	bool reads;
	size_t got;
	size_t sent;
	char first[SL_ONE_SEGMENT_BYTES];
};

/** Not what has to follow a PROXY header, nor what waits behind bytes that were read before. */
static bool may_read(const struct sl_conn* conn)
{
	const struct sl_side* client = &conn->client;
	return conn->policy->proxy_protocol == 0 && client->readable && client->rest.data == NULL && !client->ended &&
	       !client->failed;
}

static void was_read(struct dial* dial, int32_t result)
{
	struct sl_side* client = &dial->conn->client;
	if (result == SL_NOT_MADE || result == -EAGAIN || result == -EINTR)
		return;
	if (result < 0) {
		client->failed = true;
		return;
	}
	dial->got = (size_t)result;
	sl_side_read(client, dial->got, sizeof dial->first);
}

/** Opens all sockets, and reads what clients have said meanwhile. */
static void open_all(struct sl_ring* ring, struct dial* dials, uint32_t count)
{
	for (uint32_t at = 0; at < count; at++)
		sl_ring_socket(ring, dials[at].conn->to.family == 4 ? AF_INET : AF_INET6);
	for (uint32_t at = 0; at < count; at++)
		if (dials[at].reads)
			sl_ring_recv(ring, dials[at].conn->client.source.fd, dials[at].first, sizeof dials[at].first);
	const int32_t* results = sl_ring_run(ring);
	const int32_t* reads = results + count;
	for (uint32_t at = 0; at < count; at++) {
		dials[at].fd = results[at] == SL_NOT_MADE ? sl_open_stream(&dials[at].conn->to) : results[at];
		dials[at].outcome = dials[at].fd < 0 ? dials[at].fd : 0;
		if (dials[at].reads)
			was_read(&dials[at], *reads++);
	}
}

/** Where there is something to send at once, the handshake's last ACK travels with it. */
static void join_acks(struct sl_ring* ring, const struct dial* dials, uint32_t count)
{
	static const int no = 0;
	uint32_t noted = 0;
	for (uint32_t at = 0; at < count; at++) {
		if (dials[at].fd < 0 || dials[at].got == 0)
			continue;
		sl_ring_set(ring, dials[at].fd, IPPROTO_TCP, TCP_QUICKACK, &no);
		noted++;
	}
	/* A host that cannot do so sends one packet more. */
	if (noted > 0)
		(void)sl_ring_run(ring);
}

/** Sends what is there: over loopback the handshake is done by now. An empty write asks the others whether it is. */
static void send_all(struct sl_ring* ring, struct dial* dials, uint32_t count)
{
	uint32_t noted = 0;
	for (uint32_t at = 0; at < count; at++) {
		if (dials[at].outcome != -EINPROGRESS)
			continue;
		sl_ring_send(ring, dials[at].fd, dials[at].first, dials[at].got, 0);
		noted++;
	}
	if (noted == 0)
		return;
	const int32_t* results = sl_ring_run(ring);
	for (uint32_t at = 0; at < count; at++) {
		if (dials[at].outcome != -EINPROGRESS)
			continue;
		int32_t result = *results++;
		if (result == -EAGAIN || result == -EINTR || result == SL_NOT_MADE)
			continue;
		dials[at].sent = result > 0 ? (size_t)result : 0;
		dials[at].outcome = result < 0 ? result : 0;
	}
}

/** Keeps what is not sent yet: it goes first once there is an endpoint, whichever. */
static void keep_first(struct sl_engine* engine, struct dial* dial)
{
	struct sl_conn* conn = dial->conn;
	if (dial->sent > 0) {
		conn->endpoint.wrote = true;
		sl_moved(engine, conn, &conn->client, dial->sent);
	}
	if (dial->got > dial->sent &&
	    sl_rest_copy(&conn->client.rest, dial->first + dial->sent, dial->got - dial->sent) != 0)
		conn->client.failed = true;
}

static void dial_some(struct sl_engine* engine, struct sl_conn** conns, uint32_t count)
{
	struct sl_ring* ring = engine->volley->ring;
	struct dial dials[DIALS];
	for (uint32_t at = 0; at < count; at++) {
		dials[at].conn = conns[at];
		dials[at].reads = may_read(conns[at]);
		dials[at].got = 0;
		dials[at].sent = 0;
	}
	open_all(ring, dials, count);
	join_acks(ring, dials, count);
	for (uint32_t at = 0; at < count; at++)
		if (dials[at].fd >= 0)
			dials[at].outcome = sl_start_connect(dials[at].fd, &conns[at]->to, conns[at]->policy->keepalive_s);
	send_all(ring, dials, count);
	for (uint32_t at = 0; at < count; at++) {
		keep_first(engine, &dials[at]);
		sl_dialled(engine, conns[at], dials[at].fd, dials[at].outcome);
	}
}

void sl_dial_together(struct sl_engine* engine, struct sl_conn** conns, uint32_t count)
{
	for (uint32_t at = 0; at < count; at += DIALS)
		dial_some(engine, conns + at, count - at < DIALS ? count - at : DIALS);
}
