import { describe, expect, it } from "@jest/globals";
import { KeyIndex } from "../../../core/log/key_index.ts";
import { RecordColumns } from "../../../core/log/record_columns.ts";
import { seededRandom } from "../../../core/time_source/mod.ts";

describe("key index", () => {
  it("finds the last record with the same key, as a map of strings does", () => {
    const random = seededRandom(11);
    const [columns, more] = [new RecordColumns(0, 0), new RecordColumns(0, 0)];
    const total = 20_000;
    const index = new KeyIndex(total);
    const last = new Map<string, number>();
    const wrong: number[] = [];
    for (let number = 0; number < total; number++) {
      const length = Math.floor(random.next() * 4);
      const key = Uint8Array.from({ length }, () => Math.floor(random.next() * 40));
      const into = random.next() < 0.5 ? columns : more;
      into.append(key, null, 0, []);
      if (index.put(into, into.count - 1, number) !== (last.get(key.join()) ?? -1)) wrong.push(number);
      last.set(key.join(), number);
    }
    expect(wrong).toEqual([]);
    expect(last.size).toBeGreaterThan(5_000);
  });
});
