// The system's tools that tests of the kernel, of browsers, of peers and of the C engine need: installed where we may, named where we may not.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter } from "node:path";

/** Command → Debian packages. */
const tools = {
  cc: "gcc",
  iptables: "iptables",
  nft: "nftables",
  ip: "iproute2",
  conntrack: "conntrack",
  ipset: "ipset",
  nfacct: "nfacct",
  chromium: "chromium",
  ipvsadm: "ipvsadm",
  "linux.uml": "user-mode-linux",
  modprobe: "kmod",
  sysctl: "procps",
  nginx: "nginx-light libnginx-mod-stream",
  haproxy: "haproxy",
  socat: "socat",
};

/** @returns the commands that are still missing. */
export function installSystemPackages() {
  const missing = missingTools();
  const debian = existsSync("/etc/debian_version");
  if (missing.length > 0 && process.getuid?.() === 0 && debian) {
    const packages = missing.flatMap((tool) => tools[tool].split(" "));
    console.error(`installing ${packages.join(", ")}`);
    apt(["update", "-qq"]);
    apt(["install", "-y", "-qq", "--no-install-recommends", ...packages]);
  }
  const still = missingTools();
  if (still.length > 0) console.error(`skipping the tests that need ${still.join(", ")}: not installed`);
  return still;
}

function missingTools() {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return Object.keys(tools).filter((tool) => !folders.some((folder) => existsSync(`${folder}/${tool}`)));
}

function apt(args) {
  // In runlevel 1 no service is started by the package that brings it.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  spawnSync("apt-get", args, { stdio: ["ignore", 2, 2], env });
}
