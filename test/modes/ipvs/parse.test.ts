import assert from "node:assert/strict";
import * as fc from "fast-check";
import { isSluiceError } from "../../../src/core/errors.ts";
import { compileIpvs } from "../../../src/modes/ipvs/compile.ts";
import { asListed } from "../../../src/modes/ipvs/listed.ts";
import { resolveIpvsOptions } from "../../../src/modes/ipvs/options.ts";
import { parseConnections } from "../../../src/modes/ipvs/parse-connections.ts";
import { parseServers } from "../../../src/modes/ipvs/parse-servers.ts";
import { parseSets } from "../../../src/modes/ipvs/parse-sets.ts";
import { renderIpvs } from "../../../src/modes/ipvs/render.ts";
import { renderSets } from "../../../src/modes/ipvs/render-sets.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { foreignServers, foreignSets } from "../../kernel/guest-foreign.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { everyService } from "./every-service.ts";

const test = suite("ipvs mode: parse");

/** Asserts that a text is refused at this place. */
function refusedAt(parse: (text: string) => unknown, text: string, line: number, column: number): void {
  assert.throws(
    () => parse(text),
    (error) => {
      assert.ok(isSluiceError(error, "INPUT_INVALID"), String(error));
      assert.deepEqual([error.details.line, error.details.column], [line, column], error.message);
      return true;
    },
    JSON.stringify(text),
  );
}

test("what is compiled comes back from the listing, but for the names of the service ports", () => {
  for (const family of [4, 6] as const) {
    for (const scheduler of ["rr", "mh"]) {
      const tables = compileIpvs(everyService, family, resolveIpvsOptions({ scheduler }));
      const nameless = asListed(tables).virtualServers.map((server) => Object.assign({}, server, { servicePort: "" }));
      assert.deepEqual(parseServers(renderIpvs(asListed(tables))), nameless);
      assert.deepEqual(parseSets(renderSets(tables.around!.sets, "save")), tables.around!.sets);
    }
  }
});

test("virtual servers of every kind come back as they were listed", () => {
  const servers = parseServers(foreignServers);
  assert.equal(renderIpvs({ virtualServers: servers }), foreignServers);
  assert.deepEqual(servers[0], {
    addr: { ip: parseIp("198.51.100.1"), port: 0 },
    proto: 6,
    servicePort: "",
    scheduler: "sh",
    flags: ["sh-fallback", "sh-port"],
    persistenceSeconds: 33,
    persistenceMask: parseIp("255.255.255.0"),
    servers: [
      { addr: { ip: parseIp("10.1.0.1"), port: 0 }, weight: 5, forwarding: { by: "route" } },
      {
        addr: { ip: parseIp("10.1.0.2"), port: 0 },
        weight: 0,
        forwarding: { by: "tunnel", tunnel: { type: "gue", port: 6080, checksum: "full" } },
      },
      {
        addr: { ip: parseIp("10.1.0.3"), port: 0 },
        weight: 1,
        forwarding: { by: "tunnel", tunnel: { type: "gre", checksum: "none" } },
      },
    ],
  });
  const marked = servers.filter((server) => "fwmark" in server);
  assert.deepEqual(
    marked.map(({ fwmark, family, persistenceMask }) => [fwmark, family, persistenceMask]),
    [
      [7, 4, undefined],
      [7, 6, parseIp("ffff:ffff:ffff:ffff::")],
    ],
  );
});

test("what a line leaves out is as ipvsadm has it", () => {
  const [server] = parseServers("-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -x 10 -y 5\n");
  assert.equal(server?.scheduler, "wlc");
  const [real] = server!.servers;
  assert.deepEqual([real?.weight, real?.forwarding, real?.upper, real?.lower], [1, { by: "route" }, 10, 5]);
  assert.ok(renderIpvs({ virtualServers: [server!] }).endsWith(" -g -w 1 -x 10 -y 5\n"));
});

test("sets of every kind come back as they were listed", () => {
  assert.equal(renderSets(parseSets(foreignSets), "save"), foreignSets);
  const [first, second] = parseSets(foreignSets);
  assert.deepEqual(first!.options.at(-2), { name: "skbinfo" });
  assert.deepEqual(first!.entries[0]!.options?.[4], { name: "comment", value: "two words" });
  assert.deepEqual(first!.entries[0]!.parts[1], { kind: "word", text: "physdev:eth0" });
  assert.equal(second!.entries[0]!.parts[0]!.kind, "range");
});

test("comment lines and empty ones say nothing", () => {
  assert.deepEqual(parseServers("\n# ipvsadm -R\n"), []);
  assert.deepEqual(parseSets("# ipset save\n\n"), []);
});

test("the counts of connections are read from the list", () => {
  const list = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.1:443 rr persistent 10800 mask 255.255.0.0
  -> 192.168.1.1:6443             Masq    1      2          13        \n
TCP  [fd00:96::1]:443 mh (mh-port)
  -> [fd00::5]:8080               Masq    0      0          7         \n
FWM  8 IPv6 wlc
  -> [fd00::5]:0                  Route   5      1          0         \n`;
  assert.deepEqual(parseConnections(list), [
    { of: "10.96.0.1:443/TCP", addr: { ip: parseIp("192.168.1.1"), port: 6443 }, active: 2, inactive: 13 },
    { of: "[fd00:96::1]:443/TCP", addr: { ip: parseIp("fd00::5"), port: 8080 }, active: 0, inactive: 7 },
    { of: "FWM 8 IPv6", addr: { ip: parseIp("fd00::5"), port: 0 }, active: 1, inactive: 0 },
  ]);
});

test("a line that is not ipvsadm's is refused where it goes wrong", () => {
  const service = "-A -t 192.0.2.1:80 -s rr\n";
  const wrong: readonly (readonly [text: string, line: number, column: number])[] = [
    ["-D -t 192.0.2.1:80", 1, 1],
    ["-A", 1, 3],
    ["-A -x 192.0.2.1:80", 1, 4],
    ["-A -t 192.0.2.1", 1, 7],
    ["-A -t 192.0.2.1:http -s rr", 1, 7],
    ["-A -t 192.0.2.300:80", 1, 7],
    ["-A -t fd00::1:80", 1, 7],
    ["-A -t [fd00::1]:65536", 1, 7],
    ["-A -f 0", 1, 7],
    ["-A -t 192.0.2.1:80 -s", 1, 22],
    ["-A -t 192.0.2.1:80 -p 0", 1, 23],
    ["-A -t 192.0.2.1:80 -M 24", 1, 23],
    ["-A -f 7 -6 -M 255.0.0.0", 1, 15],
    ["-A -t 192.0.2.1:80 rr", 1, 20],
    ["-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1", 1, 4],
    [`${service}-A -t 192.0.2.1:80 -s lc`, 2, 4],
    [`${service}-a -t 192.0.2.1:80 10.0.0.1:80`, 2, 20],
    [`${service}-a -t 192.0.2.1:80 -r 10.0.0.1`, 2, 23],
    [`${service}-a -t 192.0.2.1:80 -r 10.0.0.1:80 -w 65536`, 2, 38],
    [`${service}-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i --tun-type vxlan`, 2, 49],
    [`${service}-a -t 192.0.2.1:80 -r 10.0.0.1:80 -q`, 2, 35],
  ];
  for (const [text, line, column] of wrong) refusedAt(parseServers, text, line, column);
});

test("a line that is not ipset's is refused where it goes wrong", () => {
  const set = "create A hash:ip,port family inet\n";
  const wrong: readonly (readonly [text: string, line: number, column: number])[] = [
    ["flush A", 1, 1],
    ["create", 1, 7],
    ["create A", 1, 9],
    ["create A ip,port", 1, 10],
    ["create A hash:ip hashsize", 1, 26],
    ["add A 10.0.0.1", 1, 5],
    [`${set}create A hash:ip`, 2, 8],
    [`${set}add A`, 2, 6],
    [`${set}add A 10.0.0.256,tcp:80`, 2, 7],
    [`${set}add A 10.0.0.1,tcp:70000`, 2, 16],
    [`${set}add A 10.0.0.1,tcp:80,10.0.0.1`, 2, 7],
    [`${set}add A 10.0.0.1,tcp:80 comment "open`, 2, 31],
    [`${set}add A 10.0.0.1,tcp:80 timeout`, 2, 30],
  ];
  for (const [text, line, column] of wrong) refusedAt(parseSets, text, line, column);
});

test("a list that is not ipvsadm's is refused where it goes wrong", () => {
  const head = "TCP  10.96.0.1:443 rr\n";
  const wrong: readonly (readonly [text: string, line: number, column: number])[] = [
    ["  -> 10.0.0.1:80 Masq 1 0 0", 1, 3],
    ["ICMP 10.0.0.1:80 rr", 1, 1],
    ["TCP  localhost:80 rr", 1, 6],
    ["FWM  x rr", 1, 6],
    [`${head}  -> 10.0.0.1:80 Masq 1 0`, 2, 26],
    [`${head}  -> 10.0.0.1:80 Masq 1 0 many`, 2, 27],
    [`${head}  -> 10.0.0.1:80 Masq 1 0 0 0`, 2, 29],
  ];
  for (const [text, line, column] of wrong) refusedAt(parseConnections, text, line, column);
});

test("any text is read or refused with its place, and what is read is written as it is read again", () => {
  const servers = "-A -a -t -u -f -6 -s rr -p -M -r -m -w -b --pe -o 7 80 192.0.2.1:80 [fd00::1]:80 255.0.0.0";
  const sets =
    "create add A hash:ip,port list:set 10.0.0.1,tcp:80 family inet comment nomatch timeout # , ::ffff:1.2.3.4,udp:1";
  const words = [...servers.split(" "), ...sets.split(" "), '"a b"', '"'];
  const line = fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((all) => all.join(" "));
  const text = fc.array(line, { maxLength: 5 }).map((lines) => lines.join("\n"));
  const readAgain = <T>(given: string, parse: (text: string) => T, render: (value: T) => string): void => {
    let value: T;
    try {
      value = parse(given);
    } catch (error) {
      assert.ok(isSluiceError(error, "INPUT_INVALID"), String(error));
      assert.ok(error.details.line! >= 1 && error.details.column! >= 1);
      return;
    }
    let written: string;
    try {
      written = render(value);
    } catch (error) {
      // A word that would not be one word again is never written.
      assert.ok(isSluiceError(error, "RULE_TEXT_INVALID"), String(error));
      return;
    }
    assert.deepEqual(parse(written), value);
  };
  fc.assert(
    fc.property(text, (given) => {
      readAgain(given, parseServers, (servers) => renderIpvs({ virtualServers: servers }));
      readAgain(given, parseSets, (sets) => renderSets(sets, "save"));
    }),
    { seed, numRuns: runs(20_000, 2000) },
  );
});
