/** Rules of a real kube-proxy's userspace mode, by `sluice run` that forwards behind portals. */
import { basename } from "node:path";
import { findRecordings } from "../../../src/lab/rules/recording.ts";
import { obstacle } from "../../dataplane/kernel/in-kernel.ts";
import { inProject } from "../../support/root.ts";
import { sample } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { play } from "./recordings.ts";

const missing = await obstacle("nf_tables");
const test = suite("portals of a real kube-proxy, by sluice run", { timeoutMs: 580_000 });

const all = findRecordings(inProject("test", "golden", "kube-proxy-userspace"));
/** A sampled run plays one of those in which endpoints change, or a service. */
const changing = ["14-seq-endpoints", "15-seq-service"];
const sampled = sample(changing, 1);
const folders = sampled.length === changing.length ? all : all.filter((folder) => sampled.includes(basename(folder)));
const title = `stage by stage: ${folders.map((folder) => basename(folder)).join(", ")}`;
if (missing === undefined) test(title, () => play(folders));
else test.skip(title, missing);
