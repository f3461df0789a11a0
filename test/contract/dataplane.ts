import assert from "node:assert/strict";
import { isSluiceError } from "../../src/core/errors.ts";
import type { Dataplane, NodePlan } from "../../src/dataplane/dataplane.ts";
import type { IptablesRuleset, Rule } from "../../src/modes/iptables/ruleset.ts";
import type { VirtualServer } from "../../src/modes/ipvs/tables.ts";
import type {
  Chain,
  Expression,
  NamedSet,
  Rule as NftablesRule,
  Table,
  Verdict,
} from "../../src/modes/nftables/ruleset.ts";
import { modes, type Program } from "../../src/modes/program.ts";
import { hostCidr } from "../../src/net/cidr.ts";
import { formatSocketAddr, type SocketAddr, TCP } from "../../src/net/flow.ts";
import { parseIp } from "../../src/net/ip.ts";
import { suite, type SuiteOptions } from "../support/suite.ts";

/** A dataplane and the world around it: addresses of services, endpoints that answer there, clients. */
export interface DataplaneUnderTest {
  readonly dataplane: Dataplane;
  /** Where clients may reach service 0, 1, …: at least 2. IPv4. */
  readonly frontends: readonly SocketAddr[];
  /** Endpoints that answer: at least 3. IPv4. */
  readonly endpoints: readonly SocketAddr[];
  /** Opens a TCP flow, each from a client address and port of its own. @returns undefined when no endpoint took it. */
  open(to: SocketAddr): Promise<OpenFlow | undefined>;
  /** Ends what the test has around the dataplane. */
  dispose(): Promise<void>;
}

interface OpenFlow {
  readonly endpoint: SocketAddr;
  /** Sends on it once more. @returns whether the same endpoint answers. */
  answers(): Promise<boolean>;
  close(): Promise<void>;
}

/** A service of a test: number of its frontend, numbers of its endpoints. */
type Services = Readonly<Record<number, readonly number[]>>;

/** So many flows miss one of three endpoints with probability 3 × (2/3)⁶⁰ = 8e-11, where it is left to chance. */
const MANY = 60;

/**
 * What every dataplane must do, in every mode. The test file of each dataplane calls this first.
 *
 * @param create makes a dataplane on which nothing is applied yet.
 * @param options of the suite of each mode.
 */
export function dataplaneContract(
  label: string,
  create: () => Promise<DataplaneUnderTest>,
  options: SuiteOptions = {},
): void {
  for (const mode of modes) contractIn(mode, label, create, options);
}

type CarriedOut = (typeof modes)[number];

function contractIn(
  mode: CarriedOut,
  label: string,
  create: () => Promise<DataplaneUnderTest>,
  options: SuiteOptions,
): void {
  const test = suite(`${label}, ${mode} mode: dataplane contract`, options);

  /** Declares a test with a dataplane of its own, which is closed behind it. */
  const check = (name: string, body: (trial: Trial) => Promise<void>): void => {
    test(name, async () => {
      const underTest = await create();
      try {
        await body(new Trial(underTest, mode));
      } finally {
        await underTest.dataplane.close();
        await underTest.dispose();
      }
    });
  };

  check("nobody takes a flow before anything is applied", async (trial) => {
    assert.deepEqual(await trial.reached(0, 1), ["nobody"]);
  });

  check("flows reach every endpoint of their service and no other", async (trial) => {
    await trial.apply({ 0: [0, 1], 1: [2] });
    assert.deepEqual(await trial.reached(0, MANY), ["0", "1"]);
    assert.deepEqual(await trial.reached(1, 3), ["2"]);
  });

  check("a service without endpoints takes no flow", async (trial) => {
    await trial.apply({ 0: [], 1: [2] });
    assert.deepEqual(await trial.reached(0, 1), ["nobody"]);
    assert.deepEqual(await trial.reached(1, 1), ["2"]);
  });

  check("an apply replaces all that was there before", async (trial) => {
    await trial.apply({ 0: [0] });
    await trial.apply({ 1: [1, 2] });
    assert.deepEqual(await trial.reached(0, 1), ["nobody"]);
    assert.deepEqual(await trial.reached(1, MANY), ["1", "2"]);
    await trial.apply({ 0: [2] });
    assert.deepEqual(await trial.reached(0, 3), ["2"]);
    assert.deepEqual(await trial.reached(1, 1), ["nobody"]);
  });

  check("an open flow stays with its endpoint when that is taken away; new ones go elsewhere", async (trial) => {
    await trial.apply({ 0: [0] });
    const flow = await trial.open(0);
    await trial.apply({ 0: [1] });
    assert.equal(await flow.answers(), true);
    assert.deepEqual(await trial.reached(0, 3), ["1"]);
    await trial.apply({});
    assert.equal(await flow.answers(), true);
    await flow.close();
  });

  check("the same program again changes nothing", async (trial) => {
    await trial.apply({ 0: [0, 1, 2] });
    const flow = await trial.open(0);
    await trial.apply({ 0: [0, 1, 2] });
    assert.equal(await flow.answers(), true);
    assert.deepEqual(await trial.reached(0, MANY), ["0", "1", "2"]);
    await flow.close();
  });

  for (const [what, refused] of Object.entries(refusedPrograms)) {
    check(`an apply that fails leaves the program before in force: ${what}`, async (trial) => {
      await trial.apply({ 0: [0], 1: [1] });
      const flow = await trial.open(0);
      await assert.rejects(trial.applyProgram(refused(trial), { 0: [2] }), (error) =>
        isSluiceError(error, "DATAPLANE_FAILED"),
      );
      assert.equal(await flow.answers(), true);
      assert.deepEqual(await trial.reached(0, 3), ["0"]);
      assert.deepEqual(await trial.reached(1, 1), ["1"]);
      await trial.apply({ 0: [2] });
      assert.deepEqual(await trial.reached(0, 3), ["2"]);
      await flow.close();
    });
  }

  check("a closed dataplane takes no flow and no program; closing it again is safe", async (trial) => {
    await trial.apply({ 0: [0] });
    await trial.close();
    assert.deepEqual(await trial.reached(0, 1), ["nobody"]);
    await assert.rejects(trial.apply({ 0: [0] }), (error) => isSluiceError(error, "DATAPLANE_FAILED"));
    await trial.close();
  });

  check("a dataplane on which nothing was applied can be closed", async (trial) => {
    await trial.close();
    await trial.close();
  });
}

class Trial {
  readonly #underTest: DataplaneUnderTest;
  readonly #mode: CarriedOut;

  constructor(underTest: DataplaneUnderTest, mode: CarriedOut) {
    this.#underTest = underTest;
    this.#mode = mode;
  }

  apply(services: Services): Promise<void> {
    return this.applyProgram(programs[this.#mode](this.resolved(services)), services);
  }

  applyProgram(program: Program, services: Services): Promise<void> {
    const frontends = this.resolved(services).map(({ at }, index) => {
      return { servicePort: `default/${index}`, kind: "cluster-ip", proto: TCP, addr: at } as const;
    });
    const plan: NodePlan = { nodeAddresses: [], frontends };
    return this.#underTest.dataplane.apply(program, plan);
  }

  resolved(services: Services): readonly Service[] {
    const { frontends, endpoints } = this.#underTest;
    return Object.entries(services).map(([frontend, numbers]) => ({
      name: `default/${frontend}`,
      at: frontends[Number(frontend)]!,
      endpoints: numbers.map((number) => endpoints[number]!),
    }));
  }

  async open(frontend: number): Promise<OpenFlow> {
    const flow = await this.#underTest.open(this.#underTest.frontends[frontend]!);
    assert.ok(flow, `service ${frontend} takes no flow`);
    return flow;
  }

  /** Opens flows, one after the other. @returns the numbers of the endpoints that took them, or `nobody`, sorted. */
  async reached(frontend: number, flows: number): Promise<string[]> {
    const { frontends, endpoints } = this.#underTest;
    const numbers = new Map(endpoints.map((addr, number) => [formatSocketAddr(addr), String(number)]));
    const seen = new Set<string>();
    for (let opened = 0; opened < flows; opened += 1) {
      const flow = await this.#underTest.open(frontends[frontend]!);
      seen.add(flow === undefined ? "nobody" : numbers.get(formatSocketAddr(flow.endpoint))!);
      await flow?.close();
    }
    return [...seen].sort();
  }

  close(): Promise<void> {
    return this.#underTest.dataplane.close();
  }
}

interface Service {
  readonly name: string;
  readonly at: SocketAddr;
  readonly endpoints: readonly SocketAddr[];
}

const programs: Readonly<Record<CarriedOut, (services: readonly Service[]) => Program>> = {
  userspace: (services) => ({
    mode: "userspace",
    table: {
      claims: [],
      bindIp: parseIp("0.0.0.0"),
      hostIp: parseIp("127.0.0.1"),
      forwards: services.map(({ name, at, endpoints }, index) => ({
        name,
        proto: TCP,
        proxyPort: 11_000 + index,
        portals: [{ kind: "cluster-ip", addr: at }],
        nodePort: 0,
        affinitySeconds: 0,
        endpoints,
      })),
    },
  }),
  ipvs: (services) => ipvsProgram(services, "rr"),
  iptables: (services) => ({ mode: "iptables", rulesets: [iptablesRuleset(services)] }),
  nftables: (services) => ({ mode: "nftables", ruleset: { tables: [nftablesTable(services)] } }),
};

/** Programs that no dataplane can carry out, whichever is in force. */
const refusedPrograms: Readonly<Record<string, (trial: Trial) => Program>> = {
  "rules that jump to a chain that is not there": (trial) => {
    const { family, tables } = iptablesRuleset(trial.resolved({ 0: [2] }));
    const cut = tables.map(({ name, chains }) => ({
      name,
      chains: chains.filter(({ policy }) => policy !== undefined),
    }));
    return { mode: "iptables", rulesets: [{ family, tables: cut }] };
  },
  "nftables' rules that look for a set that is not there": (trial) => {
    const table = nftablesTable(trial.resolved({ 0: [2] }));
    return { mode: "nftables", ruleset: { tables: [{ ...table, sets: [] }] } };
  },
  "a scheduler that does not exist": (trial) => ipvsProgram(trial.resolved({ 0: [2] }), "nonesuch"),
};

function ipvsProgram(services: readonly Service[], scheduler: string): Program {
  const virtualServers = services.map(({ name, at, endpoints }): VirtualServer => ({
    addr: at,
    proto: TCP,
    scheduler,
    flags: [],
    persistenceSeconds: 0,
    servers: endpoints.map((addr) => ({ addr, weight: 1 })),
    servicePort: name,
  }));
  return { mode: "ipvs", tables: [{ family: 4, virtualServers }] };
}

/** As kube-proxy builds it, cut to what a cluster IP takes: a map of services, and equal shares in each. */
function nftablesTable(services: readonly Service[]): Table {
  const base = (hook: string, type: string, priority: number, map: string): Chain => ({
    name: `${type}-${hook}`,
    base: { type, hook, priority, policy: "accept" },
    rules: [{ statements: [{ kind: "vmap", key: toAddress, data: { kind: "set-reference", set: map } }] }],
  });
  const inMap = (
    name: string,
    which: (service: Service) => boolean,
    verdict: (service: Service) => Verdict,
  ): NamedSet => ({
    name,
    key: ["ipv4_addr", "inet_proto", "inet_service"],
    data: ["verdict"],
    flags: [],
    elements: services.filter(which).map((service) => ({ key: keyOf(service.at), data: verdict(service) })),
  });
  const serves = ({ endpoints }: Service): boolean => endpoints.length > 0;
  return {
    family: "ip",
    name: "kube-proxy",
    sets: [
      inMap("service-ips", serves, ({ name }) => ({ kind: "goto", chain: name })),
      inMap(
        "no-endpoint-services",
        (service) => !serves(service),
        () => ({ kind: "goto", chain: "reject-chain" }),
      ),
    ],
    objects: [],
    chains: [
      base("prerouting", "nat", -100, "service-ips"),
      base("output", "nat", -100, "service-ips"),
      base("input", "filter", 0, "no-endpoint-services"),
      base("forward", "filter", 0, "no-endpoint-services"),
      base("output", "filter", 0, "no-endpoint-services"),
      { name: "reject-chain", rules: [{ statements: [{ kind: "reject" }] }] },
      ...services.filter(serves).map(({ name, endpoints }) => ({ name, rules: [anyOf(endpoints)] })),
    ],
  };
}

const toAddress: Expression = {
  kind: "concat",
  parts: [
    { kind: "payload", protocol: "ip", field: "daddr" },
    { kind: "meta", key: "l4proto" },
    { kind: "payload", protocol: "th", field: "dport" },
  ],
};

function keyOf({ ip, port }: SocketAddr): Expression {
  const parts = [
    { kind: "ip", ip },
    { kind: "text", text: "tcp" },
    { kind: "number", value: port },
  ] as const;
  return { kind: "concat", parts };
}

function anyOf(endpoints: readonly SocketAddr[]): NftablesRule {
  const elements = endpoints.map(({ ip, port }, value) => ({
    key: { kind: "number", value } as const,
    data: {
      kind: "concat",
      parts: [
        { kind: "ip", ip },
        { kind: "number", value: port },
      ],
    } as const,
  }));
  const key = { kind: "numgen", mode: "random", mod: endpoints.length, offset: 0 } as const;
  const address: Expression = { kind: "map", key, data: { kind: "set", elements } };
  return { statements: [{ kind: "nat", type: "dnat", family: "ip", address, flags: [] }] };
}

/** As kube-proxy builds them, cut to what a cluster IP takes: dispatch, equal shares, reject without endpoints. */
function iptablesRuleset(services: readonly Service[]): IptablesRuleset {
  const jump: Rule = { matches: [], target: { kind: "jump", chain: "KUBE-SERVICES" } };
  const accept = (name: string, ...rules: readonly Rule[]) => ({ name, policy: "ACCEPT", rules }) as const;
  return {
    family: 4,
    tables: [
      {
        name: "nat",
        chains: [
          accept("PREROUTING", jump),
          accept("OUTPUT", jump),
          { name: "KUBE-SERVICES", rules: services.filter(({ endpoints }) => endpoints.length > 0).map(dispatch) },
          ...services.map((service) => ({ name: service.name, rules: shares(service) })),
        ],
      },
      {
        name: "filter",
        chains: [
          accept("INPUT"),
          accept("FORWARD", jump),
          accept("OUTPUT", jump),
          { name: "KUBE-SERVICES", rules: services.filter(({ endpoints }) => endpoints.length === 0).map(refuse) },
        ],
      },
    ],
  };
}

function toService({ at }: Service): Rule["matches"] {
  return [
    { kind: "destination", range: hostCidr(at.ip) },
    { kind: "protocol", proto: TCP },
    { kind: "destination-port", proto: TCP, port: at.port },
  ];
}

function dispatch(service: Service): Rule {
  return { matches: toService(service), target: { kind: "jump", chain: service.name } };
}

function refuse(service: Service): Rule {
  return { matches: toService(service), target: { kind: "reject" } };
}

function shares({ endpoints }: Service): Rule[] {
  return endpoints.map((to, index) => ({
    matches: [{ kind: "statistic-random", threshold: Math.round(2 ** 31 / (endpoints.length - index)) }],
    target: { kind: "dnat", to },
  }));
}
