import { noHeaders, type RawHeaders } from "../ports/log.ts";
import type { InputTimes } from "./input_times.ts";
import type { OperatorChain } from "./operator_chain.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import { encodeUpstreamTime, type UpstreamStatus, watermarkHeaders } from "./watermark_record.ts";

interface Said {
  incarnation: number;
  watermark: number;
  status: UpstreamStatus;
  atMs: number;
}

/** A record about event time, or about the end of a task. */
export interface TimeReport {
  readonly topic: string;
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers: RawHeaders;
}

const encoder = new TextEncoder();

/**
 * What a task tells others of its event time: to every partition of the internal topics that it writes, and to its siblings. Written behind the records that it speaks for, when watermark or status has changed and the interval has passed;
 * a change of status, and the end, at once.
 */
export class WatermarkReports {
  readonly #subtopology: number;
  readonly #partition: number;
  readonly #chain: OperatorChain;
  readonly #times: InputTimes;
  readonly #environment: TaskEnvironment;
  readonly #said = new Map<string, Said>();

  constructor(options: {
    readonly subtopology: number;
    readonly partition: number;
    readonly chain: OperatorChain;
    readonly times: InputTimes;
    readonly environment: TaskEnvironment;
  }) {
    this.#subtopology = options.subtopology;
    this.#partition = options.partition;
    this.#chain = options.chain;
    this.#times = options.times;
    this.#environment = options.environment;
  }

  /** What there is to say since the last time; counted as said from now on. */
  collect(): TimeReport[] {
    const reports: TimeReport[] = [];
    // A task reports its end only when nothing is left to fire: until then the watermark before stands.
    const ended = this.#times.finished && !this.#chain.time.advancing && this.#chain.isFinished;
    const byTopic = new Map<string, { watermark: number; idle: boolean; partitions: number }>();
    for (const { node, writer } of this.#chain.writers) {
      if (!writer.plan.watermarks) continue;
      const watermark = this.#chain.time.finishedWatermarkOf(node);
      const idle = this.#chain.time.idleOf(node);
      // Several steps may write one topic: the task speaks for all of them.
      const known = byTopic.get(writer.topic);
      byTopic.set(writer.topic, {
        watermark: Math.min(watermark, known?.watermark ?? Number.POSITIVE_INFINITY),
        idle: idle && (known?.idle ?? true),
        partitions: writer.partitions,
      });
    }
    for (const [topic, { watermark, idle, partitions }] of byTopic) {
      const status = ended ? "finished" : idle ? "idle" : "active";
      const value = this.#news(topic, watermark, status);
      if (value === undefined) continue;
      for (let partition = 0; partition < partitions; partition++)
        reports.push({ topic, partition, key: null, value, headers: watermarkHeaders });
    }
    if (!this.#environment.siblingsMatter || this.#environment.tasksOf(this.#subtopology) < 2) return reports;
    const value = this.#news("", this.#times.watermark, ended ? "finished" : this.#times.allIdle ? "idle" : "active");
    if (value !== undefined)
      reports.push({
        topic: this.#environment.watermarksTopic,
        partition: 0,
        key: encoder.encode(`${this.#subtopology}_${this.#partition}`),
        value,
        headers: noHeaders,
      });
    return reports;
  }

  #news(to: string, watermark: number, status: UpstreamStatus): Uint8Array | undefined {
    const { clock, guarantee } = this.#environment;
    const nowMs = clock.monotonic();
    const said = this.#said.get(to);
    const incarnation = this.#environment.generation();
    // Without changelogs a reader that was opened anew has forgotten what it was told.
    const forgotten = guarantee === "none" && said !== undefined && said.incarnation !== incarnation;
    if (
      said !== undefined &&
      !forgotten &&
      said.status === status &&
      (said.watermark >= watermark || nowMs - said.atMs < this.#environment.watermarkIntervalMs)
    )
      return undefined;
    if (said === undefined && watermark === Number.NEGATIVE_INFINITY && status === "active") return undefined;
    this.#said.set(to, { incarnation, watermark, status, atMs: nowMs });
    return encodeUpstreamTime({
      subtopology: this.#subtopology,
      partition: this.#partition,
      tasks: this.#environment.tasksOf(this.#subtopology),
      incarnation,
      watermark,
      status,
    });
  }
}
