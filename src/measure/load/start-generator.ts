import { SluiceError } from "../../core/errors.ts";
import { type GeneratorName, type LoadGenerator, startNodeGenerator } from "./generator.ts";
import { nativeGeneratorFile, startNativeGenerator } from "./native-generator.ts";

/**
 * Starts a load generator.
 *
 * @param name undefined: the native one where it is built, else the one in a thread; whoever starts it says which it is.
 * @param netns the network namespace that it sends from, which has `FLOW_RANGE`. @default the one that we are in, on loopback
 * @param file the native one; empty: it is not built.
 * @throws {SluiceError} HOST_UNABLE when the native one is asked for and not built.
 */
export function startLoadGenerator(
  name: GeneratorName | undefined,
  netns?: string,
  file = nativeGeneratorFile() ?? "",
): LoadGenerator {
  if (name === "node" || (name === undefined && file === "")) return startNodeGenerator(netns);
  if (file !== "") return startNativeGenerator(file, netns);
  const missing = "the native load generator, which is not built (build/Release/sluice-load)";
  throw new SluiceError("HOST_UNABLE", `--generator native: ${missing}`, { missing });
}
