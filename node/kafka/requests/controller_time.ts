import type { Api, WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";

/** Kafka 3.3 and later, where controllers are a quorum; the user needs DESCRIBE on the cluster. */
export const describeQuorumApi: Api = { key: 55, name: "DescribeQuorum", version: 1 };

/**
 * What time it is on the active controller, milliseconds since 1970. It is the one request whose answer has the clock of a server in it: of itself the leader of the quorum says that it
 * was last in step with itself now (KIP-836). An error number otherwise.
 */
export const controllerTime = (): WireRequest<{ readonly now: number } | { readonly error: number }> => {
  const body = new WireWriter(true);
  body.array(["__cluster_metadata"], (topic) =>
    body
      .string(topic)
      .array([0], (partition) => body.int32(partition).end())
      .end(),
  );
  return {
    api: describeQuorumApi,
    flexible: true,
    body: [body.end().bytes],
    read: (answer) => {
      const refused = answer.int16();
      const partitions = answer
        .array(() => {
          answer.string();
          const ofTopic = answer.array(() => {
            answer.int32(); // partition
            const error = answer.int16();
            const leader = answer.int32();
            answer.int32(); // epoch
            answer.int64(); // high watermark
            const [voters] = [0, 0].map(() =>
              answer.array(() => {
                const replica = answer.int32();
                answer.int64(); // end of its log
                const lastFetchMs = answer.int64();
                answer.int64(); // when it was last caught up
                answer.end();
                return { replica, lastFetchMs };
              }),
            );
            answer.end();
            return { error, now: voters!.find(({ replica }) => replica === leader)?.lastFetchMs ?? -1 };
          });
          answer.end();
          return ofTopic;
        })
        .flat();
      const [first] = partitions;
      if (refused !== 0 || first === undefined || first.error !== 0) return { error: refused !== 0 ? refused : (first?.error ?? -1) };
      return { now: first.now };
    },
  };
};
