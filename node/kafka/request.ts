import type { WireReader } from "./wire_reader.ts";

/** A kind of request, with its number and the versions that this driver speaks. */
export interface Api {
  readonly key: number;
  readonly name: string;
  /** Every broker has to speak this version. */
  readonly version: number;
}

/** The requests of the driver. Kafka 2.5 is the first release that knows all these versions (KIP-447 completed in it). */
export const api: Readonly<Record<ApiName, Api>> = {
  produce: { key: 0, name: "Produce", version: 8 },
  fetch: { key: 1, name: "Fetch", version: 11 },
  listOffsets: { key: 2, name: "ListOffsets", version: 5 },
  metadata: { key: 3, name: "Metadata", version: 9 },
  offsetCommit: { key: 8, name: "OffsetCommit", version: 7 },
  offsetFetch: { key: 9, name: "OffsetFetch", version: 7 },
  findCoordinator: { key: 10, name: "FindCoordinator", version: 2 },
  joinGroup: { key: 11, name: "JoinGroup", version: 5 },
  heartbeat: { key: 12, name: "Heartbeat", version: 3 },
  leaveGroup: { key: 13, name: "LeaveGroup", version: 3 },
  syncGroup: { key: 14, name: "SyncGroup", version: 3 },
  apiVersions: { key: 18, name: "ApiVersions", version: 3 },
  createTopics: { key: 19, name: "CreateTopics", version: 5 },
  deleteTopics: { key: 20, name: "DeleteTopics", version: 4 },
  deleteRecords: { key: 21, name: "DeleteRecords", version: 1 },
  initProducerId: { key: 22, name: "InitProducerId", version: 1 },
  addPartitionsToTxn: { key: 24, name: "AddPartitionsToTxn", version: 1 },
  addOffsetsToTxn: { key: 25, name: "AddOffsetsToTxn", version: 1 },
  endTxn: { key: 26, name: "EndTxn", version: 1 },
  txnOffsetCommit: { key: 28, name: "TxnOffsetCommit", version: 3 },
  describeConfigs: { key: 32, name: "DescribeConfigs", version: 2 },
  createPartitions: { key: 37, name: "CreatePartitions", version: 1 },
};

type ApiName =
  | "produce"
  | "fetch"
  | "listOffsets"
  | "metadata"
  | "offsetCommit"
  | "offsetFetch"
  | "findCoordinator"
  | "joinGroup"
  | "heartbeat"
  | "leaveGroup"
  | "syncGroup"
  | "apiVersions"
  | "createTopics"
  | "deleteTopics"
  | "deleteRecords"
  | "initProducerId"
  | "addPartitionsToTxn"
  | "addOffsetsToTxn"
  | "endTxn"
  | "txnOffsetCommit"
  | "describeConfigs"
  | "createPartitions";

/** One request and how to read its answer. */
export interface WireRequest<Answer> {
  readonly api: Api;
  /** When it is a newer one than the api's own. */
  readonly version?: number;
  /** Which encoding the version has, see WireWriter. */
  readonly flexible: boolean;
  /** The body, in pieces that are written one after the other without being copied. They must not change until the answer is there. */
  readonly body: readonly Uint8Array[];
  /** How long the broker may take beyond the usual request timeout. */
  readonly extraTimeoutMs?: number;
  read(answer: WireReader, throttle: (ms: number) => void): Answer;
}
