/** The whole forwarding process is killed, and another takes its ports at once. */
import assert from "node:assert/strict";
import { runs } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { converse } from "./conversation.ts";
import { askByUdp, killForwarding, startForwarding } from "./forwarding-process.ts";
import { askOnce, echo, freeAddr, tcpEndpoint, udpEcho, udpPeer, until } from "./peers.ts";
import { whyMissing } from "./running.ts";

const KILLS = runs(20, 1);
const CLIENTS = 8;
/** More than all buffers on the way hold: it cannot be over before the process is killed. */
const LONG = 16_000_000;

for (const engine of ["node", "native"] as const) {
  const test = suite(`workers: the process is killed, ${engine} engine`, { timeoutMs: 300_000 });
  const name = "another process serves at the same ports at once, however many connections it was killed with";
  const missing = whyMissing(engine);
  test.after(killForwarding);
  if (missing !== undefined) test.skip(name, missing);
  else
    test(name, async () => {
      const [tcp, udp] = [await tcpEndpoint(echo), await udpPeer("127.0.0.1", udpEcho)];
      const at = await freeAddr();
      for (let kill = 0; kill < KILLS; kill += 1) {
        const forwarding = await startForwarding(engine, at, { tcp: tcp.addr, udp: udp.addr });
        // One that is over, and one datagram: what they leave behind at the ports is in nobody's way either.
        assert.equal(await askOnce(at, "short"), "short");
        assert.equal(await askByUdp(at, "datagram"), "datagram");
        const open = await Promise.all(Array.from({ length: CLIENTS }, () => converse(at, LONG)));
        await until(() => open.every((one) => one.back() > 0));
        await forwarding.kill();
        // What its kernel still had to read makes it a RST; where it had nothing it is a FIN.
        for (const one of open) assert.match(await one.unaltered(), /^(ECONNRESET|EPIPE|end)$/);
        await until(() => tcp.sockets.every((socket) => socket.destroyed));
      }
      const last = await startForwarding(engine, at, { tcp: tcp.addr, udp: udp.addr });
      await (await converse(at, 1_000_000)).intact();
      const { accepted, resets } = await last.stop();
      assert.deepEqual({ accepted, resets }, { accepted: 1, resets: 0 });
      await tcp.close();
      udp.close();
    });
}
