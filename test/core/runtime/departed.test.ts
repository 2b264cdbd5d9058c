import { expect, it } from "@jest/globals";
import { memoryLog } from "../../../core/log/mod.ts";
import type { Log, Producer } from "../../../core/ports/log.ts";
import { type Application, TopicNames } from "../../../core/runtime/application.ts";
import { Departed } from "../../../core/runtime/departed.ts";
import { VirtualClock } from "../../../core/time_source/virtual_clock.ts";

it("a worker that ends while it fences a departed one closes what it has opened for that, however late it comes", async () => {
  const clock = new VirtualClock();
  const log = memoryLog({ clock }).connect();
  let answer: (() => void) | undefined;
  let [opened, closed] = [0, 0];
  const slow: Log = Object.assign(Object.create(log), {
    producer: async (options: Parameters<Log["producer"]>[0]): Promise<Producer> => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      const producer = await log.producer(options);
      opened++;
      return Object.assign(Object.create(producer), { close: async () => void closed++ });
    },
  });
  const words: string[] = [];
  const application = {
    log: slow,
    clock,
    settings: { transactionTimeoutMs: 60_000 },
    names: new TopicNames("app"),
    logger: { log: (_: string, message: string) => words.push(message) },
  } as unknown as Application;
  const ended = new AbortController();
  const ending = new Departed(application, ended.signal).end(["app-somebody-0"]);
  while (answer === undefined) await clock.advance(1);
  ended.abort();
  await ending;
  expect(words).toEqual(["The transaction of a departed worker could not be ended: the broker's timeout will"]);
  answer();
  while (opened === 0) await clock.advance(1);
  await clock.advance(1);
  expect([opened, closed]).toEqual([1, 1]);
});
