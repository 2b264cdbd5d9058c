import type { Clock } from "../ports/clock.ts";
import type { Fetcher, FetcherOptions, GroupMember, GroupOptions, Log, LogAdmin, Outbox, Producer, ProducerOptions } from "../ports/log.ts";
import { logError } from "./disposition.ts";
import type { Link } from "./link.ts";
import { MemoryAdmin } from "./memory_admin.ts";
import type { MemoryBroker } from "./memory_broker.ts";
import { MemoryFetcher } from "./memory_fetcher.ts";
import { MemoryGroupMember } from "./memory_group_member.ts";
import { MemoryOutbox, type OutboxSizes } from "./memory_outbox.ts";
import { MemoryProducer } from "./memory_producer.ts";
import { retried, retryLimitMs } from "./retried.ts";

/** One client's view of the cluster. */
export class MemoryClient implements Log {
  readonly admin: LogAdmin;
  private readonly broker: MemoryBroker;
  private readonly link: Link;
  /** The client's own: its pauses and heartbeats come by it. */
  private readonly clock: Clock;
  private readonly fetchers = new Set<Fetcher>();
  private readonly members = new Set<GroupMember>();
  private readonly sizes: OutboxSizes = new Map();
  private closed = false;

  constructor(broker: MemoryBroker, link: Link, clock: Clock) {
    this.broker = broker;
    this.link = link;
    this.clock = clock;
    this.admin = new MemoryAdmin(broker, link, clock);
  }

  fetcher(options: FetcherOptions): Fetcher {
    this.refuseClosed();
    const fetcher = new MemoryFetcher(this.broker, this.link, this.clock, options, (closed) => this.fetchers.delete(closed));
    this.fetchers.add(fetcher);
    return fetcher;
  }

  outbox(): Outbox {
    return new MemoryOutbox(this.sizes);
  }

  heldBytes(topic: string): number {
    const { topics } = this.broker;
    let bytes = 0;
    if (topics.find(topic, 0) !== undefined) for (const partition of topics.partitions(topic)) bytes += partition.bytes;
    return bytes;
  }

  async producer({ transactionalId, transactionTimeoutMs }: ProducerOptions): Promise<Producer> {
    this.refuseClosed();
    const { transactions } = this.broker;
    const identity = await retried(this.clock, retryLimitMs, () =>
      this.link.request("InitProducerId", { transactionalId, transactionTimeoutMs }, () =>
        transactions.initProducerId(transactionalId, transactionTimeoutMs),
      ),
    );
    return new MemoryProducer(this.broker, this.link, this.clock, transactionalId, identity);
  }

  join(options: GroupOptions): GroupMember {
    this.refuseClosed();
    const member = new MemoryGroupMember(this.broker, this.link, this.clock, options, (ended) => this.members.delete(ended));
    this.members.add(member);
    return member;
  }

  /** Ends polls and leaves groups; an open transaction stays open until it is fenced or timed out. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.fetchers].map((fetcher) => fetcher.close()));
    await Promise.all([...this.members].map((member) => member.leave()));
  }

  private refuseClosed(): void {
    if (this.closed) throw logError("CLOSED", "The log is closed: connect again");
  }
}
