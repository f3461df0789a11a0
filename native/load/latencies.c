#include "load.h"

#define STEPS 64
#define POWERS 40

static uint64_t counts[POWERS][STEPS];
static uint64_t total;

void latency_note(uint64_t ns)
{
	int power = 63 - __builtin_clzll(ns | STEPS);
	counts[power < POWERS ? power : POWERS - 1][(ns >> (power - 6)) & (STEPS - 1)]++;
	total++;
}

uint64_t latency_at(double share)
{
	uint64_t seen = 0;
	for (int power = 0; power < POWERS; power++)
		for (int step = 0; step < STEPS; step++) {
			seen += counts[power][step];
			if (seen > 0 && (double)seen >= share * (double)total)
				return (UINT64_C(1) << power) + ((uint64_t)step << (power >= 6 ? power - 6 : 0));
		}
	return 0;
}
