import { declareRecordings } from "./recordings.ts";

await declareRecordings(3);
