#include "udp-flow.h"

#include "sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/** Batches that one listener gives in one turn. */
#define ROUNDS 4

struct sl_udp* sl_udp_new(uint32_t max_flows)
{
	struct sl_udp* udp = calloc(1, sizeof *udp);
	if (udp == NULL)
		return NULL;
	uint64_t buckets = 64;
	while (buckets < max_flows)
		buckets *= 2;
	udp->max = max_flows;
	udp->bucket_mask = buckets - 1;
	udp->buckets = calloc(buckets, sizeof *udp->buckets);
	sl_list_init(&udp->used);
	sl_list_init(&udp->dead);
	(void)getrandom(&udp->seed, sizeof udp->seed, GRND_NONBLOCK);
	if (udp->buckets == NULL || sl_datagrams_init(&udp->in) != 0 || sl_datagrams_init(&udp->out) != 0) {
		free(udp->in.data);
		free(udp->buckets);
		free(udp);
		return NULL;
	}
	sl_datagrams_expect(&udp->out, 0, SL_DATAGRAMS, false);
	return udp;
}

static void end_all(struct sl_engine* engine, const struct sl_listener* listener)
{
	struct sl_udp* udp = engine->udp;
	struct sl_link* link = udp->used.next;
	while (link != &udp->used) {
		struct sl_udp_flow* flow = SL_OF(link, struct sl_udp_flow, used);
		link = link->next;
		if (listener == NULL || flow->key.listener == listener)
			sl_udp_end(engine, flow);
	}
}

void sl_udp_end_flows_of(struct sl_engine* engine, struct sl_listener* listener)
{
	end_all(engine, listener);
}

void sl_udp_free(struct sl_engine* engine)
{
	struct sl_udp* udp = engine->udp;
	end_all(engine, NULL);
	sl_udp_bury(engine);
	free(udp->in.data);
	free(udp->out.data);
	free(udp->buckets);
	free(udp);
}

void sl_udp_bury(struct sl_engine* engine)
{
	struct sl_link* link;
	while ((link = sl_list_shift(&engine->udp->dead)) != NULL)
		free(SL_OF(link, struct sl_udp_flow, used));
}

/** The address that a datagram came to. @return false when the kernel does not say. */
static bool read_local(struct msghdr* header, struct sl_addr* local)
{
	struct sockaddr_storage address = {0};
	for (struct cmsghdr* one = CMSG_FIRSTHDR(header); one != NULL; one = CMSG_NXTHDR(header, one)) {
		if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(one), sizeof info);
			*(struct sockaddr_in*)&address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = info.ipi_addr};
			return sl_addr_read(&address, local);
		}
		if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(one), sizeof info);
			*(struct sockaddr_in6*)&address =
				(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = info.ipi6_addr};
			return sl_addr_read(&address, local);
		}
	}
	return false;
}

static bool read_key(struct sl_listener* listener, struct msghdr* header, struct sl_udp_key* key)
{
	const struct sockaddr_storage* from = header->msg_name;
	memset(key, 0, sizeof *key);
	key->listener = listener;
	if (!sl_addr_read(from, &key->client))
		return false;
	if (from->ss_family == AF_INET6)
		key->scope = ((const struct sockaddr_in6*)from)->sin6_scope_id;
	return !listener->any_address || read_local(header, &key->local);
}

static struct sl_udp_flow* begin(struct sl_engine* engine, const struct sl_udp_key* key)
{
	struct sl_udp* udp = engine->udp;
	if (udp->count >= udp->max) {
		sl_udp_end(engine, SL_OF(udp->used.next, struct sl_udp_flow, used));
		sl_add(engine, SL_UDP_EVICTED, 1);
	}
	return sl_udp_begin(engine, key);
}

/** Gives each run of datagrams of one client to its flow. */
static void hand_out(struct sl_engine* engine, struct sl_listener* listener, int count)
{
	struct sl_udp* udp = engine->udp;
	int at = 0;
	while (at < count) {
		struct sl_udp_key key;
		struct sl_udp_key next;
		int end = at + 1;
		if (!read_key(listener, &udp->in.messages[at].msg_hdr, &key)) {
			sl_add(engine, SL_DATAGRAMS_LOST, sl_datagrams_count(&udp->in, at, end));
			at = end;
			continue;
		}
		while (end < count && read_key(listener, &udp->in.messages[end].msg_hdr, &next) &&
		       sl_udp_same(&key, &next))
			end++;
		struct sl_udp_flow* flow = sl_udp_find(udp, &key);
		if (flow == NULL)
			flow = begin(engine, &key);
		if (flow != NULL)
			sl_udp_from_client(engine, flow, &udp->in, at, end);
		else
			sl_add(engine, SL_DATAGRAMS_LOST, sl_datagrams_count(&udp->in, at, end));
		at = end;
	}
}

void sl_udp_listener_ready(struct sl_engine* engine, struct sl_source* source, uint32_t events)
{
	struct sl_listener* listener = SL_OF(source, struct sl_listener, source);
	struct sl_datagrams* in = &engine->udp->in;
	(void)events;
	for (int round = 0; round < ROUNDS; round++) {
		int got = recvmmsg(source->fd, in->messages, SL_DATAGRAMS, MSG_DONTWAIT, NULL);
		if (got < 0 && sl_is_shortage(errno))
			sl_listener_rests(engine, listener);
		if (got <= 0)
			return;
		sl_datagrams_received(in, 0, got);
		hand_out(engine, listener, got);
		sl_udp_send_all(engine);
		sl_datagrams_expect(in, 0, got, true);
		if (got < SL_DATAGRAMS)
			return;
	}
}

void sl_udp_flush(struct sl_engine* engine)
{
	struct sl_udp* udp = engine->udp;
	struct sl_sent counts = {0};
	int end;
	if (udp->out_count == 0)
		return;
	for (int at = 0; at < (int)udp->out_count; at = end) {
		struct sl_udp_flow* flow = udp->out_flows[at];
		for (end = at + 1; end < (int)udp->out_count && udp->out_flows[end] == flow;)
			end++;
		sl_outgoing_add(&udp->outgoing, &udp->out, at, end, flow, true);
	}
	/* Whatever a reply meets at the client is told to nobody: the client is gone. */
	while (sl_outgoing_send(&udp->outgoing, udp->out_listener->source.fd, &counts) != 0)
		sl_outgoing_skip(&udp->outgoing, &counts);
	sl_add(engine, SL_DATAGRAMS_TO_CLIENTS, counts.sent);
	sl_add(engine, SL_DATAGRAMS_LOST, counts.lost);
	sl_datagrams_expect(&udp->out, 0, (int)udp->out_count, false);
	udp->out_count = 0;
}
