import type { AskedService } from "../../src/explain/reasons.ts";

/** Nobody said anything of the services that there are. */
export const nothingAsked: AskedService = {
  name: undefined,
  otherPorts: [],
  ruled: () => undefined,
  isUnreached: () => false,
  isNodes: false,
  nodePort: () => undefined,
  emptiness: () => "either",
  isElsewhere: () => false,
  late: () => undefined,
  hairpin: () => "nobody told of bridges",
  wayTo: () => undefined,
};
