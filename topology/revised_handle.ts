import { windowedView } from "../core/operators/table_view.ts";
import { type Aggregator, count, reducing } from "../core/state/aggregator.ts";
import { type RevisedWindows, windowTableStep } from "./steps/window_step.ts";
import type { KeyedHandle } from "./stream_handle.ts";
import { namedStore, TableHandle } from "./table_handle.ts";

/** A stream with windows that become the rows of a table. Its types are those of `WindowedTable`. */
export class RevisedHandle {
  readonly #stream: KeyedHandle;
  readonly #windows: RevisedWindows;

  constructor(stream: KeyedHandle, windows: RevisedWindows) {
    this.#stream = stream;
    this.#windows = windows;
  }

  count(store: unknown): TableHandle {
    return this.#step(store, count());
  }
  reduce(store: unknown, fn: (a: any, b: any) => any): TableHandle {
    return this.#step(store, reducing(fn));
  }
  aggregate(store: unknown, aggregator: Aggregator<any, any, any, any>): TableHandle {
    return this.#step(store, aggregator);
  }

  #step(store: unknown, aggregator: Aggregator<any, any, any, any>): TableHandle {
    const { graph } = this.#stream;
    const { assigner, latenessMs = 0 } = this.#windows;
    const { step, reader } = windowTableStep(namedStore(store), this.#windows, aggregator);
    const id = graph.add(step);
    const gapMs = assigner.merging ? (assigner.parameters["gap"] as number) : 0;
    return new TableHandle(
      graph,
      id,
      {
        view: { steps: [id], open: windowedView(reader, gapMs) },
        versioned: false,
        // For windows around records what waits for their end counts from the last moment in them, as Kafka Streams does.
        windows: { latenessMs, end: ({ window }) => (assigner.name === "around" ? window.end - 1 : window.end) },
      },
      (builder, node) => this.#stream.over(builder, node),
    );
  }
}
