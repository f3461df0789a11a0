#include "functions.h"
#include "handle-argument.h"
#include "policy-words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** Fewer calls are as fast one by one. A sanitizer that sees no call of the ring's is built with 0. */
#ifndef TOGETHER_FROM
#define TOGETHER_FROM 3
#endif

static void object_gone(napi_env env, void* data, void* hint)
{
	(void)env;
	(void)hint;
	sl_handle_release(data);
}

/** Keeps what the engine uses alive for as long as it runs. */
static bool keep(struct sl_handle* handle, int at, napi_value value)
{
	return napi_create_reference(handle->env, value, 1, &handle->kept[at]) == napi_ok;
}

static bool wrap(struct sl_handle* handle, struct sl_arguments* arguments, bool has_clock, napi_value* object)
{
	napi_env env = handle->env;
	if (napi_create_object(env, object) != napi_ok || napi_type_tag_object(env, *object, &sl_handle_tag) != napi_ok)
		return false;
	/* From here on the handle lives at least as long as its object. */
	if (napi_wrap(env, *object, handle, object_gone, NULL, NULL) != napi_ok)
		return false;
	handle->users++;
	return keep(handle, 0, *object) && keep(handle, 1, arguments->values[0]) && keep(handle, 2, arguments->values[1]) &&
	       (!has_clock || keep(handle, 3, arguments->values[2])) &&
	       napi_create_reference(env, arguments->values[5], 1, &handle->turn) == napi_ok;
}

static bool read_options(struct sl_arguments* arguments, struct sl_engine_options* options, bool* has_clock)
{
	napi_valuetype clock;
	void* counters;
	void* exchange;
	void* now = NULL;
	double flows;
	napi_typeof(arguments->env, arguments->values[2], &clock);
	*has_clock = clock != napi_undefined;
	if (!sl_argument_shared(arguments, 0, napi_float64_array, SL_COUNTER_COUNT, &counters) ||
	    !sl_argument_shared(arguments, 1, napi_uint32_array, sizeof(struct sl_exchange) / sizeof(uint32_t), &exchange) ||
	    (*has_clock && !sl_argument_shared(arguments, 2, napi_float64_array, 1, &now)) ||
	    !sl_argument_policy(arguments, 3, &options->policy) ||
	    !sl_argument_number(arguments, 4, 1, 1 << 24, &flows) || !sl_argument_function(arguments, 5))
		return false;
	options->counters = counters;
	options->exchange = exchange;
	options->clock_ms = now;
	options->max_udp_flows = (uint32_t)flows;
	return true;
}

/** @return the name of a failure by which callers can tell it. */
static const char* code_of(int failure)
{
	if (failure == EMFILE)
		return "EMFILE";
	return failure == ENFILE ? "ENFILE" : "ENOMEM";
}

/**
 * create(counters: Float64Array, exchange: Uint32Array, clock: Float64Array | undefined, policy: Uint32Array,
 *        maxUdpFlows, turn: (changes, asks) => void): an engine, watched by this thread's loop.
 */
napi_value sl_js_create(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_engine_options options = {.router = sl_handle_route, .together_from = TOGETHER_FROM};
	bool has_clock;
	napi_value object;
	if (!sl_arguments_read(env, info, &arguments) || !read_options(&arguments, &options, &has_clock))
		return NULL;
	struct sl_handle* handle = calloc(1, sizeof *handle);
	if (handle == NULL)
		return sl_throw(env, "ENOMEM", "out of memory");
	handle->env = env;
	handle->users = 1; /* this function, until it returns */
	options.context = handle;
	handle->engine = sl_engine_new(&options);
	if (handle->engine == NULL) {
		int failure = errno;
		free(handle);
		return sl_throw(env, code_of(failure), strerror(failure));
	}
	bool running = wrap(handle, &arguments, has_clock, &object) && sl_handle_start(handle) == 0;
	if (!running)
		sl_handle_abandon(handle);
	sl_handle_release(handle);
	return running ? object : sl_throw(env, "ERR_NOT_OPEN", "the thread's loop takes no engine");
}
