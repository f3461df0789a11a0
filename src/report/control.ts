import type {
  BenchResult,
  Control,
  EmulatedResult,
  Estimate,
  SharingFigure,
  SharingResult,
} from "../measure/result.ts";
import { formatNumber, formatRatio, lacksBlocks, NOT_ENOUGH } from "./format.ts";

/** What every control of a run says: of the works, of decisions in the emulator, of how connections are shared out. */
export function controlTexts(result: BenchResult): string[] {
  return [...workControlTexts(result), ...emulatedControlTexts(result), ...sharingControlTexts(result)];
}

/** Whether one of them differs. */
export function someControlDiffers({ control, emulated, sharing }: BenchResult): boolean {
  return (
    control.differs === true ||
    sharing?.control?.differs === true ||
    (emulated?.controls ?? []).some(({ holdsOne }) => holdsOne === false)
  );
}

/** Behind a figure whose control differs. */
export function mark(isDoubtful: boolean): string {
  return isDoubtful ? " ?" : "";
}

/** Whether times of decisions on a service are in doubt. */
export function isDecisionDoubtful({ controls = [] }: EmulatedResult, servicePort: string): boolean {
  return controls.some((one) => one.servicePort === servicePort && one.holdsOne === false);
}

/** Whether a figure of how connections are shared out is in doubt. */
export function isSharingDoubtful({ control }: SharingResult, figure: SharingFigure): boolean {
  return control?.figures.some((one) => one.figure === figure && one.holdsZero === false) === true;
}

function emulatedControlTexts({ emulated }: BenchResult): string[] {
  return (emulated?.controls ?? []).map(({ servicePort, reference, again, ratio, holdsOne }) => {
    const what = `${again} is ${reference} once more`;
    const times = `of its time for a decision on ${servicePort}`;
    if (holdsOne === null) return `Control in the emulator: ${what}; ${NOT_ENOUGH} to tell whether it differs.`;
    if (holdsOne) return `Control in the emulator: ${what}, and takes ${formatRatio(ratio)} ${times}.`;
    return (
      `CONTROL DIFFERS in the emulator: ${what}, yet takes ${formatRatio(ratio)} ${times}, without 1. ` +
      `${BY_CHANCE} times of decisions on this service are marked with ?.`
    );
  });
}

const BY_CHANCE = "Chance alone does this in one of 20; otherwise intervals are too short:";

const sharingFigures: Readonly<Record<SharingFigure, string>> = {
  "slow-share": "the slow endpoint's share",
  rate: "requests a second beside a slow endpoint",
  "moved-when-added": "clients that move when an endpoint is added",
  "moved-when-removed": "clients that move when an endpoint is removed",
};

function sharingControlTexts({ sharing }: BenchResult): string[] {
  if (sharing?.control === undefined) return [];
  const { reference, again, figures, differs } = sharing.control;
  const what = `${again} is ${reference} once more`;
  if (differs === null) return [`Control of sharing out: ${what}; ${NOT_ENOUGH} to tell whether it differs.`];
  if (!differs) return [`Control of sharing out: ${what}, and differs from it in nothing.`];
  return figures
    .filter(({ holdsZero }) => holdsZero === false)
    .map(
      ({ figure, difference }) =>
        `CONTROL DIFFERS in sharing out: ${what}, yet its figure of ${sharingFigures[figure]} is off by ${differenceText(difference)}, without 0. ` +
        `${BY_CHANCE} this figure is marked with ?.`,
    );
}

function differenceText({ value, interval, unit }: Estimate): string {
  const text = (one: number): string => (unit === "1" ? `${(one * 100).toFixed(1)} %` : `${formatNumber(one)}/s`);
  return interval === null ? text(value!) : `${text(value!)} [${interval.map(text).join(", ")}]`;
}

function workControlTexts({ control: { reference, again, ratios, differs } }: BenchResult): string[] {
  if (ratios.length === 0) return [`Control: ${again} is ${reference} once more; ${plainControl(differs)}.`];
  if (differs !== true) return [`Control: ${again} is ${reference} once more; ${quietText(ratios)}.`];
  return ratios
    .filter(({ holdsOne }) => holdsOne === false)
    .map(
      ({ work, ratio, figure }) =>
        `CONTROL DIFFERS: ${again} is ${reference} once more, yet in ${work} its ${figure === "p50" ? "median latency's " : ""}ratio is ${formatRatio(ratio)}, without 1. ` +
        "Chance alone does this in one work of 20; otherwise intervals are too short: ratios of this work are marked with ?.",
    );
}

/** Of a plan without ratios. */
function plainControl(differs: boolean | null): string {
  if (differs === null) return "whether it differs cannot be told";
  return differs ? "AND YET IT DIFFERS: intervals are too short by an unknown factor" : "it does not differ";
}

/** Of ratios none of which leaves 1. */
function quietText(ratios: Control["ratios"]): string {
  const untold = ratios.filter(({ holdsOne }) => holdsOne === null);
  if (untold.length === 0) return "all its intervals hold 1";
  if (untold.some(({ ratio }) => lacksBlocks(ratio))) return `${NOT_ENOUGH} to tell whether its intervals hold 1`;
  const works = untold.map(({ work }) => work).join(", ");
  const others = untold.length < ratios.length ? "; all others hold 1" : "";
  return `no interval in ${works}, since a block completed too little${others}`;
}
