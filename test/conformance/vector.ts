/** Something that came out. */
export interface Output {
  /** Which of the inputs caused it. */
  readonly step: number;
  readonly timestamp: number | string | null;
  readonly value: any;
  /** Where watermarks are recorded as well: its place among all that came out. */
  readonly seq?: number;
}

/** Something that was said of event time: a watermark, idleness, what readers are allowed. */
export interface TimeOutput {
  readonly step: number;
  readonly [more: string]: unknown;
}

/** What a scenario gives, or should give. */
export interface Outcome {
  readonly out: readonly Output[];
  readonly late: readonly Output[];
  readonly timeouts: readonly Output[];
  readonly lateRight?: readonly Output[];
  readonly side?: readonly Output[];
  /** Compared exactly. */
  readonly watermarks?: readonly TimeOutput[];
  /** The step at which it ends with an error; -1: the job cannot be built. */
  readonly error?: { readonly step: number; readonly message?: string };
}

/** One scenario that another engine has computed: what happens, and what came of it. */
export interface Vector {
  readonly name: string;
  readonly engine: string;
  readonly description?: string;
  readonly ordering?: string;
  readonly expected?: Outcome;
}
