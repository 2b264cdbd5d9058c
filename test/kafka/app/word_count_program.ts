// An application as somebody would run it: started by tests as a process of its own, which gets signals.
// node word_count_program.ts BROKERS LINES COUNTS APPLICATION_ID SESSION_MS [slow]
import { integer, millis, sink, text, topic, topology } from "../../../mod.ts";
import { run } from "../../../node/mod.ts";

const [brokers, lines, counts, applicationId, sessionMs, slow] = process.argv.slice(2) as [string, string, string, string, string, string?];

const wordCount = topology("word-count", ({ from }) => {
  const words = from(topic(lines, { key: text, value: text })).flatMap((line) => line.split(" "));
  words
    .keyBy((word) => word)
    .count("count")
    .to(topic(counts, { key: text, value: integer }));
  // A system outside that never lets go, so that closing does not come to its end.
  if (slow !== undefined) words.to(sink("stubborn", { async write() {}, close: () => new Promise(() => {}) }));
});

const app = await run(wordCount, { brokers, applicationId, group: { sessionTimeout: millis(Number(sessionMs)) } });
app.on("state", ({ to }) => console.log(`state ${to}`));
console.log(`state ${app.state}`);
await app.finished;
console.log("finished");
