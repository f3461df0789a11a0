#include "udp-flow.h"

#include "sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/** An endpoint that sends so many at once sends many, and the kernel may join them. */
#define JOINS_FROM 4

static void lost(struct sl_engine* engine, int count)
{
	sl_add(engine, SL_DATAGRAMS_LOST, count);
}

static void drop_kept(struct sl_udp_flow* flow)
{
	while (flow->first != NULL) {
		struct sl_kept* kept = flow->first;
		flow->first = kept->next;
		free(kept);
	}
	flow->last = &flow->first;
	flow->waiting = 0;
}

/** The router knows the slot as this flow's until here. */
static void give_back(struct sl_engine* engine, struct sl_udp_flow* flow)
{
	sl_tell(engine, flow->flow.slot, SL_EXPIRED);
	sl_slot_give_back(engine, &flow->flow);
	sl_policy_release(flow->policy);
	sl_list_push(&engine->udp->dead, &flow->used);
}

void sl_udp_end(struct sl_engine* engine, struct sl_udp_flow* flow)
{
	if (flow->ended)
		return;
	flow->ended = true;
	sl_udp_remove(engine->udp, flow);
	sl_timer_clear(&flow->timer);
	lost(engine, (int)flow->waiting);
	drop_kept(flow);
	if (flow->source.fd >= 0) {
		sl_unwatch(engine, flow->source.fd);
		close(flow->source.fd);
		flow->source.fd = -1;
		sl_add(engine, SL_UDP_ACTIVE, -1);
		sl_shortage_may_end(engine);
	}
	if (sl_ask_no_more(&flow->flow))
		give_back(engine, flow);
}

static void expire(struct sl_engine* engine, struct sl_flow* flow)
{
	sl_udp_end(engine, SL_OF(flow, struct sl_udp_flow, flow));
}

static uint32_t timeout_of(const struct sl_udp_flow* flow)
{
	return flow->streaming ? flow->policy->udp_stream_ms : flow->policy->udp_idle_ms;
}

static void touch(struct sl_engine* engine, struct sl_udp_flow* flow)
{
	flow->touched_ms = engine->now_ms;
	sl_list_remove(&flow->used);
	sl_list_push(&engine->udp->used, &flow->used);
}

/** The timer is not moved with each datagram: when it fires it looks how long ago the last one was. */
static void timer_fired(void* context, struct sl_timer* timer)
{
	struct sl_engine* engine = context;
	struct sl_udp_flow* flow = SL_OF(timer, struct sl_udp_flow, timer);
	double due_ms = flow->touched_ms + timeout_of(flow);
	if (due_ms <= engine->now_ms) {
		sl_udp_end(engine, flow);
		return;
	}
	uint64_t whole_ms = (uint64_t)due_ms;
	sl_timer_set(&engine->wheel, timer, (double)whole_ms < due_ms ? whole_ms + 1 : whole_ms);
}

static void failed(struct sl_engine* engine, struct sl_udp_flow* flow)
{
	sl_add(engine, SL_REFUSED, 1);
	sl_udp_end(engine, flow);
}

static void send_run(struct sl_engine* engine, struct sl_udp_flow* flow, struct sl_datagrams* datagrams, int at, int end)
{
	struct sl_outgoing* outgoing = &engine->udp->outgoing;
	struct sl_sent counts = {0};
	sl_outgoing_add(outgoing, datagrams, at, end, flow, false);
	int error = sl_outgoing_send(outgoing, flow->source.fd, &counts);
	while (outgoing->at < outgoing->count)
		sl_outgoing_skip(outgoing, &counts);
	outgoing->count = outgoing->at = 0;
	sl_add(engine, SL_DATAGRAMS_TO_ENDPOINTS, counts.sent);
	sl_add(engine, SL_DATAGRAMS_LOST, counts.lost);
	if (error != 0)
		failed(engine, flow);
}

void sl_udp_sent(struct sl_engine* engine, struct sl_udp_flow* flow, int error)
{
	if (error == 0) {
		sl_add(engine, SL_DATAGRAMS_TO_ENDPOINTS, 1);
		return;
	}
	lost(engine, 1);
	if (!sl_is_about_datagram(error) && !flow->ended)
		failed(engine, flow);
}

static void send_kept(struct sl_engine* engine, struct sl_udp_flow* flow)
{
	for (struct sl_kept* kept = flow->first; kept != NULL; kept = kept->next) {
		bool sent = send(flow->source.fd, kept->data, kept->length, MSG_NOSIGNAL) >= 0;
		if (!sent && !sl_is_about_datagram(errno)) {
			failed(engine, flow);
			return;
		}
		sl_add(engine, sent ? SL_DATAGRAMS_TO_ENDPOINTS : SL_DATAGRAMS_LOST, 1);
		flow->waiting--;
	}
	drop_kept(flow);
}

static void keep(struct sl_engine* engine, struct sl_udp_flow* flow, const char* data, size_t length)
{
	struct sl_kept* kept = NULL;
	if (flow->waiting < SL_WAITING_DATAGRAMS)
		kept = malloc(sizeof *kept + length);
	if (kept == NULL) {
		lost(engine, 1);
		return;
	}
	kept->next = NULL;
	kept->length = length;
	memcpy(kept->data, data, length);
	*flow->last = kept;
	flow->last = &kept->next;
	flow->waiting++;
}

/** Keeps the datagrams of a piece, each by itself: there are few, and not for long. */
static void keep_each(struct sl_engine* engine, struct sl_udp_flow* flow, const struct sl_datagrams* datagrams, int at)
{
	const struct iovec* piece = &datagrams->pieces[at];
	size_t each = datagrams->each[at];
	size_t from = 0;
	for (; each > 0 && piece->iov_len - from > each; from += each)
		keep(engine, flow, (char*)piece->iov_base + from, each);
	keep(engine, flow, (char*)piece->iov_base + from, piece->iov_len - from);
}

/** Cuts what is longer than the policy allows. */
static void cut(struct sl_engine* engine, struct sl_udp_flow* flow, struct sl_datagrams* datagrams, int at)
{
	uint32_t count = sl_datagrams_cut(datagrams, at, flow->policy->datagram_bytes);
	if (count > 0)
		sl_add(engine, SL_DATAGRAMS_CUT, count);
}

void sl_udp_from_client(struct sl_engine* engine, struct sl_udp_flow* flow, struct sl_datagrams* datagrams, int at,
			int end)
{
	if (flow->answered)
		flow->streaming = true;
	touch(engine, flow);
	for (int one = at; one < end; one++)
		cut(engine, flow, datagrams, one);
	if (flow->source.fd >= 0 && end - at == 1 && datagrams->each[at] == 0) {
		sl_udp_send_soon(engine, flow, at);
		return;
	}
	if (flow->source.fd >= 0) {
		/* What waits may be of this very flow. */
		sl_udp_send_all(engine);
		if (flow->ended)
			lost(engine, (int)sl_datagrams_count(datagrams, at, end));
		else
			send_run(engine, flow, datagrams, at, end);
		return;
	}
	for (int one = at; one < end; one++)
		keep_each(engine, flow, datagrams, one);
}

void sl_udp_answered(struct sl_engine* engine, struct sl_udp_flow* flow)
{
	struct sl_udp* udp = engine->udp;
	cut(engine, flow, &udp->out, (int)udp->out_count);
	udp->out_flows[udp->out_count++] = flow;
	flow->answered = true;
	touch(engine, flow);
}

/** Receives answers into the batch that goes to clients. @return whether there may be more. */
static bool gather_answers(struct sl_engine* engine, struct sl_udp_flow* flow)
{
	struct sl_udp* udp = engine->udp;
	if (udp->out_count == SL_DATAGRAMS || udp->out_listener != flow->key.listener)
		sl_udp_flush(engine);
	udp->out_listener = flow->key.listener;
	int room = (int)(SL_DATAGRAMS - udp->out_count);
	int got = recvmmsg(flow->source.fd, &udp->out.messages[udp->out_count], (unsigned)room, MSG_DONTWAIT, NULL);
	if (got < 0) {
		sl_udp_unanswered(engine, flow, errno);
		return false;
	}
	sl_datagrams_received(&udp->out, (int)udp->out_count, (int)udp->out_count + got);
	for (int at = 0; at < got; at++)
		sl_udp_answered(engine, flow);
	if (got >= JOINS_FROM && !flow->joins) {
		flow->joins = true;
		sl_take_joined(flow->source.fd);
	}
	return got == room;
}

void sl_udp_unanswered(struct sl_engine* engine, struct sl_udp_flow* flow, int error)
{
	/* Also that a path has become smaller is told here: the endpoint lives, and longer datagrams go as fragments. */
	if (!sl_is_about_datagram(error) && error != EINTR && !flow->ended)
		failed(engine, flow);
}

void sl_udp_gather(struct sl_engine* engine, struct sl_udp_flow* flow)
{
	/* Twice a turn at most: others have their turn, and epoll tells again. */
	if (!flow->ended && gather_answers(engine, flow) && !flow->ended)
		(void)gather_answers(engine, flow);
}

static void endpoint_ready(struct sl_engine* engine, struct sl_source* source, uint32_t events)
{
	(void)events;
	sl_udp_answer_soon(engine, SL_OF(source, struct sl_udp_flow, source));
}

static void connect_flow(struct sl_engine* engine, struct sl_udp_flow* flow, const struct sl_addr* to)
{
	int fd = sl_open_flow(to);
	if (fd < 0 && sl_is_shortage(-fd)) {
		sl_udp_end(engine, flow);
		sl_shortage_begins(engine);
		return;
	}
	if (fd < 0) {
		failed(engine, flow);
		return;
	}
	flow->source.fd = fd;
	sl_add(engine, SL_UDP_FLOWS, 1);
	sl_add(engine, SL_UDP_ACTIVE, 1);
	if (sl_watch(engine, &flow->source, EPOLLIN) != 0)
		failed(engine, flow);
	else
		send_kept(engine, flow);
}

static void routed(struct sl_engine* engine, struct sl_flow* asked, const struct sl_route* route)
{
	struct sl_udp_flow* flow = SL_OF(asked, struct sl_udp_flow, flow);
	if (flow->ended) {
		give_back(engine, flow);
		return;
	}
	if (route->verdict == SL_FORWARD) {
		connect_flow(engine, flow, &route->to);
		return;
	}
	sl_add(engine, route->verdict == SL_REFUSE ? SL_REJECTED : SL_DROPPED, flow->waiting);
	drop_kept(flow);
	sl_udp_end(engine, flow);
}

/** What sendmsg() has to be told so that an answer comes from the address that the client used. */
static void name_source(struct sl_udp_flow* flow)
{
	const struct sl_addr* local = &flow->key.local;
	struct cmsghdr* header = (struct cmsghdr*)(void*)flow->control.space;
	struct sockaddr_storage address;
	if (local->family == 0)
		return;
	sl_addr_write(local, &address);
	if (local->family == 4) {
		struct in_pktinfo info = {.ipi_spec_dst = ((struct sockaddr_in*)&address)->sin_addr};
		header->cmsg_level = IPPROTO_IP;
		header->cmsg_type = IP_PKTINFO;
		header->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(header), &info, sizeof info);
		flow->control_length = CMSG_SPACE(sizeof info);
		return;
	}
	struct in6_pktinfo info = {.ipi6_addr = ((struct sockaddr_in6*)&address)->sin6_addr};
	header->cmsg_level = IPPROTO_IPV6;
	header->cmsg_type = IPV6_PKTINFO;
	header->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(header), &info, sizeof info);
	flow->control_length = CMSG_SPACE(sizeof info);
}

struct sl_udp_flow* sl_udp_begin(struct sl_engine* engine, const struct sl_udp_key* key)
{
	struct sl_udp_flow* flow = calloc(1, sizeof *flow);
	if (flow == NULL || sl_slot_take(engine, &flow->flow) != 0) {
		free(flow);
		return NULL;
	}
	flow->key = *key;
	flow->flow.listener = key->listener->id;
	flow->flow.client = key->client;
	flow->flow.routed = routed;
	flow->flow.expire = expire;
	flow->source = (struct sl_source){.fd = -1, .ready = endpoint_ready};
	flow->policy = sl_policy_hold(engine->policy);
	flow->last = &flow->first;
	flow->joined_to_endpoint = flow->joined_to_client = SL_DATAGRAM_BYTES;
	flow->peer_length = sl_addr_write(&key->client, &flow->peer);
	if (key->scope != 0)
		((struct sockaddr_in6*)&flow->peer)->sin6_scope_id = key->scope;
	name_source(flow);
	sl_list_init(&flow->used);
	sl_list_init(&flow->flow.link);
	sl_timer_init(&flow->timer, timer_fired);
	sl_timer_set(&engine->wheel, &flow->timer, sl_due_ms(engine, flow->policy->udp_idle_ms));
	sl_udp_insert(engine->udp, flow);
	sl_ask(engine, &flow->flow);
	return flow;
}
