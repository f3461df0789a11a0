#include "conn.h"
#include "listener.h"

void sl_shortage_begins(struct sl_engine* engine)
{
	if (!sl_list_empty(&engine->shortage.link))
		return;
	sl_add(engine, SL_ACCEPT_FAILURES, 1);
	sl_listeners_watch(engine, false);
	sl_timer_set(&engine->wheel, &engine->shortage, sl_due_ms(engine, SL_SHORTAGE_MS));
}

void sl_shortage_may_end(struct sl_engine* engine)
{
	if (!sl_list_empty(&engine->shortage.link))
		sl_timer_set(&engine->wheel, &engine->shortage, sl_due_ms(engine, 0));
}

void sl_shortage_over(void* context, struct sl_timer* timer)
{
	struct sl_engine* engine = context;
	struct sl_link starving;
	struct sl_link* link;
	(void)timer;
	sl_list_init(&starving);
	sl_list_splice(&starving, &engine->starving);
	/* Those who were accepted come first: each of them holds a descriptor that others could use. */
	while ((link = sl_list_shift(&starving)) != NULL)
		sl_dial(engine, SL_OF(link, struct sl_conn, ready));
	if (sl_list_empty(&engine->shortage.link))
		sl_listeners_watch(engine, true);
}
