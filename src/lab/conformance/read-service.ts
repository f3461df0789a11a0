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

/** Those of `net.ipv4.vs` that decide where packets of TCP and UDP go. */
const deciding: Readonly<Record<string, SysctlReader>> = {
  conn_reuse_mode: asFlag("reuseConnections"),
  expire_nodest_conn: asFlag("expireNodestConn"),
  expire_quiescent_template: asFlag("expireQuiescentTemplate"),
  lblc_expiration: asSeconds("lblcExpirationSeconds"),
  lblcr_expiration: asSeconds("lblcrExpirationSeconds"),
};
/** Those that decide it only where they are on, which is not emulated: left out in silence, they would be a wrong answer. */
const defences: ReadonlySet<string> = new Set(["drop_entry", "drop_packet", "secure_tcp", "sloppy_tcp"]);
/** Those that do not: what is for connection tracking, ICMP, SCTP, several nodes, statistics, and how the defences measure. */
const others: ReadonlySet<string> = new Set(
  (
    "conntrack snat_reroute nat_icmp_send schedule_icmp pmtu_disc cache_bypass ignore_tunneled am_droprate amemthresh " +
    "sloppy_sctp backup_only run_estimation est_cpulist est_nice sync_threshold sync_refresh_period sync_retries " +
    "sync_qlen_max sync_sock_size sync_ports sync_version sync_persist_mode"
  ).split(" "),
);

/** @throws {WrongField} also for a sysctl that is not emulated. */
export function readSysctls(fields: Fields): Partial<IpvsSysctls> {
  const read = fields.names.map((name) => {
    if (others.has(name)) return {};
    if (defences.has(name)) {
      return fields.required(name, number) === 0 ? {} : fields.fail(name, "0, as nothing else is emulated");
    }
    const reader = deciding[name] ?? fields.fail(name, `one of ${[...Object.keys(deciding), ...defences].join(", ")}`);
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
