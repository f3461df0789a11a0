#include "policy.h"

#include <stdlib.h>

struct sl_policy* sl_policy_new(const struct sl_policy* from)
{
	struct sl_policy* policy = malloc(sizeof *policy);
	if (policy == NULL)
		return NULL;
	*policy = *from;
	policy->users = 1;
	return policy;
}

struct sl_policy* sl_policy_hold(struct sl_policy* policy)
{
	policy->users++;
	return policy;
}

void sl_policy_release(struct sl_policy* policy)
{
	if (--policy->users == 0)
		free(policy);
}
