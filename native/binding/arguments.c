#include "arguments.h"

#include <stdio.h>

bool sl_arguments_read(napi_env env, napi_callback_info info, struct sl_arguments* arguments)
{
	size_t count = SL_MAX_ARGUMENTS;
	arguments->env = env;
	return napi_get_cb_info(env, info, &count, arguments->values, NULL, NULL) == napi_ok;
}

static bool wrong(struct sl_arguments* arguments, int at, const char* expected)
{
	char message[128];
	snprintf(message, sizeof message, "argument %d is not %s", at, expected);
	napi_throw_type_error(arguments->env, "ERR_INVALID_ARG_TYPE", message);
	return false;
}

bool sl_argument_number(struct sl_arguments* arguments, int at, double min, double max, double* number)
{
	if (napi_get_value_double(arguments->env, arguments->values[at], number) != napi_ok)
		return wrong(arguments, at, "a number");
	/* Also not a number at all. */
	if (!(*number >= min && *number <= max) || (double)(int64_t)*number != *number)
		return wrong(arguments, at, "a whole number in range");
	return true;
}

bool sl_argument_bool(struct sl_arguments* arguments, int at, bool* value)
{
	if (napi_get_value_bool(arguments->env, arguments->values[at], value) != napi_ok)
		return wrong(arguments, at, "a boolean");
	return true;
}

bool sl_argument_function(struct sl_arguments* arguments, int at)
{
	napi_valuetype type;
	if (napi_typeof(arguments->env, arguments->values[at], &type) != napi_ok || type != napi_function)
		return wrong(arguments, at, "a function");
	return true;
}

bool sl_argument_array(struct sl_arguments* arguments, int at, napi_typedarray_type type, size_t elements, void** data)
{
	bool is_array = false;
	napi_typedarray_type its_type;
	size_t length;
	if (napi_is_typedarray(arguments->env, arguments->values[at], &is_array) != napi_ok || !is_array)
		return wrong(arguments, at, "a typed array");
	if (napi_get_typedarray_info(arguments->env, arguments->values[at], &its_type, &length, data, NULL, NULL) != napi_ok)
		return wrong(arguments, at, "a typed array");
	if (its_type != type || length < elements || *data == NULL)
		return wrong(arguments, at, "a typed array of the right type and length");
	return true;
}

bool sl_argument_shared(struct sl_arguments* arguments, int at, napi_typedarray_type type, size_t elements, void** data)
{
	napi_typedarray_type its_type;
	size_t length;
	size_t offset;
	napi_value buffer;
	bool detachable = true;
	if (!sl_argument_array(arguments, at, type, elements, data))
		return false;
	if (napi_get_typedarray_info(arguments->env, arguments->values[at], &its_type, &length, NULL, &buffer, &offset) !=
		    napi_ok ||
	    napi_is_arraybuffer(arguments->env, buffer, &detachable) != napi_ok || detachable)
		return wrong(arguments, at, "a typed array in shared memory (a SharedArrayBuffer)");
	return true;
}

napi_value sl_throw(napi_env env, const char* code, const char* message)
{
	napi_throw_error(env, code, message);
	return NULL;
}

napi_value sl_number(napi_env env, double number)
{
	napi_value value = NULL;
	napi_create_double(env, number, &value);
	return value;
}
