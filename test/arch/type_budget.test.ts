import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { root } from "./sources.ts";

describe("the types", () => {
  it("of a program stay cheap to check: less than 130,000 instantiations for all example programs", () => {
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const report = execFileSync(process.execPath, [compiler, "-p", join(root, "test/topology/programs"), "--extendedDiagnostics"], {
      encoding: "utf8",
    });
    const instantiations = Number(/Instantiations:\s+(\d+)/.exec(report)?.[1]);
    expect(instantiations).toBeGreaterThan(0);
    expect(instantiations).toBeLessThan(130_000);
  }, 60_000);
});
