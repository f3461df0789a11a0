#include "lanes.h"

#include <stdio.h>
#include <string.h>

/** Powers of two, each cut into so many steps: 2^37 ns is beyond every time-out. */
#define BITS 10
#define STEPS (1u << BITS)
#define POWERS 28

static uint64_t counts[POWERS][STEPS];

void lane_latencies_clear(void)
{
	memset(counts, 0, sizeof counts);
}

/** Power 0 holds what is below STEPS as it is; power p holds STEPS * 2^(p-1) to twice that. */
void lane_latency_note(uint64_t ns)
{
	int power = ns < STEPS ? 0 : 64 - __builtin_clzll(ns) - BITS;
	if (power >= POWERS) {
		counts[POWERS - 1][STEPS - 1]++;
		return;
	}
	counts[power][power == 0 ? ns : (ns >> (power - 1)) - STEPS]++;
}

void lane_latencies_print(void)
{
	const char* comma = "";
	putchar('[');
	for (int power = 0; power < POWERS; power++)
		for (unsigned step = 0; step < STEPS; step++) {
			if (counts[power][step] == 0)
				continue;
			uint64_t width = power == 0 ? 1 : UINT64_C(1) << (power - 1);
			uint64_t low = power == 0 ? step : (uint64_t)(STEPS + step) * width;
			printf("%s[%llu,%llu]", comma, (unsigned long long)(low + width / 2),
			       (unsigned long long)counts[power][step]);
			comma = ",";
		}
	putchar(']');
}
