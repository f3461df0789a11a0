/** Vectors that nobody recorded: everything that the form has room for, in any combination. */
import * as fc from "fast-check";
import { ipvsSchedulers } from "../../../src/balancers/ipvs-schedulers.ts";
import { closeModes } from "../../../src/lab/conformance/vector.ts";

type Step =
  | { readonly op: "open"; readonly client: number; readonly port: number; readonly to: number }
  | { readonly op: "again"; readonly nth: number }
  | { readonly op: "packet" | "expire"; readonly nth: number }
  | { readonly op: "close"; readonly nth: number; readonly mode: string }
  | { readonly op: "setWeight"; readonly nth: number; readonly weight: number }
  | { readonly op: "setThreshold"; readonly nth: number; readonly upper: number; readonly span: number }
  | { readonly op: "add"; readonly id: number; readonly weight: number; readonly upper: number }
  | { readonly op: "remove"; readonly nth: number }
  | { readonly op: "setScheduler"; readonly scheduler: string; readonly flags: readonly string[] }
  | { readonly op: "wait"; readonly ms: number };

const of = <T>(value: T): fc.Arbitrary<T> => fc.constant(value);
const nth = fc.nat(60);
const weight = fc.oneof({ weight: 4, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: fc.constantFrom(0, 100, 65_535) });
const upper = fc.oneof(of(0), of(0), fc.nat(5));
const scheduler = fc.constantFrom(...ipvsSchedulers);
const flags = fc.subarray(["sh-port", "sh-fallback", "mh-port", "mh-fallback"]);
/** Servers that refuse and servers that never answer are those of the recordings. */
const IDS = 9;

const open = fc.record({ op: of("open" as const), client: fc.nat(5), port: fc.nat(3), to: fc.nat(3) });
const rare: readonly fc.Arbitrary<Step>[] = [
  fc.record({ op: of("again" as const), nth }),
  fc.record({ op: fc.constantFrom("packet" as const, "expire" as const), nth }),
  fc.record({ op: of("setWeight" as const), nth, weight }),
  fc.record({ op: of("setThreshold" as const), nth, upper: fc.nat(6), span: fc.nat(4) }),
  fc.record({ op: of("add" as const), id: fc.integer({ min: 1, max: IDS }), weight, upper }),
  fc.record({ op: of("remove" as const), nth }),
  // Chance goes on where it was: what follows from it is for vectors that begin with twos.
  fc.record({ op: of("setScheduler" as const), scheduler: scheduler.filter((name) => name !== "twos"), flags }),
];
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 16, arbitrary: open },
    { weight: 5, arbitrary: fc.record({ op: of("close" as const), nth, mode: fc.constantFrom(...closeModes) }) },
    {
      weight: 2,
      // Around every time-out that there is.
      arbitrary: fc.record({
        op: of("wait" as const),
        ms: fc.oneof(fc.nat(70_000), fc.constantFrom(1000, 2000, 10_000, 60_000, 120_000, 300_000, 900_000, 1_800_000)),
      }),
    },
    ...rare.map((arbitrary) => ({ weight: 1, arbitrary })),
  ),
  { maxLength: 120, size: "max" },
);

const service = fc.record({
  scheduler,
  flags,
  protocol: fc.constantFrom("tcp", "udp"),
  onePacket: fc.oneof(of(false), of(false), of(true)),
  ip6: fc.boolean(),
  virtual: fc.constantFrom("address", "address", "fwmark", "port0"),
  persistent: fc.boolean(),
  timeout: fc.constantFrom(1, 2, 60, 300),
  masked: fc.boolean(),
  sysctl: fc.record(
    {
      conn_reuse_mode: fc.nat(1),
      expire_nodest_conn: fc.nat(1),
      expire_quiescent_template: fc.nat(1),
      lblc_expiration: fc.constantFrom(1, 1800),
      lblcr_expiration: fc.constantFrom(1, 60),
    },
    { requiredKeys: [] },
  ),
  timeouts: fc.option(fc.record({ tcp: fc.constantFrom(0, 5), tcpfin: fc.nat(2), udp: fc.nat(2) })),
  weights: fc.array(fc.tuple(weight, upper), { maxLength: IDS }),
});

type Service = typeof service extends fc.Arbitrary<infer T> ? T : never;

/** As they stand in files. */
export const randomVectors: fc.Arbitrary<string> = fc
  .tuple(service, steps)
  .map(([service, steps]) => JSON.stringify(vectorOf(service, steps)));

function vectorOf(
  { ip6, virtual, persistent, timeout, masked, weights, ...own }: Service,
  steps: readonly Step[],
): object {
  const destinations = virtual !== "address";
  const port0 = virtual === "port0";
  return {
    ...own,
    virtual: virtual === "fwmark" ? { fwmark: 7 } : { address: ip6 ? "fd00::1" : "10.96.0.1", port: port0 ? 0 : 80 },
    persistence: persistent || port0 ? { timeout, ...(masked && { netmask: ip6 ? 112 : "255.255.255.0" }) } : null,
    servers: weights.map(([weight, upper], index) => serverOf(ip6, { id: index + 1, weight, upper })),
    events: eventsOf(steps, {
      ip6,
      port0,
      destinations,
      udp: own.protocol === "udp",
      ids: weights.map((_, index) => index + 1),
    }),
  };
}

interface Place {
  readonly ip6: boolean;
  readonly port0: boolean;
  /** Only there further packets are events. */
  readonly udp: boolean;
  /** Whether flows say themselves where they go. */
  readonly destinations: boolean;
  /** Of the servers that are there at first. */
  readonly ids: readonly number[];
}

/** Gives each step something that is there to happen to, or leaves it out. */
function eventsOf(steps: readonly Step[], { ip6, port0, udp, destinations, ids }: Place): object[] {
  const listed = [...ids];
  const opened: object[] = [];
  const openOf = (fields: object): object => {
    opened.push(fields);
    return { op: "open", conn: opened.length, ...fields };
  };
  const connOf = (nth: number): number => 1 + (nth % opened.length);
  return steps.flatMap((step): object[] => {
    const server = "nth" in step ? listed[step.nth % listed.length] : undefined;
    switch (step.op) {
      case "open": {
        const client = {
          ip: ip6 ? `2001:db8::${step.client}:1` : `10.1.${step.client % 2}.${step.client}`,
          port: 5000 + step.port,
        };
        return [openOf(destinations ? { client, dst: destinationOf(ip6, port0, step.to) } : { client })];
      }
      case "again":
        return opened.length === 0 ? [] : [openOf(opened[step.nth % opened.length]!)];
      case "packet":
        return opened.length === 0 || !udp ? [] : [{ ...step, conn: connOf(step.nth) }];
      case "close":
        return opened.length === 0 ? [] : [{ ...step, conn: connOf(step.nth) }];
      case "expire":
        return opened.length === 0 ? [] : [{ op: "expire", conns: [connOf(step.nth), connOf(step.nth + 1)] }];
      case "setWeight":
        return server === undefined ? [] : [{ ...step, server }];
      case "setThreshold":
        return server === undefined ? [] : [{ ...step, server, lower: Math.max(step.upper - step.span, 0) }];
      case "remove":
        if (server === undefined) return [];
        listed.splice(listed.indexOf(server), 1);
        return [{ ...step, server }];
      case "add":
        if (listed.includes(step.id)) return [];
        listed.push(step.id);
        return [{ op: "add", server: serverOf(ip6, step) }];
      default:
        return [step];
    }
  });
}

function serverOf(ip6: boolean, { id, weight, upper }: { id: number; weight: number; upper: number }): object {
  const subnet = id === IDS ? 245 : 244;
  return {
    id,
    address: ip6 ? `fd00:1::${id}` : `10.${subnet}.0.${id}`,
    port: id === IDS - 1 ? 9 : 8080,
    weight,
    upper,
  };
}

function destinationOf(ip6: boolean, port0: boolean, to: number): object {
  const host = port0 ? 1 : 1 + to;
  return { ip: ip6 ? `fd00::${host}` : `10.96.0.${host}`, port: 80 + to };
}
