import { reason } from "../../../core/errors.ts";
import { LogError } from "../../../core/ports/log.ts";
import { errorNumber } from "../../kafka/error_codes.ts";
import { controllerTime, describeQuorumApi } from "../../kafka/requests/controller_time.ts";
import { about, counted, type Finding } from "./finding.ts";
import type { Patient, Survey } from "./survey.ts";

/** Whether each broker can be reached at the address that the cluster tells, whether their settings allow what is wanted, and whether they have the same time. */
export const brokerFindings = async (survey: Survey, patient: Patient): Promise<readonly Finding[]> => {
  const { nodeIds } = survey.cluster;
  const each = await Promise.all(nodeIds.map((nodeId) => reachable(survey, nodeId)));
  const answering = nodeIds.filter((_, index) => each[index]!.level === "ok");
  return [...each, ...(await settings(survey, patient, answering)), await clock(survey)];
};

/** That it speaks what is needed is checked when it is connected to. */
const reachable = async (survey: Survey, nodeId: number): Promise<Finding> => {
  const { ok, problem } = about(`broker ${nodeId}`);
  try {
    const connection = await survey.connectTo(nodeId);
    const newer = connection.feature("transaction.version") >= 2;
    return ok(
      `answers at ${connection.address} and speaks what is needed, with the ${newer ? "second" : "first"} protocol for transactions`,
    );
  } catch (error) {
    return problem(reason(error));
  }
};

// ---------------------------------------------------------------- settings

const settings = async (survey: Survey, patient: Patient, nodeIds: readonly number[]): Promise<readonly Finding[]> => {
  const found: Finding[] = [];
  for (const nodeId of nodeIds) {
    const known = await survey.settings("broker", String(nodeId));
    if (known instanceof LogError) return [about("settings").warning(`those of the brokers could not be looked at. ${known.message}`)];
    found.push(...(await unsuitable(survey, patient, nodeId, known)));
  }
  const { ok } = about("settings");
  return found.length > 0 || nodeIds.length === 0 ? found : [ok("timeouts and replication of the brokers allow what is wanted")];
};

const unsuitable = async (
  survey: Survey,
  { transactionTimeoutMs, sessionTimeoutMs, replication }: Patient,
  nodeId: number,
  known: ReadonlyMap<string, string>,
): Promise<readonly Finding[]> => {
  const { warning, problem } = about(`broker ${nodeId}`);
  const found: Finding[] = [];
  const brokers = survey.cluster.nodeIds.length;
  const number = (name: string): number => Number(known.get(name) ?? Number.NaN);

  const longest = number("transaction.max.timeout.ms");
  if (transactionTimeoutMs > longest)
    found.push(
      problem(
        `transaction.max.timeout.ms is ${longest}, and the application asks for ${transactionTimeoutMs}: raise it, or lower 'transactionTimeout'`,
      ),
    );
  const [least, most] = [number("group.min.session.timeout.ms"), number("group.max.session.timeout.ms")];
  if (sessionTimeoutMs < least || sessionTimeoutMs > most)
    found.push(
      problem(
        `sessions of a group may last from ${least} to ${most} ms (group.min.session.timeout.ms, group.max.session.timeout.ms), and the application asks for ${sessionTimeoutMs}: change 'group.sessionTimeout'`,
      ),
    );
  if (number("offset.metadata.max.bytes") < offsetMetadataBytes)
    found.push(
      problem(
        `offset.metadata.max.bytes is ${number("offset.metadata.max.bytes")}: raise it to ${offsetMetadataBytes}, as event time is committed beside offsets`,
      ),
    );

  const copies = replication ?? number("default.replication.factor");
  if (copies > brokers)
    found.push(
      problem(
        `internal topics are to have ${copies} copies (${replication === undefined ? "default.replication.factor" : "--replication"}), and the cluster has ${counted(brokers, "broker")}: ask for fewer with 'replication', or start more`,
      ),
    );
  if (copies === 1 && brokers > 1)
    found.push(
      warning(
        "internal topics are made with one copy (default.replication.factor), so that a broker that is lost takes state with it: set 'replication'",
      ),
    );
  for (const [topic, prefix] of [
    ["__consumer_offsets", "offsets.topic"],
    ["__transaction_state", "transaction.state.log"],
  ] as const) {
    const wanted = number(`${prefix}.replication.factor`);
    if (wanted <= brokers) continue;
    const [there] = await survey.topics([topic]);
    if (there?.error === errorNumber.unknownTopicOrPartition)
      found.push(
        problem(
          `${topic} cannot be made, since ${prefix}.replication.factor is ${wanted} and the cluster has ${counted(brokers, "broker")}: lower it, or start more`,
        ),
      );
  }
  if (number("transaction.state.log.min.isr") > brokers)
    found.push(
      problem(
        `transaction.state.log.min.isr is ${number("transaction.state.log.min.isr")} and the cluster has ${counted(brokers, "broker")}: no transaction can begin`,
      ),
    );
  return found;
};

/** The engine keeps what it commits beside an offset shorter than this. */
const offsetMetadataBytes = 1024;

// ---------------------------------------------------------------- time

const clock = async (survey: Survey): Promise<Finding> => {
  const { ok, warning, problem } = about("clock");
  const [anyNode] = survey.cluster.nodeIds;
  if (anyNode === undefined || !(await survey.connectTo(anyNode)).speaks(describeQuorumApi, describeQuorumApi.version))
    return warning("the time of the brokers cannot be asked for before Kafka 3.3: have an eye on it yourself");
  const wall = survey.cluster.clock;
  const before = wall.now();
  const answer = await survey.ask(controllerTime());
  const after = wall.now();
  if ("error" in answer)
    return warning(
      `the brokers do not tell their time. ${survey.cluster.refusal(answer.error, "Cannot ask the controllers", null, { needs: "DESCRIBE" }).message}`,
    );
  // The answer was made at some moment in between.
  const skewMs = answer.now < before ? answer.now - before : Math.max(0, answer.now - after);
  const said = `the brokers' clock is ${Math.abs(skewMs)} ms ${skewMs < 0 ? "behind" : "ahead of"} this one`;
  if (Math.abs(skewMs) >= hourMs)
    return problem(`${said}: by default topics refuse timestamps that are an hour ahead. Set one of the two right`);
  return Math.abs(skewMs) >= noticedMs
    ? warning(`${said}: set one of the two right`)
    : ok(`${said}, ${after - before} ms of measuring aside`);
};

const noticedMs = 5_000;
const hourMs = 3_600_000;
