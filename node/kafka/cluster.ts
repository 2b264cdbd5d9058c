import type { Clock } from "../../core/ports/clock.ts";
import { LogError } from "../../core/ports/log.ts";
import type { Logger } from "../../core/ports/logger.ts";
import { BrokerConnection, type ConnectionSettings, userOf } from "./broker_connection.ts";
import { ConnectionSet } from "./connection_set.ts";
import { asUser, brokerError, errorNumber } from "./error_codes.ts";
import type { RefusalPlace } from "./missing_right.ts";
import { api, type WireRequest } from "./request.ts";
import { type CoordinatorKind, findCoordinator } from "./requests/find_coordinator.ts";
import { type BrokerAddress, type ClusterMetadata, metadata, metadataWithIds } from "./requests/metadata.ts";
import { isRetriableOrIndefinite, retry } from "./retry.ts";

export interface ClusterOptions extends ConnectionSettings {
  readonly seeds: readonly { readonly host: string; readonly port: number }[];
  /** How long passing faults are retried. */
  readonly retryForMs: number;
  readonly logger: Logger;
}

/** What the client knows of the brokers: their addresses, who leads which partition, who coordinates whom. Everybody asks here and tells here when it proved wrong. */
export class Cluster {
  readonly options: ClusterOptions;
  readonly clock: Clock;
  readonly #sets = new Set<ConnectionSet>();
  #brokers = new Map<number, BrokerAddress>();
  #controllerId = -1;
  /** Leaders by topic and partition; -1 where there is none. A topic that brokers do not give has its error number instead. */
  readonly #topics = new Map<string, readonly number[] | { readonly error: number }>();
  readonly #coordinators = new Map<string, number>();
  #control: Promise<BrokerConnection> | undefined;
  #seedsTried = 0;
  readonly #refreshTopics = new Set<string>();
  #refreshing: Promise<unknown> = Promise.resolve();
  #nextRefresh: Promise<void> | undefined;
  #closed = false;

  /** Connects to one of the seeds and learns the brokers. Throws LogError "configuration" when none can be used. */
  static async open(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      cluster.#control = cluster.#firstSeed();
      await cluster.#control;
      await cluster.ask((connection) => metadata([], metadataVersion(connection))).then((answer) => cluster.#learn(answer));
      await cluster.#checkAdvertised();
      return cluster;
    } catch (thrown) {
      cluster.close();
      throw thrown instanceof LogError ? asConfiguration(thrown, options) : thrown;
    }
  }

  private constructor(options: ClusterOptions) {
    this.options = options;
    this.clock = options.clock;
  }

  /** The numbers of the brokers there are. */
  get nodeIds(): readonly number[] {
    return [...this.#brokers.keys()];
  }

  /** A set of connections for one owner. */
  connections(): ConnectionSet {
    const set = new ConnectionSet((nodeId) => this.#dial(nodeId));
    this.#sets.add(set);
    if (this.#closed) set.close();
    return set;
  }

  release(set: ConnectionSet): void {
    set.close();
    this.#sets.delete(set);
  }

  /** Sends a request to any broker, once. */
  async ask<Answer>(request: WireRequest<Answer> | ((connection: BrokerConnection) => WireRequest<Answer>)): Promise<Answer> {
    const connection = await this.#controlConnection();
    return connection.send(typeof request === "function" ? request(connection) : request);
  }

  /** Asks about topics, or about all when null; what comes is remembered. */
  async metadata(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const answer = await retry(() => this.ask((connection) => metadata(topics, metadataVersion(connection))), {
      clock: this.clock,
      forMs: this.options.retryForMs,
      again: isRetriableOrIndefinite,
    });
    this.#learn(answer);
    return answer;
  }

  /** Learns anew who leads these topics' partitions. Calls that come while one is under way share the next one. */
  refresh(topics: Iterable<string>): Promise<void> {
    for (const topic of topics) this.#refreshTopics.add(topic);
    this.#nextRefresh ??= this.#refreshing
      .catch(() => {})
      .then(async () => {
        const wanted = [...this.#refreshTopics];
        this.#refreshTopics.clear();
        this.#nextRefresh = undefined;
        const refreshing = this.ask((connection) => metadata(wanted, metadataVersion(connection)));
        this.#refreshing = refreshing;
        this.#learn(await refreshing);
      });
    return this.#nextRefresh;
  }

  /** The leader as it was last heard of; undefined when there is none or nothing was heard. */
  leader(topic: string, partition: number): number | undefined {
    const known = this.#topics.get(topic);
    if (known === undefined || "error" in known) return undefined;
    const leader = known[partition];
    return leader === undefined || leader < 0 ? undefined : leader;
  }

  /** An error of a broker's answer, see brokerError, with the name of the user where it matters. */
  refusal(number: number, what: string, detail?: string | null, place?: RefusalPlace): LogError {
    return asUser(brokerError(number, what, detail, place), userOf(this.options));
  }

  /** Why a partition has no leader, as an error. */
  noLeader(topic: string, partition: number): LogError {
    const known = this.#topics.get(topic);
    const number = known === undefined || Array.isArray(known) ? errorNumber.leaderNotAvailable : (known as { error: number }).error;
    const missing = Array.isArray(known) && partition >= known.length;
    return this.refusal(missing ? errorNumber.unknownTopicOrPartition : number, `Cannot use ${topic}/${partition}`, null, {
      topic,
      partition,
    });
  }

  /** The leader, asked for when it is not known. Throws LogError when there is none. */
  async leaderOf(topic: string, partition: number): Promise<number> {
    const known = this.leader(topic, partition);
    if (known !== undefined) return known;
    await this.refresh([topic]);
    const leader = this.leader(topic, partition);
    if (leader === undefined) throw this.noLeader(topic, partition);
    return leader;
  }

  /** A broker answered that it does not lead the partition, or could not be reached. */
  forgetLeader(topic: string, partition: number): void {
    const known = this.#topics.get(topic);
    if (Array.isArray(known) && partition < known.length) (known as number[])[partition] = -1;
  }

  async coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const known = this.#coordinators.get(`${kind}/${key}`);
    if (known !== undefined) return known;
    const broker = await this.ask(findCoordinator(kind, key));
    this.#brokers.set(broker.nodeId, broker);
    this.#coordinators.set(`${kind}/${key}`, broker.nodeId);
    return broker.nodeId;
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind}/${key}`);
  }

  /** The broker that changes topics; any broker will do where they forward such requests. */
  async controller(): Promise<number> {
    if (this.#controllerId < 0) await this.refresh([]);
    return this.#controllerId >= 0 ? this.#controllerId : [...this.#brokers.keys()][0]!;
  }

  forgetController(): void {
    this.#controllerId = -1;
  }

  close(): void {
    this.#closed = true;
    for (const set of this.#sets) set.close();
    this.#sets.clear();
    this.#control?.then(
      (connection) => connection.destroy(closed()),
      () => {},
    );
  }

  #learn({ brokers, controllerId, topics }: ClusterMetadata): void {
    // A broker that is just starting may know of no other yet.
    if (brokers.length > 0) this.#brokers = new Map(brokers.map((broker) => [broker.nodeId, broker]));
    this.#controllerId = controllerId;
    for (const { topic, error, partitions } of topics) {
      if (error !== 0 && error !== errorNumber.leaderNotAvailable) {
        this.#topics.set(topic, { error });
        continue;
      }
      const leaders: number[] = new Array(partitions.length).fill(-1);
      for (const { partition, leader } of partitions) leaders[partition] = leader;
      this.#topics.set(topic, leaders);
    }
  }

  /**
   * A broker tells its clients under which addresses the brokers are to be reached, and these may be good for other machines only. When the seed is not among
   * them, one of them has to take a connection.
   */
  async #checkAdvertised(): Promise<void> {
    const { seeds } = this.options;
    const advertised = [...this.#brokers.values()];
    if (advertised.length === 0 || advertised.some(({ host, port }) => seeds.some((seed) => seed.host === host && seed.port === port)))
      return;
    const failures: unknown[] = [];
    for (const { host, port } of advertised.slice(0, advertisedTried)) {
      try {
        const connection = await this.#open(host, port);
        connection.destroy(closed());
        return;
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    const told = advertised.map(({ host, port }) => `${host}:${port}`).join(", ");
    const reason = mostTelling(failures) as LogError;
    throw new LogError(
      reason.code,
      "configuration",
      `The brokers given answer, but tell to go on at ${told}, which fails: set the brokers' 'advertised.listeners' to addresses that can be reached from here. ${reason.message}`,
      { cause: reason },
    );
  }

  async #dial(nodeId: number): Promise<BrokerConnection> {
    if (!this.#brokers.has(nodeId)) await this.refresh([]);
    const broker = this.#brokers.get(nodeId);
    if (broker === undefined)
      throw new LogError("BROKER_UNREACHABLE", "retriable", `Broker ${nodeId} is not known to the cluster any more`);
    return this.#open(broker.host, broker.port);
  }

  async #open(host: string, port: number): Promise<BrokerConnection> {
    const connection = await BrokerConnection.open(host, port, this.options);
    if (!this.#closed) return connection;
    connection.destroy(closed());
    throw closed();
  }

  async #controlConnection(): Promise<BrokerConnection> {
    const current = this.#control;
    if (current !== undefined) {
      const connection = await current.catch(() => undefined);
      if (connection?.alive) return connection;
      // Whoever comes first replaces it; the others wait for the same attempt.
      if (this.#control === current) this.#control = this.#anyBroker();
    } else this.#control = this.#anyBroker();
    return this.#control!;
  }

  /** Tries the brokers that are known and then the seeds, beginning with another one each time. */
  async #anyBroker(): Promise<BrokerConnection> {
    if (this.#closed) throw closed();
    const known = [...this.#brokers.values()];
    const turn = this.#seedsTried++ % Math.max(1, known.length);
    let last: unknown;
    for (const { host, port } of [...known.slice(turn), ...known.slice(0, turn), ...this.options.seeds]) {
      try {
        return await this.#open(host, port);
      } catch (thrown) {
        last = thrown;
        if (thrown instanceof LogError && thrown.disposition === "configuration") break;
      }
    }
    throw last;
  }

  /** At the start a seed that does not answer must not hold up the others for long: each is given a second before the next one is tried beside it. */
  #firstSeed(): Promise<BrokerConnection> {
    const { seeds, clock } = this.options;
    return new Promise((resolve, reject) => {
      const failures: unknown[] = [];
      let found = false;
      let next = 0;
      const tryNext = (): void => {
        const seed = seeds[next++];
        if (seed === undefined || found) return;
        const attempt = this.#open(seed.host, seed.port).then(
          (connection) => {
            if (found) connection.destroy(new LogError("CLOSED", "rejected", "Another broker answered first"));
            found = true;
            resolve(connection);
          },
          (thrown) => {
            failures.push(thrown);
            if (failures.length === seeds.length) reject(mostTelling(failures));
            else tryNext();
          },
        );
        const before = next;
        const headStart = clock.after(seedHeadStartMs, () => {
          if (next === before) tryNext();
        });
        void attempt.then(() => headStart.cancel());
      };
      tryNext();
    });
  }
}

const seedHeadStartMs = 1_000;
const advertisedTried = 2;

const closed = (): LogError => new LogError("CLOSED", "rejected", "The connection to the log was closed by this program");

const metadataVersion = (connection: BrokerConnection): number =>
  connection.speaks(api.metadata, metadataWithIds) ? metadataWithIds : api.metadata.version;

const mostTelling = (failures: readonly unknown[]): unknown =>
  failures.find((failure) => failure instanceof LogError && failure.disposition === "configuration") ?? failures[0];

/** At the start there is nothing to wait for: what cannot be used has to be mended. */
const asConfiguration = (error: LogError, { seeds, sasl, tls }: ClusterOptions): LogError => {
  const closedAtOnce = error.code === "CONNECTION_CLOSED";
  const others = seeds.length > 1 ? `; none of the ${seeds.length} brokers given can be used` : "";
  const hint =
    closedAtOnce && sasl === undefined
      ? `; a listener that wants a login closes like this: set 'sasl'${tls === undefined ? " and perhaps 'ssl'" : ""}`
      : "";
  return new LogError(closedAtOnce ? "BROKER_UNREACHABLE" : error.code, "configuration", `${error.message}${others}${hint}`, {
    cause: error.cause,
  });
};
