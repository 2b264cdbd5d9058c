import { afterEach, describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { canonicalKey, typedKey } from "../../../core/serde/canonical_key.ts";
import { json } from "../../../core/serde/json.ts";
import { selfDescribing } from "../../../core/serde/self_describing.ts";
import type { Serde } from "../../../core/serde/serde.ts";
import { utf8 } from "./reading.ts";

/** Names through which a value could reach what all objects share. */
const evil = fc.constantFrom("__proto__", "constructor", "prototype", "polluted", "toString", "a");

/** Objects as JSON.parse makes them: with own fields of any name. */
const { attack } = fc.letrec<{ attack: unknown; object: unknown }>((tie) => ({
  attack: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom<unknown>(true, 1, "polluted", null),
    tie("object"),
    fc.array(tie("attack"), { maxLength: 3 }),
  ),
  object: fc
    .array(fc.tuple(evil, tie("attack")), { maxLength: 4 })
    .map(
      (fields) => JSON.parse(`{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`) as unknown,
    ),
}));

/** All objects in a value, itself included. */
const objectsIn = (value: unknown): readonly object[] =>
  typeof value !== "object" || value === null
    ? []
    : [value, ...Object.getOwnPropertyNames(value).flatMap((name) => objectsIn((value as Record<string, unknown>)[name]))];

const shared = [Object.prototype, Array.prototype, Function.prototype, Map.prototype, Set.prototype];
const before = shared.map((one) => Object.getOwnPropertyNames(one));

describe("no bytes change what objects inherit", () => {
  afterEach(() => {
    expect(shared.map((one) => Object.getOwnPropertyNames(one))).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  const plain = (value: unknown): void => {
    for (const object of objectsIn(value)) expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(object));
  };

  const keeping: readonly (readonly [name: string, serde: Serde<unknown>])[] = [
    ["the self-describing serde", selfDescribing],
    ["canonical keys", canonicalKey],
    ["typed keys", typedKey],
  ];
  for (const [name, serde] of keeping)
    it(`when they are read by ${name}: evil fields are fields like all others`, () => {
      fc.assert(
        fc.property(attack, (value) => {
          const decoded = serde.deserialize(serde.serialize(value, "t"), "t");
          if (decoded._tag === "Left") throw decoded.left;
          plain(decoded.right);
          // The fields of a key come in another order.
          expect(decoded.right).toEqual(value);
        }),
      );
    });

  it("when they are read as JSON: what could is refused, what could not is read", () => {
    fc.assert(
      fc.property(attack, (value) => {
        const text = JSON.stringify(value);
        const decoded = json<unknown>().deserialize(utf8(text), "t");
        const harmful = objectsIn(value).some(
          (object) =>
            Object.hasOwn(object, "__proto__") ||
            (Object.hasOwn(object, "constructor") &&
              objectsIn(object.constructor)
                .slice(0, 1)
                .some((inner) => Object.hasOwn(inner, "prototype"))),
        );
        expect(decoded._tag).toBe(harmful ? "Left" : "Right");
        if (decoded._tag === "Right") plain(decoded.right);
        // Merged into something else, as programs do.
        if (decoded._tag === "Right" && typeof decoded.right === "object") Object.assign({}, decoded.right);
      }),
    );
  });

  it("when they are anything at all", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom(selfDescribing, canonicalKey, typedKey, json<unknown>()),
        (bytes, serde) => {
          const decoded = serde.deserialize(bytes, "t");
          if (decoded._tag === "Left") expect(decoded.left.name).toBe("DecodeError");
        },
      ),
    );
  });
});
