import type { IptablesVariant } from "../../src/host/iptables.ts";

/** What is programmed: a mode, and in mode iptables the variant of the host's tool. */
export interface Backend {
  readonly name: string;
  readonly mode: "iptables" | "nftables";
  readonly variant?: IptablesVariant;
  readonly sizes: Readonly<Record<number, Quoted>>;
}

/** What kube-proxy 1.36.2 took for the same clusters on a machine of this kind, and what is wanted of us. In seconds. */
interface Quoted {
  readonly first: string;
  readonly change: string;
  readonly firstAtMost: number;
  readonly changeAtMost: number;
  readonly memory?: string;
}

/** Resident memory that is wanted at most, with 10,000 services, in MB. */
export const MEMORY_AT_MOST = 300;

export const backends: readonly Backend[] = [
  {
    name: "iptables, nf_tables",
    mode: "iptables",
    variant: "nf_tables",
    sizes: {
      5000: { first: "42…60 s", change: "0.46 s", firstAtMost: 9, changeAtMost: 0.2 },
      10000: { first: "310…356 s", change: "1.0 s", firstAtMost: 40, changeAtMost: 0.4, memory: "300 MB" },
    },
  },
  {
    name: "iptables, legacy",
    mode: "iptables",
    variant: "legacy",
    sizes: {
      5000: { first: "0.8 s", change: "0.45 s", firstAtMost: 0.8, changeAtMost: 0.2 },
      10000: { first: "2.2 s", change: "0.96 s", firstAtMost: 2, changeAtMost: 0.4, memory: "300 MB" },
    },
  },
  {
    name: "nftables",
    mode: "nftables",
    sizes: {
      5000: { first: "3.5 s", change: "1.3 s", firstAtMost: 3, changeAtMost: 0.1 },
      10000: { first: "11.6…15 s", change: "4.1 s", firstAtMost: 11, changeAtMost: 0.2, memory: "418 MB" },
    },
  },
];
