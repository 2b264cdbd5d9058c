/** A schema as the registry has it. */
export interface RegisteredSchema {
  /** "AVRO" unless the registry says otherwise. */
  readonly type: string;
  readonly text: string;
  /** Texts of the schemas that this one refers to by name, each after those that it refers to itself. */
  readonly references: readonly string[];
}

/** Where schemas are kept under ids that stand in front of each value. `confluentRegistry` gives one. */
export interface SchemaRegistry {
  /** What messages call it; two serdes are the same only on the same registry. */
  readonly name: string;
  /** How many schemas are kept. */
  readonly cacheSize: number;
  /** What is known of an id without asking: the schema, that there is none, or nothing. */
  known(id: number): RegisteredSchema | "unknown" | undefined;
  /** Asks for an id; afterwards `known` tells. Rejects with REGISTRY_UNREACHABLE while the registry cannot be asked, which says nothing about the record. */
  fetch(id: number): Promise<void>;
  /** The id of a schema under a subject. Where it is not yet there it is registered, or with `register: false` that is a ConfigurationError. */
  idOf(subject: string, schema: string, register: boolean): Promise<number>;
}
