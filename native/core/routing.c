#include "engine.h"

#include <stdlib.h>
#include <string.h>

void sl_ask(struct sl_engine* engine, struct sl_flow* flow)
{
	flow->asking = SL_WAITING;
	sl_list_push(&engine->asking, &flow->link);
}

bool sl_ask_no_more(struct sl_flow* flow)
{
	if (flow->asking == SL_BEING_ROUTED)
		return false;
	flow->asking = SL_NOT_ASKING;
	sl_list_remove(&flow->link);
	return true;
}

int sl_tell_reserve(struct sl_engine* engine, uint32_t flows)
{
	struct sl_changes* changes = &engine->changes;
	/* About to end, and ended: a count that is never taken back would be wrong for ever. */
	size_t needed = changes->count + (size_t)flows * 2;
	if (needed <= changes->capacity)
		return 0;
	size_t capacity = changes->capacity == 0 ? SL_BATCH : changes->capacity * 2;
	if (capacity < needed)
		capacity = needed;
	struct sl_change* list = realloc(changes->list, capacity * sizeof *list);
	if (list == NULL)
		return -1;
	changes->list = list;
	changes->capacity = capacity;
	return 0;
}

void sl_tell(struct sl_engine* engine, uint32_t slot, enum sl_became became)
{
	struct sl_changes* changes = &engine->changes;
	changes->list[changes->count++] = (struct sl_change){.slot = slot, .became = (uint32_t)became};
}

bool sl_has_news(const struct sl_engine* engine)
{
	if (engine->mute)
		return false;
	return engine->changes.count > 0 || (!engine->held && !sl_list_empty(&engine->asking));
}

/** Moves the oldest changes into the exchange. @return how many. */
static uint32_t hand_over_changes(struct sl_engine* engine)
{
	struct sl_changes* changes = &engine->changes;
	size_t count = changes->count < SL_BATCH ? changes->count : SL_BATCH;
	if (count == 0)
		return 0;
	memcpy(engine->options.exchange->changes, changes->list, count * sizeof *changes->list);
	changes->count -= count;
	memmove(changes->list, changes->list + count, changes->count * sizeof *changes->list);
	return (uint32_t)count;
}

/** Writes the questions of those that wait longest. @return how many. */
static uint32_t hand_over_asks(struct sl_engine* engine, struct sl_flow** asked)
{
	uint32_t count = 0;
	/* While changes are left over a slot may still be counted for the flow before. */
	if (engine->held || engine->changes.count > 0)
		return 0;
	while (count < SL_BATCH) {
		struct sl_link* link = sl_list_shift(&engine->asking);
		if (link == NULL)
			break;
		struct sl_flow* flow = SL_OF(link, struct sl_flow, link);
		flow->asking = SL_BEING_ROUTED;
		asked[count] = flow;
		engine->options.exchange->asks[count++] = (struct sl_ask){
			.slot = flow->slot,
			.listener = flow->listener,
			.attempt = flow->attempt,
			.client = flow->client,
		};
	}
	return count;
}

static void carry_out(struct sl_engine* engine, struct sl_flow** asked, uint32_t count)
{
	/* The routes' own memory is the router's, who may change it: each is read once. */
	for (uint32_t at = 0; at < count; at++) {
		struct sl_route route = engine->options.exchange->routes[at];
		if (engine->mute || (route.verdict == SL_FORWARD && route.to.family != 4 && route.to.family != 6))
			route.verdict = SL_REFUSE;
		asked[at]->asking = SL_NOT_ASKING;
		asked[at]->routed(engine, asked[at], &route);
	}
}

void sl_route_batch(struct sl_engine* engine)
{
	struct sl_flow* asked[SL_BATCH];
	uint32_t changes = hand_over_changes(engine);
	uint32_t asks = hand_over_asks(engine, asked);
	if (!engine->options.router(engine->options.context, changes, asks))
		engine->mute = true;
	carry_out(engine, asked, asks);
}
