import { declareRecordings } from "./recordings.ts";

await declareRecordings(5);
