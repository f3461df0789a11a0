#include "ring.h"
#include "udp-flow.h"
#include "volley.h"

#include <errno.h>

void sl_udp_send_soon(struct sl_engine* engine, struct sl_udp_flow* flow, int at)
{
	struct sl_udp* udp = engine->udp;
	udp->sending[udp->sending_count++] = (struct sl_sending){.flow = flow, .at = at};
}

/** @return 0 or an errno. */
static int send_alone(const struct sl_udp* udp, const struct sl_sending* sending)
{
	const struct iovec* piece = &udp->in.pieces[sending->at];
	ssize_t sent;
	do {
		sent = send(sending->flow->source.fd, piece->iov_base, piece->iov_len, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? errno : 0;
}

/** @return those whose flow has not ended in between; of the others each is lost. */
static uint32_t leave_living(struct sl_engine* engine)
{
	struct sl_udp* udp = engine->udp;
	uint32_t living = 0;
	for (uint32_t at = 0; at < udp->sending_count; at++) {
		if (udp->sending[at].flow->source.fd >= 0)
			udp->sending[living++] = udp->sending[at];
		else
			sl_add(engine, SL_DATAGRAMS_LOST, 1);
	}
	udp->sending_count = 0;
	return living;
}

void sl_udp_send_all(struct sl_engine* engine)
{
	struct sl_udp* udp = engine->udp;
	struct sl_ring* ring = engine->volley->ring;
	uint32_t count = leave_living(engine);
	const int32_t* results = NULL;
	if (sl_together(engine->volley, count)) {
		for (uint32_t at = 0; at < count; at++) {
			const struct iovec* piece = &udp->in.pieces[udp->sending[at].at];
			sl_ring_send(ring, udp->sending[at].flow->source.fd, piece->iov_base, piece->iov_len, 0);
		}
		results = sl_ring_run(ring);
	}
	for (uint32_t at = 0; at < count; at++) {
		struct sl_sending* sending = &udp->sending[at];
		bool made = results != NULL && results[at] != SL_NOT_MADE && results[at] != -EINTR;
		if (made)
			sl_udp_sent(engine, sending->flow, results[at] < 0 ? -results[at] : 0);
		else if (sending->flow->ended)
			sl_add(engine, SL_DATAGRAMS_LOST, 1);
		else
			sl_udp_sent(engine, sending->flow, send_alone(udp, sending));
	}
}

void sl_udp_answer_soon(struct sl_engine* engine, struct sl_udp_flow* flow)
{
	struct sl_udp* udp = engine->udp;
	if (udp->answering_count == SL_ANSWERING)
		sl_udp_answer(engine);
	udp->answering[udp->answering_count++] = flow;
}

/** Keeps buffers that are full in a row. */
static void exchange_buffers(struct sl_datagrams* datagrams, uint32_t a, uint32_t b)
{
	void* base = datagrams->pieces[a].iov_base;
	datagrams->pieces[a].iov_base = datagrams->pieces[b].iov_base;
	datagrams->pieces[b].iov_base = base;
}

/** Takes one answer of each, all of one listener. There must be room for them. */
static void take_together(struct sl_engine* engine, struct sl_udp_flow** flows, uint32_t count)
{
	struct sl_udp* udp = engine->udp;
	struct sl_ring* ring = engine->volley->ring;
	uint32_t first = udp->out_count;
	uint32_t alone = 0;
	for (uint32_t at = 0; at < count; at++)
		sl_ring_recv(ring, flows[at]->source.fd, udp->out.pieces[first + at].iov_base, SL_DATAGRAM_BYTES);
	const int32_t* results = sl_ring_run(ring);
	for (uint32_t at = 0; at < count; at++) {
		if (results[at] == SL_NOT_MADE) {
			flows[alone++] = flows[at];
			continue;
		}
		if (results[at] < 0) {
			sl_udp_unanswered(engine, flows[at], -results[at]);
			continue;
		}
		exchange_buffers(&udp->out, first + at, udp->out_count);
		udp->out.pieces[udp->out_count].iov_len = (size_t)results[at];
		udp->out.each[udp->out_count] = 0;
		flows[at]->answered_turn = udp->turn;
		sl_udp_answered(engine, flows[at]);
	}
	for (uint32_t at = 0; at < alone; at++)
		sl_udp_gather(engine, flows[at]);
}

/** One that has answers in every turn sends many: they are dearer one by one, and joined ones cannot be told so. */
static bool sends_many(const struct sl_udp* udp, const struct sl_udp_flow* flow)
{
	return flow->joins || (flow->answered_turn > 0 && flow->answered_turn + 1 == udp->turn);
}

/** Takes those that can go together. @return how many that were. */
static uint32_t take_some(struct sl_engine* engine, struct sl_udp_flow** flows, uint32_t count)
{
	struct sl_udp* udp = engine->udp;
	struct sl_udp_flow* some[SL_DATAGRAMS];
	uint32_t taken = 0;
	uint32_t at = 0;
	struct sl_listener* listener = flows[0]->key.listener;
	if (udp->out_count > 0 && (udp->out_listener != listener || udp->out_count == SL_DATAGRAMS))
		sl_udp_flush(engine);
	udp->out_listener = listener;
	for (; at < count && flows[at]->key.listener == listener && udp->out_count + taken < SL_DATAGRAMS; at++) {
		if (sends_many(udp, flows[at]))
			break;
		if (!flows[at]->ended)
			some[taken++] = flows[at];
	}
	if (taken > 0)
		take_together(engine, some, taken);
	if (at == 0)
		sl_udp_gather(engine, flows[at++]);
	return at;
}

void sl_udp_answer(struct sl_engine* engine)
{
	struct sl_udp* udp = engine->udp;
	uint32_t count = udp->answering_count;
	bool together = sl_together(engine->volley, count);
	udp->turn++;
	for (uint32_t at = 0; at < count;) {
		if (together)
			at += take_some(engine, udp->answering + at, count - at);
		else
			sl_udp_gather(engine, udp->answering[at++]);
	}
	udp->answering_count = 0;
}
