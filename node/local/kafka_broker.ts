import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ChildServer, serverIn, startChildServer } from "./child_server.ts";
import { freePort } from "./free_port.ts";
import { kafkaJars, kafkaMissing, kafkaVersion } from "./kafka_jars.ts";
import { type KafkaPorts, kafkaProperties } from "./kafka_properties.ts";
import { type KafkaTls, kafkaTls } from "./kafka_tls.ts";

export interface LocalKafkaOptions {
  /** How many nodes, each broker and controller. @default 1 */
  readonly nodes?: number;
  /** The port of the first node; the others take the following even ones. Free ports when left out. */
  readonly port?: number;
  /** Where the data is kept. Left out, it goes to a temporary folder that is deleted at the end. */
  readonly dataDir?: string;
  /** User names and passwords for listeners with PLAIN and SCRAM. With users, those who are not in `superUsers` may do nothing. */
  readonly users?: Readonly<Record<string, string>>;
  readonly superUsers?: readonly string[];
  /** Adds listeners with TLS: good ones, one that asks for the client's certificate, and two with certificates to be refused. @default false */
  readonly tls?: boolean;
  /** Adds a listener to each node that tells clients to connect to another port: there a proxy can stand. */
  readonly proxyPorts?: readonly number[];
  /** More settings of the brokers. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Feature levels when the data is made, for instance { "transaction.version": 1 }. */
  readonly features?: Readonly<Record<string, number>>;
  /** @default "4.1.0" */
  readonly version?: string;
  /** Heap of each node, megabytes. @default 384 */
  readonly heapMb?: number;
  /** Lets the nodes go on when this process ends. @default false */
  readonly outlives?: boolean;
}

export interface LocalKafka {
  /** Addresses of the listeners, "127.0.0.1:port", one per node. */
  readonly brokers: readonly string[];
  readonly saslBrokers: readonly string[];
  readonly tlsBrokers: readonly string[];
  readonly saslTlsBrokers: readonly string[];
  /** Where the brokers themselves listen for what comes through the proxies. */
  readonly behindProxies: readonly string[];
  /** Ask for the client's certificate, `client`; her name is carol. */
  readonly mutualTlsBrokers: readonly string[];
  /** With a certificate that has expired, and with one of another host. */
  readonly expiredTlsBrokers: readonly string[];
  readonly elsewhereTlsBrokers: readonly string[];
  /** The certificates; absent without TLS. */
  readonly tls: KafkaTls | undefined;
  /** The folder with the jars. */
  readonly jars: string;
  readonly pids: readonly number[];
  /** The process of one node; undefined while it does not run. */
  pidOf(node: number): number | undefined;
  /** Ends one node at once, as a crash would. */
  kill(node: number): Promise<void>;
  /** Starts a node that was ended. */
  restart(node: number): Promise<void>;
  /** Ends all nodes and deletes temporary data. */
  stop(): Promise<void>;
}

/**
 * Starts Kafka on the loopback address, without Docker. Fetches it the first time. Resolves when all nodes take connections.
 * Throws an Error that says what is missing on this machine.
 */
export const startKafka = async (options: LocalKafkaOptions = {}): Promise<LocalKafka> => {
  const version = options.version ?? kafkaVersion;
  const missing = kafkaMissing(version);
  if (missing.length > 0)
    throw new Error(`Cannot start Kafka without ${missing.join(" and ")}: install Java 17 or later, and Maven, which fetches Kafka once`);
  const jars = await kafkaJars(version);
  const nodes = options.nodes ?? 1;
  const temporary = options.dataDir === undefined;
  const folder = options.dataDir ?? (await mkdtemp(join(tmpdir(), "millrace-kafka-")));
  await mkdir(folder, { recursive: true });
  const tls = options.tls ? await kafkaTls(folder) : undefined;
  const ports = await choosePorts(nodes, options);
  const cluster = new KafkaProcesses({ jars, folder, nodes, tls, ports, options });
  try {
    await cluster.start();
  } catch (thrown) {
    await cluster.stop();
    if (temporary) await rm(folder, { recursive: true, force: true });
    throw thrown;
  }
  const address = (port: number): string => `127.0.0.1:${port}`;
  const withUsers = options.users !== undefined;
  const withTls = (port: (of: KafkaPorts) => number): readonly string[] => (tls === undefined ? [] : ports.map((of) => address(port(of))));
  return {
    brokers: ports.map(({ plain }) => address(plain)),
    saslBrokers: withUsers ? ports.map(({ sasl }) => address(sasl)) : [],
    tlsBrokers: withTls(({ tls }) => tls),
    mutualTlsBrokers: withTls(({ mutualTls }) => mutualTls),
    expiredTlsBrokers: withTls(({ expiredTls }) => expiredTls),
    elsewhereTlsBrokers: withTls(({ elsewhereTls }) => elsewhereTls),
    saslTlsBrokers: withUsers ? withTls(({ saslTls }) => saslTls) : [],
    behindProxies: ports.flatMap(({ proxied }) => (proxied === undefined ? [] : [address(proxied.listen)])),
    tls,
    jars,
    get pids() {
      return cluster.pids;
    },
    pidOf: (node) => cluster.pidOf(node),
    kill: (node) => cluster.kill(node),
    restart: (node) => cluster.startNode(node),
    stop: async () => {
      await cluster.stop();
      if (temporary) await rm(folder, { recursive: true, force: true });
    },
  };
};

/** The folder of one node within the data folder, where its process id is noted. */
export const kafkaNodeFolder = (dataDir: string, node: number): string => join(dataDir, `node-${node}`);

const choosePorts = async (nodes: number, { port, proxyPorts }: LocalKafkaOptions): Promise<KafkaPorts[]> => {
  const free = new Set<number>();
  while (free.size < nodes * portsOfNode) free.add(await freePort());
  const [...ports] = free;
  return Array.from({ length: nodes }, (_, node) => {
    const advertised = proxyPorts?.[node];
    const listen = ports.pop()!;
    return {
      plain: port === undefined ? ports.pop()! : port + node * 2,
      controller: port === undefined ? ports.pop()! : port + node * 2 + 1,
      sasl: ports.pop()!,
      tls: ports.pop()!,
      saslTls: ports.pop()!,
      mutualTls: ports.pop()!,
      expiredTls: ports.pop()!,
      elsewhereTls: ports.pop()!,
      ...(advertised === undefined ? {} : { proxied: { listen, advertised } }),
    };
  });
};

const portsOfNode = 9;

interface KafkaSetup {
  readonly jars: string;
  readonly folder: string;
  readonly nodes: number;
  readonly tls: KafkaTls | undefined;
  readonly ports: readonly KafkaPorts[];
  readonly options: LocalKafkaOptions;
}

/** The Java processes of one cluster, each in a folder of its own. */
class KafkaProcesses {
  readonly #setup: KafkaSetup;
  readonly #running = new Map<number, ChildServer>();

  constructor(setup: KafkaSetup) {
    this.#setup = setup;
    // Before those who want to delete what the nodes still write to.
    if (!setup.options.outlives) process.prependOnceListener("exit", this.#atExit);
  }

  get pids(): readonly number[] {
    return [...this.#running.values()].map(({ pid }) => pid);
  }

  pidOf(index: number): number | undefined {
    return this.#running.get(index)?.pid;
  }

  async start(): Promise<void> {
    const { nodes, folder, tls, ports, options } = this.#setup;
    for (let index = 0; index < nodes; index++) {
      const own = kafkaNodeFolder(folder, index);
      await mkdir(own, { recursive: true });
      const data = join(own, "data");
      const node = {
        index,
        ports,
        data,
        tls,
        users: options.users ?? {},
        superUsers: options.superUsers ?? [],
        properties: options.properties ?? {},
      };
      await writeFile(join(own, propertiesFile), kafkaProperties(node));
      if (!existsSync(join(data, "meta.properties"))) await this.#format(own);
    }
    await Promise.all(Array.from({ length: nodes }, (_, index) => this.startNode(index)));
  }

  async startNode(index: number): Promise<void> {
    const { options, ports, folder } = this.#setup;
    const node = await startChildServer({
      name: `Kafka node ${index}`,
      command: "java",
      args: [`-Xmx${options.heapMb ?? 384}m`, "-Xms128m", ...quickStart, "-cp", this.#classPath, "kafka.Kafka", propertiesFile],
      folder: kafkaNodeFolder(folder, index),
      ready: () => answers(ports[index]!.plain),
    });
    this.#running.set(index, node);
  }

  async kill(index: number): Promise<void> {
    const node = this.#running.get(index);
    if (node === undefined) return;
    process.kill(node.pid, "SIGKILL");
    this.#running.delete(index);
    await node.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((node) => node.stop()));
    this.#running.clear();
    process.off("exit", this.#atExit);
  }

  /** A node that is only starting has its process, too. */
  readonly #atExit = (): void => {
    for (let index = 0; index < this.#setup.nodes; index++) {
      const pid = serverIn(kafkaNodeFolder(this.#setup.folder, index));
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    }
  };

  async #format(folder: string): Promise<void> {
    const { users, features } = this.#setup.options;
    const scram = Object.entries(users ?? {}).flatMap(([user, password]) =>
      ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => ["--add-scram", `${mechanism}=[name=${user},password=${password}]`]),
    );
    const levels = Object.entries(features ?? {}).flatMap(([feature, level]) => ["--feature", `${feature}=${level}`]);
    const format = ["kafka.tools.StorageTool", "format", "--cluster-id", clusterId, "--config", join(folder, propertiesFile)];
    await promisify(execFile)("java", ["-Xmx128m", ...quickStart, "-cp", this.#classPath, ...format, ...scram, ...levels]);
  }

  get #classPath(): string {
    return join(this.#setup.jars, "*");
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

const quickStart = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"];
const clusterId = "bG9jYWwtbWlsbHJhY2UtMQ";
const propertiesFile = "kafka.properties";
