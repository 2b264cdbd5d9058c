/** Where chance comes from: the machine's, or a seeded generator in tests and in the simulation. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A fresh identifier in the form of a version 4 UUID. */
  uuid(): string;
}
