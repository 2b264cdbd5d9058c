import { testDriver } from "millrace/testing";
import { build, plainTopic } from "./build.ts";
import { held } from "./held.ts";
import { version } from "./processors.ts";
import type { HeaderOfVector, InputOfVector, Json, KafkaStreamsOutcome, KafkaStreamsVector, OutputOfVector } from "./vector.ts";
import { shownWindow } from "./windows.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Runs a scenario with the test driver, and gives what came of it.
 * @param options `restarting`: the tasks begin anew from their state after every input. `failing`: the first result of every input fails, is taken back with everything that led to it, and tried again
 */
export const interpretKafkaStreams = (
  vector: KafkaStreamsVector,
  options: { readonly restarting?: boolean; readonly failing?: boolean } = {},
): KafkaStreamsOutcome => {
  let armed = false;
  const fault = (): void => {
    if (!armed) return;
    armed = false;
    throw new Error("Once and not again");
  };
  const { program, outputs, stores, peeks } = build(vector, options.failing === true ? fault : undefined);
  const driver = testDriver(program);
  const readers = [...outputs].map(([name, { topic, window }]) => ({ name, window, output: driver.createOutputTopic<Json, Json>(topic) }));
  const inputs = new Map<string, ReturnType<typeof driver.createInputTopic>>();
  const got: Record<string, OutputOfVector[]> = Object.fromEntries(readers.map(({ name }) => [name, []]));
  let error: KafkaStreamsOutcome["error"];

  const feed = (input: InputOfVector): void => {
    if (input.advanceWallClockMs !== undefined) {
      driver.advanceWallClockTime(input.advanceWallClockMs);
      return;
    }
    const { topic, timestamp } = input;
    const known = inputs.get(topic!) ?? driver.createInputTopic(plainTopic(topic!));
    inputs.set(topic!, known);
    const { key, value, headers } = bytesOf(input);
    known.pipeRaw(key, value, { timestamp: timestamp!, headers });
  };

  for (const [i, input] of vector.inputs.entries()) {
    armed = true;
    try {
      feed(input);
    } catch (thrown) {
      error = { i, rootMessage: rootOf(thrown) };
    }
    for (const { name, window, output } of readers)
      for (const { key, value, timestamp, headers } of output.readRecords()) {
        const list: readonly HeaderOfVector[] = [...headers].map(([header, content]) => ({
          key: header,
          value: content === null ? null : decoder.decode(content),
        }));
        got[name]!.push({
          ...(window === undefined || key === null ? { key } : { key: key.key, window: shownWindow(key.window, window) }),
          value,
          timestamp,
          i,
          ...(list.length === 0 ? {} : { headers: list }),
        });
      }
    if (error !== undefined) break;
    if (options.restarting === true) driver.restart();
  }

  return {
    expected: got,
    ...(vector.peeks === undefined ? {} : { peeks }),
    ...(vector.stores === undefined
      ? {}
      : { stores: Object.fromEntries(Object.keys(vector.stores).map((name) => [name, held(driver.store(name), stores.get(name)!)])) }),
    ...(vector.storeQueries === undefined
      ? {}
      : {
          storeQueries: vector.storeQueries.map(({ store, key, asOf }) => ({
            store,
            key,
            ...(asOf === undefined ? {} : { asOf }),
            result: version(driver.store(store).get(key, asOf)),
          })),
        }),
    ...(vector.changelogs === undefined
      ? {}
      : { changelogs: Object.fromEntries(Object.keys(vector.changelogs).map((name) => [name, driver.changelog(name)])) }),
    metrics: { droppedRecords: driver.droppedRecords() },
    ...(error === undefined ? {} : { error }),
  };
};

/** A record of the input as it stands in its topic. */
export const bytesOf = ({ rawKey, rawValue, key, value, headers = [] }: InputOfVector): RawRecord => {
  const bytes = (raw: string | undefined, of: Json): Uint8Array | null => {
    if (raw !== undefined) return encoder.encode(raw);
    return of === null || of === undefined ? null : encoder.encode(JSON.stringify(of));
  };
  return {
    key: bytes(rawKey, key),
    value: bytes(rawValue, value),
    headers: headers.map(({ key: name, value: content }) => [name, content === null ? null : encoder.encode(content)]),
  };
};

interface RawRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[];
}

/** What the user's own function threw, or the error itself. */
const rootOf = (thrown: unknown): string => {
  let root = thrown;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  return root instanceof Error ? root.message : String(root);
};
