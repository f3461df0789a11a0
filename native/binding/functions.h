/*
 * functions.h - what the addon offers to JavaScript.
 */
#ifndef SL_FUNCTIONS_H
#define SL_FUNCTIONS_H

#include "arguments.h"

napi_value sl_js_open_socket(napi_env env, napi_callback_info info);
napi_value sl_js_close_socket(napi_env env, napi_callback_info info);
napi_value sl_js_original_destination(napi_env env, napi_callback_info info);

napi_value sl_js_create(napi_env env, napi_callback_info info);
napi_value sl_js_listen(napi_env env, napi_callback_info info);
napi_value sl_js_unlisten(napi_env env, napi_callback_info info);
napi_value sl_js_use(napi_env env, napi_callback_info info);
napi_value sl_js_hold(napi_env env, napi_callback_info info);
napi_value sl_js_expire(napi_env env, napi_callback_info info);
napi_value sl_js_reset_all(napi_env env, napi_callback_info info);
napi_value sl_js_destination(napi_env env, napi_callback_info info);
napi_value sl_js_connections(napi_env env, napi_callback_info info);
napi_value sl_js_stop(napi_env env, napi_callback_info info);

#endif /* SL_FUNCTIONS_H */
