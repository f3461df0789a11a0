import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { renderIptables } from "../../../src/modes/iptables/render.ts";
import { compileIpvs } from "../../../src/modes/ipvs/compile.ts";
import { asListed } from "../../../src/modes/ipvs/listed.ts";
import { type IpvsOptions, resolveIpvsOptions } from "../../../src/modes/ipvs/options.ts";
import { type IpvsPlan, planIpvs } from "../../../src/modes/ipvs/plan.ts";
import { renderIpvs } from "../../../src/modes/ipvs/render.ts";
import { renderSets } from "../../../src/modes/ipvs/render-sets.ts";
import type { IpvsTables, VirtualServer } from "../../../src/modes/ipvs/tables.ts";
import { familyOf, formatIp } from "../../../src/net/ip.ts";
import { seen } from "../../model/seen.ts";
import { node, service, slice } from "../../support/objects.ts";
import { SimulatedKernel } from "./simulated-kernel.ts";

export function compiled(objects: readonly ClusterObject[], options: IpvsOptions = {}): IpvsTables {
  return compileIpvs(seen(objects), 4, resolveIpvsOptions(options));
}

/** A TCP or UDP service at 10.96.0.10:80 with these endpoints, by the last number of their address. */
export function web(pods: readonly number[], options: IpvsOptions = {}, protocol: "TCP" | "UDP" = "TCP"): IpvsTables {
  const ports = [{ name: "http", protocol, port: 80 }] as const;
  const endpoints = pods.map((pod) => `10.244.2.${pod}`);
  const slicePorts = [{ ...ports[0], port: 8080 }];
  return compiled([node(), service({ ports }), slice({ ports: slicePorts, endpoints })], options);
}

export function bring(kernel: SimulatedKernel, tables: IpvsTables): IpvsPlan {
  const plan = planIpvs(tables, kernel.state());
  for (const step of plan.steps) kernel.do(step);
  return plan;
}

export function holding(...all: readonly IpvsTables[]): SimulatedKernel {
  const kernel = new SimulatedKernel();
  for (const tables of all) bring(kernel, tables);
  return kernel;
}

/** All that a kernel holds for the programs of one family, as text without order. */
export function heldText(kernel: SimulatedKernel, family: 4 | 6): readonly string[] {
  const { virtualServers, sets, rules, addresses = [] } = kernel.state();
  const addressed = virtualServers.filter((one): one is VirtualServer => "addr" in one);
  const own = addressed.filter(({ addr }) => familyOf(addr.ip) === family);
  const named = sets.filter(({ name }) => name.startsWith("KUBE-") && name.startsWith("KUBE-6-") === (family === 6));
  const texts = [
    renderIpvs(asListed({ family, virtualServers: own })),
    ...named.map((set) => renderSets([set], "save")),
    renderIptables(
      rules.find((one) => one.family === family)!,
      "save",
    ),
    addresses
      .filter((ip) => familyOf(ip) === family)
      .map(formatIp)
      .join("\n"),
  ];
  return texts.map((text) => text.split("\n").sort().join("\n"));
}
