import type { Clock } from "../ports/clock.ts";
import { type CommittedOffset, type GroupMetadata, type MemberAssignment, partitionId, type TopicPartition } from "../ports/log.ts";
import { ConsumerGroup } from "./consumer_group.ts";
import { logError } from "./disposition.ts";
import { GroupOffsets } from "./group_offsets.ts";
import type { HeartbeatRequest, JoinAnswer, JoinRequest, MemberIdentity, SyncRequest } from "./group_requests.ts";
import type { Marker } from "./record_batch.ts";

export interface GroupCoordinatorOptions {
  readonly clock: Clock;
  readonly initialRebalanceDelayMs: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  readonly newMemberId: () => string;
  /** Throws while another broker takes the coordinator's place. @default never */
  readonly present?: () => void;
}

/** The broker's limit for an offset's metadata, offset.metadata.max.bytes. */
const metadataBytesMax = 4_096;

interface Group {
  readonly members: ConsumerGroup;
  readonly offsets: GroupOffsets;
}

const encoder = new TextEncoder();

/** All groups, their members and their offsets. */
export class GroupCoordinator {
  private readonly options: GroupCoordinatorOptions;
  private readonly groups = new Map<string, Group>();

  constructor(options: GroupCoordinatorOptions) {
    this.options = options;
  }

  join(request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    this.options.present?.();
    const { sessionTimeoutMinMs, sessionTimeoutMaxMs } = this.options;
    if (!(request.sessionTimeoutMs >= sessionTimeoutMinMs && request.sessionTimeoutMs <= sessionTimeoutMaxMs))
      throw logError(
        "INVALID_CONFIG",
        `A session timeout of ${request.sessionTimeoutMs} ms is not allowed: choose one from ${sessionTimeoutMinMs} to ${sessionTimeoutMaxMs} ms (group.min.session.timeout.ms, group.max.session.timeout.ms)`,
      );
    return this.at(request.groupId).members.join(request);
  }

  sync(request: SyncRequest): MemberAssignment | Promise<MemberAssignment> {
    return this.existing(request).members.sync(request);
  }

  heartbeat(request: HeartbeatRequest): void {
    this.existing(request).members.heartbeat(request);
  }

  leave(identity: MemberIdentity): void {
    this.existing(identity).members.leave(identity);
  }

  /** Commits at once. */
  commit(groupId: string, offsets: readonly CommittedOffset[], member: GroupMetadata | null): void {
    const group = this.forCommit(groupId, member, false);
    this.eachThatFits(offsets, (fitting) => group.offsets.commit(fitting));
  }

  /** Commits with the producer's transaction. */
  hold(member: GroupMetadata, offsets: readonly CommittedOffset[], producerId: number): void {
    const group = this.forCommit(member.groupId, member, true);
    this.eachThatFits(offsets, (fitting) => group.offsets.hold(producerId, fitting));
  }

  endTransaction(groupId: string, producerId: number, marker: Marker): void {
    this.groups.get(groupId)?.offsets.end(producerId, marker);
  }

  /**
   * What the group has committed.
   *
   * @throws LogError UNSTABLE_OFFSET_COMMIT when stable offsets are asked for and an open transaction may change one of them
   */
  committed(groupId: string, partitions: readonly TopicPartition[], requireStable: boolean): ReadonlyMap<string, CommittedOffset> {
    this.options.present?.();
    const found = new Map<string, CommittedOffset>();
    const offsets = this.groups.get(groupId)?.offsets;
    if (offsets === undefined) return found;
    for (const { topic, partition } of partitions) {
      const id = partitionId(topic, partition);
      if (requireStable && offsets.unstable(id))
        throw logError(
          "UNSTABLE_OFFSET_COMMIT",
          `An open transaction holds back the offset of group '${groupId}' for ${id}: try again when it has ended`,
          {
            topic,
            partition,
          },
        );
      const offset = offsets.get(id);
      if (offset !== undefined) found.set(id, offset);
    }
    return found;
  }

  /** What a coordinator does that begins in the place of another: it knows what that one has written down, which is offsets and whole generations. */
  reload(): void {
    for (const { members } of this.groups.values()) members.reload();
  }

  forgetTopic(topic: string): void {
    for (const { offsets } of this.groups.values()) offsets.forget(topic);
  }

  private forCommit(groupId: string, member: GroupMetadata | null, transactional: boolean): Group {
    this.options.present?.();
    if (member !== null && member.generationId >= 0 && !this.groups.has(groupId))
      throw logError("ILLEGAL_GENERATION", `Group '${groupId}' does not exist and has no generation ${member.generationId}: join it first`);
    const group = this.at(groupId);
    group.members.refuseForeignCommit(member, transactional);
    return group;
  }

  /** One offset that is refused does not keep the others from being committed. */
  private eachThatFits(offsets: readonly CommittedOffset[], commit: (fitting: readonly CommittedOffset[]) => void): void {
    const tooLong = offsets.find(({ metadata }) => !fits(metadata));
    commit(tooLong === undefined ? offsets : offsets.filter(({ metadata }) => fits(metadata)));
    if (tooLong === undefined) return;
    const { topic, partition } = tooLong;
    throw logError(
      "OFFSET_METADATA_TOO_LARGE",
      `The metadata of an offset for ${partitionId(topic, partition)} is longer than ${metadataBytesMax} bytes: keep less in it`,
      { topic, partition },
    );
  }

  private existing({ groupId, memberId }: MemberIdentity): Group {
    this.options.present?.();
    const group = this.groups.get(groupId);
    if (group === undefined) throw logError("UNKNOWN_MEMBER_ID", `Group '${groupId}' has no member '${memberId}': join it first`);
    return group;
  }

  private at(groupId: string): Group {
    let group = this.groups.get(groupId);
    if (group === undefined) {
      const { clock, initialRebalanceDelayMs, newMemberId } = this.options;
      group = { members: new ConsumerGroup(groupId, { clock, initialRebalanceDelayMs, newMemberId }), offsets: new GroupOffsets() };
      this.groups.set(groupId, group);
    }
    return group;
  }
}

const fits = (metadata: string): boolean => metadata.length * 3 <= metadataBytesMax || encoder.encode(metadata).length <= metadataBytesMax;
