/**
 * `sluice/balancers`: which backend takes a new flow. Runs in browsers too.
 *
 * `createBalancer` is the comfortable way in. Below it lies the contract of the algorithms, for whoever keeps
 * connections in memory of his own, or shares it between threads.
 */
export { createBalancer } from "./create-balancer.ts";
export type {
  BackendCandidate,
  BackendExplanation,
  BalancerSources,
  FlowOutcome,
  Lease,
  LeasingBalancer,
  ProbeAnswer,
} from "./leasing-balancer.ts";
export type { BalancerOptions, CommonOptions } from "./balancer-options.ts";
export type { BalancerSnapshot, ClientSnapshot, TemplateSnapshot } from "./snapshot.ts";
export type { BackendSpec } from "./backend-spec.ts";
export type { BackendCounts, SavedBackend, SavedTable } from "./backend-table.ts";
export { algorithm, type AlgorithmChoice, type AlgorithmName, algorithmNames, type OptionsOf } from "./registry.ts";
export { ipvsSchedulers } from "./ipvs-schedulers.ts";
export { type Kernel, type KernelOptions, kernels } from "./kernel.ts";
export type { EdfOptions } from "./edf.ts";
export type { LblcOptions } from "./lblc.ts";
export type { LblcrOptions } from "./lblcr.ts";
export type { LeastconnOptions } from "./leastconn.ts";
export type { FlowHashOptions } from "./load-bound.ts";
export type { MaglevOptions } from "./maglev.ts";
export type { MhOptions } from "./mh.ts";
export type { PeakEwmaOptions } from "./peak-ewma.ts";
export type { PrequalOptions } from "./prequal.ts";
export type { RingOptions } from "./ring.ts";
export type { ShOptions } from "./sh.ts";

export { type Algorithm, type Balancer, NO_BACKEND } from "./balancer.ts";
export type { Candidate, Explanation } from "./explanation.ts";
export {
  type BackendSet,
  backendSetBytes,
  createBackendSet,
  holds,
  linkFirst,
  listed,
  MAX_WEIGHT,
  unlink,
  usable,
  viewBackendSet,
} from "./backend-set.ts";
export { type Identity, identityOf } from "./identity.ts";
export { connectionAdded, connectionEnded, setThresholds, type Thresholds } from "./thresholds.ts";

export { type Clock, manualClock, type ManualClock, systemClock } from "../core/clock.ts";
export { type ErrorCode, type ErrorDetails, isSluiceError, SluiceError } from "../core/errors.ts";
export { freshSeed, type Random, seededRandom } from "../core/random.ts";
export { type Flow, type Protocol, SCTP, type SocketAddr, TCP, UDP } from "../net/flow.ts";
export { formatIp, type Ip, type Ip4, type Ip6, parseIp } from "../net/ip.ts";
