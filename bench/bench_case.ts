/** What a run of a case is told. */
export interface BenchSetting {
  /** The share that is wanted of a case's full number of records, or of milliseconds. */
  share(full: number): number;
  /** HOST:PORT; only cases that need a broker look at it. */
  readonly brokers: string | undefined;
}

/** Numbers of one run, by their names in the JSON line. */
export type Measured = Readonly<Record<string, number>>;

/** Something to be measured. Each run of it has a process of its own, so that neither its memory nor what the compiler has learned comes from another case. */
export interface BenchCase {
  /** What the line is called, and what `--only` looks for. */
  readonly name: string;
  readonly needsKafka?: boolean;
  /** What else the line says of the case. */
  readonly about?: Readonly<Record<string, string | number>>;
  run(setting: BenchSetting): Promise<Measured>;
}

/** Something that two systems do, measured side by side on the same input; each run of either has a process of its own. */
export interface Comparison {
  readonly name: string;
  readonly needsKafka?: boolean;
  /** What the line says beside the case's name. */
  compare(setting: ComparisonSetting): Promise<Readonly<Record<string, Measured | number>>>;
}

export interface ComparisonSetting extends BenchSetting {
  /** How often each system does it. */
  readonly runs: number;
  /** Chooses the run that counts. */
  best(measured: readonly Measured[]): Measured;
  /** Tells how it goes. */
  say(text: string): void;
}
