import { tryReadClientMask } from "../../balancers/client-mask.ts";
import { flag } from "../../cluster/read/checks.ts";
import type { Fields } from "../../cluster/read/fields.ts";
import type { Persistence } from "../../dataplane/emulated/ipvs/persistence.ts";
import type { IpvsSysctls } from "../../dataplane/emulated/ipvs/settings.ts";
import type { IpvsTimeouts } from "../../dataplane/emulated/ipvs/states.ts";
import type { ServiceSettings } from "../../dataplane/emulated/ipvs/virtual-service.ts";
import type { SocketAddr } from "../../net/flow.ts";
import { number, socketAddr } from "./checks.ts";
import { scheduler, schedulerFlag } from "./read-events.ts";

/** @throws {WrongField} */
export function readService(fields: Fields): ServiceSettings {
  return {
    scheduler: fields.required("scheduler", scheduler),
    flags: fields.list("flags", schedulerFlag) ?? [],
    persistence: fields.has("persistence") ? readPersistence(fields.child("persistence")) : undefined,
    onePacket: fields.optional("onePacket", flag) ?? false,
  };
}

function readPersistence(fields: Fields): Persistence {
  const timeoutMs = fields.required("timeout", number) * 1000;
  const netmask = fields.optional("netmask", {
    expected: "a mask such as 255.255.255.0, or 1…128 for IPv6",
    read: tryReadClientMask,
  });
  return netmask === undefined ? { timeoutMs } : { timeoutMs, netmask };
}

/** Where clients reach the virtual server; undefined where every flow says so itself. @throws {WrongField} */
export function readAddress(fields: Fields, persistent: boolean): SocketAddr | undefined {
  if (!fields.has("virtual")) fields.fail("virtual", "{ address, port } or { fwmark }");
  const virtual = fields.child("virtual");
  if (virtual.has("fwmark")) {
    virtual.required("fwmark", number);
    return undefined;
  }
  const address = socketAddr(virtual, "address");
  if (address.port > 0) return address;
  return persistent ? undefined : virtual.fail("port", "a port in 1…65535, or 0 with persistence");
}

type SysctlReader = (fields: Fields, name: string) => Partial<IpvsSysctls>;

const asFlag =
  (sysctl: "reuseConnections" | "expireNodestConn" | "expireQuiescentTemplate"): SysctlReader =>
  (fields, name) => ({ [sysctl]: fields.required(name, number) > 0 });
const asSeconds =
  (sysctl: "lblcExpirationSeconds" | "lblcrExpirationSeconds"): SysctlReader =>
  (fields, name) => ({ [sysctl]: fields.required(name, number) });

/**
 * Those of `net.ipv4.vs` that decide where packets go, and `conntrack`, which kube-proxy sets and which does not; others
 * would be left out in silence.
 */
const sysctlReaders: Readonly<Record<string, SysctlReader>> = {
  conntrack(fields, name) {
    fields.required(name, number);
    return {};
  },
  conn_reuse_mode: asFlag("reuseConnections"),
  expire_nodest_conn: asFlag("expireNodestConn"),
  expire_quiescent_template: asFlag("expireQuiescentTemplate"),
  lblc_expiration: asSeconds("lblcExpirationSeconds"),
  lblcr_expiration: asSeconds("lblcrExpirationSeconds"),
};

/** @throws {WrongField} also for a sysctl that is not emulated. */
export function readSysctls(fields: Fields): Partial<IpvsSysctls> {
  const read = fields.names.map((name) => {
    const reader = sysctlReaders[name] ?? fields.fail(name, `one of ${Object.keys(sysctlReaders).join(", ")}`);
    return reader(fields, name);
  });
  return Object.assign({}, ...read) as Partial<IpvsSysctls>;
}

/** `ipvsadm --set tcp tcpfin udp`, in seconds; 0 leaves a time-out as it is. @throws {WrongField} */
export function readTimeouts(fields: Fields): Partial<IpvsTimeouts> {
  const states = { tcp: "ESTABLISHED", tcpfin: "FIN_WAIT", udp: "UDP" } as const;
  const set = Object.entries(states).map(
    ([name, state]) => [state, (fields.optional(name, number) ?? 0) * 1000] as const,
  );
  return Object.fromEntries(set.filter(([, ms]) => ms > 0));
}
