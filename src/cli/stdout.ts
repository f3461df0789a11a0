/**
 * What to do when standard output can take no more: a reader that went away wants nothing more, which is no failure.
 * A command that forwards traffic is asked to stop as by a signal, so that it leaves nothing behind.
 *
 * @param failed the exit code of any other failure.
 */
export function watchStdout(failed: number): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    const gone = error.code === "EPIPE";
    if (!gone) process.stderr.write(`sluice: cannot write to standard output: ${error.message}\n`);
    if (process.listenerCount("SIGTERM") > 0) process.emit("SIGTERM", "SIGTERM");
    else process.exit(gone ? 0 : failed);
  });
}
