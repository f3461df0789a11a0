import type { LoadTarget } from "../../measure/load/task.ts";
import { type Prober, startProber } from "../../measure/probe/probe.ts";
import type { BenchResult } from "../../measure/result.ts";
import { configInvalid } from "../../core/errors.ts";
import { buildModel } from "../../model/build.ts";
import type { ServicePort } from "../../model/service-port.ts";
import { formatSocketAddr } from "../../net/flow.ts";
import { chooseServicePorts } from "../choose-service.ts";
import { engineText } from "../describe.ts";
import {
  type BenchOptions,
  type OwnSubject,
  type ResolvedBenchOptions,
  type TrafficSubject,
  trafficSubjects,
} from "../options.ts";
import type { CreateDataplane } from "../stage.ts";
import { changingDirect, changingMode, type ChangingSubject } from "./changing-subject.ts";
import { createEndpointProcesses, type EndpointProcess, type EndpointProcesses } from "./endpoint-processes.ts";

/** Everything that trials with endpoints of their own need, open. */
export interface OpenTheatre {
  readonly port: ServicePort;
  /** Of the service, as they were at the start. */
  readonly service: BenchResult["services"][number];
  readonly prober: Prober;
  readonly processes: EndpointProcesses;
  readonly endpoints: EndpointProcess[];
  /** The reference, the reference again, and the modes. */
  readonly subjects: readonly ChangingSubject[];
  readonly engine: string;
  close(): Promise<void>;
}

/**
 * Starts endpoints in processes of their own, a prober and a dataplane a subject. When one of them cannot be had, none
 * stays.
 *
 * @param serviceMs how long each endpoint takes over a request; one endpoint each.
 */
export async function openTheatre(
  { snapshot, nodeName, service, programs = {} }: BenchOptions,
  resolved: ResolvedBenchOptions,
  create: CreateDataplane,
  serviceMs: readonly number[],
): Promise<OpenTheatre> {
  const port = chooseServicePorts(buildModel(snapshot, nodeName), service).tcp;
  if (port === undefined) throw configInvalid("service", "a service with a TCP port to measure", service ?? "none");
  // Plans of changing endpoints take no kube-proxy.
  const specs = trafficSubjects(resolved.subjects).filter(isOwn);
  const inKernel = specs.find((spec) => "kernel" in spec);
  if (inKernel !== undefined) {
    throw configInvalid("subjects", "subjects on loopback, where the endpoints of this plan are", inKernel.name);
  }
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
  };
  try {
    const processes = createEndpointProcesses();
    opened.push(processes);
    const endpoints: EndpointProcess[] = [];
    for (const ms of serviceMs) endpoints.push(await processes.start(ms));
    const prober = startProber();
    opened.push(prober);
    const first = endpoints.map((process) => ({ process }));
    const direct =
      "no proxy: the client goes to the endpoints by itself, in turn, and learns of changes when others do";
    const subjects = [
      changingDirect("direct", direct, prober),
      changingDirect("direct-again", "direct once more, as a control of the noise", prober),
    ];
    const dataplanes = specs.map((spec) => {
      const dataplane = create(resolved, spec, [port.name], undefined);
      opened.push(dataplane);
      return dataplane;
    });
    for (const [at, spec] of specs.entries()) {
      const scene = { snapshot, nodeName, port, programs };
      subjects.push(await changingMode(spec, dataplanes[at]!, scene, first));
    }
    for (const subject of subjects.slice(0, 2)) await subject.show(first);
    const statuses = await Promise.all(dataplanes.map((dataplane) => dataplane.status()));
    return {
      port,
      service: serviceOf(port, endpoints),
      prober,
      processes,
      endpoints,
      subjects,
      engine: engineText(resolved, statuses),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function isOwn(spec: TrafficSubject): spec is OwnSubject {
  return !("kubeProxy" in spec);
}

function serviceOf(port: ServicePort, endpoints: readonly EndpointProcess[]): BenchResult["services"][number] {
  return {
    protocol: "tcp",
    servicePort: port.name,
    address: formatSocketAddr({ ip: port.clusterIp, port: port.port }),
    endpoints: endpoints.map(({ number, addr }) => {
      return { endpoint: `process ${number}`, standIn: formatSocketAddr(addr) };
    }),
  };
}

/** As a document names subjects. */
export function subjectSummaries(subjects: readonly ChangingSubject[]): BenchResult["subjects"] {
  return subjects.map(({ name, what, targets }) => {
    return { subject: name, what, targets: { tcp: targets().map(targetText), udp: [] } };
  });
}

function targetText({ host, port }: LoadTarget): string {
  return `${host}:${port}`;
}
