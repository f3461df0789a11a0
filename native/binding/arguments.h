/*
 * arguments.h - what JavaScript hands over, checked. Each reader throws a TypeError that names the argument, and returns
 * false.
 */
#ifndef SL_ARGUMENTS_H
#define SL_ARGUMENTS_H

#include "../core/addr.h"

#include <node_api.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_MAX_ARGUMENTS 8

struct sl_arguments {
	napi_env env;
	napi_value values[SL_MAX_ARGUMENTS]; /** undefined where there was none */
};

bool sl_arguments_read(napi_env env, napi_callback_info info, struct sl_arguments* arguments);

/** A whole number in min - max. */
bool sl_argument_number(struct sl_arguments* arguments, int at, double min, double max, double* number);
bool sl_argument_bool(struct sl_arguments* arguments, int at, bool* value);
bool sl_argument_function(struct sl_arguments* arguments, int at);

/** The memory of a typed array of this type and at least this many elements; it lives as long as the array. */
bool sl_argument_array(struct sl_arguments* arguments, int at, napi_typedarray_type type, size_t elements, void** data);

#define SL_ADDR_WORDS (sizeof(struct sl_addr) / sizeof(uint32_t))

/**
 * The same in a SharedArrayBuffer, for memory that is used after the call: that of others can be taken away from under
 * us, by a transfer to another thread, say.
 */
bool sl_argument_shared(struct sl_arguments* arguments, int at, napi_typedarray_type type, size_t elements, void** data);

/** Throws. @return NULL, for a function to return. */
napi_value sl_throw(napi_env env, const char* code, const char* message);

napi_value sl_number(napi_env env, double number);

#endif /* SL_ARGUMENTS_H */
