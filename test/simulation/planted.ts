/** A bug in one place: what stands there, which has to stand there exactly once, and what takes its place. */
export interface Planted {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const runtime = (name: string, file: string, find: string, replace: string): Planted => ({
  name,
  file: `core/runtime/${file}.ts`,
  find,
  replace,
});
const operators = (name: string, file: string, find: string, replace: string): Planted => ({
  name,
  file: `core/operators/${file}.ts`,
  find,
  replace,
});
const log = (name: string, file: string, find: string, replace: string): Planted => ({ name, file: `core/log/${file}.ts`, find, replace });

/**
 * Mistakes that people make with the exactly-once protocol; each broke it in the library, or in others.
 *
 * Some are not among them since another guard takes their place, so that nobody sees a difference:
 * - Offsets without a generation, and an expelled member that goes on: whoever takes tasks over first opens the epochs of those that had them, and nothing of theirs can be committed any more.
 * - An input that has grown and is not looked at again: the sample of keys that is compared with their partitions stops the instance as soon as one lies elsewhere, and a start compares the topics with those of before.
 * - A step's own event time that is not said again after a restart: the next record says it.
 */
export const planted: readonly Planted[] = [
  // ------------------------------------------------------------ opening and restoring
  runtime("departed workers are not fenced", "openings", "await this.#options.departed.end(departed);", ""),
  runtime("positions are read without waiting for open transactions", "openings", "requireStable: true,", "requireStable: false,"),
  runtime(
    "a restore ends at the last stable offset",
    "store_follower",
    'admin.offsets(changelogs, "latest", "read-uncommitted"),',
    'admin.offsets(changelogs, "latest", "read-committed"),',
  ),
  runtime("a restore applies aborted records", "store_follower", 'isolation: "read-committed",', 'isolation: "read-uncommitted",'),
  runtime(
    "a restore goes by the last record and not by position",
    "store_follower",
    "if (!more) followed.offset = Math.min(fetched.nextOffset, upTo);",
    "",
  ),
  runtime(
    "a table is restored beyond what is committed of its topic",
    "store_follower",
    "upTo.set(id, Math.min(ends.get(id) ?? 0, committed.get(id)?.offset ?? 0));",
    "",
  ),
  runtime(
    "a standby follows the topic of a table beyond what is committed",
    "store_follower",
    "committed.get(partitionId(topic, partition))?.offset ?? 0);",
    "Number.POSITIVE_INFINITY);",
  ),
  runtime(
    "what is there of a store counts as all of it",
    "store_follower",
    "if (toTheEnd && offset >= end) continue;",
    "if (toTheEnd && (offset >= end || offset > start)) continue;",
  ),
  runtime(
    "watermarks of sources begin anew after a restore",
    "offset_metadata",
    "watermark: read(watermark)",
    "watermark: Number.NEGATIVE_INFINITY",
  ),
  {
    name: "timers are lost when a task moves",
    file: "core/state/timer_service.ts",
    find: "this.#insert(new Timer(timestamp, this.#state, this.#namespaced, true));",
    replace: "",
  },
  runtime(
    "what upstream tasks have said of time is forgotten",
    "upstream_vector",
    'if (time.status !== "finished" || bounded) this.#apply(time);',
    "void time;",
  ),
  // ------------------------------------------------------------ reading
  runtime(
    "inputs are read uncommitted",
    "reader",
    'log.fetcher({ isolation: "read-committed"',
    'log.fetcher({ isolation: "read-uncommitted"',
  ),
  log("the abort filter lets records through", "committed_batches", "hidden.add(beginnings[begun++]!.producerId)", "begun++"),
  runtime(
    "an input's position does not pass what was filtered",
    "task_input",
    "this.position = Math.max(this.position, chunk.nextOffset);",
    "",
  ),
  // ------------------------------------------------------------ committing
  runtime("a commit does not wait for its records", "committer", "        sent,\n", "        new Map<string, number>(),\n"),
  runtime(
    "a commit does not wait for what was sent ahead",
    "committer",
    "let bases: BaseOffsets;\n    try {\n      await this.#ahead;",
    "let bases: BaseOffsets;\n    try {",
  ),
  runtime(
    "an old epoch is used on after a failure",
    "commit_cycle",
    "    await this.#reopen();\n    // Somebody may",
    "    // Somebody may",
  ),
  runtime(
    "an unknown outcome is taken for a failure",
    "commit_cycle",
    'failure.outcome === "unknown" && (await this.#patiently(() => committer.happened(sealed.offsets, group().groupId)))',
    'failure.outcome === "nobody asks"',
  ),
  runtime(
    "an unknown outcome is taken for a success",
    "commit_cycle",
    'failure.outcome === "unknown" && (await this.#patiently(() => committer.happened(sealed.offsets, group().groupId)))',
    'failure.outcome === "unknown"',
  ),
  runtime(
    "what was sealed is dropped although it has happened",
    "commit_cycle",
    "if (happened) return this.#apply(sealed, new Map());",
    "if (happened) return this.#clear();",
  ),
  runtime(
    "state keeps what a failed commit has written",
    "stream_task",
    "    this.#staging.drop();\n    this.#chain.close();\n    this.#open();",
    "    this.#staging.drop();",
  ),
  runtime("purging goes by what was read and not by what was committed", "purge", "task.committedOffset(input)", "input.position"),
  // ------------------------------------------------------------ rebalances
  runtime(
    "tasks are not held while the group shares anew",
    "membership",
    "for (const task of this.#options.tasks.values()) task.hold();",
    "",
  ),
  runtime("what tasks did while they were held is lost", "membership", "for (const task of tasks.values()) task.release();", ""),
  // ------------------------------------------------------------ the log
  log("a repeated batch is appended again", "producer_states", "return one.baseOffset;", "return undefined;"),
  log(
    "an epoch is given twice",
    "transaction_coordinator",
    "} else transaction.epoch++;",
    "} else transaction.epoch = Math.max(0, transaction.epoch);",
  ),
  log(
    "offsets of an aborted transaction count",
    "group_offsets",
    'if (marker === "abort" || held === undefined) return;',
    "if (held === undefined) return;",
  ),
  // ------------------------------------------------------------ event time
  runtime(
    "a watermark is lost on its way to a step whose idleness ends",
    "time_graph",
    "if (!idle || (passed > node.done && !asSaid)) tellIdle(node, false);",
    "if (!idle) tellIdle(node, false);",
  ),
  runtime(
    "a watermark is lost that comes with the end of a short activity",
    "input_times",
    "if (!idle || input.watermark > this.#told[index]!) this.#setIdle(index, false);",
    "if (!idle) this.#setIdle(index, false);",
  ),
  // ------------------------------------------------------------ steps
  operators(
    "time passes an asynchronous step before what waits in it",
    "async_operator",
    "if (this.#order.isEmpty) this.#pass(watermark);",
    "if (watermark > this.#passed) this.#pass(watermark);",
  ),
  operators(
    "what was asked is forgotten when the task moves",
    "async_operator",
    "of this.#queue.load())",
    "of this.#queue.load().slice(0, 0))",
  ),
  // ------------------------------------------------------------ without transactions, and at the end
  runtime(
    "without transactions positions are committed though the records before them are not safe",
    "committer",
    "if (outputs !== undefined && outputs.records > 0) await producer.send(outputs);",
    "if (outputs !== undefined && outputs.records > 0) producer.send(outputs).catch(() => {});",
  ),
  runtime("a producer that is opened too late stays open", "feed", "if (signal.aborted) return producer.close();", ""),
];
