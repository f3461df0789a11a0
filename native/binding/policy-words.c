#include "policy-words.h"

#include <string.h>

bool sl_argument_policy(struct sl_arguments* arguments, int at, struct sl_policy* policy)
{
	void* words;
	if (!sl_argument_array(arguments, at, napi_uint32_array, SL_POLICY_WORDS, &words))
		return false;
	policy->users = 0;
	memcpy(&policy->tries, words, SL_POLICY_WORDS * sizeof(uint32_t));
	bool fits = policy->tries >= 1 && policy->tries <= SL_MAX_TRIES && policy->datagram_bytes >= 1 &&
		    policy->proxy_protocol <= 2;
	if (!fits)
		napi_throw_range_error(arguments->env, "ERR_OUT_OF_RANGE", "a policy that no engine can follow");
	return fits;
}
