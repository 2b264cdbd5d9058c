import type { OperatorContext, Push } from "../operators/operator.ts";
import type { Out } from "../operators/process_function.ts";
import { RecordMeta } from "../record.ts";
import { openState } from "../state/descriptors.ts";
import { keyed } from "./custom_trigger.ts";
import type { Pane, PaneProcess } from "./pane.ts";
import type { Window } from "./window.ts";
import type { WindowSpace } from "./window_space.ts";

/** What is made of a pane when it is evaluated: nothing more (undefined), one result, several, or a function with state. */
export type PaneCall =
  | { readonly kind: "as is" }
  | { readonly kind: "one"; readonly fn: (input: any, pane: Pane<any, any>) => unknown }
  | { readonly kind: "many"; readonly fn: (input: any, pane: Pane<any, any>) => Out<unknown> }
  | { readonly kind: "process"; readonly spec: PaneProcess<any, any, any, any, any, any, any> };

/** A window function in one operator. What it emits has the key and the end of the pane. */
export class PaneFunction {
  readonly #context: OperatorContext;
  readonly #space: WindowSpace<any, Window>;
  readonly #call: PaneCall;
  readonly #opened:
    | { readonly state: any; readonly windowState: any; readonly side: Readonly<Record<string, (value: unknown) => void>> }
    | undefined;
  readonly #clearable: readonly { clear(): void }[];
  /** Of the pane that is evaluated. */
  #meta: RecordMeta | undefined;

  constructor(context: OperatorContext, space: WindowSpace<any, Window>, call: PaneCall) {
    this.#context = context;
    this.#space = space;
    this.#call = call;
    if (call.kind !== "process") {
      this.#opened = undefined;
      this.#clearable = [];
      return;
    }
    const { spec } = call;
    const windowState = openState(spec.windowState ?? {}, context, { namespaced: true, prefix: "uw:" });
    this.#opened = {
      state: openState(spec.state ?? {}, context, { prefix: "u:" }),
      windowState,
      side: this.#sides(Object.keys(spec.side ?? {})),
    };
    this.#clearable = keyed(spec.windowState ?? {}, windowState);
  }

  /** Evaluates the current pane. */
  speak(input: unknown): void {
    const { emit, state } = this.#context;
    const call = this.#call;
    const meta = RecordMeta.ofTime(state.key, this.#space.maxTimestamp(state.namespace));
    this.#meta = meta;
    switch (call.kind) {
      case "as is":
        emit(input, meta);
        break;
      case "one":
        emit(call.fn(input, this.#pane(meta)), meta);
        break;
      case "many":
        send(call.fn(input, this.#pane(meta)), emit, meta);
        break;
      case "process":
        send(call.spec.onPane(input, { ...this.#pane(meta), ...this.#opened! }), emit, meta);
    }
  }

  /** The current pane is let go of. */
  clear(): void {
    const call = this.#call;
    if (call.kind !== "process") return;
    const { state } = this.#context;
    call.spec.clear?.({
      ...this.#pane(RecordMeta.ofTime(state.key, this.#space.maxTimestamp(state.namespace))),
      windowState: this.#opened!.windowState,
    });
    for (const handle of this.#clearable) handle.clear();
  }

  #pane(meta: RecordMeta): Pane<unknown, Window> {
    const context = this.#context;
    return {
      key: meta.key,
      window: this.#space.window(context.state.namespace),
      timestamp: meta.timestamp,
      watermark: context.watermark(),
      processingTime: context.processingTime(),
    };
  }

  #sides(names: readonly string[]): Readonly<Record<string, (value: unknown) => void>> {
    const sides: Record<string, (value: unknown) => void> = {};
    for (const name of names) {
      const push = this.#context.side(name);
      sides[name] = (value) => push(value, this.#meta!);
    }
    return sides;
  }
}

const send = (results: Out<unknown>, emit: Push, meta: RecordMeta): void => {
  if (results !== undefined) for (const result of results) emit(result, meta);
};
