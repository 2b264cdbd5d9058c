import { describeOptions, type OptionTable, positiveNumber, type Reading, readCommandLine, wholeNumber } from "./command_line.ts";

/** What the user of `npm run fraud` has asked for. */
export interface FraudOptions {
  /** How much faster than the wall the Clock goes, in a run that shows itself. */
  readonly speed: number;
  readonly forever: boolean;
  readonly seed: number;
  /** So many generated transactions: a bounded run. */
  readonly transactions?: number;
  /** Lines from a file: a bounded run. */
  readonly input?: string;
  readonly json: boolean;
  /** HOST:PORT, several separated by commas. Absent: everything in this process. */
  readonly brokers?: string;
  readonly registry?: string;
  readonly search?: string;
  readonly produce: boolean;
  /** Stands before application id, topics and index; empty by default. */
  readonly prefix: string;
  readonly sessionTimeoutMs?: number;
  /** Records per second that a bounded run is fed with at most. */
  readonly rate?: number;
}

export type FraudArguments =
  | { readonly kind: "run"; readonly options: FraudOptions }
  | { readonly kind: "help"; readonly text: string }
  /** Something on the command line cannot be; the message says what to do. */
  | { readonly kind: "refused"; readonly message: string };

/** An hour of event time in ten seconds. */
export const defaultSpeed = 360;

/** Reads the arguments of `npm run fraud`. Pure: they come as an array. */
export const fraudArguments = (args: readonly string[]): FraudArguments => {
  if (args.includes("--help")) return { kind: "help", text: help };
  const line = readCommandLine(table, args);
  if (!line.ok) return { kind: "refused", message: line.message };
  const given = line.values;
  const clash = clashes.find(({ of, when }) => given[of] !== undefined && when(given));
  if (clash !== undefined) return { kind: "refused", message: clash.message };
  return {
    kind: "run",
    options: {
      speed: (given["speed"] as number | undefined) ?? defaultSpeed,
      forever: given["forever"] === true,
      seed: (given["seed"] as number | undefined) ?? 1,
      json: given["json"] === true,
      produce: given["produce"] === true,
      prefix: (given["prefix"] as string | undefined) ?? "",
      ...only("transactions", given["transactions"] as number | undefined),
      ...only("input", given["input"] as string | undefined),
      ...only("brokers", given["brokers"] as string | undefined),
      ...only("registry", given["registry"] as string | undefined),
      ...only("search", given["search"] as string | undefined),
      ...only("rate", given["rate"] as number | undefined),
      ...only("sessionTimeoutMs", given["session-timeout"] as number | undefined),
    },
  };
};

const only = <N extends string, T>(name: N, value: T | undefined): { [name in N]?: T } =>
  value === undefined ? {} : ({ [name]: value } as { [name in N]: T });

const brokerList = (text: string): Reading =>
  text.split(",").every((address) => /^(\[[0-9a-fA-F:]+\]|[^\s:/,]+):\d{1,5}$/.test(address))
    ? { ok: true, value: text }
    : { ok: false, why: "is not HOST:PORT, or several of them separated by commas" };

const httpAddress = (text: string): Reading =>
  /^https?:\/\/[^\s/]+/.test(text)
    ? { ok: true, value: text }
    : { ok: false, why: "is not an address that begins with http:// or https://" };

const namePart = (text: string): Reading =>
  /^[A-Za-z0-9._-]{1,100}$/.test(text)
    ? { ok: true, value: text }
    : { ok: false, why: "would not do for topics: letters, digits, dots, underscores and dashes only, at most 100" };

const table: OptionTable = {
  transactions: {
    value: "N",
    read: wholeNumber,
    help: "stop after N generated transactions; without this and --input the run shows about six hours of event time",
  },
  input: {
    value: "FILE",
    help: 'take the lines of FILE instead of generated ones: {"account":{...}} or {"transaction":{...}} in order of arrival',
  },
  seed: { value: "S", read: wholeNumber, help: "what the generated data depends on (1)" },
  speed: { value: "X", read: positiveNumber, help: `how much faster than the wall time passes (${defaultSpeed}: an hour in ten seconds)` },
  forever: { help: "go on until interrupted" },
  json: { help: "print alerts as JSON lines, nothing else, as fast as possible" },
  brokers: {
    value: "HOST:PORT",
    read: brokerList,
    help: "run on this Kafka; start it in a second terminal too, and it takes over half of the work",
  },
  produce: { help: "also feed the input topics (one of the instances should)" },
  registry: {
    value: "URL",
    read: httpAddress,
    help: "keep Avro schemas in this registry (Confluent's API); without it the records are plain Avro",
  },
  search: { value: "URL", read: httpAddress, help: "also write alerts to this Elasticsearch-compatible server" },
  rate: { value: "N", read: positiveNumber, help: "feed a bounded run with at most N records per second; without it as fast as it goes" },
  prefix: { value: "P", read: namePart, help: "put P before application id, topics and index, so that runs do not meet" },
  "session-timeout": { value: "MS", read: wholeNumber, help: "how long a silent instance stays in the group, in milliseconds" },
  help: { help: "show this" },
};

type Given = Readonly<Record<string, string | number | true>>;

const needsBrokers = ["registry", "search", "produce", "session-timeout"].map((of) => ({
  of,
  when: (given: Given) => given["brokers"] === undefined,
  message: `Option --${of} says something about a run on Kafka: add --brokers HOST:PORT, or leave it out`,
}));

const clashes: readonly { readonly of: string; readonly when: (given: Given) => boolean; readonly message: string }[] = [
  {
    of: "input",
    when: (given) => given["transactions"] !== undefined,
    message: "Options --input and --transactions exclude each other: the input is either read or generated",
  },
  {
    of: "forever",
    when: (given) => given["transactions"] !== undefined,
    message: "Options --forever and --transactions exclude each other: leave one out",
  },
  {
    of: "forever",
    when: (given) => given["input"] !== undefined,
    message: "Options --forever and --input exclude each other: a file has an end",
  },
  {
    of: "search",
    when: ({ prefix }) => typeof prefix === "string" && !/^[a-z0-9][^A-Z]*$/.test(prefix),
    message: "Option --prefix also begins the name of the index: with --search it needs a small letter or digit first and no capitals",
  },
  ...needsBrokers,
];

const help = `Finds card fraud in a stream of payments.

  npm run fraud                                    generated data, all in this process, live on the screen
  npm run fraud -- --transactions 20000 --json     a bounded run that prints its alerts
  npm run fraud -- --brokers localhost:9092 --produce --registry http://localhost:8081 --search http://localhost:9200

Options:
${describeOptions(table)}
`;
