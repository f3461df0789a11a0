import assert from "node:assert/strict";
import { isSluiceError } from "../../src/core/errors.ts";
import { compileProgram, type ProgramOptions } from "../../src/modes/compile.ts";
import { type Mode, modes } from "../../src/modes/program.ts";
import { renderProgram } from "../../src/modes/render.ts";
import { parseIp } from "../../src/net/ip.ts";
import { seen } from "../model/seen.ts";
import { endpoints, node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("programs of all modes");

const dual = service({
  type: "NodePort",
  clusterIPs: ["10.96.0.10", "fd00:96::10"],
  ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }],
});
const model = seen([
  node(),
  dual,
  service({ name: "api", clusterIP: "10.96.0.20" }),
  slice({ endpoints: ["10.244.1.10"] }),
  slice({ addressType: "IPv6", endpoints: ["fd00:10:244:1::10"] }),
  endpoints({ addresses: ["10.244.1.10"] }),
]);

test("every mode compiles, and says which it is", () => {
  for (const mode of modes) assert.equal(compileProgram(mode, model).mode, mode);
});

test("a mode's text comes in one piece a command, each family apart", () => {
  const inputs = modes.flatMap((mode) => renderProgram(compileProgram(mode, model)));
  assert.deepEqual(
    inputs.map(({ name, command }) => [name, command.join(" ")]),
    [
      ["userspace portals", "iptables-restore --noflush"],
      ["iptables IPv4", "iptables-restore --noflush"],
      ["iptables IPv6", "ip6tables-restore --noflush"],
      ["ipvs IPv4", "ipvsadm -R"],
      ["ipvs IPv6", "ipvsadm -R"],
    ],
  );
  const holds = (name: string, part: string): void => {
    const found = inputs.find((input) => input.name === name);
    assert.ok(found?.text.includes(part), `${name}: ${part} is not in\n${found?.text}`);
  };
  holds("iptables IPv4", "-j DNAT --to-destination 10.244.1.10:8080\n");
  holds("iptables IPv6", "-j DNAT --to-destination [fd00:10:244:1::10]:8080\n");
  holds("ipvs IPv4", "-A -t 10.96.0.10:80 -s rr\n-a -t 10.96.0.10:80 -r 10.244.1.10:8080 -m -w 1\n");
  holds("ipvs IPv6", "-A -t [fd00:96::10]:80 -s rr\n");
  holds("userspace portals", "-j REDIRECT --to-ports 40001\n");
});

test("options reach their mode, and wrong ones are refused", () => {
  const options: ProgramOptions = { iptables: { masqueradeBit: 15 }, ipvs: { scheduler: "sed" } };
  const text = (mode: Mode): string => renderProgram(compileProgram(mode, model, options))[0]!.text;
  assert.ok(text("iptables").includes("MARK --or-mark 0x00008000"));
  assert.ok(text("ipvs").includes(" -s sed\n"));
  for (const [mode, path] of [
    ["iptables", "iptables.masqueradeBit"],
    ["ipvs", "ipvs.scheduler"],
  ] as const) {
    assert.throws(
      () => compileProgram(mode, model, { iptables: { masqueradeBit: 99 }, ipvs: { scheduler: "99" } }),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
    );
  }
});

test("the userspace mode's text says the proxy port of each forward before the rules", () => {
  const program = compileProgram("userspace", model);
  const [input] = renderProgram(program, { proxyPortBase: 36000, hostIp: parseIp("192.168.10.5") });
  const lines = input!.text.split("\n");
  assert.deepEqual(lines.slice(0, 3), [
    "# default/api:http: proxy port 36000",
    "# default/web:http: proxy port 36001",
    "*nat",
  ]);
  const rule = "-A KUBE-PORTALS-HOST -m comment --comment default/web:http -p tcp -m tcp --dport 80 -d 10.96.0.10";
  assert.ok(lines.includes(`${rule} -j DNAT --to-destination 192.168.10.5:36001`), input!.text);
  const [bound] = renderProgram(program, { bindIp: parseIp("192.168.10.6") });
  assert.ok(bound!.text.includes("-j DNAT --to-destination 192.168.10.6:40001\n"));
  assert.ok(!bound!.text.includes("REDIRECT"));
});

test("proxy ports that do not fit below 65536 are refused", () => {
  const program = compileProgram("userspace", model);
  assert.ok(renderProgram(program, { proxyPortBase: 65534 })[0]!.text.includes("--to-ports 65535"));
  for (const proxyPortBase of [65535, 0, 1.5, -1]) {
    assert.throws(
      () => renderProgram(program, { proxyPortBase }),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === "proxyPortBase",
    );
  }
});

test("a forward has its cluster IP, external and load balancer addresses, and a node port with each IPv4 address", () => {
  const program = compileProgram(
    "userspace",
    seen([
      node(),
      service({
        type: "LoadBalancer",
        externalIPs: ["192.0.2.10", "fd00::1"],
        ingress: [{ ip: "203.0.113.10" }],
        ports: [{ name: "dns", protocol: "UDP", port: 53, nodePort: 30053 }],
        sessionAffinity: "ClientIP",
        affinityTimeoutSeconds: 60,
      }),
    ]),
  );
  assert.ok(program.mode === "userspace");
  const [forward] = program.table.forwards;
  assert.deepEqual(
    forward!.portals.map(({ kind, addr }) => [kind, addr]),
    [
      ["cluster-ip", { ip: parseIp("10.96.0.10"), port: 53 }],
      ["external-ip", { ip: parseIp("192.0.2.10"), port: 53 }],
      ["load-balancer", { ip: parseIp("203.0.113.10"), port: 53 }],
      ["node-port", { ip: parseIp("192.168.10.5"), port: 30053 }],
    ],
  );
  assert.equal(forward!.affinitySeconds, 60);
  const rules = renderProgram(program)[0]!
    .text.split("\n")
    .filter((line) => line.startsWith("-A"));
  assert.equal(rules.filter((rule) => rule.includes("PORTALS-CONTAINER")).length, 4);
  assert.equal(rules.filter((rule) => rule.includes("PORTALS-HOST")).length, 3);
  assert.equal(rules.filter((rule) => rule.includes("NODEPORT")).length, 3);
});
