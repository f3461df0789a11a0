/*
 * list.h - doubly linked lists whose links lie in what they link.
 *
 * Memory: nothing here allocates. A head is a link of its own; an empty list is a head that points at itself.
 */
#ifndef SL_LIST_H
#define SL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct sl_link {
	struct sl_link* prev;
	struct sl_link* next;
};

/** The struct that a link lies in. */
#define SL_OF(link, type, member) ((type*)(void*)((char*)(link) - offsetof(type, member)))

static inline void sl_list_init(struct sl_link* head)
{
	head->prev = head;
	head->next = head;
}

static inline bool sl_list_empty(const struct sl_link* head)
{
	return head->next == head;
}

/** Puts a link last. It must be in no list. */
static inline void sl_list_push(struct sl_link* head, struct sl_link* link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/** Takes a link out of its list; does nothing to one that is in none. */
static inline void sl_list_remove(struct sl_link* link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	sl_list_init(link);
}

/** Takes the first link out. @return NULL when there is none. */
static inline struct sl_link* sl_list_shift(struct sl_link* head)
{
	if (sl_list_empty(head))
		return NULL;
	struct sl_link* first = head->next;
	sl_list_remove(first);
	return first;
}

/** Moves all of one list to the end of another. */
static inline void sl_list_splice(struct sl_link* to, struct sl_link* from)
{
	struct sl_link* link;
	while ((link = sl_list_shift(from)) != NULL)
		sl_list_push(to, link);
}

#endif /* SL_LIST_H */
