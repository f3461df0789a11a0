import { SluiceError } from "../../core/errors.ts";

/** An echo backend: where it is to listen. Plain data. */
export interface BackendSpec {
  readonly protocol: "tcp" | "udp";
  /** An address of this host, in text. */
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
}

/** An echo backend of this thread. */
export interface Echo {
  /** @returns the port. @throws {SluiceError} HOST_UNABLE when it cannot listen there. */
  listen(): Promise<number>;
  /** What is told apart within a slice is told apart anew. */
  newSlice(): void;
  /** Stops listening and drops what is open. */
  close(): Promise<void>;
}

export function cannotListen({ protocol, host, port }: BackendSpec, cause: Error): SluiceError<"HOST_UNABLE"> {
  const missing = `${protocol} ${host} port ${port} to listen on`;
  return new SluiceError("HOST_UNABLE", `an echo backend cannot listen: ${cause.message}`, { missing }, { cause });
}
