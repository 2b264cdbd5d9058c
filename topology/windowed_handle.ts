import { TopologyError } from "../core/errors.ts";
import { type Aggregator, count, reducing } from "../core/state/aggregator.ts";
import type { WindowContents } from "../core/window/window_operator.ts";
import { type Windows, windowStep } from "./steps/window_step.ts";
import type { KeyedHandle, StreamHandle } from "./stream_handle.ts";

/** A stream with windows and nothing in them yet. Its types are those of `WindowedStream`. */
export class WindowedHandle {
  readonly #stream: KeyedHandle;
  readonly #windows: Windows;

  constructor(stream: KeyedHandle, windows: Windows) {
    this.#stream = stream;
    this.#windows = windows;
  }

  count(name: string, result?: any): StreamHandle {
    return this.#step(name, { kind: "aggregate", aggregator: count(), result });
  }
  reduce(name: string, fn: (a: any, b: any) => any, result?: any): StreamHandle {
    return this.#step(name, { kind: "aggregate", aggregator: reducing(fn), result });
  }
  aggregate(name: string, aggregator: Aggregator<any, any, any, any>, result?: any): StreamHandle {
    return this.#step(name, { kind: "aggregate", aggregator, result });
  }
  process(name: string, process: any): StreamHandle {
    return this.#step(name, { kind: "process", process });
  }

  #step(name: string, contents: WindowContents): StreamHandle {
    const fn = contents.kind === "process" ? contents.process : contents.result;
    const sides = typeof fn === "object" ? Object.keys(fn.side ?? {}) : [];
    if (sides.includes("late"))
      throw new TopologyError(
        "NAME_INVALID",
        `Step '${name}' cannot have a side output called 'late', since that is where late records go: choose another name`,
        { step: name },
      );
    return this.#stream.next(windowStep(name, this.#windows, contents), ["late", ...sides]);
  }
}
