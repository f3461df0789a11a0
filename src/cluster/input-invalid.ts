import { type ErrorDetails, SluiceError } from "../core/errors.ts";

/** `boutique.yaml:12:7: items[3].spec.ports[0].port: expected a port in 1…65535, got "http"` */
export function inputInvalid(details: ErrorDetails["INPUT_INVALID"]): SluiceError<"INPUT_INVALID"> {
  const { file, line, column, field, expected, received } = details;
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  const where = field === "" ? place : `${place}: ${field}`;
  return new SluiceError("INPUT_INVALID", `${where}: expected ${expected}, got ${received}`, details);
}
