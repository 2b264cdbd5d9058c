import { brokerError } from "../error_codes.ts";
import { api, type WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";

/** One member as the broker knows it; the id is empty before the first join. */
export interface MemberName {
  readonly groupId: string;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface JoinAnswer {
  readonly error: number;
  readonly generationId: number;
  readonly protocol: string;
  readonly leaderId: string;
  readonly memberId: string;
  /** Only the leader hears of the members. */
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly subscription: Buffer }[];
}

/** Waits until all members have joined or the rebalance timeout is over. */
export const joinGroup = (
  member: MemberName,
  timeouts: { readonly sessionTimeoutMs: number; readonly rebalanceTimeoutMs: number },
  protocols: readonly { readonly name: string; readonly subscription: Uint8Array }[],
): WireRequest<JoinAnswer> => {
  const writer = new WireWriter().string(member.groupId).int32(timeouts.sessionTimeoutMs).int32(timeouts.rebalanceTimeoutMs);
  writer.string(member.memberId).string(member.groupInstanceId).string("consumer");
  writer.array(protocols, ({ name, subscription }) => writer.string(name).byteArray(subscription));
  return {
    api: api.joinGroup,
    flexible: false,
    body: [writer.bytes],
    extraTimeoutMs: timeouts.rebalanceTimeoutMs,
    read: (answer, throttle) => {
      throttle(answer.int32());
      const error = answer.int16();
      const generationId = answer.int32();
      const protocol = answer.string();
      const leaderId = answer.string();
      const memberId = answer.string();
      const members = answer.array(() => ({
        memberId: answer.string(),
        groupInstanceId: answer.nullableString(),
        subscription: answer.byteArray() ?? nothing,
      }));
      return { error, generationId, protocol, leaderId, memberId, members };
    },
  };
};

export interface SyncAnswer {
  readonly error: number;
  readonly assignment: Buffer;
}

/** The leader hands in everybody's assignment; everybody gets the own one, as soon as the leader has. */
export const syncGroup = (
  member: MemberName,
  generationId: number,
  assignments: ReadonlyMap<string, Uint8Array>,
  rebalanceTimeoutMs: number,
): WireRequest<SyncAnswer> => {
  const writer = new WireWriter().string(member.groupId).int32(generationId).string(member.memberId).string(member.groupInstanceId);
  writer.array([...assignments], ([memberId, assignment]) => writer.string(memberId).byteArray(assignment));
  return {
    api: api.syncGroup,
    flexible: false,
    body: [writer.bytes],
    extraTimeoutMs: rebalanceTimeoutMs,
    read: (answer, throttle) => {
      throttle(answer.int32());
      return { error: answer.int16(), assignment: answer.byteArray() ?? nothing };
    },
  };
};

/** Gives the error number: it is how the broker tells of a rebalance. */
export const heartbeat = (member: MemberName, generationId: number): WireRequest<number> => ({
  api: api.heartbeat,
  flexible: false,
  body: [new WireWriter().string(member.groupId).int32(generationId).string(member.memberId).string(member.groupInstanceId).bytes],
  read: (answer, throttle) => {
    throttle(answer.int32());
    return answer.int16();
  },
});

/** Leaves; that the group does not know the member is as good. */
export const leaveGroup = (member: MemberName): WireRequest<void> => {
  const writer = new WireWriter().string(member.groupId).arrayLength(1).string(member.memberId).string(member.groupInstanceId);
  return {
    api: api.leaveGroup,
    flexible: false,
    body: [writer.bytes],
    read: (answer, throttle) => {
      throttle(answer.int32());
      const error = answer.int16();
      if (error !== 0 && error !== unknownMember) throw brokerError(error, `Cannot leave group '${member.groupId}'`);
    },
  };
};

const unknownMember = 25;
const nothing = Buffer.alloc(0);
