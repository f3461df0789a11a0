/**
 * A program: stands in for a Kubernetes API server with the objects of the files in its arguments, on a port of loopback
 * that it prints. On SIGHUP it reads the files anew, and whoever watches sees what differs.
 */
import { loadCluster } from "../../cluster/load.ts";
import { openApiServer } from "../kube-api/api-server.ts";
import { createObjectStore } from "../kube-api/object-store.ts";

const files = process.argv.slice(2);
const store = createObjectStore((await loadCluster(files)).snapshot);
process.on("SIGHUP", () => {
  void loadCluster(files).then(
    ({ snapshot }) => store.replace(snapshot),
    (error: Error) => console.error(error.message),
  );
});
const { port } = await openApiServer(store);
process.stdout.write(`${port}\n`);
