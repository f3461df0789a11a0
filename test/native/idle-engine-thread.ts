/** An engine to which nothing comes, in a thread that has nothing else to do but to answer what it is told. */
import { parentPort } from "node:worker_threads";
import { enginesHere } from "../dataplane/workers/bare-engine.ts";
import { deadAddr } from "../dataplane/workers/peers.ts";

const native = enginesHere().find(({ name }) => name === "native")!.make;
if (typeof native === "string") throw new Error(native);
const addr = deadAddr();
await native(() => addr).listen();
parentPort!.on("message", (told) => parentPort!.postMessage(told, []));
parentPort!.postMessage("idle", []);
