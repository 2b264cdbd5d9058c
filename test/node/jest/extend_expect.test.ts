import { describe, expect, it } from "@jest/globals";
import "../../../node/jest/extend_expect.ts";

describe("millrace/testing/jest", () => {
  it("makes the matchers known to jest, with their types", () => {
    const records = [{ key: "a", value: 1, timestamp: 5 }];
    expect(records).toHaveRecords([{ key: "a", value: expect.any(Number) }]);
    expect(records).not.toHaveRecord({ key: "b" });
    // @ts-expect-error a record has no such field
    expect(() => expect(records).toHaveRecord({ keys: "a" })).not.toThrow();
    // @ts-expect-error there is no such order
    expect(() => expect(records).toHaveRecords([{}], { order: "random" })).not.toThrow();
  });
});
