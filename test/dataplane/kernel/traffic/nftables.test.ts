import { declareBehaviours } from "./cases.ts";

await declareBehaviours("nftables");
