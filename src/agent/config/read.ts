import type { z } from "zod";
import { decodeUtf8 } from "../../cluster/decode-utf8.ts";
import { readInput, STDIN } from "../../cluster/input-files.ts";
import { located } from "../../cluster/read/document.ts";
import { type TextDocument, TextFault } from "../../cluster/text/document.ts";
import { readJson } from "../../cluster/text/json.ts";
import { readYaml } from "../../cluster/text/yaml.ts";
import { withPlaces } from "../../cluster/with-places.ts";
import { checkConfig } from "./check.ts";
import { completeConfig } from "./complete.ts";
import type { ConfigFile, KubeProxyConfiguration } from "./config.ts";
import { expectedOf, firstFault } from "./faults.ts";
import { checkFeatureGates } from "./feature-gates.ts";
import { wrongField } from "./objection.ts";
import { checkProgramOptions } from "./program-options.ts";
import { configSchema, KIND } from "./schema.ts";
import { checkHonoured } from "./unhonoured.ts";

/**
 * Loads the file that `--config` names, as kube-proxy does; unlike kube-proxy, not one with fields that are unknown or
 * that are not honoured here.
 *
 * @param path of YAML or JSON; `-` for standard input.
 * @throws {SluiceError} INPUT_UNREADABLE; INPUT_INVALID as `readConfig`.
 */
export async function loadConfig(path: string): Promise<KubeProxyConfiguration> {
  const name = path === STDIN ? "stdin" : path;
  return readConfig(decodeUtf8(await readInput(path), name), name);
}

/**
 * Reads a KubeProxyConfiguration.
 *
 * @param file names the text in errors; one that ends in `.json` has to be JSON.
 * @returns the configuration in force, every default filled in.
 * @throws {SluiceError} INPUT_INVALID for the first field in the text that is unknown or not what it must be; then for
 *   fields that do not go together, and for a field whose value would have to be honoured and is not.
 */
export function readConfig(text: string, file: string): KubeProxyConfiguration {
  return withPlaces(text, file, (body) => {
    const document = onlyDocument(body, file);
    const config = completeConfig(readFields(document));
    const objection =
      checkConfig(config) ?? checkFeatureGates(config) ?? checkProgramOptions(config) ?? checkHonoured(config);
    return located(document, () => {
      if (objection !== undefined) throw wrongField(objection, config);
      return config;
    });
  });
}

function onlyDocument(body: string, file: string): TextDocument {
  const documents = file.endsWith(".json") || /^\s*\{/.test(body) ? [readJson(body)] : [...readYaml(body)];
  const [first, second] = documents.filter(({ value }) => value !== null);
  if (second !== undefined) {
    throw new TextFault({ offset: second.offsetOf([]), expected: "one document", received: "a second one" });
  }
  if (first === undefined)
    throw new TextFault({ offset: 0, expected: `a ${KIND}`, received: "a text without content" });
  return first;
}

function readFields(document: TextDocument): ConfigFile {
  const result = configSchema.safeParse(document.value, { error: (issue) => expectedOf(issue as z.core.$ZodIssue) });
  if (result.success) return result.data;
  throw firstFault(result.error.issues, document);
}
