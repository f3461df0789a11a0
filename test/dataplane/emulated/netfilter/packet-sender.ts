/** A process of a network namespace that sends one packet for each line that it reads, and says when it is gone. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/** What to send: the first datagram of a UDP flow, or the SYN of a TCP connection. */
export interface SentPacket {
  readonly proto: 6 | 17;
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
}

async function sendUdp({ src, srcPort, dst, dstPort }: SentPacket): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: src, port: srcPort }, () => {
      // A rule of OUTPUT that drops is an error of the socket.
      socket.send("x", dstPort, dst, () => resolve());
    });
  });
  socket.close();
}

async function sendSyn({ src, srcPort, dst, dstPort }: SentPacket): Promise<void> {
  const socket = connect({ host: dst, port: dstPort, localAddress: src, localPort: srcPort });
  await new Promise<void>((resolve) => {
    socket.on("error", () => resolve());
    socket.on("connect", () => resolve());
    // The SYN is on its way once connect(2) was called, which is before the next turn of the loop.
    setTimeout(resolve, 5);
  });
  socket.destroy();
}

if (process.argv[2] === "serve") {
  for await (const line of createInterface({ input: process.stdin })) {
    const packet = JSON.parse(line) as SentPacket;
    await (packet.proto === 17 ? sendUdp(packet) : sendSyn(packet)).catch((error: Error) => {
      process.stderr.write(`${error.message}\n`);
    });
    process.stdout.write("sent\n");
  }
}
