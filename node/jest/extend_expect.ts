/**
 * Makes the matchers for records known to jest: imported once for its effect, in a test or in `setupFilesAfterEnv`. It is the only file that knows jest.
 * @module
 */
import { expect } from "@jest/globals";
import { matchers, type RecordMatchers } from "../../topology/testing/mod.ts";

declare module "expect" {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends RecordMatchers<R> {}
}

expect.extend(matchers);
