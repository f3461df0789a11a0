import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release } from "node:os";
import { peerVersion } from "../../src/lab/peers/peer-dataplane.ts";

/** Whom the others are compared with. */
export const OURS = "native engine";

/** What one slice gave. */
export interface Figure {
  readonly round: number;
  readonly work: string;
  readonly subject: string;
  readonly counts: "operations" | "bytes";
  readonly perSecond: number;
  /** The proxy's processor time for one operation or byte; undefined where there is no proxy. */
  readonly cpuNsEach?: number | undefined;
  readonly p99Ns: number;
  readonly errors: number;
}

export interface Measured {
  readonly figures: readonly Figure[];
  /** By subject: bytes of user space that an idle connection takes, once a start. */
  readonly memory: Readonly<Record<string, readonly number[]>>;
  /** JavaScript's share of a connection's processor time, 0…1, once a slice; undefined: not measured. */
  readonly share: readonly number[] | undefined;
}

/** Under which a part was measured. */
interface Conditions {
  readonly processors: string;
  readonly kernel: string;
  readonly node: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly parts: readonly Part[];
}

interface Part {
  readonly seed: number;
  readonly rounds: number;
  readonly sliceMs: number;
  readonly works: readonly string[];
  readonly loadAverage: number;
}

interface Result {
  readonly measured: Measured;
  readonly conditions: Conditions;
}

const SCHEMA = "sluice.forward/1";

/** Adds a part to what the file has, if there is one: a work that was measured again counts anew. */
export async function readResult(
  file: string | undefined,
  part: Measured,
  how: Pick<Part, "seed" | "rounds" | "sliceMs">,
): Promise<Result> {
  const works = [...new Set(part.figures.map(({ work }) => work))];
  const before =
    file !== undefined && existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Result) : undefined;
  const others = (before?.measured.figures ?? []).filter(({ work }) => !works.includes(work));
  const share = part.share ?? before?.measured.share;
  return {
    measured: {
      figures: [...others, ...part.figures],
      memory: { ...before?.measured.memory, ...part.memory },
      share,
    },
    conditions: {
      processors: `${availableParallelism()} × ${cpus()[0]?.model.trim()}`,
      kernel: release(),
      node: process.version,
      peers: await peerVersions(),
      parts: [...(before?.conditions.parts ?? []), { ...how, works, loadAverage: loadavg()[0]! }],
    },
  };
}

async function peerVersions(): Promise<Readonly<Record<string, string>>> {
  const versions = await Promise.all(
    (["nginx", "haproxy"] as const).map(async (name) => [name, await peerVersion(name)] as const),
  );
  return Object.fromEntries(versions.flatMap(([name, version]) => (version === undefined ? [] : [[name, version]])));
}

/** A line a figure: a file of many is read by people too. */
export function writeResult(file: string, { figures, ...rest }: Measured, conditions: Conditions): void {
  const lines = figures.map((figure) => `      ${JSON.stringify(figure)}`).join(",\n");
  const head = JSON.stringify({ schema: SCHEMA, conditions }, undefined, 2).slice(0, -2);
  const tail = JSON.stringify(rest).slice(1);
  writeFileSync(file, `${head},\n  "measured": {\n    "figures": [\n${lines}\n    ],\n    ${tail}\n}\n`);
}
