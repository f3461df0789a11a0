#include "handle.h"

#include <stdlib.h>

/** The engine of this thread: two of them would wait for each other. */
static _Thread_local const struct sl_handle* waits_here;

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
	uv_close((uv_handle_t*)&handle->prepare, on_closed);
	uv_close((uv_handle_t*)&handle->idle, on_closed);
	sl_engine_free(handle->engine);
	handle->engine = NULL;
	if (waits_here == handle)
		waits_here = NULL;
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

static void on_idle(uv_idle_t* idle)
{
	(void)idle;
}

/** One turn of the engine. @return whether it is still there. */
static bool turn(struct sl_handle* handle, int64_t limit_ms)
{
	handle->turning = true;
	sl_engine_turn(handle->engine, limit_ms);
	handle->turning = false;
	if (handle->stop_wanted)
		sl_handle_stop(handle);
	return handle->engine != NULL;
}

/** The loop is about to ask for its events: it does so when there are some, or a timer is due, or something waits for it. */
static void on_prepare(uv_prepare_t* prepare)
{
	struct sl_handle* handle = prepare->data;
	int64_t limit_ms;
	/* An idle handle would have the loop say that it does not wait. */
	uv_idle_stop(&handle->idle);
	do {
		uv_update_time(prepare->loop);
		limit_ms = uv_backend_timeout(prepare->loop);
		if (!turn(handle, limit_ms))
			return;
	} while (limit_ms != 0 && !sl_engine_host_is_called(handle->engine));
	uv_idle_start(&handle->idle, on_idle);
}

int sl_handle_start(struct sl_handle* handle)
{
	uv_loop_t* loop;
	/* One whose last turn it is has stopped: whoever stopped it may go on with the next. */
	bool taken = waits_here != NULL && !waits_here->stop_wanted;
	if (taken || napi_get_uv_event_loop(handle->env, &loop) != napi_ok ||
	    sl_engine_watch_host(handle->engine, uv_backend_fd(loop)) != 0 ||
	    napi_add_async_cleanup_hook(handle->env, on_thread_end, handle, &handle->hook) != napi_ok)
		return UV_EINVAL;
	uv_prepare_init(loop, &handle->prepare);
	uv_idle_init(loop, &handle->idle);
	handle->prepare.data = handle;
	handle->idle.data = handle;
	handle->open_handles = 2;
	handle->users++;
	uv_prepare_start(&handle->prepare, on_prepare);
	uv_idle_start(&handle->idle, on_idle);
	waits_here = handle;
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
