import { algorithm, algorithmNames } from "../../src/balancers/registry.ts";
import { balancerContract } from "../contract/balancer.ts";

for (const name of algorithmNames) balancerContract(name, algorithm(name));
balancerContract("lc of kernel 6.1.176", algorithm("lc", { kernel: "6.1.176" }));
