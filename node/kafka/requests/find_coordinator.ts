import { brokerError } from "../error_codes.ts";
import { api, type WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";
import type { BrokerAddress } from "./metadata.ts";

export type CoordinatorKind = "group" | "transaction";

/** Asks which broker coordinates a group or a transactional id. */
export const findCoordinator = (kind: CoordinatorKind, key: string): WireRequest<BrokerAddress> => ({
  api: api.findCoordinator,
  flexible: false,
  body: [new WireWriter().string(key).int8(kind === "group" ? 0 : 1).bytes],
  read: (answer, throttle) => {
    throttle(answer.int32());
    const error = answer.int16();
    const detail = answer.nullableString();
    if (error !== 0)
      throw brokerError(
        error,
        `Cannot find the coordinator of ${kind} '${key}'`,
        detail,
        kind === "group" ? { group: key } : { transactionalId: key },
      );
    return { nodeId: answer.int32(), host: answer.string(), port: answer.int32() };
  },
});
