/** The part of the untyped npm package that the comparison uses. */
declare module "loadbalance" {
  interface Engine {
    pick(): string;
  }
  export function roundRobin(pool: readonly string[]): Engine;
  export function random(pool: readonly string[], seed: number): Engine;
}
