import { configInvalid } from "../core/errors.ts";
import { type Cidr, tryParseCidr } from "../net/cidr.ts";

/**
 * Reads a list of ranges out of an option.
 *
 * @param path names the field in the error.
 * @throws {SluiceError} CONFIG_INVALID.
 */
export function readRanges(value: unknown, path: string): readonly Cidr[] {
  if (!Array.isArray(value)) throw configInvalid(path, "a list of ranges", value);
  return value.map((text: unknown, index) => {
    const cidr = typeof text === "string" ? tryParseCidr(text) : undefined;
    if (cidr === undefined) throw configInvalid(`${path}[${index}]`, "a range such as 10.0.0.0/8", text);
    return cidr;
  });
}
