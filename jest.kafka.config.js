/** What MILLRACE_SHORT=1 leaves out: the same again in the first transaction protocol, what starts brokers of its own, and what waits for a look around that is half a minute apart. */
const long = ["conformance_first_protocol", "doctor_settings", "leader_change", "topic_patterns"];

/** Tests against a real broker, which is started for them on this machine: see test/kafka/support. One file at a time, since they share it. */
export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/support/strip_types.cjs" },
  moduleNameMapper: { "^millrace$": "<rootDir>/mod.ts", "^millrace/testing$": "<rootDir>/topology/testing/mod.ts" },
  roots: ["<rootDir>/test/kafka"],
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", ...(process.env.MILLRACE_SHORT ? long.map((name) => `/${name}\\.test\\.ts$`) : [])],
  globalSetup: "<rootDir>/test/kafka/support/global_setup.ts",
  globalTeardown: "<rootDir>/test/kafka/support/global_teardown.ts",
  maxWorkers: 1,
  testTimeout: 120_000,
};
