// Run by runtimes.test.ts in runtimes that forbid something: prints what came back, or dies of what was forbidden.
import { canonicalKey, json, selfDescribing, text } from "../../../core/serde/mod.ts";
import type { Serde } from "../../../core/serde/serde.ts";

const back = <T>(serde: Serde<T>, value: T): unknown => {
  const decoded = serde.deserialize(serde.serialize(value, "t"), "t");
  return decoded._tag === "Right" ? decoded.right : decoded.left.message;
};

const neutral = [
  back(text, "héllo"),
  back(json(), { a: [1, null] }),
  back(canonicalKey, { b: 1, a: "x" }),
  back(selfDescribing, { n: 5, when: "now" }),
  String(back(selfDescribing, 5n)),
];
console.log(JSON.stringify(neutral));

if ((globalThis as { process?: { argv: string[] } }).process?.argv.includes("--avro")) {
  const { avro, confluentRegistry } = await import("../../../node/serde/mod.ts");
  const schema = { type: "record", name: "P", fields: [{ name: "x", type: "long" }] } as const;
  console.log(JSON.stringify([back(avro(schema), { x: 5 }), confluentRegistry({ host: "http://127.0.0.1:1" }).name]));
}
