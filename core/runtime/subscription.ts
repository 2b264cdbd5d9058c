import { type Read, readUserData, writeUserData } from "./user_data.ts";

/** What a member tells the leader. */
export interface Subscription {
  readonly processId: string;
  readonly fingerprint: string;
  /** Where the instance stands; empty when it does not say. */
  readonly rack: string;
  readonly transactionalIds: readonly string[];
  /** Tasks that were given to it in the last generation. */
  readonly tasks: readonly string[];
  /** Tasks whose stores it has, with the sum of the changelog offsets up to which they go; `isComplete` for those that run. */
  readonly stored: ReadonlyMap<string, number>;
  /** The application as a whole is to stop. */
  readonly stop: boolean;
  /** Where others ask this instance for what it keeps; empty when nobody can. */
  readonly endpoint: string;
}

/** The broker takes more, but what every member sends at every join has to stay small. */
const bytesMax = 64 << 10;

/** In the place of a sum of offsets: the task runs here, nobody is further. */
export const isComplete = -1;

/** At most 64 KiB: a member with more tasks than fit into that leaves out first what it has stored of them, then the tasks; it is then given tasks as one that knows less. */
export const encodeSubscription = (subscription: Subscription, version: number): Uint8Array => {
  const whole = encode(subscription, version);
  if (whole.length <= bytesMax) return whole;
  const short = encode({ ...subscription, stored: new Map() }, version);
  return short.length <= bytesMax ? short : encode({ ...subscription, stored: new Map(), tasks: [] }, version);
};

const encode = (subscription: Subscription, version: number): Uint8Array =>
  writeUserData(version, (to) => {
    to.text(subscription.processId);
    to.text(subscription.fingerprint);
    to.text(subscription.rack);
    to.byte(subscription.stop ? 1 : 0);
    to.list(subscription.transactionalIds, (id) => to.text(id));
    to.tasks(subscription.tasks);
    to.grouped([...subscription.stored], (sum) => to.number(sum + 1));
    to.text(subscription.endpoint);
  });

/** Of another member: whatever it has sent, this does not throw. */
export const decodeSubscription = (bytes: Uint8Array): Read<Subscription> => {
  if (bytes.length > bytesMax) return { kind: "garbage" };
  return readUserData(bytes, (from) => ({
    processId: from.text(),
    fingerprint: from.text(),
    rack: from.text(),
    stop: from.byte() === 1,
    transactionalIds: from.list(() => from.text()),
    tasks: from.tasks(),
    stored: new Map(from.grouped(() => from.number() - 1)),
    endpoint: from.text(),
  }));
};
