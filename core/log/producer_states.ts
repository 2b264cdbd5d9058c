import { logError } from "./disposition.ts";

/** As many appends of a producer are remembered as Kafka remembers: a repetition of one of them is answered, not appended. */
const rememberedBatches = 5;
/** Kafka's producer.id.expiration.ms. */
const expirationMs = 24 * 3_600_000;

interface Appended {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
}

interface ProducerState {
  epoch: number;
  /** Of this epoch, oldest first. */
  appended: Appended[];
  lastMs: number;
}

/** Sequence numbers wrap after 2^31 - 1, as Kafka's do. */
export const nextSequence = (sequence: number, by: number): number => (sequence + by) % 2 ** 31;

/** What a partition knows of the producers that wrote to it: their epochs, and what they appended last. */
export class ProducerStates {
  private readonly states = new Map<number, ProducerState>();
  private sweepAt = 1_024;

  /**
   * Whether a batch may be appended now: undefined when it is the next one, the offset of the first time when it is a repetition.
   *
   * @throws LogError INVALID_PRODUCER_EPOCH for an epoch that is over, OUT_OF_ORDER_SEQUENCE_NUMBER when something before it is missing
   */
  check(producerId: number, epoch: number, sequence: number, count: number): number | undefined {
    const state = this.states.get(producerId);
    if (state === undefined) return undefined;
    if (epoch < state.epoch)
      throw logError(
        "INVALID_PRODUCER_EPOCH",
        `Producer ${producerId} writes with epoch ${epoch}, but epoch ${state.epoch} has begun: open a new epoch`,
      );
    if (epoch > state.epoch) {
      if (sequence !== 0)
        throw logError(
          "OUT_OF_ORDER_SEQUENCE_NUMBER",
          `Epoch ${epoch} of producer ${producerId} begins with sequence ${sequence} instead of 0: open a new epoch`,
        );
      return undefined;
    }
    const lastSequence = nextSequence(sequence, count - 1);
    for (const one of state.appended) if (one.firstSequence === sequence && one.lastSequence === lastSequence) return one.baseOffset;
    const expected = state.appended.length === 0 ? 0 : nextSequence(state.appended.at(-1)!.lastSequence, 1);
    if (sequence !== expected)
      throw logError(
        "OUT_OF_ORDER_SEQUENCE_NUMBER",
        `Producer ${producerId} writes sequence ${sequence} where ${expected} comes next: open a new epoch`,
      );
    return undefined;
  }

  appended(producerId: number, epoch: number, sequence: number, count: number, baseOffset: number, nowMs: number): void {
    const state = this.at(producerId, epoch, nowMs);
    state.appended.push({ firstSequence: sequence, lastSequence: nextSequence(sequence, count - 1), baseOffset });
    if (state.appended.length > rememberedBatches) state.appended.shift();
  }

  epochOf(producerId: number): number | undefined {
    return this.states.get(producerId)?.epoch;
  }

  /** A marker of a later epoch ends the earlier one here too. */
  marked(producerId: number, epoch: number, nowMs: number): void {
    this.at(producerId, epoch, nowMs);
  }

  private at(producerId: number, epoch: number, nowMs: number): ProducerState {
    let state = this.states.get(producerId);
    if (state === undefined) {
      if (this.states.size >= this.sweepAt) this.sweep(nowMs);
      state = { epoch, appended: [], lastMs: nowMs };
      this.states.set(producerId, state);
    }
    if (epoch > state.epoch) {
      state.epoch = epoch;
      state.appended = [];
    }
    state.lastMs = nowMs;
    return state;
  }

  /** Forgets who has long been silent; asked rarely enough to cost nothing. */
  private sweep(nowMs: number): void {
    for (const [producerId, state] of this.states) if (nowMs - state.lastMs > expirationMs) this.states.delete(producerId);
    this.sweepAt = Math.max(1_024, this.states.size * 2);
  }
}
