import { reason } from "../../../core/errors.ts";
import type { Cluster } from "../../kafka/cluster.ts";
import type { Finding } from "./finding.ts";

/** Whether each broker can be reached at the address that the cluster tells. (That it speaks what is needed is checked when it is connected to.) */
export const brokerFindings = async (cluster: Cluster): Promise<readonly Finding[]> => {
  const connections = cluster.connections();
  return Promise.all(
    cluster.nodeIds.map(async (nodeId): Promise<Finding> => {
      try {
        const connection = await connections.to(nodeId, "doctor");
        return { level: "ok", about: `broker ${nodeId}`, message: `answers at ${connection.address} and speaks what is needed` };
      } catch (error) {
        return { level: "problem", about: `broker ${nodeId}`, message: reason(error) };
      }
    }),
  );
};
