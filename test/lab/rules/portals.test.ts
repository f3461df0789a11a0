/** Rules of a real kube-proxy's userspace mode, by `sluice run` that forwards behind portals. */
import { basename } from "node:path";
import { findRecordings } from "../../../src/lab/rules/recording.ts";
import { obstacle } from "../../dataplane/kernel/in-kernel.ts";
import { inProject } from "../../support/root.ts";
import { runs } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { play } from "./recordings.ts";

const missing = await obstacle("nf_tables");
const test = suite("portals of a real kube-proxy, by sluice run", { timeoutMs: 580_000 });

const all = findRecordings(inProject("test", "golden", "kube-proxy-userspace"));
/** A sampled run plays those in which endpoints change, and a service: in the first, no address and no port does. */
const sampled = new Set(["14-seq-endpoints", "15-seq-service"]);
const folders = all.filter((folder) => runs(all.length, 0) > 0 || sampled.has(basename(folder)));
const title = `stage by stage: ${folders.map((folder) => basename(folder)).join(", ")}`;
if (missing === undefined) test(title, () => play(folders));
else test.skip(title, missing);
