import type {
  Fetcher,
  FetcherOptions,
  GroupMember,
  GroupOptions,
  Log,
  LogAdmin,
  Outbox,
  Producer,
  ProducerOptions,
} from "../../core/ports/log.ts";
import { BatchBuilder } from "./batch_builder.ts";
import { BatchLimits } from "./batch_limits.ts";
import { BufferPool } from "./buffer_pool.ts";
import { Cluster } from "./cluster.ts";
import { compressor, decompressor } from "./compression.ts";
import { KafkaAdmin } from "./kafka_admin.ts";
import { KafkaFetcher } from "./kafka_fetcher.ts";
import { KafkaGroupMember } from "./kafka_group_member.ts";
import { checkKafkaOptions, type KafkaOptions } from "./kafka_options.ts";
import { KafkaOutbox } from "./kafka_outbox.ts";
import { KafkaProducer, type ProducerSettings } from "./kafka_producer.ts";

/**
 * Opens a log on a Kafka cluster, 2.5 or later. Throws ConfigurationError for an option that cannot be used, and LogError with disposition "configuration"
 * when no broker can be reached or logged in at.
 *
 * @example
 * ```ts ignore
 * import { kafkaLog } from "./kafka_log.ts";
 *
 * const log = await kafkaLog({ brokers: ["127.0.0.1:9092"] });
 * console.log(await log.admin.list());
 * await log.close();
 * ```
 */
export const kafkaLog = async (options: KafkaOptions): Promise<Log> => {
  const {
    cluster: clusterOptions,
    compression,
    batchBytes,
    decompressedBytesMax,
    decompressionRatioMax,
    transactionProtocol,
  } = checkKafkaOptions(options);
  const settings: ProducerSettings = {
    pool: new BufferPool(keptBytesMax),
    limits: new BatchLimits(batchBytes),
    compressor: compressor(compression),
    decompress: decompressor(decompressedBytesMax, decompressionRatioMax),
    transactionProtocol,
  };
  return new KafkaLog(await Cluster.open(clusterOptions), settings);
};

class KafkaLog implements Log {
  readonly admin: LogAdmin;
  readonly compressedBytes?: NonNullable<Log["compressedBytes"]>;
  readonly #cluster: Cluster;
  readonly #settings: ProducerSettings;

  constructor(cluster: Cluster, settings: ProducerSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.admin = new KafkaAdmin(cluster);
    const { compressor, pool } = settings;
    if (compressor === undefined) return;
    this.compressedBytes = (key, value, headers) => {
      const batch = new BatchBuilder(pool);
      batch.append(key, value, 0, headers);
      const bytes = batch.bytesWith(compressor.size);
      batch.release();
      return bytes;
    };
  }

  fetcher(options: FetcherOptions): Fetcher {
    return new KafkaFetcher(this.#cluster, options, this.#settings.decompress);
  }

  outbox(): Outbox {
    return new KafkaOutbox(this.#settings.pool, this.#settings.limits);
  }

  producer(options: ProducerOptions): Promise<Producer> {
    return KafkaProducer.open(this.#cluster, options, this.#settings);
  }

  join(options: GroupOptions): GroupMember {
    return new KafkaGroupMember(this.#cluster, options);
  }

  async close(): Promise<void> {
    this.#cluster.close();
  }
}

/** How much memory of finished batches is kept for the next ones. */
const keptBytesMax = 32 * 1024 * 1024;
