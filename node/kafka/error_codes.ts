import { type Disposition, LogError, type LogErrorCode } from "../../core/ports/log.ts";
import { missingRight, type RefusalPlace } from "./missing_right.ts";

/**
 * Makes a LogError of an error number in a broker's response. `what` begins the message: "Cannot write to topic 'x'". The number stays in the
 * message, so that one which is not known here can be looked up in Kafka's documentation ("Error Codes").
 */
export const brokerError = (number: number, what: string, detail?: string | null, place: RefusalPlace = {}): LogError => {
  const known = table.get(number);
  const name = known?.[0] ?? `error ${number}`;
  const right = missingRight(number, place);
  const explanation = `${known?.[3] ?? "the broker refused it"}${right === undefined ? "" : `: grant ${right}`}`;
  return new LogError(
    known?.[1] ?? "UNKNOWN",
    known?.[2] ?? "rejected",
    `${what}: ${explanation} (${name}${known === undefined ? "" : `, ${number}`}${detail ? `: ${detail}` : ""})`,
    place,
  );
};

const theUser = "the user";

/** Says whose right is missing, when that is what the error is about. A user who came with a certificate is not known here. */
export const asUser = (error: LogError, user: string | undefined): LogError =>
  user === undefined || !error.code.endsWith("_AUTHORIZATION_FAILED") || !error.message.includes(theUser)
    ? error
    : new LogError(error.code, error.disposition, error.message.replace(theUser, `user '${user}'`), {
        topic: error.topic,
        partition: error.partition,
        offset: error.offset,
        cause: error.cause,
      });

/** The numbers that code decides by. */
export const errorNumber = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  messageTooLarge: 10,
  coordinatorLoadInProgress: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  invalidTopic: 17,
  recordListTooLarge: 18,
  illegalGeneration: 22,
  inconsistentGroupProtocol: 23,
  unknownMemberId: 25,
  rebalanceInProgress: 27,
  topicAuthorizationFailed: 29,
  unsupportedVersion: 35,
  topicAlreadyExists: 36,
  invalidPartitions: 37,
  notController: 41,
  invalidTransactionTimeout: 50,
  concurrentTransactions: 51,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  memberIdRequired: 79,
  fencedInstanceId: 82,
  unstableOffsetCommit: 88,
  transactionalIdNotFound: 105,
} as const;

/** Whether a partition's answer says that its leader is, or may be, elsewhere by now. */
export const isLeaderChange = (number: number): boolean => leaderChanges.has(number);

const leaderChanges = new Set([3, 5, 6, 9, 56, 72, 74, 75, 78, 103]);

type Row = readonly [name: string, code: LogErrorCode, disposition: Disposition, explanation: string];

const table = new Map<number, Row>([
  [-1, ["UNKNOWN_SERVER_ERROR", "UNKNOWN", "indefinite", "the broker failed unexpectedly, see its log"]],
  [1, ["OFFSET_OUT_OF_RANGE", "OFFSET_OUT_OF_RANGE", "rejected", "the partition does not hold that offset (any more)"]],
  [2, ["CORRUPT_MESSAGE", "CORRUPT_MESSAGE", "rejected", "the bytes do not match their checksum, on the way or on the broker's disk"]],
  [
    3,
    [
      "UNKNOWN_TOPIC_OR_PARTITION",
      "UNKNOWN_TOPIC_OR_PARTITION",
      "retriable",
      "the broker does not know the topic or partition: create it, or check its name",
    ],
  ],
  [5, ["LEADER_NOT_AVAILABLE", "LEADER_NOT_AVAILABLE", "retriable", "the partition has no leader now"]],
  [6, ["NOT_LEADER_OR_FOLLOWER", "NOT_LEADER_OR_FOLLOWER", "retriable", "the partition's leader is another broker"]],
  [
    7,
    ["REQUEST_TIMED_OUT", "REQUEST_TIMED_OUT", "indefinite", "the brokers did not finish in time: check that enough replicas are in sync"],
  ],
  [8, ["BROKER_NOT_AVAILABLE", "LEADER_NOT_AVAILABLE", "retriable", "a broker is not available now"]],
  [9, ["REPLICA_NOT_AVAILABLE", "LEADER_NOT_AVAILABLE", "retriable", "the broker does not hold the partition now"]],
  [
    10,
    [
      "MESSAGE_TOO_LARGE",
      "MESSAGE_TOO_LARGE",
      "rejected",
      "it is larger than the topic's 'max.message.bytes': raise that or write smaller records",
    ],
  ],
  [
    12,
    [
      "OFFSET_METADATA_TOO_LARGE",
      "OFFSET_METADATA_TOO_LARGE",
      "rejected",
      "the offset's metadata is longer than the broker's 'offset.metadata.max.bytes'",
    ],
  ],
  [13, ["NETWORK_EXCEPTION", "CONNECTION_CLOSED", "indefinite", "the broker lost a connection"]],
  [14, ["COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_LOAD_IN_PROGRESS", "retriable", "the coordinator is still loading"]],
  [15, ["COORDINATOR_NOT_AVAILABLE", "COORDINATOR_NOT_AVAILABLE", "retriable", "the coordinator is not available now"]],
  [16, ["NOT_COORDINATOR", "NOT_COORDINATOR", "retriable", "the coordinator is another broker"]],
  [
    17,
    [
      "INVALID_TOPIC_EXCEPTION",
      "INVALID_TOPIC",
      "configuration",
      "the topic's name is not allowed: use letters, digits, '.', '_' and '-', at most 249 of them",
    ],
  ],
  [18, ["RECORD_LIST_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "rejected", "the batch is larger than the broker's segments"]],
  [19, ["NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS", "retriable", "fewer replicas are in sync than 'min.insync.replicas' asks for"]],
  [
    20,
    [
      "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
      "NOT_ENOUGH_REPLICAS",
      "indefinite",
      "fewer replicas are in sync than 'min.insync.replicas' asks for",
    ],
  ],
  [22, ["ILLEGAL_GENERATION", "ILLEGAL_GENERATION", "membership", "the group has gone on to another generation"]],
  [
    23,
    [
      "INCONSISTENT_GROUP_PROTOCOL",
      "INCONSISTENT_GROUP_PROTOCOL",
      "configuration",
      "the group's members use another protocol: choose another group id, or stop those members",
    ],
  ],
  [24, ["INVALID_GROUP_ID", "INVALID_CONFIG", "configuration", "the group id is not allowed: it must not be empty"]],
  [25, ["UNKNOWN_MEMBER_ID", "UNKNOWN_MEMBER_ID", "membership", "the group does not know this member (any more)"]],
  [
    26,
    [
      "INVALID_SESSION_TIMEOUT",
      "INVALID_CONFIG",
      "configuration",
      "the session timeout is not within the broker's 'group.min.session.timeout.ms' and 'group.max.session.timeout.ms'",
    ],
  ],
  [27, ["REBALANCE_IN_PROGRESS", "REBALANCE_IN_PROGRESS", "membership", "the group is rebalancing"]],
  [29, ["TOPIC_AUTHORIZATION_FAILED", "TOPIC_AUTHORIZATION_FAILED", "configuration", `${theUser} may not`]],
  [30, ["GROUP_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "configuration", `${theUser} may not`]],
  [31, ["CLUSTER_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "configuration", `${theUser} may not`]],
  [
    32,
    [
      "INVALID_TIMESTAMP",
      "INVALID_TIMESTAMP",
      "rejected",
      "a timestamp is outside of what the topic takes: see 'message.timestamp.before.max.ms' and 'message.timestamp.after.max.ms'",
    ],
  ],
  [33, ["UNSUPPORTED_SASL_MECHANISM", "SASL_AUTHENTICATION_FAILED", "configuration", "the listener does not offer the SASL mechanism"]],
  [
    34,
    [
      "ILLEGAL_SASL_STATE",
      "SASL_AUTHENTICATION_FAILED",
      "configuration",
      "the listener does not use SASL: leave 'sasl' out or use another port",
    ],
  ],
  [
    35,
    [
      "UNSUPPORTED_VERSION",
      "UNSUPPORTED_VERSION",
      "configuration",
      "the broker does not speak this version of the request: Kafka 2.5 or later is needed",
    ],
  ],
  [36, ["TOPIC_ALREADY_EXISTS", "INVALID_TOPIC", "rejected", "the topic exists"]],
  [37, ["INVALID_PARTITIONS", "INVALID_PARTITIONS", "configuration", "the number of partitions is not possible"]],
  [
    38,
    ["INVALID_REPLICATION_FACTOR", "INVALID_CONFIG", "configuration", "the replication factor is not possible with the brokers there are"],
  ],
  [39, ["INVALID_REPLICA_ASSIGNMENT", "INVALID_CONFIG", "configuration", "the replica assignment is not possible"]],
  [40, ["INVALID_CONFIG", "INVALID_CONFIG", "configuration", "a setting is not valid"]],
  [41, ["NOT_CONTROLLER", "NOT_COORDINATOR", "retriable", "the controller is another broker"]],
  [42, ["INVALID_REQUEST", "UNKNOWN", "rejected", "the broker finds the request malformed"]],
  [44, ["POLICY_VIOLATION", "POLICY_VIOLATION", "configuration", "a policy of the cluster forbids it"]],
  [45, ["OUT_OF_ORDER_SEQUENCE_NUMBER", "OUT_OF_ORDER_SEQUENCE_NUMBER", "epoch", "the broker misses records of this producer"]],
  [46, ["DUPLICATE_SEQUENCE_NUMBER", "DUPLICATE_SEQUENCE_NUMBER", "epoch", "the broker has had this batch long ago"]],
  [
    47,
    [
      "INVALID_PRODUCER_EPOCH",
      "INVALID_PRODUCER_EPOCH",
      "fenced",
      "another producer with the same transactional id has taken over, or the transaction timed out",
    ],
  ],
  [48, ["INVALID_TXN_STATE", "INVALID_TXN_STATE", "epoch", "the transaction is in another state"]],
  [
    49,
    [
      "INVALID_PRODUCER_ID_MAPPING",
      "INVALID_PRODUCER_ID_MAPPING",
      "fenced",
      "the transactional id belongs to another producer id now, or has expired",
    ],
  ],
  [
    50,
    [
      "INVALID_TRANSACTION_TIMEOUT",
      "INVALID_TRANSACTION_TIMEOUT",
      "configuration",
      "the transaction timeout is larger than the broker's 'transaction.max.timeout.ms'",
    ],
  ],
  [51, ["CONCURRENT_TRANSACTIONS", "CONCURRENT_TRANSACTIONS", "retriable", "the transaction before is still being completed"]],
  [53, ["TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "configuration", `${theUser} may not`]],
  [55, ["OPERATION_NOT_ATTEMPTED", "UNKNOWN", "rejected", "another partition of the same request was refused"]],
  [56, ["KAFKA_STORAGE_ERROR", "LEADER_NOT_AVAILABLE", "retriable", "the broker cannot use its disk"]],
  [58, ["SASL_AUTHENTICATION_FAILED", "SASL_AUTHENTICATION_FAILED", "configuration", "user name or password are not accepted"]],
  [59, ["UNKNOWN_PRODUCER_ID", "UNKNOWN_PRODUCER_ID", "epoch", "the broker has forgotten this producer"]],
  [60, ["REASSIGNMENT_IN_PROGRESS", "LEADER_NOT_AVAILABLE", "retriable", "the partition is being reassigned"]],
  [72, ["LISTENER_NOT_FOUND", "LEADER_NOT_AVAILABLE", "retriable", "the leader has no listener of this kind"]],
  [73, ["TOPIC_DELETION_DISABLED", "POLICY_VIOLATION", "configuration", "the broker has 'delete.topic.enable=false'"]],
  [74, ["FENCED_LEADER_EPOCH", "NOT_LEADER_OR_FOLLOWER", "retriable", "the partition has a newer leader"]],
  [75, ["UNKNOWN_LEADER_EPOCH", "NOT_LEADER_OR_FOLLOWER", "retriable", "the broker has not heard of the newest leader"]],
  [76, ["UNSUPPORTED_COMPRESSION_TYPE", "UNSUPPORTED_COMPRESSION_TYPE", "configuration", "the broker does not know the compression"]],
  [78, ["OFFSET_NOT_AVAILABLE", "LEADER_NOT_AVAILABLE", "retriable", "a new leader does not know the partition's end yet"]],
  [79, ["MEMBER_ID_REQUIRED", "UNKNOWN_MEMBER_ID", "membership", "the member has to join with the id it was given"]],
  [81, ["GROUP_MAX_SIZE_REACHED", "INVALID_CONFIG", "configuration", "the group is full: raise the broker's 'group.max.size'"]],
  [82, ["FENCED_INSTANCE_ID", "FENCED_INSTANCE_ID", "membership", "another member with the same group instance id has taken over"]],
  [84, ["ELECTION_NOT_NEEDED", "UNKNOWN", "rejected", "no election is needed"]],
  [
    87,
    ["INVALID_RECORD", "INVALID_RECORD", "rejected", "a record does not fit the topic: a compacted topic takes no record without a key"],
  ],
  [88, ["UNSTABLE_OFFSET_COMMIT", "UNSTABLE_OFFSET_COMMIT", "retriable", "a transaction that writes these offsets has not ended"]],
  [89, ["THROTTLING_QUOTA_EXCEEDED", "REQUEST_TIMED_OUT", "retriable", "the quota of changes is used up for now"]],
  [90, ["PRODUCER_FENCED", "PRODUCER_FENCED", "fenced", "another producer with the same transactional id has taken over"]],
  [103, ["UNKNOWN_TOPIC_ID", "UNKNOWN_TOPIC_OR_PARTITION", "retriable", "the broker does not know the topic's id"]],
  [105, ["TRANSACTIONAL_ID_NOT_FOUND", "INVALID_PRODUCER_ID_MAPPING", "fenced", "the transactional id has expired"]],
  [120, ["TRANSACTION_ABORTABLE", "INVALID_TXN_STATE", "epoch", "the transaction can only be aborted"]],
]);
