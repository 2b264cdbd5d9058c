import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { boundsRecord, ControlTopic, fedRecord } from "../../../core/runtime/control_topic.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What the topic says after these records; keys and values as text. */
const told = (...records: readonly (readonly [key: string, value: string | null])[]): ControlTopic => {
  const control = new ControlTopic("app-control");
  for (const [key, value] of records) control.apply(utf8(key), value === null ? null : utf8(value));
  return control;
};

describe("what instances tell each other", () => {
  it("comes back as it was written", () => {
    const control = new ControlTopic("app-control");
    const bounds = new Map([
      ["orders/0", 5],
      ["__proto__/0", 0],
    ]);
    for (const { key, value } of [boundsRecord(bounds), fedRecord(7)]) control.apply(key, value);
    expect([control.bounds, control.fed]).toEqual([bounds, 7]);
  });

  it("does not change what objects inherit, whatever it is called", () => {
    const names = Object.getOwnPropertyNames(Object.prototype);
    const control = told(
      ["bounds:", '{"__proto__":5,"constructor":6}'],
      ["worker:__proto__", "{}"],
      ["finished:constructor", "{}"],
      ["__proto__:x", '{"polluted":true}'],
    );
    expect([...control.bounds!]).toEqual([
      ["__proto__", 5],
      ["constructor", 6],
    ]);
    expect([[...control.workers], [...control.finished]]).toEqual([["__proto__"], ["constructor"]]);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names);
  });

  const rubbish: readonly (readonly [kind: string, value: string])[] = [
    ["bounds", "{"],
    ["bounds", "null"],
    ["bounds", '{"a/0":"5"}'],
    ["bounds", '{"a/0":-1}'],
    ["bounds", '{"a/0":1e400}'],
    ["fed", "many"],
    ["topology", "null"],
    ["topology", "{}"],
    ["topology", '{"version":1}'],
    ["topology", '{"version":1,"parts":{},"topics":{},"abandoned":[]}'],
  ];
  for (const [kind, value] of rubbish)
    it(`stops an instance that finds ${value} as ${kind}, which somebody else must have written`, () => {
      expect(() => told([`${kind}:`, value])).toThrow(
        expect.objectContaining({
          name: "ConfigurationError",
          code: "TOPIC_MISCONFIGURED",
          message: expect.stringMatching(`^Topic 'app-control' holds a record of the kind '${kind}' that no instance has written`),
        }),
      );
    });

  it("of later versions is passed over", () => {
    expect(told(["topology:", '{"version":2,"parts":"another form"}']).topology).toBeUndefined();
  });

  it("is taken in or refused with one error, whatever the bytes are", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("bounds:", "fed:", "topology:", "feeder:", "worker:x", "odd"),
        fc.uint8Array({ maxLength: 30 }),
        (key, value) => {
          const control = new ControlTopic("app-control");
          try {
            control.apply(utf8(key), value);
          } catch (error) {
            expect(error).toMatchObject({ code: "TOPIC_MISCONFIGURED" });
          }
        },
      ),
    );
  });
});
