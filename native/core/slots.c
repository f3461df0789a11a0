#include "engine.h"

#include <stdlib.h>

static int grow(struct sl_slots* slots)
{
	uint32_t capacity = slots->capacity == 0 ? 64 : slots->capacity * 2;
	struct sl_flow** flows = realloc(slots->flows, capacity * sizeof *flows);
	if (flows == NULL)
		return -1;
	slots->flows = flows;
	uint32_t* free_slots = realloc(slots->free, capacity * sizeof *free_slots);
	if (free_slots == NULL)
		return -1;
	slots->free = free_slots;
	slots->capacity = capacity;
	return 0;
}

int sl_slot_take(struct sl_engine* engine, struct sl_flow* flow)
{
	struct sl_slots* slots = &engine->slots;
	if (sl_tell_reserve(engine, slots->count - slots->free_count + 1) != 0)
		return -1;
	if (slots->free_count > 0) {
		flow->slot = slots->free[--slots->free_count];
	} else {
		if (slots->count == slots->capacity && grow(slots) != 0)
			return -1;
		flow->slot = slots->count++;
	}
	slots->flows[flow->slot] = flow;
	return 0;
}

void sl_slot_give_back(struct sl_engine* engine, struct sl_flow* flow)
{
	struct sl_slots* slots = &engine->slots;
	slots->flows[flow->slot] = NULL;
	slots->free[slots->free_count++] = flow->slot;
}
