/** The front door, in the order of the flow: cluster → model → modes → dataplane. Balancers: `sluice/balancers`. */
export { type ErrorCode, type ErrorDetails, isSluiceError, SluiceError } from "./core/errors.ts";

export { type Clock, manualClock, systemClock } from "./core/clock.ts";
export { freshSeed, type Random, seededRandom } from "./core/random.ts";
export { type Flow, formatSocketAddr, type Protocol, SCTP, type SocketAddr, TCP, UDP } from "./net/flow.ts";
export { formatIp, type Ip, parseIp } from "./net/ip.ts";

export type { EndpointSlice, Endpoints, Node, Service, ServiceCidr } from "./cluster/objects.ts";
export { type ClusterSnapshot, emptySnapshot, snapshotOf } from "./cluster/state.ts";
export { loadCluster } from "./cluster/load.ts";
export { chooseOwnNode } from "./cluster/own-node.ts";
export { generateCluster } from "./cluster/generate.ts";
export { watchCluster } from "./cluster/watch.ts";

export { buildModel } from "./model/build.ts";
export { diffModels, type ModelDiff } from "./model/diff.ts";
export type { Model, NodeView } from "./model/model.ts";
export type { Endpoint, ServicePort } from "./model/service-port.ts";

export { compileProgram, type ProgramOptions } from "./modes/compile.ts";
export { type Mode, modes, type Program } from "./modes/program.ts";
export { type KernelInput, renderProgram } from "./modes/render.ts";

export type { Dataplane, Decision, Frontend, NodePlan } from "./dataplane/dataplane.ts";
export { createEmulated, type Emulated } from "./dataplane/emulated/emulated.ts";
export type { WorkersOptions } from "./dataplane/workers/options.ts";
export { createWorkersDataplane, type WorkersDataplane } from "./dataplane/workers/workers.ts";

export { type Agent, type AgentOptions, createAgent } from "./agent/agent.ts";
export { planNode } from "./agent/plan.ts";
export { renderTrace } from "./explain/render-trace.ts";
export { type Trace, traceFlow } from "./explain/trace.ts";
