import * as fc from "fast-check";
import { clientIps, nodeIps, serverIps, serviceIps } from "./kernel-network.ts";
import type { SentPacket } from "./packet-sender.ts";

/** The first packet of a flow, and who sends it. */
export interface TrialPacket extends SentPacket {
  readonly from: "client" | "node";
}

const port = fc.constantFrom(53, 80, 443, 8080, 30080);
const destination = fc.constantFrom(...serverIps, ...nodeIps, ...serviceIps, ...serviceIps, ...serviceIps);
const packet: fc.Arbitrary<Omit<TrialPacket, "srcPort">> = fc
  .oneof(
    { weight: 3, arbitrary: fc.record({ from: fc.constant("client" as const), src: fc.constantFrom(...clientIps) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        from: fc.constant("node" as const),
        src: fc.constantFrom("10.1.0.1", "10.2.0.1", "10.2.0.9"),
      }),
    },
  )
  .chain((ends) =>
    fc
      .record({ proto: fc.constantFrom(6 as const, 17 as const), dst: destination, dstPort: port })
      .map((rest) => Object.assign({}, ends, rest)),
  );

/** Packets of flows that differ in the port they come from. */
export function trialPackets(count: number): fc.Arbitrary<readonly TrialPacket[]> {
  return fc
    .array(packet, { minLength: count, maxLength: count })
    .map((packets) => packets.map((one, at) => Object.assign({ srcPort: 20_000 + at }, one)));
}
