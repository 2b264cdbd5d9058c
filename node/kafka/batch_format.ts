/**
 * Where the fields of a record batch stand (message format 2, Kafka 0.11 and later; Kafka documentation, "Record Batch"). The checksum covers
 * everything from `attributes` to the end, so producer id, epoch and sequence are part of it.
 */
export const batchField = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const;

/** What is in front of `length`'s count: base offset and the length itself. */
export const batchPrefix = 12;

export const batchAttribute = { compression: 7, logAppendTime: 8, transactional: 16, control: 32 } as const;
