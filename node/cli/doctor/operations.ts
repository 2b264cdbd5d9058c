/** Kafka's operations, as far as an application needs them, with their numbers. */
const numbers = { READ: 3, WRITE: 4, CREATE: 5, DELETE: 6, DESCRIBE: 8, DESCRIBE_CONFIGS: 10 } as const;

export type Operation = keyof typeof numbers;

/** Whether an operation is among those that a broker has told, one bit for each. What was not told is taken to be allowed. */
export const allowed = (operations: number | undefined, operation: Operation): boolean =>
  operations === undefined || (operations & (1 << numbers[operation])) !== 0;
