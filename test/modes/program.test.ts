import assert from "node:assert/strict";
import { isSluiceError } from "../../src/core/errors.ts";
import { compileProgram, type ProgramOptions } from "../../src/modes/compile.ts";
import { type Mode, modes } from "../../src/modes/program.ts";
import { ofFamily } from "../../src/modes/of-family.ts";
import { renderProgram } from "../../src/modes/render.ts";
import { renderProgramJson } from "../../src/modes/render-json.ts";
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
      ["userspace portals IPv4", "iptables-restore --noflush"],
      ["iptables IPv4", "iptables-restore --noflush"],
      ["iptables IPv6", "ip6tables-restore --noflush"],
      ["nftables IPv4", "nft -f -"],
      ["nftables IPv6", "nft -f -"],
      ["ipvs IPv4", "ipvsadm -R"],
      ["ipvs addresses IPv4", "ip -batch -"],
      ["ipvs sets IPv4", "ipset restore"],
      ["ipvs rules IPv4", "iptables-restore --noflush"],
      ["ipvs IPv6", "ipvsadm -R"],
      ["ipvs addresses IPv6", "ip -batch -"],
      ["ipvs sets IPv6", "ipset restore"],
      ["ipvs rules IPv6", "ip6tables-restore --noflush"],
    ],
  );
  const holds = (name: string, part: string): void => {
    const found = inputs.find((input) => input.name === name);
    assert.ok(found?.text.includes(part), `${name}: ${part} is not in\n${found?.text}`);
  };
  holds("iptables IPv4", "-j DNAT --to-destination 10.244.1.10:8080\n");
  holds("iptables IPv6", "-j DNAT --to-destination [fd00:10:244:1::10]:8080\n");
  holds("nftables IPv4", "numgen random mod 1 map { 0 : 10.244.1.10 . 8080 }\n");
  holds("nftables IPv6", "add element ip6 kube-proxy cluster-ips { fd00:96::10 }\n");
  holds("ipvs IPv4", "-A -t 10.96.0.10:80 -s rr\n-a -t 10.96.0.10:80 -r 10.244.1.10:8080 -m -w 1\n");
  holds("ipvs IPv6", "-A -t [fd00:96::10]:80 -s rr\n");
  holds("ipvs addresses IPv4", "address replace 10.96.0.10/32 dev kube-ipvs0\n");
  holds("ipvs sets IPv4", "\nadd KUBE-CLUSTER-IP 10.96.0.10,tcp:80\n");
  holds("ipvs rules IPv6", "-m set --match-set KUBE-6-CLUSTER-IP dst,dst -j ACCEPT\n");
  holds("userspace portals IPv4", "-j REDIRECT --to-ports 11001\n");
});

test("options reach their mode, and wrong ones are refused", () => {
  const options: ProgramOptions = {
    iptables: { masqueradeBit: 15 },
    nftables: { masqueradeBit: 16 },
    ipvs: { scheduler: "sed" },
  };
  const text = (mode: Mode): string => renderProgram(compileProgram(mode, model, options))[0]!.text;
  assert.ok(text("iptables").includes("MARK --or-mark 0x00008000"));
  assert.ok(text("nftables").includes("mark set mark or 0x00010000"));
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
  const [input] = renderProgram(compileProgram("userspace", model, { userspace: { portRange: "36000+9" } }));
  const lines = input!.text.split("\n");
  assert.deepEqual(lines.slice(0, 3), [
    "# default/api:http: proxy port 36000",
    "# default/web:http: proxy port 36001",
    "*filter",
  ]);
  const rule = "-A KUBE-PORTALS-HOST -m comment --comment default/web:http -p tcp -m tcp --dport 80 -d 10.96.0.10";
  assert.ok(lines.includes(`${rule} -j DNAT --to-destination 192.168.10.5:36001`), input!.text);
});

test("rules that name counters say which commands make them, the others need none", () => {
  const setups = modes.flatMap((mode) =>
    renderProgram(compileProgram(mode, model)).map(({ name, setup }) => [name, setup.map((argv) => argv.join(" "))]),
  );
  const counters = ["nfacct add ct_state_invalid_dropped_pkts", "nfacct add localhost_nps_accepted_pkts"];
  const byName = Object.fromEntries(setups) as Record<string, string[]>;
  assert.deepEqual(byName["iptables IPv4"]!.toSorted(), counters);
  assert.deepEqual(byName["iptables IPv6"], counters.slice(0, 1));
  assert.deepEqual(byName["userspace portals IPv4"], []);
  const uncounted = compileProgram("iptables", model, { iptables: { nfacct: false } });
  assert.ok(renderProgram(uncounted).every(({ setup }) => setup.length === 0));
  assert.ok(renderProgram(compileProgram("iptables", model), "save").every(({ setup }) => setup.length === 0));
});

test("what the kernel lists is under the command that lists it", () => {
  const listed = modes.flatMap((mode) => renderProgram(compileProgram(mode, model), "save"));
  assert.deepEqual(
    listed.map(({ command }) => command.join(" ")),
    [
      "iptables-save",
      "iptables-save",
      "ip6tables-save",
      "nft -s list ruleset",
      "nft -s list ruleset",
      "ipvsadm -S -n",
      "ipset save",
      "iptables-save",
      "ipvsadm -S -n",
      "ipset save",
      "ip6tables-save",
    ],
  );
});

test("ipvsadm lists by protocol, address and port, with addresses as differences of 32 bits", () => {
  const program = compileProgram(
    "ipvs",
    seen([
      node(),
      ...(["10.96.0.9", "192.0.2.1", "10.96.0.10"] as const).map((clusterIP, at) =>
        service({ name: `a${at}`, clusterIP, ports: [{ name: "", protocol: at === 0 ? "UDP" : "TCP", port: 80 }] }),
      ),
      slice({ service: "a2", ports: [{ name: "", protocol: "TCP", port: 80 }], endpoints: ["10.0.0.2", "10.0.0.1"] }),
    ]),
  );
  const [input] = renderProgram(program, "save");
  assert.equal(
    input!.text,
    "-A -t 192.0.2.1:80 -s rr\n-A -t 10.96.0.10:80 -s rr\n" +
      "-a -t 10.96.0.10:80 -r 10.0.0.1:80 -m -w 1\n-a -t 10.96.0.10:80 -r 10.0.0.2:80 -m -w 1\n" +
      "-A -u 10.96.0.9:80 -s rr\n",
  );
});

test("a part of a program for one family is what that family has; the userspace mode has nothing for IPv6", () => {
  for (const family of [4, 6] as const) {
    for (const mode of modes) {
      const part = ofFamily(compileProgram(mode, model), family);
      const whole = renderProgram(compileProgram(mode, model)).filter((input) => input.family === family);
      assert.deepEqual(part === undefined ? [] : renderProgram(part), whole, `${mode} IPv${family}`);
    }
  }
  assert.equal(ofFamily(compileProgram("userspace", model), 6), undefined);
});

test("as JSON every mode's program has addresses, ranges and protocols as text, and all else as it is", () => {
  const read = (mode: Mode): unknown => JSON.parse(renderProgramJson(compileProgram(mode, model)));
  assert.deepEqual(read("userspace"), {
    mode: "userspace",
    table: {
      forwards: [
        {
          name: "default/api:http",
          proto: "tcp",
          proxyPort: 11_000,
          portals: [{ kind: "cluster-ip", addr: "10.96.0.20:80" }],
          nodePort: 0,
          affinitySeconds: 0,
          endpoints: [],
        },
        {
          name: "default/web:http",
          proto: "tcp",
          proxyPort: 11_001,
          portals: [{ kind: "cluster-ip", addr: "10.96.0.10:80" }],
          nodePort: 30_080,
          affinitySeconds: 0,
          endpoints: ["10.244.1.10:8080"],
        },
      ],
      claims: [{ name: "default/web:http", proto: "tcp", addr: "0.0.0.0:30080" }],
      bindIp: "0.0.0.0",
      hostIp: "192.168.10.5",
    },
  });
  const iptables = renderProgramJson(compileProgram("iptables", model));
  for (const part of ['"range": "10.96.0.10/32"', '"to": "[fd00:10:244:1::10]:8080"', '"proto": "tcp"']) {
    assert.ok(iptables.includes(part), part);
  }
  assert.ok(renderProgramJson(compileProgram("ipvs", model)).includes('"addr": "[fd00:96::10]:80"'));
  assert.ok(renderProgramJson(compileProgram("nftables", model)).includes('"ip": "fd00:96::10"'));
  // An address of nftables is a member of that name, and a base chain's hook is its base.
  const raw = { nftables: /"w0"|"base": (\d|\{\s*"w)/, other: /"w0"|"ip":|"base":/ };
  for (const mode of modes) {
    const json = renderProgramJson(compileProgram(mode, model));
    assert.doesNotMatch(json, mode === "nftables" ? raw.nftables : raw.other);
  }
});
