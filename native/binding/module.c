#include "functions.h"

#include "../core/counters.h"

static const char* const counter_names[] = {
#define SL_COUNTER_NAME(name, upper) #name,
	SL_COUNTERS(SL_COUNTER_NAME)
#undef SL_COUNTER_NAME
};

static const struct {
	const char* name;
	napi_callback function;
} functions[] = {
	{"openSocket", sl_js_open_socket},
	{"closeSocket", sl_js_close_socket},
	{"originalDestination", sl_js_original_destination},
	{"create", sl_js_create},
	{"listen", sl_js_listen},
	{"unlisten", sl_js_unlisten},
	{"use", sl_js_use},
	{"hold", sl_js_hold},
	{"expire", sl_js_expire},
	{"resetAll", sl_js_reset_all},
	{"destination", sl_js_destination},
	{"connections", sl_js_connections},
	{"stop", sl_js_stop},
};

static napi_value names(napi_env env)
{
	napi_value list;
	napi_create_array_with_length(env, SL_COUNTER_COUNT, &list);
	for (uint32_t at = 0; at < SL_COUNTER_COUNT; at++) {
		napi_value name;
		napi_create_string_utf8(env, counter_names[at], NAPI_AUTO_LENGTH, &name);
		napi_set_element(env, list, at, name);
	}
	return list;
}

/* Called once a thread that loads the addon: nothing here is shared between threads. */
NAPI_MODULE_INIT()
{
	for (size_t at = 0; at < sizeof functions / sizeof *functions; at++) {
		napi_value function;
		napi_create_function(env, functions[at].name, NAPI_AUTO_LENGTH, functions[at].function, NULL, &function);
		napi_set_named_property(env, exports, functions[at].name, function);
	}
	napi_set_named_property(env, exports, "counters", names(env));
	return exports;
}
