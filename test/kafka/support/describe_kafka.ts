import { describe } from "@jest/globals";
import { missing } from "./kafka_suite.ts";

/** Like `describe`, for tests that need the broker. Without one they are skipped, and their name says why. */
export const describeKafka = (name: string, body: () => void): void => {
  if (missing === undefined) describe(name, body);
  else describe.skip(`${name} (skipped: ${missing})`, body);
};
