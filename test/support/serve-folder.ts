import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { extname, join } from "node:path";

const types: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

/** A web server on loopback with the pages and scripts of a folder. Whoever makes it listens and closes it. */
export function serveFolder(folder: string): Server {
  return createServer(({ url = "/" }, response) => {
    const path = new URL(url, "http://127.0.0.1").pathname;
    const type = types[extname(path)];
    if (type === undefined) response.writeHead(404).end();
    else response.setHeader("content-type", type).end(readFileSync(join(folder, path)));
  });
}
