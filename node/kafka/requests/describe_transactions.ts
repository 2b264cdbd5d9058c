import type { Api, WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";

/** Kafka 3.0 and later; nothing depends on it, so an older broker is no fault. */
export const describeTransactionsApi: Api = { key: 65, name: "DescribeTransactions", version: 0 };

/** The state of each transactional id in Kafka's words, such as "Ongoing" or "CompleteCommit" (KIP-664); an id that the broker does not know is left out. To be asked of the ids' coordinator. */
export const describeTransactions = (transactionalIds: readonly string[]): WireRequest<ReadonlyMap<string, string>> => {
  const writer = new WireWriter(true);
  writer.array(transactionalIds, (id) => writer.string(id)).end();
  return {
    api: describeTransactionsApi,
    flexible: true,
    body: [writer.bytes],
    read: (answer, throttle) => {
      throttle(answer.int32());
      const states = new Map<string, string>();
      answer.array(() => {
        const error = answer.int16();
        const transactionalId = answer.string();
        const state = answer.string();
        answer.int32();
        answer.bigInt64();
        answer.bigInt64();
        answer.int16();
        answer.array(() => {
          answer.string();
          answer.array(() => answer.int32());
          answer.end();
        });
        answer.end();
        if (error === 0) states.set(transactionalId, state);
      });
      return states;
    },
  };
};
