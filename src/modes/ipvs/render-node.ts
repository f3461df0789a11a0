import { type Cidr, formatCidr } from "../../net/cidr.ts";
import { word } from "../quote.ts";
import { DEVICE, type IpvsTimeouts, type Surroundings } from "./surroundings.ts";

/** Service addresses as input for `ip -batch -`. One that is there already stays. */
export function renderAddresses({ addresses }: Pick<Surroundings, "addresses">): string {
  return addresses.map((address) => addressLine("replace", address, DEVICE)).join("");
}

/** One line of `ip -batch`. */
export function addressLine(verb: "replace" | "delete", address: Cidr, device: string): string {
  return `address ${verb} ${formatCidr(address)} dev ${word(device, "device")}\n`;
}

/** Makes a device for service addresses. It is never set up: its addresses are local anyway. */
export function deviceCommand(device: string): [string, ...string[]] {
  return ["ip", "link", "add", word(device, "device"), "type", "dummy"];
}

export function timeoutsCommand({ tcpSeconds, tcpFinSeconds, udpSeconds }: IpvsTimeouts): [string, ...string[]] {
  return ["ipvsadm", "--set", String(tcpSeconds), String(tcpFinSeconds), String(udpSeconds)];
}

/**
 * Commands that make a node ready for its virtual servers. Of sysctls those that every kernel is to have: a text knows
 * no kernel.
 */
export function nodeCommands({ sysctls, timeouts }: Surroundings): readonly (readonly string[])[] {
  const everywhere = sysctls.filter(({ kernels }) => kernels === undefined);
  const timed = Object.values(timeouts).some((seconds) => seconds > 0);
  return [
    ...everywhere.map(({ path, value }) => ["sysctl", "-q", "-w", `${path}=${value}`]),
    ...(timed ? [timeoutsCommand(timeouts)] : []),
    deviceCommand(DEVICE),
  ];
}
