#include "udp-flow.h"

#include <string.h>

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t mix_addr(uint64_t hash, const struct sl_addr* addr)
{
	hash = mix(hash, (uint64_t)addr->family << 32 | addr->port);
	hash = mix(hash, (uint64_t)addr->ip[0] << 32 | addr->ip[1]);
	return mix(hash, (uint64_t)addr->ip[2] << 32 | addr->ip[3]);
}

/** Seeded: nobody outside can choose addresses that all fall into one bucket. */
static struct sl_udp_flow** bucket_of(struct sl_udp* udp, const struct sl_udp_key* key)
{
	uint64_t hash = mix(udp->seed, (uint64_t)(uintptr_t)key->listener);
	hash = mix_addr(hash, &key->client);
	if (key->listener->any_address)
		hash = mix_addr(hash, &key->local);
	return &udp->buckets[hash & udp->bucket_mask];
}

bool sl_udp_same(const struct sl_udp_key* a, const struct sl_udp_key* b)
{
	return a->listener == b->listener && a->scope == b->scope && sl_addr_same(&a->client, &b->client) &&
	       sl_addr_same(&a->local, &b->local);
}

struct sl_udp_flow* sl_udp_find(struct sl_udp* udp, const struct sl_udp_key* key)
{
	struct sl_udp_flow* flow = *bucket_of(udp, key);
	while (flow != NULL && !sl_udp_same(&flow->key, key))
		flow = flow->next;
	return flow;
}

void sl_udp_insert(struct sl_udp* udp, struct sl_udp_flow* flow)
{
	struct sl_udp_flow** bucket = bucket_of(udp, &flow->key);
	flow->next = *bucket;
	*bucket = flow;
	sl_list_push(&udp->used, &flow->used);
	udp->count++;
}

void sl_udp_remove(struct sl_udp* udp, struct sl_udp_flow* flow)
{
	struct sl_udp_flow** at = bucket_of(udp, &flow->key);
	while (*at != flow)
		at = &(*at)->next;
	*at = flow->next;
	sl_list_remove(&flow->used);
	udp->count--;
}
