import { reason } from "../../core/errors.ts";
import { LogError } from "../../core/ports/log.ts";
import { checkKafkaOptions } from "../kafka/kafka_options.ts";
import { type Command, command } from "./command.ts";
import { connectionOptions, connectionOptionTable } from "./connection_options.ts";
import { applicationFindings } from "./doctor/application.ts";
import { brokerFindings } from "./doctor/brokers.ts";
import { type Finding, report } from "./doctor/finding.ts";
import { type Patient, Survey } from "./doctor/survey.ts";
import { internalTopicFindings, topicFindings } from "./doctor/topics.ts";
import { UsageError } from "./usage_error.ts";

/** Looks at a cluster and says what an application would lack on it. Exit code 1 when something would not work. */
export const doctor: Command = command({
  about:
    "Looks at a cluster as the given user, and says what an application would lack on it: brokers, settings, clocks, topics, the group, rights. It changes nothing there. The exit code is 1 when there is a problem",
  examples: [
    "doctor --brokers localhost:9092",
    "doctor --brokers kafka:9093 --ssl-ca ca.pem --sasl-mechanism scram-sha-512 --sasl-username spending --application-id spending --reads payments --writes large",
  ],
  options: {
    "application-id": { value: "ID", help: "whose group, transactions and internal topics are looked at" },
    reads: { value: "TOPICS", help: "topics that it reads, separated by commas" },
    writes: { value: "TOPICS", help: "topics that it writes, dead-letter topics too" },
    topics: { value: "TOPICS", help: "topics that it reads or writes" },
    "transaction-timeout": { value: "MS", help: "its option 'transactionTimeout' (60000)" },
    "session-timeout": { value: "MS", help: "its option 'group.sessionTimeout' (45000)" },
    replication: { value: "N", help: "its option 'replication' (the brokers' default)" },
    json: { help: "write the findings as JSON" },
    ...connectionOptionTable,
  },
  async run(given, _operands, { out, env }) {
    const { cluster } = checkKafkaOptions(connectionOptions(given, env));
    const patient: Patient = {
      applicationId: given["application-id"],
      reads: names(given.reads),
      writes: names(given.writes),
      topics: names(given.topics),
      transactionTimeoutMs: whole("transaction-timeout", given["transaction-timeout"]) ?? 60_000,
      sessionTimeoutMs: whole("session-timeout", given["session-timeout"]) ?? 45_000,
      replication: whole("replication", given.replication),
    };
    const findings = await examine(() => Survey.open(cluster), patient);
    out(given.json === true ? `${JSON.stringify({ findings }, null, 2)}\n` : report(findings));
    return findings.some(({ level }) => level === "problem") ? 1 : 0;
  },
});

/** One part that fails leaves the others standing. */
const examine = async (open: () => Promise<Survey>, patient: Patient): Promise<readonly Finding[]> => {
  let survey: Survey;
  try {
    survey = await open();
  } catch (error) {
    return [broken("connection", error)];
  }
  const findings: Finding[] = [];
  const parts = {
    brokers: brokerFindings,
    topics: topicFindings,
    application: applicationFindings,
    "internal topics": internalTopicFindings,
  };
  for (const [name, part] of Object.entries(parts)) {
    try {
      findings.push(...(await part(survey, patient)));
    } catch (error) {
      findings.push(broken(name, error));
    }
  }
  survey.close();
  return findings;
};

const broken = (about: string, error: unknown): Finding => {
  if (!(error instanceof LogError)) throw error;
  return { level: "problem", about, message: reason(error) };
};

const names = (text: string | undefined): readonly string[] => text?.split(",").filter((name) => name !== "") ?? [];

const whole = (option: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new UsageError(`Option --${option} cannot be '${text}': a whole number above 0 is wanted`);
  return Number(text);
};
