import { choiceOption, type OptionReader } from "./definition.ts";

/** The Linux kernels whose IPVS is recorded and followed pick by pick. */
export const kernels = ["6.1.176", "6.1.192", "6.12.117", "7.2.13"] as const;
export type Kernel = (typeof kernels)[number];

/** Option `kernel`: the Linux kernel whose IPVS is followed. @default "6.1.192" */
export const kernelOption: OptionReader<Kernel> = choiceOption("6.1.192", kernels);

/**
 * How much one active connection weighs against one inactive one: 256, and in kernels after 6.1.176 one more, since
 * they count it in the total of connections as well.
 */
export function activeOverhead(kernel: Kernel): number {
  return kernel === "6.1.176" ? 256 : 257;
}
