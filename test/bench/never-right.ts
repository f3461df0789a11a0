import { runBench } from "../../bench/frame/run-bench.ts";

/** A bench whose second case fails its check. */
await runBench(import.meta.url, {
  name: "never-right",
  question: "does a wrong result fail the run?",
  cases: [1, 2],
  label: (one) => `case ${one}`,
  setup: (one) => ({ one, sum: 0 }),
  run(prepared) {
    for (let turn = 0; turn < 1000; turn += 1) prepared.sum += prepared.one;
    return 1000;
  },
  quality: ({ one }) => ({ one }),
  check: ({ one }) => (one === 2 ? "two is wrong" : undefined),
  targetNs: () => 50,
  heapOperations: (one) => (one === 1 ? 1_000_000 : undefined),
  ratios: [["case 1", "case 2"]],
});
