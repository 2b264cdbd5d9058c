import { seconds } from "../../core/duration.ts";
import type { Random } from "../../core/ports/random.ts";
import { json } from "../../core/serde/json.ts";
import { text } from "../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../core/time/watermark_strategy.ts";
import type { FeedRecord } from "../../topology/testing/mod.ts";
import { type Topic, topic } from "../../topology/topic.ts";
import { oneOf, startMs } from "./scenario.ts";

export interface Event {
  readonly id: number;
  readonly user: string;
  readonly at: number;
  readonly kind: "small" | "large" | "other";
}

const users = ["ann", "bob", "cid", "dan", "eve", "fay"];
const kinds = ["small", "large", "other"] as const;
export const longestDelayMs = 20_000;

export const events: Topic<string, Event> = topic("events", { key: text, value: json<Event>() });
export const answers: Topic<string, Event> = topic("answers", { key: text, value: json<Event>() });

/** No record of these is ever late, when the records of a topic are read in their order. */
export const eventTime = { timestamp: (event: Event) => event.at, watermarks: boundedOutOfOrderness(seconds(30)) };

/** Events some seconds apart, out of order by at most `longestDelayMs`. */
export const eventsBy = (random: Random, count: number): readonly FeedRecord<string, Event>[] =>
  Array.from({ length: count }, (_, id) => {
    const at = startMs + id * 2_000 + Math.floor((random.next() * longestDelayMs) / 1000) * 1000;
    const event: Event = { id, user: oneOf(random, users), at, kind: oneOf(random, kinds) };
    return { key: event.user, value: event, timestamp: at };
  });
