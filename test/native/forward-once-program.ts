/** Forwards one connection through the built addon, in whatever Node runs it, and prints what came back and by which Node. */
import { askOnce, echo, tcpEndpoint } from "../dataplane/workers/peers.ts";
import { enginesHere } from "../dataplane/workers/bare-engine.ts";

const native = enginesHere().find(({ name }) => name === "native")!.make;
if (typeof native === "string") throw new Error(native);
const endpoint = await tcpEndpoint(echo);
const engine = native(() => endpoint.addr);
const answer = await askOnce(await engine.listen(), "forwarded");
engine.stop();
await endpoint.close();
console.log(`${answer} by ${process.version}`);
