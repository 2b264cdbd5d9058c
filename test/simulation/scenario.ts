import type { Random } from "../../core/ports/random.ts";
import type { Feed, SimulationOptions, SimulationReport } from "../../topology/testing/mod.ts";
import type { Topology } from "../../topology/topology.ts";

/** A program that is simulated, with input made by chance. */
export interface Scenario {
  readonly name: string;
  readonly topology: Topology;
  /** A compatible next version, for rolling upgrades. */
  readonly upgrade?: Topology;
  readonly instances?: number;
  readonly partitions?: number;
  readonly run?: SimulationOptions["run"];
  input(random: Random): readonly Feed[];
  /** What has to hold of the outputs beside what holds of all programs; gives what does not. Asked when the whole input was taken, and each record counts once. */
  readonly check?: (report: SimulationReport) => readonly string[];
}

export const startMs = 1_700_000_000_000;
/** Chooses one of the list. */
export const oneOf = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!;
