import { reason } from "../../core/errors.ts";
import { LogError } from "../../core/ports/log.ts";
import { Cluster } from "../kafka/cluster.ts";
import { checkKafkaOptions } from "../kafka/kafka_options.ts";
import { type Command, command } from "./command.ts";
import { connectionOptions, connectionOptionTable } from "./connection_options.ts";
import { brokerFindings } from "./doctor/brokers.ts";
import { type Finding, report } from "./doctor/finding.ts";

/** Looks at a cluster and says what an application would lack on it. Exit code 1 when something would not work. */
export const doctor: Command = command({
  about:
    "Looks at a cluster and says what an application would lack on it. It changes nothing there. The exit code is 1 when there is a problem",
  examples: ["doctor --brokers localhost:9092"],
  options: {
    ...connectionOptionTable,
    json: { help: "write the findings as JSON" },
  },
  async run(given, _operands, { out, env }) {
    const { cluster: options } = checkKafkaOptions(connectionOptions(given, env));
    const findings: Finding[] = [];
    let cluster: Cluster | undefined;
    try {
      cluster = await Cluster.open({ ...options, retryForMs: 5_000 });
      findings.push(...(await brokerFindings(cluster)));
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      findings.push({ level: "problem", about: "connection", message: reason(error) });
    } finally {
      cluster?.close();
    }
    out(given.json === true ? `${JSON.stringify({ findings }, null, 2)}\n` : report(findings));
    return findings.some(({ level }) => level === "problem") ? 1 : 0;
  },
});
