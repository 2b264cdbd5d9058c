import type { OperatorContext } from "../operators/operator.ts";
import { valueCodec } from "../state/codecs.ts";
import type { TimerService } from "../state/timer_service.ts";
import type { ValueTable } from "../state/value_table.ts";
import type { WindowClock } from "./assigner.ts";
import type { Closing } from "./closing.ts";
import type { TriggerPlace } from "./trigger.ts";
import type { Window } from "./window.ts";
import type { WindowSpace } from "./window_space.ts";

/**
 * The timers of panes: the one at which a pane is let go of, and those that its trigger sets. All belong to the state's current key and namespace.
 * The engine and the trigger may want the same moment, which is then one timer; so the trigger cannot delete the one that lets go of the pane.
 */
export class PaneTimers {
  readonly #context: OperatorContext;
  readonly #space: WindowSpace<any, Window>;
  readonly #closing: Closing;
  /** Of panes whose trigger has deleted its timer for the moment at which the pane is let go of. */
  readonly #silent: ValueTable<boolean>;
  readonly #event: TimerService;
  readonly #processing: TimerService;
  /** The pane is let go of, whatever its trigger does now. */
  #lettingGo = false;
  /** Some pane is silent, as is rare: else no pane has to be asked. Undefined: nobody has looked yet. */
  #anySilent: boolean | undefined;

  constructor(
    context: OperatorContext,
    space: WindowSpace<any, Window>,
    closing: Closing,
    onTimer: (domain: WindowClock, timestamp: number) => void,
    leftOut: (domain: WindowClock, timestamp: number) => void,
  ) {
    this.#context = context;
    this.#space = space;
    this.#closing = closing;
    this.#silent = context.state.value("w:silent", valueCodec<boolean>(), { namespaced: true });
    this.#event = context.eventTimers((timestamp) => onTimer("event", timestamp), {
      namespaced: true,
      leftOut: (timestamp) => leftOut("event", timestamp),
    });
    this.#processing = context.processingTimers((timestamp) => onTimer("processing", timestamp), {
      namespaced: true,
      leftOut: (timestamp) => leftOut("processing", timestamp),
    });
  }

  /**
   * Sets the timer at which the current pane is let go of, and at which its trigger is asked again, whatever it has deleted before; a pane without an
   * end stays for ever.
   */
  setRelease(): void {
    const at = this.#closing.at(this.#context.state.namespace);
    if (at !== Number.POSITIVE_INFINITY) this.#of(this.#closing.time).set(at);
    if (this.isSilent) this.#silent.clear();
  }

  deleteRelease(): void {
    this.#of(this.#closing.time).delete(this.#closing.at(this.#context.state.namespace));
  }

  /** A timer of the current pane, of that time, is the one at which it is let go of. */
  isRelease(domain: WindowClock, timestamp: number): boolean {
    return domain === this.#closing.time && timestamp === this.#closing.at(this.#context.state.namespace);
  }

  /** The trigger of the current pane has deleted its timer for that moment: the pane is let go of without a word. */
  get isSilent(): boolean {
    this.#anySilent ??= !this.#silent.all().next().done;
    return this.#anySilent && this.#silent.get() !== undefined;
  }

  /** The current pane is let go of, with what its trigger clears away. */
  letGo(clearTrigger: () => void): void {
    this.#lettingGo = true;
    try {
      clearTrigger();
    } finally {
      this.#lettingGo = false;
    }
    if (this.isSilent) this.#silent.clear();
  }

  /** What a trigger finds. */
  place(column: string): TriggerPlace {
    const { state } = this.#context;
    return {
      context: this.#context,
      column,
      window: () => this.#space.window(state.namespace),
      maxTimestamp: () => this.#space.maxTimestamp(state.namespace),
      setEventTimer: (timestamp) => this.#set("event", timestamp),
      deleteEventTimer: (timestamp) => this.#delete("event", timestamp),
      setProcessingTimer: (timestamp) => this.#set("processing", timestamp),
      deleteProcessingTimer: (timestamp) => this.#delete("processing", timestamp),
    };
  }

  #set(domain: WindowClock, timestamp: number): void {
    this.#of(domain).set(timestamp);
    if (this.isRelease(domain, timestamp) && this.isSilent) this.#silent.clear();
  }

  #delete(domain: WindowClock, timestamp: number): void {
    if (timestamp === Number.POSITIVE_INFINITY || !this.isRelease(domain, timestamp)) this.#of(domain).delete(timestamp);
    else if (!this.#lettingGo) {
      this.#anySilent = true;
      this.#silent.set(true);
    }
  }

  #of(domain: WindowClock): TimerService {
    return domain === "event" ? this.#event : this.#processing;
  }
}
