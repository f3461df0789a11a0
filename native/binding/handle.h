/*
 * handle.h - an engine and the event loop of a JavaScript thread.
 *
 * The thread waits in the engine: what comes to one of its sockets is served without the loop, which has its turn when
 * something of its own is to be done. A thread has one engine at a time.
 *
 * It lives until it is stopped, or until its thread ends, whichever comes first: a clean-up hook closes every
 * descriptor also when the thread is terminated in the middle of something. The JavaScript object only refers to it.
 */
#ifndef SL_HANDLE_H
#define SL_HANDLE_H

#include "../core/sluice.h"

#include <node_api.h>
#include <uv.h>

/** The JavaScript object, then its counters, exchange and clock. */
#define SL_KEPT 4

struct sl_handle {
	struct sl_engine* engine;           /** NULL once it has been stopped */
	napi_env env;
	napi_ref turn;                      /** function (changes, asks): the router */
	napi_ref kept[SL_KEPT];             /** the object, and the arrays whose memory the engine uses; NULL: none */
	napi_async_cleanup_hook_handle hook;
	uv_prepare_t prepare;               /** before the loop asks for its events: the engine's turns */
	uv_idle_t idle;                     /** active but in those turns: the loop itself does not wait */
	int open_handles;                   /** of the two */
	uint32_t users;                     /** the object, and the loop; whoever creates it, until then */
	bool turning;                       /** in a turn: freeing has to wait */
	bool stop_wanted;
};

/** Has the loop give the engine its turns. @return 0, or an error of libuv: there was nothing begun. */
int sl_handle_start(struct sl_handle* handle);

/** Frees the engine of one that did not start, and lets go of all that was kept for it. */
void sl_handle_abandon(struct sl_handle* handle);

/** Ends the engine, after the turn if it is in one; the router is told what became of its flows. */
void sl_handle_stop(struct sl_handle* handle);

/** The object or the loop lets go. */
void sl_handle_release(struct sl_handle* handle);

/** The router of an embedded engine: calls into JavaScript. */
bool sl_handle_route(void* context, uint32_t changes, uint32_t asks);

#endif /* SL_HANDLE_H */
