/** What a client asks of the log, by Kafka's names. */
export type RequestKind =
  | "Fetch"
  | "Produce"
  | "InitProducerId"
  | "AddPartitionsToTxn"
  | "AddOffsetsToTxn"
  | "TxnOffsetCommit"
  | "EndTxn"
  | "JoinGroup"
  | "SyncGroup"
  | "Heartbeat"
  | "LeaveGroup"
  | "Metadata"
  | "CreateTopics"
  | "CreatePartitions"
  | "DeleteTopics"
  | "DescribeConfigs"
  | "ListOffsets"
  | "OffsetFetch"
  | "OffsetCommit"
  | "DeleteRecords"
  | "DescribeTransactions";

/**
 * The way from a client to the log: every request goes through here, and nothing else does. Put another one in its place to lose requests or answers, to delay
 * them or to repeat them: `perform` is what the log does when the request arrives, and may be called later, twice, or never. A request that is lost rejects with a
 * LogError of the disposition "indefinite"; one with the disposition "retriable" is sent again.
 */
export interface Link {
  request<T>(kind: RequestKind, detail: Readonly<Record<string, unknown>>, perform: () => T | Promise<T>): Promise<T>;
}

/** Arrives at once, in a microtask of its own. */
export const directLink: Link = {
  request: async (_kind, _detail, perform) => {
    await undefined;
    return perform();
  },
};
