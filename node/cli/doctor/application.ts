import { reason } from "../../../core/errors.ts";
import { LogError } from "../../../core/ports/log.ts";
import { errorNumber } from "../../kafka/error_codes.ts";
import { describeGroup, listGroups, listGroupsApi } from "../../kafka/requests/describe_group.ts";
import { fetch } from "../../kafka/requests/fetch.ts";
import { deleteRecords } from "../../kafka/requests/offsets.ts";
import { createTopics } from "../../kafka/requests/topics.ts";
import { addPartitionsToTxn, endTxn } from "../../kafka/requests/transactions.ts";
import { about, counted, type Finding } from "./finding.ts";
import { allowed } from "./operations.ts";
import type { Patient, Survey } from "./survey.ts";

/** The group, the transactions and the names of internal topics that an application uses. */
export const applicationFindings = async (survey: Survey, { applicationId }: Patient): Promise<readonly Finding[]> => {
  if (applicationId === undefined) return [];
  const transactions = await transactionalIds(survey, applicationId);
  return [await group(survey, applicationId), transactions, await prefix(survey, applicationId, transactions.level === "ok")];
};

// ---------------------------------------------------------------- the group

const group = async (survey: Survey, groupId: string): Promise<Finding> => {
  const { ok, problem } = about(`group ${groupId}`);
  try {
    const kind = await kindOf(survey, groupId);
    if (kind !== undefined && kind !== "classic")
      return problem(`it is of the kind '${kind}', which belongs to other programs: choose another application id`);
    const described = await survey.askCoordinator("group", groupId, describeGroup(groupId));
    if (described === undefined || described.error !== errorNumber.none)
      return problem(survey.cluster.refusal(described?.error ?? -1, "Cannot be looked at", null, { group: groupId }).message);
    const { state, protocolType, protocol, clients, operations } = described;
    if (!allowed(operations, "READ")) return problem(`${survey.user} may not READ: grant READ on group '${groupId}'`);
    if (state === "Dead" || state === "Empty") return ok("has no members");
    if ((protocolType !== "" && protocolType !== "consumer") || (protocol !== "" && !protocol.startsWith(ownProtocols)))
      return problem(
        `its members (${[...new Set(clients)].join(", ")}) are of another program, which shares the work by '${protocol === "" ? protocolType : protocol}': stop them, or choose another application id`,
      );
    return ok(`is ${state.toLowerCase()}, with ${counted(clients.length, "member")}`);
  } catch (error) {
    return problem(reason(error));
  }
};

/** The names of protocols with which instances of an application join begin so; what follows is their version. */
const ownProtocols = "millrace-";

/** Only newer brokers know kinds, and tell them of groups that the user may see. */
const kindOf = async (survey: Survey, groupId: string): Promise<string | undefined> => {
  const nodeId = await survey.cluster.coordinator("group", groupId);
  if (!(await survey.connectTo(nodeId)).speaks(listGroupsApi, listGroupsApi.version)) return undefined;
  return (await survey.ask(listGroups(), nodeId)).get(groupId);
};

// ---------------------------------------------------------------- rights

const transactionalIds = async (survey: Survey, applicationId: string): Promise<Finding> => {
  const { ok, problem } = about(`transactional ids ${applicationId}-*`);
  const id = `${applicationId}-doctor`;
  // An epoch that never was cannot be ended, and whoever has no right is told that first.
  const refused = await refusal(() => survey.askCoordinator("transaction", id, endTxn(id, nobody, false, 1)));
  return refused?.code === "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
    ? problem(`${survey.user} may not WRITE: grant WRITE on transactional ids with the prefix '${applicationId}-'`)
    : ok("WRITE");
};

/** Tries on a topic that does not exist what an application does with its own; each attempt ends before it would change anything. */
const prefix = async (survey: Survey, applicationId: string, canWriteTransactions: boolean): Promise<Finding> => {
  const topic = `${applicationId}-doctor`;
  const { ok, warning, problem } = about(`topics ${applicationId}-*`);
  const place = { topic, partition: 0, offset: 0 };
  const missing: string[] = [];
  const note = (operation: string, error: number): void => {
    if (error === errorNumber.topicAuthorizationFailed || error === clusterAuthorizationFailed) missing.push(operation);
  };
  const limits = { maxWaitMs: 0, totalBytes: 1, partitionBytes: 1 };
  note("READ", (await survey.ask(fetch([place], "read-committed", limits)))[0]?.error ?? 0);
  if (canWriteTransactions) {
    const id = `${applicationId}-doctor`;
    const refused = await refusal(() => survey.askCoordinator("transaction", id, addPartitionsToTxn(id, nobody, [place])));
    if (refused?.code === "TOPIC_AUTHORIZATION_FAILED") missing.push("WRITE");
  }
  const spec = { topic, partitions: 1, replication: -1, config: {} };
  const controller = await survey.cluster.controller();
  note("CREATE", (await survey.ask(createTopics([spec], checkMs, true), controller))[0]?.error ?? 0);
  const settings = await survey.settings("topic", topic);
  if (settings instanceof LogError && settings.code === "TOPIC_AUTHORIZATION_FAILED") missing.push("DESCRIBE_CONFIGS");
  const granted = (operations: readonly string[]): string => `grant ${operations.join(", ")} on topics with the prefix '${applicationId}-'`;
  if (missing.length > 0) return problem(`${survey.user} may not ${missing.join(", ")}: ${granted(missing)}`);
  note("DELETE", (await survey.ask(deleteRecords([place], checkMs)))[0]?.error ?? 0);
  if (missing.length > 0) return warning(`they grow without end, as ${survey.user} may not purge them: ${granted(missing)}`);
  return ok(`READ${canWriteTransactions ? ", WRITE" : ""}, CREATE, DESCRIBE_CONFIGS, DELETE`);
};

const nobody = { producerId: 0n, epoch: 0 };
const clusterAuthorizationFailed = 31;
const checkMs = 5_000;

/** How the cluster refuses an attempt; undefined when it does not. */
const refusal = async (attempt: () => Promise<unknown>): Promise<LogError | undefined> => {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    if (error instanceof LogError && error.disposition !== "indefinite") return error;
    throw error;
  }
};
