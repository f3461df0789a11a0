/** A server in a process of its own that echoes datagrams, and says in those of sockperf that they come from a server. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { SOCKPERF_BYTES } from "./sockperf.ts";

/** The low byte of the flags, behind the number of the datagram. */
const FLAGS_AT = 9;
const FROM_CLIENT = 1;

const datagrams = createSocket("udp4", (message, { port, address }) => {
  if (message.length === SOCKPERF_BYTES) message[FLAGS_AT]! &= ~FROM_CLIENT;
  datagrams.send(message, port, address);
});
datagrams.bind(0, "127.0.0.1");
await once(datagrams, "listening");
console.log(`${datagrams.address().port}`);
