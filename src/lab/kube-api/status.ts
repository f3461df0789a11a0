import type { Manifest } from "../../cluster/manifest.ts";

/** How the API says no. */
export function statusOf(code: number, reason: string, message: string): Manifest {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
}
