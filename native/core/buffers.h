/*
 * buffers.h - large buffers for copying: one that all connections share, and more of them only while some hold what
 * could not be written yet.
 */
#ifndef SL_BUFFERS_H
#define SL_BUFFERS_H

#include <stddef.h>

#define SL_BUFFER_BYTES ((size_t)256 * 1024)
#define SL_SPARE_BUFFERS 8

struct sl_buffers {
	char* current;                   /** of SL_BUFFER_BYTES; NULL: out of memory */
	char* spare[SL_SPARE_BUFFERS];   /** given back, kept for the next */
	size_t spares;
};

/** Bytes that were read and not yet written. */
struct sl_rest {
	char* data;    /** owned; NULL when there is nothing */
	size_t at;     /** written so far */
	size_t end;
	int large;     /** a whole buffer; else of just the size it needs */
};

/** @return the shared buffer, NULL without memory. */
char* sl_buffers_current(struct sl_buffers* buffers);

/**
 * Keeps what lies in the shared buffer from `at` to `end`. Much of it takes the buffer along, little is copied.
 * @return 0, or -1 without memory.
 */
int sl_rest_keep(struct sl_buffers* buffers, struct sl_rest* rest, size_t at, size_t end);

/** Keeps a copy of what lies elsewhere. @return 0, or -1 without memory. */
int sl_rest_copy(struct sl_rest* rest, const char* data, size_t length);

/** Gives back the part of a large buffer that holds nothing. */
void sl_rest_shrink(struct sl_rest* rest);

/** Frees the bytes that are left. */
void sl_rest_drop(struct sl_buffers* buffers, struct sl_rest* rest);

void sl_buffers_free(struct sl_buffers* buffers);

#endif /* SL_BUFFERS_H */
