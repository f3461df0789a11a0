import type { ApiRequest } from "./read-request.ts";

const NOT_OLDER_THAN = "NotOlderThan";

/**
 * Why the API server would refuse a list or a watch, in its words: what `sendInitialEvents` and `resourceVersionMatch` ask
 * for together. Undefined: it would not.
 *
 * Source: Kubernetes API concepts, "Streaming lists"; validation of list options with the feature WatchList on.
 */
export function refusalOf({ query }: ApiRequest, isWatch: boolean): string | undefined {
  const isInitialAsked = query.has("sendInitialEvents");
  const match = query.get("resourceVersionMatch") ?? "";
  const reasons = isWatch
    ? watchReasons(isInitialAsked, match)
    : isInitialAsked
      ? ["sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"]
      : [];
  if (reasons.length === 0) return undefined;
  const text = reasons.length === 1 ? reasons[0]! : `[${reasons.join(", ")}]`;
  return `ListOptions.meta.k8s.io "" is invalid: ${text}`;
}

function watchReasons(isInitialAsked: boolean, match: string): string[] {
  const isOther = match !== NOT_OLDER_THAN;
  const reasons: string[] = [];
  if (isInitialAsked && isOther) {
    reasons.push(
      `resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to ${NOT_OLDER_THAN}`,
    );
  }
  if (match !== "" && !isInitialAsked) {
    reasons.push(
      "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    );
  }
  if (match !== "" && isOther) {
    reasons.push(`resourceVersionMatch: Unsupported value: "${match}": supported values: "${NOT_OLDER_THAN}"`);
  }
  return reasons;
}
