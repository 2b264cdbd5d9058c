// The application that chaos is done to, as somebody would run it: node application.ts BROKERS CLIENT_ID [STANDBYS] [INSTANCE_ID]
import { json, MillraceError, millis, minutes, type Topic, text, topic, topology, tumbling, valueState } from "../../mod.ts";
import { pinoLogger, run } from "../../node/mod.ts";
import { applicationId, type Counted, groupOf, sessionMs, topics, type WindowCount, windowMs } from "./names.ts";

const [brokers, clientId, standbys = "0", instanceId] = process.argv.slice(2) as [string, string, string?, string?];

const orders = topic(topics.orders, { key: text, value: text });
const counts: Topic<string, Counted> = topic(topics.counts, { key: text, value: json<Counted>() });
const totals: Topic<string, Counted> = topic(topics.totals, { key: text, value: json<Counted>() });
const windows: Topic<string, WindowCount> = topic(topics.windows, { key: text, value: json<WindowCount>() });
const late: Topic<string, Counted> = topic(topics.late, { key: text, value: json<Counted>() });

/** Two shuffles, state behind each, and windows in event time behind the second: what goes wrong in any of them shows in a count. */
const chaos = topology(applicationId, ({ from }) => {
  const perAccount = from(orders)
    .map((_, { key, partition, offset }): Omit<Counted, "n"> => ({ account: key ?? "", from: [partition, offset] }))
    .keyBy(({ account }) => account)
    .process("per-account", {
      state: { seen: valueState({ initial: 0 }) },
      onRecord: (order, { state }) => [{ ...order, n: state.seen.update((n) => n + 1) }],
    });
  perAccount.to(counts);
  const perGroup = perAccount
    .keyBy(({ account }) => groupOf(account))
    .process("per-group", {
      state: { seen: valueState({ initial: 0 }) },
      onRecord: (order, { state }) => [{ ...order, n: state.seen.update((n) => n + 1) }],
    });
  perGroup.to(totals);
  const perWindow = perGroup
    .window(tumbling({ size: millis(windowMs) }))
    .count("per-window", (n, { key, window }): WindowCount => ({ group: key, start: window.start, n }));
  perWindow.to(windows);
  perWindow.side.late.to(late);
});

// Whoever has started this process is gone when its end of the pipe is.
process.stdin.resume().once("close", () => process.exit(1));

try {
  const app = await run(chaos, {
    brokers,
    clientId,
    standbys: Number(standbys),
    probingRebalanceInterval: minutes(1),
    ...(instanceId === undefined ? {} : { instanceId }),
    logger: pinoLogger({ name: clientId }),
    group: { sessionTimeout: millis(sessionMs), heartbeat: millis(1_000), rebalanceTimeout: millis(15_000) },
    transactionTimeout: millis(20_000),
    on: { state: ({ to }) => process.stdout.write(`${to}\n`) },
  });
  await app.finished;
  process.exit(0);
} catch (thrown) {
  console.error(thrown instanceof MillraceError ? `${thrown.name} ${thrown.code}: ${thrown.message}` : thrown);
  process.exit(1);
}
