import { choiceOption, type OptionReader } from "./definition.ts";

/** The Linux kernels whose IPVS is recorded and followed pick by pick. */
export const kernels = ["6.1.176", "6.1.192", "6.12.117", "7.2.13"] as const;
/** One of them, by its version. */
export type Kernel = (typeof kernels)[number];

/** Options of an algorithm in which kernels differ. */
export interface KernelOptions {
  /**
   * The Linux kernel whose IPVS is followed: 6.1.176 weighs active connections otherwise than the later ones.
   * @default "6.1.192"
   */
  readonly kernel?: Kernel;
}

export const kernelOption: OptionReader<Kernel> = choiceOption("6.1.192", kernels);

/**
 * How much one active connection weighs against one inactive one: 256, and in kernels after 6.1.176 one more, since
 * they count it in the total of connections as well.
 */
export function activeOverhead(kernel: Kernel): number {
  return kernel === "6.1.176" ? 256 : 257;
}
