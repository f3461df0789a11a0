/**
 * Whether `reusePort` of `net` and `dgram` does anything here: it came with Node 22.12 and 23.1, and is ignored without
 * a word before; of the systems that have it, Linux spreads connections over the sockets.
 */
export function honoursReusePort(version = process.versions.node, platform = process.platform): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const since = major === 22 ? 12 : 1;
  return platform === "linux" && (major > 23 || (major >= 22 && minor >= since));
}
