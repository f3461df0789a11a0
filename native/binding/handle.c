#include "handle.h"

#include <stdlib.h>

/**
 * Turns in a row before the rest of the thread has its turn: libuv's own are dearer than ours. A turn with little to do
 * is the last one: most likely the next would find nothing.
 */
#define TURNS 32
#define LITTLE 4

static void on_closed(uv_handle_t* closed)
{
	struct sl_handle* handle = closed->data;
	if (--handle->open_handles > 0)
		return;
	/* Without the hook removed a thread that ends would wait for ever. */
	napi_remove_async_cleanup_hook(handle->hook);
	sl_handle_release(handle);
}

static void close_engine(struct sl_handle* handle)
{
	if (handle->engine == NULL)
		return;
	/* First what names the engine's descriptor: once it is closed, its number may be another thread's. */
	uv_close((uv_handle_t*)&handle->poll, on_closed);
	uv_close((uv_handle_t*)&handle->timer, on_closed);
	sl_engine_free(handle->engine);
	handle->engine = NULL;
}

/** Also of what was never held: one that did not start has only a part. */
static void let_go(struct sl_handle* handle)
{
	if (handle->turn != NULL)
		napi_delete_reference(handle->env, handle->turn);
	for (int at = 0; at < SL_KEPT; at++)
		if (handle->kept[at] != NULL)
			napi_delete_reference(handle->env, handle->kept[at]);
}

/** The thread ends: there is nobody left to tell anything. */
static void on_thread_end(napi_async_cleanup_hook_handle hook, void* data)
{
	struct sl_handle* handle = data;
	(void)hook;
	if (handle->engine == NULL)
		return;
	close_engine(handle);
	/* Node frees no reference that was not given back, not even with its thread. */
	let_go(handle);
}

void sl_handle_release(struct sl_handle* handle)
{
	if (--handle->users == 0)
		free(handle);
}

void sl_handle_abandon(struct sl_handle* handle)
{
	sl_engine_free(handle->engine);
	handle->engine = NULL;
	let_go(handle);
}

void sl_handle_stop(struct sl_handle* handle)
{
	if (handle->engine == NULL)
		return;
	if (handle->turning) {
		handle->stop_wanted = true;
		return;
	}
	handle->turning = true;
	sl_engine_stop(handle->engine);
	handle->turning = false;
	close_engine(handle);
	let_go(handle);
}

static void turn(struct sl_handle* handle)
{
	if (handle->engine == NULL)
		return;
	handle->turning = true;
	for (int at = 0; at < TURNS && !handle->stop_wanted && sl_engine_turn(handle->engine) >= LITTLE; at++)
		;
	handle->turning = false;
	if (handle->stop_wanted)
		sl_handle_stop(handle);
	else
		sl_handle_schedule(handle);
}

static void on_timer(uv_timer_t* timer)
{
	turn(timer->data);
}

static void on_readable(uv_poll_t* poll, int status, int events)
{
	(void)status;
	(void)events;
	turn(poll->data);
}

void sl_handle_schedule(struct sl_handle* handle)
{
	int64_t wait_ms = sl_engine_wait_ms(handle->engine);
	if (wait_ms < 0)
		uv_timer_stop(&handle->timer);
	else
		uv_timer_start(&handle->timer, on_timer, (uint64_t)wait_ms, 0);
}

int sl_handle_start(struct sl_handle* handle)
{
	uv_loop_t* loop;
	if (napi_get_uv_event_loop(handle->env, &loop) != napi_ok ||
	    napi_add_async_cleanup_hook(handle->env, on_thread_end, handle, &handle->hook) != napi_ok)
		return UV_EINVAL;
	int failure = uv_poll_init(loop, &handle->poll, sl_engine_fd(handle->engine));
	if (failure != 0) {
		napi_remove_async_cleanup_hook(handle->hook);
		return failure;
	}
	uv_timer_init(loop, &handle->timer);
	handle->poll.data = handle;
	handle->timer.data = handle;
	handle->open_handles = 2;
	handle->users++;
	uv_poll_start(&handle->poll, UV_READABLE, on_readable);
	return 0;
}

bool sl_handle_route(void* context, uint32_t changes, uint32_t asks)
{
	struct sl_handle* handle = context;
	napi_env env = handle->env;
	napi_handle_scope scope;
	napi_value arguments[2];
	napi_value receiver;
	napi_value function;
	napi_value error;
	napi_value result;
	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return false;
	napi_create_uint32(env, changes, &arguments[0]);
	napi_create_uint32(env, asks, &arguments[1]);
	napi_get_reference_value(env, handle->turn, &function);
	napi_get_reference_value(env, handle->kept[0], &receiver);
	napi_status status = napi_make_callback(env, NULL, receiver, function, 2, arguments, &result);
	/* A router that throws is a bug of ours: the thread dies of it as of any other. */
	if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &error) == napi_ok)
		napi_fatal_exception(env, error);
	napi_close_handle_scope(env, scope);
	return status == napi_ok;
}
