import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { deepFreeze, isFrozenChange } from "../../../core/serde/deep_freeze.ts";

const refused = (change: () => unknown): void => {
  let thrown: unknown;
  try {
    change();
  } catch (error) {
    thrown = error;
  }
  expect([isFrozenChange(thrown), String(thrown)]).toEqual([true, String(thrown)]);
};

class Order {
  readonly lines: number[] = [2, 1];
  total = 1;
  get first(): number {
    throw new Error("Nobody asked for this");
  }
}

describe("a value that is deeply frozen", () => {
  it("refuses changes of objects, arrays and instances, however deep they lie, and says so in a way that is known again", () => {
    const order = deepFreeze(new Order());
    const value = deepFreeze({ list: [{ n: 1 }], order: { of: new Order() } });
    refused(() => {
      order.total = 2;
    });
    refused(() => order.lines.push(2));
    refused(() => order.lines.sort());
    refused(() => {
      value.list[0]!.n = 2;
    });
    refused(() => value.order.of.lines.pop());
    refused(() => delete (value as { list?: unknown }).list);
    refused(() => Object.assign(value, { more: 1 }));
    refused(() => Object.defineProperty(value, "more", { value: 1 }));
    expect(JSON.stringify(value.list)).toBe('[{"n":1}]');
  });

  it("refuses changes of maps, sets and dates, and of what they hold, and can be read as before", () => {
    const value = deepFreeze({ map: new Map([[{ k: 1 }, { n: 1 }]]), set: new Set([{ n: 1 }]), at: new Date(5) });
    const [[key, held]] = [...value.map] as [[{ k: number }, { n: number }]];
    refused(() => value.map.set({ k: 2 }, { n: 2 }));
    refused(() => value.map.clear());
    refused(() => value.map.delete(key));
    refused(() => value.set.add({ n: 2 }));
    refused(() => value.at.setHours(1));
    refused(() => value.at.setTime(1));
    refused(() => {
      key.k = 2;
    });
    refused(() => {
      held.n = 2;
    });
    refused(() => {
      [...value.set][0]!.n = 2;
    });
    expect([value.map.get(key), value.set.size, value.at.getTime()]).toEqual([{ n: 1 }, 1, 5]);
    expect(value).toEqual({ map: new Map([[{ k: 1 }, { n: 1 }]]), set: new Set([{ n: 1 }]), at: new Date(5) });
  });

  it("may lead back to itself, may be nested deeper than any stack, and may be frozen on the outside already", () => {
    const circle: { self?: unknown; n: number } = { n: 1 };
    circle.self = circle;
    refused(() => {
      deepFreeze(circle).n = 2;
    });
    let deep: { next?: unknown; n: number } = { n: 1 };
    const innermost = deep;
    for (let i = 0; i < 100_000; i++) deep = { next: deep, n: 1 };
    deepFreeze(deep);
    refused(() => {
      innermost.n = 2;
    });
    const shallow = Object.freeze({ list: [1] });
    refused(() => deepFreeze(shallow).list.push(2));
  });

  it("leaves bytes and functions as they are, which cannot or must not be frozen", () => {
    const value = deepFreeze({
      bytes: new Uint8Array([1]),
      view: new DataView(new ArrayBuffer(1)),
      fn: Object.assign(() => 1, { calls: 0 }),
    });
    value.bytes[0] = 2;
    value.fn.calls++;
    expect([value.bytes[0], value.fn.calls]).toEqual([2, 1]);
  });

  it("is the value itself, whatever it is", () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withNullPrototype: true }),
        (value) => Object.is(deepFreeze(value), value) && Object.is(deepFreeze(value), value),
      ),
    );
  });

  it("does not take other errors for a change", () => {
    for (const error of [new TypeError("x is not a function"), new Error("read only property"), "read only property", undefined])
      expect(isFrozenChange(error)).toBe(false);
  });
});
