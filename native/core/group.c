#include "group.h"

#include "conn.h"

#include <stdlib.h>

struct sl_group* sl_group_hold(struct sl_engine* engine, uint32_t id)
{
	for (struct sl_link* link = engine->groups.next; link != &engine->groups; link = link->next) {
		struct sl_group* group = SL_OF(link, struct sl_group, link);
		if (group->id == id) {
			group->users++;
			return group;
		}
	}
	struct sl_group* group = malloc(sizeof *group);
	if (group == NULL)
		return NULL;
	group->id = id;
	group->users = 1;
	sl_list_init(&group->waiting);
	sl_list_push(&engine->groups, &group->link);
	return group;
}

void sl_group_release(struct sl_group* group)
{
	if (--group->users > 0)
		return;
	sl_list_remove(&group->link);
	free(group);
}

void sl_group_join(struct sl_engine* engine, struct sl_group* group, struct sl_conn* conn)
{
	bool first = sl_list_empty(&group->waiting);
	conn->group = group;
	group->users++;
	sl_list_push(&group->waiting, &conn->in_group);
	if (first)
		sl_conn_ask(engine, conn);
}

void sl_group_leave(struct sl_engine* engine, struct sl_conn* conn)
{
	struct sl_group* group = conn->group;
	if (group == NULL)
		return;
	bool was_first = group->waiting.next == &conn->in_group;
	sl_list_remove(&conn->in_group);
	conn->group = NULL;
	if (was_first && !sl_list_empty(&group->waiting))
		sl_conn_ask(engine, SL_OF(group->waiting.next, struct sl_conn, in_group));
	sl_group_release(group);
}
