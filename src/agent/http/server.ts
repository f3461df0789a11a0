import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, ListenOptions } from "node:net";
import { type Family, formatIp, type Ip } from "../../net/ip.ts";
import { type Answer, type Question, textAnswer } from "./answer.ts";

/** Where to listen. */
export interface ListenAt {
  /** 0.0.0.0 and :: take every address: of both families, as in Go, unless `only` says of which. */
  readonly ip: Ip;
  /** 0: any that is free. */
  readonly port: number;
  readonly only?: Family;
}

/** A server that answers until it is closed. */
export interface HttpServer {
  /** The port that it has. */
  readonly port: number;
  /** Ends it at once, with the connections that it has. */
  close(): Promise<void>;
}

/** Probes and scrapers send little, come seldom, and do not dawdle: what does is nobody that needs an answer. */
const limits = { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 5000 };
const MOST_CONNECTIONS = 512;

/**
 * Opens a server that answers each request from what was asked alone; the body of a request is never read.
 *
 * @throws what the system says where it cannot listen: an Error with a `code` such as EADDRINUSE.
 */
export async function openServer(
  at: ListenAt,
  answer: (question: Question) => Answer | Promise<Answer>,
): Promise<HttpServer> {
  const server = createServer(limits, (request, response) => {
    void reply(request, response, answer);
  });
  server.maxConnections = MOST_CONNECTIONS;
  const listen = (options: ListenOptions): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(options, () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listenOnFirst(listenOptions(at), listen);
  // A connection that cannot be accepted, as when descriptors run out, is its client's loss alone.
  server.on("error", () => {});
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** In the order in which they are to be tried. */
function listenOptions({ ip, port, only }: ListenAt): readonly ListenOptions[] {
  const host = formatIp(ip);
  const wildcard = host === "0.0.0.0" || host === "::";
  if (only !== undefined || !wildcard) return [{ host, port, ipv6Only: only === 6 }];
  // One socket for both families; on a host without IPv6 there is only the other one.
  return [
    { host: "::", port },
    { host: "0.0.0.0", port },
  ];
}

const noSuchFamily: ReadonlySet<string | undefined> = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL"]);

async function listenOnFirst(
  [first, ...others]: readonly ListenOptions[],
  listen: (options: ListenOptions) => Promise<void>,
): Promise<void> {
  try {
    await listen(first!);
  } catch (error) {
    if (others.length === 0 || !noSuchFamily.has((error as NodeJS.ErrnoException).code)) throw error;
    await listenOnFirst(others, listen);
  }
}

async function reply(
  { method = "", url = "", headers: asked }: IncomingMessage,
  response: ServerResponse,
  answer: (question: Question) => Answer | Promise<Answer>,
): Promise<void> {
  const given = await answerTo({ method, path: url.replace(/[?#].*$/s, "") }, answer);
  const { status, headers, body } = given;
  // Nobody reads a body that comes with a request, so what follows it on this connection cannot be told from it.
  const hasBody = asked["content-length"] !== undefined || asked["transfer-encoding"] !== undefined;
  response.writeHead(status, {
    ...headers,
    "Content-Length": Buffer.byteLength(body),
    ...(hasBody ? { Connection: "close" } : {}),
  });
  response.end(body);
}

async function answerTo(question: Question, answer: (question: Question) => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await answer(question);
  } catch (error) {
    return textAnswer(500, `${(error as Error).message}\n`);
  }
}
