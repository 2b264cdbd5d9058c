import { testDriver } from "millrace/testing";
import { build, plainTopic } from "./build.ts";
import { version } from "./processors.ts";
import type {
  HeaderOfVector,
  InputOfVector,
  Json,
  KafkaStreamsOutcome,
  KafkaStreamsVector,
  OutputOfVector,
  StoreOfVector,
} from "./vector.ts";
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
    const { topic, timestamp, headers = [] } = input;
    const known = inputs.get(topic!) ?? driver.createInputTopic(plainTopic(topic!));
    inputs.set(topic!, known);
    const bytes = (raw: string | undefined, value: Json): Uint8Array | null => {
      if (raw !== undefined) return encoder.encode(raw);
      return value === null || value === undefined ? null : encoder.encode(JSON.stringify(value));
    };
    known.pipeRaw(bytes(input.rawKey, input.key), bytes(input.rawValue, input.value), {
      timestamp: timestamp!,
      headers: headers.map(({ key, value }) => [key, value === null ? null : encoder.encode(value)] as const),
    });
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

  const held = (name: string): StoreOfVector => {
    const { type, window } = stores.get(name)!;
    const store = driver.store(name);
    const shown = (of: Json) => (window === undefined ? of : shownWindow(of, window));
    switch (type) {
      case "kv":
        return {
          type,
          entries: [...store.all()].map(([key, value]: Json) => ({
            ...(window === undefined ? { key } : { key: key.key, window: shown(key.window) }),
            value,
            ...stamp(store.timestampOf(key)),
          })),
        };
      case "versioned":
        return { type, entries: [...store.all()].map(([key, { value, timestamp }]: Json) => ({ key, value, timestamp })) };
      case "window":
        return {
          type,
          entries: [...store.all()].map(([{ key, window: at }, value]: Json) => ({
            key,
            window: shown(at),
            value,
            ...stamp(store.timestampOf(key, at.start)),
          })),
        };
      case "session":
        return { type, entries: [...store.all()].map(([{ key, window: at }, value]: Json) => ({ key, window: shown(at), value })) };
    }
  };
  return {
    expected: got,
    ...(vector.peeks === undefined ? {} : { peeks }),
    ...(vector.stores === undefined ? {} : { stores: Object.fromEntries(Object.keys(vector.stores).map((name) => [name, held(name)])) }),
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

const stamp = (timestamp: number | undefined): { readonly timestamp?: number } => (timestamp === undefined ? {} : { timestamp });

/** What the user's own function threw, or the error itself. */
const rootOf = (thrown: unknown): string => {
  let root = thrown;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  return root instanceof Error ? root.message : String(root);
};
