export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/support/strip_types.cjs" },
  moduleNameMapper: {
    "^millrace$": "<rootDir>/mod.ts",
    "^millrace/testing$": "<rootDir>/topology/testing/mod.ts",
    "^millrace/testing/jest$": "<rootDir>/node/jest/extend_expect.ts",
  },
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  // One core would be left to the process that only hands out the files.
  maxWorkers: "100%",
  // Time is virtual, so a test that waits is a fault and not slow; a machine that does much else may take long over one that works.
  testTimeout: 60_000,
  testPathIgnorePatterns: ["/node_modules/", "<rootDir>/test/kafka/", "<rootDir>/test/services/"],
};
