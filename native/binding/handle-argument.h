/*
 * handle-argument.h - a running engine as the first argument.
 */
#ifndef SL_HANDLE_ARGUMENT_H
#define SL_HANDLE_ARGUMENT_H

#include "arguments.h"
#include "handle.h"

/** By which an object is known to be one of ours. */
extern const napi_type_tag sl_handle_tag;

/** @return NULL, and an error is thrown, for what is no engine, and for one that was stopped. */
struct sl_handle* sl_argument_running(struct sl_arguments* arguments);

/** @return NULL, and a TypeError is thrown, for what is no engine. */
struct sl_handle* sl_argument_handle(struct sl_arguments* arguments);

#endif /* SL_HANDLE_ARGUMENT_H */
