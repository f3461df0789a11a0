import { setSysctls, type Sysctl } from "../../host/sysctl.ts";
import type { KernelHost } from "./programmer.ts";

/** What packets need of the kernel besides rules. */
export interface HostSettings {
  /** Sets what does not have its value yet; the same settings again cost nothing. @throws {SluiceError} COMMAND_FAILED */
  set(sysctls: readonly Sysctl[]): Promise<void>;
}

export function createHostSettings({ commands, dry, log }: KernelHost): HostSettings {
  let inForce: readonly Sysctl[] = [];
  return {
    async set(sysctls) {
      if (same(sysctls, inForce)) return;
      const write = (file: string, value: string): Promise<string> => commands.ok(["tee", file], value);
      const changed = await setSysctls(sysctls, commands.netns, write);
      for (const { path, value } of dry ? [] : changed) log.info(`sysctl ${path} = ${value}`);
      inForce = sysctls;
    },
  };
}

function same(a: readonly Sysctl[], b: readonly Sysctl[]): boolean {
  return a.length === b.length && a.every(({ path, value }, i) => path === b[i]!.path && value === b[i]!.value);
}
