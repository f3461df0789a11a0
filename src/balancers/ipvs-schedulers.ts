/** The schedulers of Linux IPVS, under the names that the kernel has for them: a list that is there without their code. */
export const ipvsSchedulers = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "sed",
  "nq",
  "sh",
  "dh",
  "mh",
  "lblc",
  "lblcr",
  "fo",
  "ovf",
  "twos",
] as const;
