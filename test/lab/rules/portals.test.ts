/** Rules of a real kube-proxy's userspace mode, by `sluice run` that forwards behind portals. */
import { obstacle } from "../../dataplane/kernel/in-kernel.ts";
import { inProject } from "../../support/root.ts";
import { runs } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { play } from "./recordings.ts";

const missing = await obstacle("nf_tables");
const test = suite("portals of a real kube-proxy, by sluice run", { timeoutMs: 580_000 });

/** Every kind of portal; a sampled run plays the first one, in which a service changes. */
const chosen = [
  "15-seq-service",
  "01-tcp-3-endpoints",
  "08-nodeport",
  "10-external-ip-is-node-address",
  "16-two-ports-and-two-services",
  "17-bind-address",
].slice(0, runs(6, 1));
const folders = chosen.map((name) => inProject("test", "golden", "kube-proxy-userspace", name));
const title = `stage by stage: ${chosen.join(", ")}`;
if (missing === undefined) test(title, () => play(folders));
else test.skip(title, missing);
