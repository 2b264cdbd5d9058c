// biome-ignore-all format: a refusal has to stand on one line, since the compiler looks at the line behind the comment only.
// What the compiler refuses. Nothing here runs: the type check fails when a line below a `@ts-expect-error` compiles.
import * as m from "../../mod.ts";
import { json, minutes, type Stream, text, topic, topology } from "../../mod.ts";

interface Tx {
  readonly id: string;
  readonly accountId: string;
  readonly cardId: string;
  readonly amount: number;
  readonly at: number;
}
const txs = topic("txs", { key: text, value: json<Tx>() });
const accounts = topic("accounts", { key: text, value: json<{ id: string }>() });
const out = topic("out", { key: text, value: m.integer });

export const refused = (): m.Topology =>
  topology("refused", ({ from, table }) => {
    const s = from(txs);
    const k = s.keyBy((t) => t.accountId);
    // @ts-expect-error a window needs a key
    s.window(m.tumbling({ size: minutes(5) }));
    // @ts-expect-error a pattern needs a key
    s.match("p", ({ begin }) => begin("small"));
    // @ts-expect-error a table needs a key
    s.count("n");
    // @ts-expect-error a bare number is no duration
    k.window(m.tumbling({ size: 5 }));
    // @ts-expect-error nor is it one in the options of a source
    from(txs, { idleness: 1000 });
    // @ts-expect-error a step that keeps state has a name
    k.count();
    // @ts-expect-error a join has a name
    k.join(table(accounts), (t, a) => [t, a]);
    // @ts-expect-error two streams meet in a time: it has to be said which
    k.join("paid", k, (a, b) => [a, b]);
    // @ts-expect-error other keys
    k.join("paid", s.keyBy((t) => t.amount), { before: minutes(1), after: minutes(1) }, (a, b) => [a, b]);
    // @ts-expect-error an interval has two ends
    k.join("paid", k, { before: minutes(1) }, (a, b) => [a, b]);
    // @ts-expect-error a window join has a window
    k.coGroup("both", k, { lateness: minutes(1) }, (a, b) => [a.length + b.length]);
    // @ts-expect-error what is asked answers later
    s.mapAsync("ask", (t) => t.amount);
    // @ts-expect-error the result for a record that waits too long is like any other
    s.mapAsync("ask", async (t) => t.amount, { timeout: minutes(1), onTimeout: () => "late" });
    // @ts-expect-error a step that keeps state has a name
    s.withTime({ timestamp: (t) => t.at });
    // @ts-expect-error an object as key needs a serde
    s.keyBy((t) => ({ a: t.accountId }));
    // @ts-expect-error the key is not known
    (s as Stream<Tx>).keyBy();
    // @ts-expect-error the sink takes numbers
    s.to(out);
    // @ts-expect-error the sink wants strings as keys
    s.keyBy((t) => t.amount).map((t) => t.amount).to(out);
    // @ts-expect-error null is no number: a stream of changes has deletions
    k.count("n").toStream().to(out);
    k.count("n").to(out);
    // @ts-expect-error a sink outside the log knows no deletions
    k.count("n").to(m.sink<number, string>("s", { async write() {} }));
    // @ts-expect-error both sides of a join have the same key
    k.join("j", s.keyBy((t) => t.amount).count("x"), (l, r) => [l, r]);
    // @ts-expect-error a stream is no table
    k.join("j", k, (l, r) => [l, r]);
    // @ts-expect-error the other side may be missing
    k.leftJoin("j", table(accounts), (_t, a) => a.id);
    // @ts-expect-error time goes by the watermark, or by stream time
    k.join("j", table(accounts, { history: m.forever }), { asOf: "wall-clock" }, (t, a) => [t, a]);
    // @ts-expect-error sessions merge, so the aggregator must
    k.window(m.session({ gap: minutes(1) })).aggregate("a", { init: () => 0, add: (n: number) => n + 1 });
    // @ts-expect-error a pattern knows only its names
    k.match("p", ({ begin }) => begin("small", (t) => t.amount < 10)).map((f) => f.large);
    // @ts-expect-error a negative step has no quantifier
    k.match("p", ({ begin }) => begin("small").notNext("x").oneOrMore());
    // @ts-expect-error skip to a step that exists
    k.match("p", ({ begin }) => begin("small"), { skip: { toFirst: "big" } });
    // @ts-expect-error a loop gives an array
    k.match("p", ({ begin }) => begin("small").oneOrMore()).map((f) => f.small.amount);
    // @ts-expect-error no such state
    k.process("p", { state: { n: m.valueState<number>() }, onRecord: (_t, { state }) => [state.m.get()] });
    // @ts-expect-error state per key needs a key
    s.process("p", { state: { n: m.valueState<number>() }, onRecord: (_t, { state }) => [state.n.get()] });
    // @ts-expect-error timers need a key
    s.process("p", { onRecord: (t, { timers }) => { timers.event.set(t.at); } });
    // @ts-expect-error unset until set
    k.process("p", { state: { n: m.valueState<number>() }, onRecord: (_t, { state }) => [state.n.get() + 1] });
    // @ts-expect-error this side output carries strings
    k.process("p", { side: { bad: m.output<string>() }, onRecord(t, { side }) { side.bad(t.amount); } });
    // @ts-expect-error no such side output
    k.process("p", { onRecord: (t) => [t] }).side.bad;
    // @ts-expect-error rules are read only where records are handled
    k.connectBroadcast("b", from(accounts), { broadcast: { r: m.broadcastState<string, number>() }, onRecord(_t, { broadcast }) { broadcast.r.set("a", 1); }, onBroadcast() {} });
    // @ts-expect-error no such field in the record
    s.map((t) => t.amonut);
    // @ts-expect-error a table is no stream
    k.union(table(accounts));
    // @ts-expect-error callbacks are synchronous: a promise is no predicate
    s.filter(async (t) => t.amount > 3);
    // @ts-expect-error a name is no way to choose a partition
    s.repartition("r", { by: "hash" });
    // @ts-expect-error a repartition by something else than the key leaves no keyed stream
    k.repartition("r", { by: "round-robin" }).scan("n", m.count());
    // @ts-expect-error a misspelt option
    from(txs, { idlenes: minutes(1) });
    // @ts-expect-error a value is a serde, not a string
    topic("t", { value: "json" });
  });

declare const strings: Stream<string, string>;
declare const keyedByText: m.KeyedStream<string, string>;
declare const keyedByNumber: m.KeyedStream<string, number>;
export const subtypes = (): void => {
  const wide: Stream<unknown> = keyedByText;
  const narrowKey: Stream<string, string> = keyedByText;
  const wideKey: m.KeyedStream<string | number, unknown> = keyedByText;
  // @ts-expect-error a stream of strings is none of numbers
  const numbers: Stream<number> = strings;
  // @ts-expect-error what has no key is not keyed
  const keyed: m.KeyedStream<string, string> = strings;
  void [wide, narrowKey, wideKey, numbers, keyed];
  // @ts-expect-error differently keyed
  keyedByText.connect("c", keyedByNumber, { onLeft: (v) => [v], onRight: (v) => [v] });
  // @ts-expect-error there is no such format
  refused().describe("svg");
  const narrow: m.Sink<string> = m.sink<string | number>("wide", { async write() {} });
  // @ts-expect-error a sink of strings does not take numbers
  const tooWide: m.Sink<string | number> = m.sink<string>("narrow", { async write() {} });
  void [narrow, tooWide];
};
