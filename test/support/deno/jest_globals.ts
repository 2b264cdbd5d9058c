// The neutral tests are written for jest; Deno runs them through this small stand-in.
export { after as afterAll, afterEach, before as beforeAll, beforeEach, describe, it, test } from "node:test";
export { expect } from "npm:expect@30.5.2";
