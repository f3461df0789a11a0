#include "buffers.h"

#include <stdlib.h>
#include <string.h>

/** Below this a copy is cheaper than another buffer, and a slow reader holds less memory. */
#define LITTLE_BYTES ((size_t)16 * 1024)

char* sl_buffers_current(struct sl_buffers* buffers)
{
	if (buffers->current == NULL && buffers->spares > 0)
		buffers->current = buffers->spare[--buffers->spares];
	if (buffers->current == NULL)
		buffers->current = malloc(SL_BUFFER_BYTES);
	return buffers->current;
}

int sl_rest_keep(struct sl_buffers* buffers, struct sl_rest* rest, size_t at, size_t end)
{
	rest->large = end - at > LITTLE_BYTES;
	if (rest->large) {
		rest->data = buffers->current;
		rest->at = at;
		rest->end = end;
		buffers->current = NULL;
		return 0;
	}
	return sl_rest_copy(rest, buffers->current + at, end - at);
}

int sl_rest_copy(struct sl_rest* rest, const char* data, size_t length)
{
	rest->large = 0;
	rest->data = malloc(length);
	if (rest->data == NULL)
		return -1;
	memcpy(rest->data, data, length);
	rest->at = 0;
	rest->end = length;
	return 0;
}

void sl_rest_shrink(struct sl_rest* rest)
{
	size_t left = rest->end - rest->at;
	if (!rest->large || left == 0)
		return;
	memmove(rest->data, rest->data + rest->at, left);
	char* smaller = realloc(rest->data, left);
	if (smaller != NULL)
		rest->data = smaller;
	*rest = (struct sl_rest){.data = rest->data, .end = left};
}

void sl_rest_drop(struct sl_buffers* buffers, struct sl_rest* rest)
{
	if (rest->large && buffers->spares < SL_SPARE_BUFFERS)
		buffers->spare[buffers->spares++] = rest->data;
	else
		free(rest->data);
	*rest = (struct sl_rest){0};
}

void sl_buffers_free(struct sl_buffers* buffers)
{
	while (buffers->spares > 0)
		free(buffers->spare[--buffers->spares]);
	free(buffers->current);
	buffers->current = NULL;
}
