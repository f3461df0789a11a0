/** What others published of the same question: figures as they stand there, with their set-up. */

/** A line of a picture: a quantity by number of services. */
interface PublishedLine {
  readonly name: string;
  readonly points: readonly { readonly services: number; readonly value: number }[];
}

export interface PublishedTable {
  readonly name: string;
  readonly source: string;
  readonly setUp: string;
  readonly figure: "first-packet-ms" | "full-sync-ms" | "rules-passed";
  readonly lines: readonly PublishedLine[];
}

const sizes = [5000, 10_000, 30_000] as const;
const line = (name: string, values: readonly [number, number, number]): PublishedLine => {
  return { name, points: sizes.map((services, at) => ({ services, value: values[at]! })) };
};
const MINUTE_MS = 60_000;

export const publishedTables: readonly PublishedTable[] = [
  {
    name: "KEP-3866",
    source: "kubernetes/enhancements, 3866-nftables-proxy, iptables-vs-nftables.svg; Ojea and Pinaeva, KubeCon NA 2024",
    setUp: "round trip of a first packet, read off the chart to ±0.004 ms; the hardware is not told",
    figure: "first-packet-ms",
    lines: [
      line("KEP-3866 iptables, p50", [0.047, 0.06, 0.272]),
      line("KEP-3866 nftables, p50", [0.012, 0.012, 0.012]),
    ],
  },
  {
    name: "Tigera",
    source: "tigera.io, comparing kube-proxy modes: iptables or IPVS, 2019",
    setUp: "10,000 services of 10 pods, 1,000 requests a second without keepalive: about 20,000 rules a new connection",
    figure: "rules-passed",
    lines: [{ name: "Tigera, iptables", points: [{ services: 10_000, value: 20_000 }] }],
  },
  {
    name: "Huawei",
    source: "kubernetes/community #692, from the KubeCon EU 2017 talk on 50,000 services",
    setUp: "8 rules a service, added one by one with iptables -A, not by a restore",
    figure: "full-sync-ms",
    lines: [
      {
        name: "Huawei, iptables -A",
        points: [
          { services: 1, value: 2 },
          { services: 5000, value: 11 * MINUTE_MS },
          { services: 20_000, value: 300 * MINUTE_MS },
        ],
      },
    ],
  },
];
