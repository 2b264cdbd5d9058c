/** A number that only grows, or that stands for a moment. Names are snake_case, tags say of what. */
export interface Metric {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly value: number;
}
