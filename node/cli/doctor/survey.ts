import type { LogError } from "../../../core/ports/log.ts";
import type { BrokerConnection } from "../../kafka/broker_connection.ts";
import { Cluster, type ClusterOptions } from "../../kafka/cluster.ts";
import type { ConnectionSet } from "../../kafka/connection_set.ts";
import { errorNumber } from "../../kafka/error_codes.ts";
import { api, type WireRequest } from "../../kafka/request.ts";
import type { CoordinatorKind } from "../../kafka/requests/find_coordinator.ts";
import { metadata, metadataWithIds, type TopicMetadata } from "../../kafka/requests/metadata.ts";
import { describeConfigs } from "../../kafka/requests/topics.ts";
import { isRetriableOrIndefinite, retry } from "../../kafka/retry.ts";

/** What the doctor is to think of beside the cluster itself. */
export interface Patient {
  readonly applicationId: string | undefined;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Of which it is not known whether they are read or written. */
  readonly topics: readonly string[];
  readonly transactionTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  /** Of internal topics that are to be made; undefined for the brokers' default. */
  readonly replication: number | undefined;
}

/** Settings by name, or why they are not to be seen. */
export type Settings = ReadonlyMap<string, string> | LogError;

/** Asks a cluster what it is like. Nothing here changes anything there. */
export class Survey {
  readonly cluster: Cluster;
  readonly #connections: ConnectionSet;

  static async open(options: ClusterOptions): Promise<Survey> {
    return new Survey(await Cluster.open({ ...options, retryForMs: patienceMs }));
  }

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.#connections = cluster.connections();
  }

  /** As a message names who is asking. */
  get user(): string {
    const { sasl } = this.cluster.options;
    return sasl !== undefined && "username" in sasl ? `user '${sasl.username}'` : "the user";
  }

  connectTo(nodeId: number): Promise<BrokerConnection> {
    return this.#connections.to(nodeId, "doctor");
  }

  /** Asks one broker, or any when undefined. */
  ask<Answer>(request: WireRequest<Answer>, nodeId?: number): Promise<Answer> {
    return this.#patiently(async () => (nodeId === undefined ? this.cluster.ask(request) : (await this.connectTo(nodeId)).send(request)));
  }

  askCoordinator<Answer>(kind: CoordinatorKind, key: string, request: WireRequest<Answer>): Promise<Answer> {
    return this.#patiently(async () => {
      try {
        return await (await this.connectTo(await this.cluster.coordinator(kind, key))).send(request);
      } catch (error) {
        this.cluster.forgetCoordinator(kind, key);
        throw error;
      }
    });
  }

  /** These topics, or all that the user may see when null, with what the user may do with them. */
  async topics(names: readonly string[] | null): Promise<readonly TopicMetadata[]> {
    if (names !== null && names.length === 0) return [];
    const { topics } = await this.#patiently(() =>
      this.cluster.ask((connection) =>
        metadata(names, connection.speaks(api.metadata, metadataWithIds) ? metadataWithIds : api.metadata.version, true),
      ),
    );
    return topics;
  }

  async settings(kind: "topic" | "broker", name: string): Promise<Settings> {
    const { error, detail, config } = await this.ask(describeConfigs(kind, name), kind === "broker" ? Number(name) : undefined);
    if (error === errorNumber.none) return config;
    const what = `Cannot read the settings of ${kind} ${kind === "topic" ? `'${name}'` : name}`;
    return this.cluster.refusal(error, what, detail, { topic: kind === "topic" ? name : undefined, needs: "DESCRIBE_CONFIGS" });
  }

  close(): void {
    this.cluster.close();
  }

  #patiently<Answer>(attempt: () => Promise<Answer>): Promise<Answer> {
    // That a topic does not exist is an answer like any other.
    const again = (error: LogError): boolean => isRetriableOrIndefinite(error) && error.code !== "UNKNOWN_TOPIC_OR_PARTITION";
    return retry(attempt, { clock: this.cluster.clock, forMs: patienceMs, again });
  }
}

/** For faults that pass: whoever calls a doctor wants to hear soon. */
const patienceMs = 5_000;
