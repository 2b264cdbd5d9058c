/** One scenario that Kafka Streams computed. */
export interface StreamsVector {
  readonly name: string;
  readonly inputs: readonly {
    readonly topic: string;
    readonly key: string | null;
    readonly value: any;
    readonly timestamp: number;
    readonly headers?: readonly { readonly key: string; readonly value: string }[];
  }[];
  readonly expected: {
    readonly out: readonly {
      readonly key: string | null;
      readonly value: any;
      readonly timestamp: number;
      readonly i: number;
      readonly headers?: readonly unknown[];
    }[];
  };
  readonly stores: Readonly<
    Record<string, { readonly entries: readonly { readonly key: string; readonly value: any; readonly timestamp: number }[] }>
  >;
  readonly metrics: { readonly droppedRecords: number };
}

export const vector = async <V>(name: string): Promise<V> =>
  (await import(`./vectors/${name}.json`, { with: { type: "json" } })).default as V;
