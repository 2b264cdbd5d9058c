import type { MergingWindow } from "./window.ts";

/** A window that merges, and its name as a Map key: made once, since a session is looked up several times for each record. */
export class SessionWindow implements MergingWindow {
  readonly start: number;
  readonly end: number;
  readonly merging = true;
  #name: string | undefined;

  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
  }

  get name(): string {
    return (this.#name ??= `${this.start}:${this.end}`);
  }
}
