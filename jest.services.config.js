/** Tests against real servers that are started for them on this machine, each skipped by name where the machine lacks something. One file at a time: servers are heavy. */
export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/support/strip_types.cjs" },
  roots: ["<rootDir>/test/services"],
  testMatch: ["**/*.test.ts"],
  maxWorkers: 1,
  testTimeout: 60_000,
};
