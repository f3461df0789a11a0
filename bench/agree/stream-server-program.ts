/**
 * In a process of its own: links of so many bytes a second to iperf3's server and to one of ours. Prints both ports.
 *
 * Arguments: the port of iperf3's server, and bytes a second of each connection.
 */
import { startEchoBackends } from "../../src/measure/echo/backends.ts";
import { slowLink } from "../forward/slow-link.ts";

const [iperfPort, bytesPerSecond] = process.argv.slice(2).map(Number) as [number, number];
const echoes = await startEchoBackends([{ protocol: "tcp", host: "127.0.0.1", port: 0 }]);
const toIperf = await slowLink(iperfPort, bytesPerSecond);
const toOurs = await slowLink(echoes.ports[0]!, bytesPerSecond);
console.log(`${toIperf.port} ${toOurs.port}`);
