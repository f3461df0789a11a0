import { join } from "node:path";
import { buildModel } from "../../../src/model/build.ts";
import type { Model } from "../../../src/model/model.ts";
import { compileNftables } from "../../../src/modes/nftables/compile.ts";
import { resolveNftablesOptions } from "../../../src/modes/nftables/options.ts";
import type { NftablesRuleset } from "../../../src/modes/nftables/ruleset.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { readScenario, withAddresses } from "../../support/recorded-scenario.ts";

/** What a stage of a recorded scenario compiles to. */
interface CompiledStage {
  readonly name: string;
  readonly ruleset: NftablesRuleset;
}

/**
 * The stages of a recorded scenario, compiled as kube-proxy had them at the time: the ranges of ServiceCIDR objects come
 * into force with a full sync, which is at the start and then once an hour.
 */
export function stagesOf(folder: string): readonly CompiledStage[] {
  const { nodeName, nftables } = readRecordedConfig(join(folder, "config.yaml"));
  const { stages, addresses } = readScenario(folder);
  let serviceCidrs: Model["serviceCidrs"] | undefined;
  return stages.map(({ name, action, snapshot }) => {
    const model = withAddresses(buildModel(snapshot, nodeName), addresses);
    if (serviceCidrs === undefined || action === "restart") ({ serviceCidrs } = model);
    return { name, ruleset: compileNftables({ ...model, serviceCidrs }, resolveNftablesOptions(nftables)) };
  });
}
