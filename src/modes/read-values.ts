import { configInvalid } from "../core/errors.ts";

/**
 * Reads the number of a bit of the packet mark.
 *
 * @param path names the field in the error.
 * @throws {SluiceError} CONFIG_INVALID.
 */
export function readBit(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 31) {
    throw configInvalid(path, "a whole number in 0…31", value);
  }
  return value;
}

/** @param path names the field in the error. @throws {SluiceError} CONFIG_INVALID. */
export function readFlag(value: unknown, path: string): boolean {
  if (typeof value !== "boolean") throw configInvalid(path, "true or false", value);
  return value;
}
