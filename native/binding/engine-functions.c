#include "functions.h"
#include "handle-argument.h"
#include "policy-words.h"

#include <limits.h>
#include <string.h>

const napi_type_tag sl_handle_tag = {0x51c1d0e6a54b4e0f, 0x9d2f0c7e5b1a8834};

struct sl_handle* sl_argument_handle(struct sl_arguments* arguments)
{
	napi_env env = arguments->env;
	napi_valuetype type;
	bool ours = false;
	void* handle = NULL;
	if (napi_typeof(env, arguments->values[0], &type) == napi_ok && type == napi_object)
		napi_check_object_type_tag(env, arguments->values[0], &sl_handle_tag, &ours);
	if (ours && napi_unwrap(env, arguments->values[0], &handle) == napi_ok)
		return handle;
	napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "argument 0 is not an engine");
	return NULL;
}

struct sl_handle* sl_argument_running(struct sl_arguments* arguments)
{
	struct sl_handle* handle = sl_argument_handle(arguments);
	if (handle == NULL || (handle->engine != NULL && !handle->stop_wanted))
		return handle;
	napi_throw_error(arguments->env, "ERR_NOT_OPEN", "the engine was stopped");
	return NULL;
}

/** listen(engine, id, fd, tcp, group): 0 or -errno. */
napi_value sl_js_listen(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_handle* handle;
	double id;
	double fd;
	bool tcp;
	double group;
	if (!sl_arguments_read(env, info, &arguments) || (handle = sl_argument_running(&arguments)) == NULL ||
	    !sl_argument_number(&arguments, 1, 0, UINT_MAX, &id) || !sl_argument_number(&arguments, 2, 0, INT_MAX, &fd) ||
	    !sl_argument_bool(&arguments, 3, &tcp) || !sl_argument_number(&arguments, 4, 0, UINT_MAX, &group))
		return NULL;
	int failure = sl_engine_listen(handle->engine, (uint32_t)id, (int)fd, tcp, (uint32_t)group);
	return sl_number(env, failure);
}

/** unlisten(engine, id) */
napi_value sl_js_unlisten(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_handle* handle;
	double id;
	if (!sl_arguments_read(env, info, &arguments) || (handle = sl_argument_running(&arguments)) == NULL ||
	    !sl_argument_number(&arguments, 1, 0, UINT_MAX, &id))
		return NULL;
	sl_engine_unlisten(handle->engine, (uint32_t)id);
	return NULL;
}

/** use(engine, policy: Uint32Array) */
napi_value sl_js_use(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_handle* handle;
	struct sl_policy policy;
	if (!sl_arguments_read(env, info, &arguments) || (handle = sl_argument_running(&arguments)) == NULL ||
	    !sl_argument_policy(&arguments, 1, &policy))
		return NULL;
	if (sl_engine_use(handle->engine, &policy) != 0)
		return sl_throw(env, "ENOMEM", "out of memory");
	return NULL;
}

/** hold(engine, hold: boolean) */
napi_value sl_js_hold(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_handle* handle;
	bool hold;
	if (!sl_arguments_read(env, info, &arguments) || (handle = sl_argument_running(&arguments)) == NULL ||
	    !sl_argument_bool(&arguments, 1, &hold))
		return NULL;
	sl_engine_hold(handle->engine, hold);
	return NULL;
}

/** expire(engine, slot) */
napi_value sl_js_expire(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_handle* handle;
	double slot;
	if (!sl_arguments_read(env, info, &arguments) || (handle = sl_argument_running(&arguments)) == NULL ||
	    !sl_argument_number(&arguments, 1, 0, UINT_MAX, &slot))
		return NULL;
	sl_engine_expire(handle->engine, (uint32_t)slot);
	return NULL;
}

/** resetAll(engine): how many connections there were. */
napi_value sl_js_reset_all(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_handle* handle;
	if (!sl_arguments_read(env, info, &arguments) || (handle = sl_argument_running(&arguments)) == NULL)
		return NULL;
	return sl_number(env, sl_engine_reset_all(handle->engine));
}

/** destination(engine, slot, to: Uint32Array(6)): 0 or -errno. */
napi_value sl_js_destination(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_handle* handle;
	double slot;
	void* words;
	if (!sl_arguments_read(env, info, &arguments) || (handle = sl_argument_running(&arguments)) == NULL ||
	    !sl_argument_number(&arguments, 1, 0, UINT_MAX, &slot) ||
	    !sl_argument_array(&arguments, 2, napi_uint32_array, SL_ADDR_WORDS, &words))
		return NULL;
	struct sl_addr to = {0};
	int failure = sl_engine_destination(handle->engine, (uint32_t)slot, &to);
	memcpy(words, &to, sizeof to);
	return sl_number(env, failure);
}

/** connections(engine): how many are open. */
napi_value sl_js_connections(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_handle* handle;
	if (!sl_arguments_read(env, info, &arguments) || (handle = sl_argument_running(&arguments)) == NULL)
		return NULL;
	return sl_number(env, sl_engine_connections(handle->engine));
}

/** stop(engine): also of one that was stopped before. */
napi_value sl_js_stop(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	struct sl_handle* handle;
	if (sl_arguments_read(env, info, &arguments) && (handle = sl_argument_handle(&arguments)) != NULL)
		sl_handle_stop(handle);
	return NULL;
}
