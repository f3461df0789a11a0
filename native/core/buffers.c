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
	rest->data = malloc(end - at);
	if (rest->data == NULL)
		return -1;
	memcpy(rest->data, buffers->current + at, end - at);
	rest->at = 0;
	rest->end = end - at;
	return 0;
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
