/** The Linux kernels whose IPVS is recorded and followed pick by pick. */
export const kernels = ["6.1.176", "6.1.192", "6.12.117", "7.2.13"] as const;
export type Kernel = (typeof kernels)[number];

/** The one that is followed unless another is asked for. */
export const referenceKernel: Kernel = "6.1.192";

/**
 * How much one active connection weighs against one inactive one: 256, and in kernels after 6.1.176 one more, since
 * they count it in the total of connections as well.
 */
export function activeOverhead(kernel: Kernel): number {
  return kernel === "6.1.176" ? 256 : 257;
}
