import type { Api, WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";

/** Both are known since Kafka 2.4 and 3.8; nothing but questions of a person depends on them. */
export const describeGroupsApi: Api = { key: 15, name: "DescribeGroups", version: 5 };
export const listGroupsApi: Api = { key: 16, name: "ListGroups", version: 5 };

export interface GroupDescription {
  readonly error: number;
  /** In Kafka's words; "Dead" for a group that does not exist. */
  readonly state: string;
  /** Which kind of members it has, "consumer" for ours, and how they share the work. */
  readonly protocolType: string;
  readonly protocol: string;
  readonly clients: readonly string[];
  /** What the user may do with it, one bit for each of Kafka's operations. */
  readonly operations: number;
}

/** To be asked of the group's coordinator. */
export const describeGroup = (groupId: string): WireRequest<GroupDescription | undefined> => ({
  api: describeGroupsApi,
  flexible: true,
  body: [new WireWriter(true).arrayLength(1).string(groupId).boolean(true).end().bytes],
  read: (answer, throttle) => {
    throttle(answer.int32());
    const [described] = answer.array(() => {
      const error = answer.int16();
      answer.string(); // the group's id again
      const [state, protocolType, protocol] = [answer.string(), answer.string(), answer.string()];
      const clients = answer.array(() => {
        answer.string(); // the member's id, and the one it was given
        answer.nullableString();
        const clientId = answer.string();
        answer.string(); // host
        answer.byteArray(); // what it told, and what it was given
        answer.byteArray();
        answer.end();
        return clientId;
      });
      const operations = answer.int32();
      answer.end();
      return { error, state, protocolType, protocol, clients, operations };
    });
    return described;
  },
});

/** The kind of each group that the broker coordinates, by its id: "classic" for ours. */
export const listGroups = (): WireRequest<ReadonlyMap<string, string>> => ({
  api: listGroupsApi,
  flexible: true,
  body: [new WireWriter(true).arrayLength(0).arrayLength(0).end().bytes],
  read: (answer, throttle) => {
    throttle(answer.int32());
    answer.int16(); // a coordinator that is still loading leaves out what it does not know yet
    return new Map(
      answer.array(() => {
        const groupId = answer.string();
        answer.string(); // protocol type and state
        answer.string();
        const kind = answer.string();
        answer.end();
        return [groupId, kind] as const;
      }),
    );
  },
});
