import type { CommittedOffset, GroupMetadata, ProducerEpoch, TopicPartition } from "../../../core/ports/log.ts";
import { brokerError } from "../error_codes.ts";
import { api, type WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";
import { byTopic } from "./by_topic.ts";

/** Opens an epoch. The broker answers CONCURRENT_TRANSACTIONS until older transactions of the id have ended. */
export const initProducerId = (transactionalId: string | null, transactionTimeoutMs: number): WireRequest<ProducerEpoch> => ({
  api: api.initProducerId,
  flexible: false,
  body: [new WireWriter().string(transactionalId).int32(transactionTimeoutMs).bytes],
  read: (answer, throttle) => {
    throttle(answer.int32());
    const error = answer.int16();
    if (error !== 0)
      throw brokerError(
        error,
        transactionalId === null ? "Cannot open a producer" : `Cannot open transactional id '${transactionalId}'`,
        null,
        {
          transactionalId,
        },
      );
    return { producerId: answer.bigInt64(), epoch: answer.int16() };
  },
});

/** Tells the coordinator which partitions the transaction writes to; needed before the first write in the first protocol only. */
export const addPartitionsToTxn = (
  transactionalId: string,
  { producerId, epoch }: ProducerEpoch,
  partitions: readonly TopicPartition[],
): WireRequest<void> => {
  const writer = new WireWriter().string(transactionalId).int64(producerId).int16(epoch);
  writer.array(byTopic(partitions), ([topic, ofTopic]) => writer.string(topic).array(ofTopic, ({ partition }) => writer.int32(partition)));
  return {
    api: api.addPartitionsToTxn,
    flexible: false,
    body: [writer.bytes],
    read: (answer, throttle) => {
      throttle(answer.int32());
      const failed = answer
        .array(() => {
          const topic = answer.string();
          return answer.array(() => ({ topic, partition: answer.int32(), error: answer.int16() }));
        })
        .flat()
        .filter(({ error }) => error !== 0);
      // When one partition is refused, the others say only that they were not attempted.
      const worst = failed.find(({ error }) => error !== operationNotAttempted) ?? failed[0];
      if (worst === undefined) return;
      const { topic, partition, error } = worst;
      throw brokerError(error, `Cannot add ${topic}/${partition} to the transaction of '${transactionalId}'`, null, {
        topic,
        partition,
        transactionalId,
        needs: "WRITE",
      });
    },
  };
};

/** Tells the coordinator that the transaction carries offsets of the group; first protocol only. */
export const addOffsetsToTxn = (transactionalId: string, { producerId, epoch }: ProducerEpoch, groupId: string): WireRequest<void> => ({
  api: api.addOffsetsToTxn,
  flexible: false,
  body: [new WireWriter().string(transactionalId).int64(producerId).int16(epoch).string(groupId).bytes],
  read: (answer, throttle) => {
    throttle(answer.int32());
    const error = answer.int16();
    if (error !== 0)
      throw brokerError(error, `Cannot add offsets of group '${groupId}' to the transaction of '${transactionalId}'`, null, {
        group: groupId,
        transactionalId,
      });
  },
});

/** From this version on the broker adds the group to the transaction by itself (KIP-890). */
export const txnOffsetCommitVersion2 = 5;

/** Writes offsets that become visible with the transaction, checked against the group's generation (KIP-447). */
export const txnOffsetCommit = (
  transactionalId: string,
  { producerId, epoch }: ProducerEpoch,
  group: GroupMetadata,
  offsets: readonly CommittedOffset[],
  version: number,
): WireRequest<void> => {
  const writer = new WireWriter(true).string(transactionalId).string(group.groupId).int64(producerId).int16(epoch);
  writer.int32(group.generationId).string(group.memberId).string(group.groupInstanceId);
  writer.array(byTopic(offsets), ([topic, ofTopic]) => {
    writer.string(topic).array(ofTopic, ({ partition, offset, metadata }) => {
      writer.int32(partition).int64(offset).int32(-1).string(metadata).end();
    });
    writer.end();
  });
  writer.end();
  return {
    api: api.txnOffsetCommit,
    version,
    flexible: true,
    body: [writer.bytes],
    read: (answer, throttle) => {
      throttle(answer.int32());
      const failed = answer
        .array(() => {
          const topic = answer.string();
          const ofTopic = answer.array(() => {
            const result = { topic, partition: answer.int32(), error: answer.int16() };
            answer.end();
            return result;
          });
          answer.end();
          return ofTopic;
        })
        .flat()
        .find(({ error }) => error !== 0);
      if (failed === undefined) return;
      const { topic, partition, error } = failed;
      throw brokerError(error, `Cannot commit the offset of ${topic}/${partition} for group '${group.groupId}'`, null, {
        topic,
        partition,
        group: group.groupId,
        transactionalId,
        needs: "READ",
      });
    },
  };
};

/** From this version on the broker answers with the next epoch (KIP-890). */
export const endTxnVersion2 = 5;

/** Ends the transaction. Gives the epoch for the next one: the same one in the first protocol, the next one in the second. */
export const endTxn = (transactionalId: string, current: ProducerEpoch, commit: boolean, version: number): WireRequest<ProducerEpoch> => {
  const flexible = version >= 3;
  const writer = new WireWriter(flexible).string(transactionalId).int64(current.producerId).int16(current.epoch).boolean(commit).end();
  return {
    api: api.endTxn,
    version,
    flexible,
    body: [writer.bytes],
    read: (answer, throttle) => {
      throttle(answer.int32());
      const error = answer.int16();
      if (error !== 0)
        throw brokerError(error, `Cannot ${commit ? "commit" : "abort"} the transaction of '${transactionalId}'`, null, {
          transactionalId,
        });
      return version < endTxnVersion2 ? current : { producerId: answer.bigInt64(), epoch: answer.int16() };
    },
  };
};

const operationNotAttempted = 55;
