#include "conn.h"

/** How long nothing goes through a connection before the buffers that it holds are made as small as they can be. */
#define SLOW_MS 1000

void sl_slow_begins(struct sl_engine* engine)
{
	if (sl_list_empty(&engine->slow.link))
		sl_timer_set(&engine->wheel, &engine->slow, sl_due_ms(engine, SLOW_MS));
}

void sl_slow_due(void* context, struct sl_timer* timer)
{
	struct sl_engine* engine = context;
	bool again = false;
	(void)timer;
	for (struct sl_link* link = engine->connections.next; link != &engine->connections; link = link->next) {
		struct sl_conn* conn = SL_OF(link, struct sl_conn, link);
		if (conn->touched_ms + SLOW_MS > engine->now_ms) {
			again = again || conn->client.rest.large || conn->endpoint.rest.large;
			continue;
		}
		sl_rest_shrink(&conn->client.rest);
		sl_rest_shrink(&conn->endpoint.rest);
	}
	if (again)
		sl_slow_begins(engine);
}
