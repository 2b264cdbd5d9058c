import { partitionId, type TopicDescription, type TopicPartition, type TopicSpec } from "../ports/log.ts";
import { logError } from "./disposition.ts";
import { PartitionLog, type PartitionOptions } from "./partition_log.ts";
import { type TopicSettings, topicSettings } from "./topic_settings.ts";

interface Topic {
  readonly id: string;
  readonly settings: TopicSettings;
  readonly partitions: PartitionLog[];
}

export interface RegistryOptions extends PartitionOptions {
  readonly brokers: number;
  readonly newTopicId: () => string;
  readonly forgetInGroups: (topic: string) => void;
}

const legalName = /^[a-zA-Z0-9._-]{1,249}$/;

/** The topics there are. None is ever created because somebody asked for it by name. */
export class TopicRegistry {
  private readonly options: RegistryOptions;
  private readonly topics = new Map<string, Topic>();

  constructor(options: RegistryOptions) {
    this.options = options;
  }

  names(): string[] {
    return [...this.topics.keys()];
  }

  describe(names: readonly string[]): ReadonlyMap<string, TopicDescription> {
    const found = new Map<string, TopicDescription>();
    for (const topic of names) {
      const known = this.topics.get(topic);
      if (known !== undefined) found.set(topic, { topic, topicId: known.id, partitions: known.partitions.length });
    }
    return found;
  }

  config(name: string): ReadonlyMap<string, string> {
    return this.topic(name).settings.values;
  }

  /** The partition, or undefined where there is none. */
  find(topic: string, partition: number): PartitionLog | undefined {
    return this.topics.get(topic)?.partitions[partition];
  }

  /** @throws LogError UNKNOWN_TOPIC_OR_PARTITION */
  partition({ topic, partition }: TopicPartition): PartitionLog {
    return this.find(topic, partition) ?? unknown(partitionId(topic, partition), topic, partition);
  }

  partitions(topic: string): readonly PartitionLog[] {
    return this.topic(topic).partitions;
  }

  all(): PartitionLog[] {
    return [...this.topics.values()].flatMap((topic) => topic.partitions);
  }

  /** Creates what does not exist; when one of the specifications is refused, none of the later ones is looked at. */
  create(specs: readonly TopicSpec[]): void {
    for (const spec of specs) {
      this.refuseName(spec.topic);
      if (this.topics.has(spec.topic)) continue;
      const { partitions, replication, topic } = spec;
      if (!(partitions === -1 || (Number.isSafeInteger(partitions) && partitions > 0)))
        throw logError("INVALID_PARTITIONS", `Topic '${topic}' cannot have ${partitions} partitions: it needs at least 1`, { topic });
      if (!(replication === -1 || (replication >= 1 && replication <= this.options.brokers)))
        throw logError(
          "INVALID_CONFIG",
          `Topic '${topic}' cannot have replication ${replication}: there are ${this.options.brokers} brokers; -1 takes the default`,
          { topic },
        );
      const settings = topicSettings(topic, spec.config);
      const created: Topic = { id: this.options.newTopicId(), settings, partitions: [] };
      this.topics.set(topic, created);
      this.grow(topic, created, Math.max(1, partitions));
    }
  }

  /** Who asks for as many as there are has what he wants. */
  addPartitions(name: string, total: number): void {
    const topic = this.topic(name);
    const now = topic.partitions.length;
    if (!(Number.isSafeInteger(total) && total >= now))
      throw logError("INVALID_PARTITIONS", `Topic '${name}' has ${now} partitions and cannot have ${total}: the number can only grow`, {
        topic: name,
      });
    this.grow(name, topic, total);
  }

  /** What is not there need not be deleted. */
  delete(names: readonly string[]): void {
    for (const name of names) {
      const partitions = this.topics.get(name)?.partitions ?? [];
      this.topics.delete(name);
      this.options.forgetInGroups(name);
      for (const partition of partitions) partition.vanish();
    }
  }

  private grow(name: string, topic: Topic, total: number): void {
    while (topic.partitions.length < total)
      topic.partitions.push(new PartitionLog(name, topic.partitions.length, topic.settings, this.options));
  }

  private topic(name: string): Topic {
    return this.topics.get(name) ?? unknown(name, name, undefined);
  }

  private refuseName(topic: string): void {
    if (!legalName.test(topic) || topic === "." || topic === "..")
      throw logError("INVALID_TOPIC", `Topic '${topic.slice(0, 300)}' cannot be: use 1 to 249 letters, digits, '.', '_' and '-'`, {
        topic,
      });
    const alike = topic.replaceAll(".", "_");
    for (const other of this.topics.keys())
      if (other !== topic && other.replaceAll(".", "_") === alike)
        throw logError(
          "INVALID_TOPIC",
          `Topic '${topic}' cannot be beside '${other}': names that differ only in '.' and '_' collide in metrics`,
          { topic },
        );
  }
}

const unknown = (what: string, topic: string, partition: number | undefined): never => {
  throw logError("UNKNOWN_TOPIC_OR_PARTITION", `There is no '${what}': create the topic first`, { topic, partition });
};
