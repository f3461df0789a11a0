/*
 * policy-words.h - a policy as JavaScript hands it over: one 32-bit word a field, in the order of struct sl_policy.
 */
#ifndef SL_POLICY_WORDS_H
#define SL_POLICY_WORDS_H

#include "arguments.h"

#include "../core/policy.h"

#define SL_POLICY_WORDS (sizeof(struct sl_policy) / sizeof(uint32_t) - 1)

/** Throws, and returns false, for a policy that no engine can follow. */
bool sl_argument_policy(struct sl_arguments* arguments, int at, struct sl_policy* policy);

#endif /* SL_POLICY_WORDS_H */
