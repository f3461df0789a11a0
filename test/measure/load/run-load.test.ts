import { threadClock } from "../../../src/core/clock.ts";
import { runLoad } from "../../../src/measure/load/run-load.ts";
import { suite } from "../../support/suite.ts";
import { declareLoadTests } from "./load-tests.ts";

declareLoadTests(suite("load"), (task, signal) => runLoad(task, threadClock, signal));
