import { declareBehaviours } from "./cases.ts";

await declareBehaviours("iptables");
