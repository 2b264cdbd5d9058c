import { arrivals } from "./arrivals.ts";
import { type Chance, chance } from "./chance.ts";
import { type Episode, episode } from "./episodes.ts";
import type { Line } from "./model.ts";
import type { Planted } from "./planted.ts";
import { type Card, type Customer, countries, currencyOf, inhabit, tiers, versionOf } from "./world.ts";

export interface DataOptions {
  /** How many transactions; without end when absent. Account versions come in addition. */
  readonly transactions?: number | undefined;
  /** Equal seeds give equal lines. */
  readonly seed: number;
  /** Event time of the first transaction, milliseconds since 1970. @default 1767600000000, 5 January 2026, 8:00 UTC */
  readonly start?: number | undefined;
  /** Is told of each planted fraud, just before its first payment is sent. */
  readonly onPlanted?: ((fraud: Planted) => void) | undefined;
}

/** So often an account changes in a run without end. */
const versionsMax = 20;

/** No record arrives later than this after it happened, the late ones excepted. */
export const outOfOrderMs = 10_000;

const minute = 60_000;
const hour = 60 * minute;

/**
 * Made-up accounts and card payments in order of arrival, as a stream: what it remembers does not grow with the number of lines.
 *
 * Every record is sent at its event time and arrives up to ten seconds later, ten seconds included; lines stand in order of arrival. So whatever has arrived
 * before a record is at most ten seconds newer. Late transactions are the exception: they arrive more than ten seconds behind the newest one in their partition,
 * all by customers and cards of their own and with amounts between 10 and 1000, so that counting them or not never changes an alert.
 *
 * Amounts outside 10 to 1000 occur in episodes only. An episode has its customer for itself until no window can hold parts of two, so what is planted is
 * exactly what is to be found.
 */
export function* generate({ transactions, seed, start = 1_767_600_000_000, onPlanted }: DataOptions): Generator<Line, void, undefined> {
  const luck = chance(seed);
  // A bounded run lasts six hours or more, so that the hour of pause finds its place in it; an unbounded one has a payment every second. Gaps are drawn evenly from
  // nothing to twice this: whole numbers only, as logarithms may differ from one runtime to another.
  const gapMs = transactions === undefined ? 1000 : Math.max(1000, Math.ceil((6 * hour) / Math.max(1, transactions)));
  const spanMs = transactions === undefined ? 4 * hour : (transactions * gapMs) / paymentsPerStep;
  const population = Math.min(400, Math.max(12, Math.round((transactions ?? 20_000) / 50)));
  const world = inhabit(luck, population, { middle: start + Math.floor(spanMs / 2), pause: start + Math.floor(spanMs / 4) });
  // What is sent has its line already, a late transaction gets it on arrival.
  const way = arrivals<{ readonly customer: Customer; readonly line?: Line }>();
  const newest = new Map<number, number>();
  let left = transactions ?? Number.POSITIVE_INFINITY;
  let numbered = 0;

  const send = (customer: Customer, line: Line, at: number): void => way.send(at + delay(luck), { customer, line });
  const payment = (customer: Customer, card: Card, timestamp: number, cents: number, transactionId: string): Line => ({
    transaction: {
      transactionId,
      accountId: customer.accountId,
      cardId: card.cardId,
      merchant: luck.oneOf(merchants),
      amount: cents / 100,
      currency: currencyOf(customer.country),
      timestamp,
    },
  });
  /** Tells of a change of tier and country, unless the partition is quiet at that time. */
  const change = (customer: Customer, since: number): void => {
    if (customer.registered === "unknown" || !world.speaks(customer.partition, since, since)) return;
    // Every version is kept for ever by whoever joins with it: a run without end has to stop changing accounts at some time.
    if (transactions === undefined && customer.versions++ >= versionsMax) return;
    customer.tier = luck.oneOf(tiers.filter((tier) => tier !== customer.tier));
    customer.country = luck.oneOf(countries.filter((country) => country !== customer.country));
    send(customer, { account: versionOf(customer, since) }, since);
  };

  const single = (now: number): void => {
    const customer = somebody(
      luck,
      world.customers,
      (one) => world.speaks(one.partition, now, now) && one.cards.some((card) => card.lockedUntil < now),
    );
    if (customer === undefined) return;
    const card = luck.oneOf(customer.cards.filter((one) => one.lockedUntil < now));
    send(customer, payment(customer, card, now, everyday(luck), transactionId(numbered++)), now);
    left--;
    customer.paidAt = now;
    const nth = customer.payments++;
    // A newcomer's first payment comes a millisecond too early to be known, everybody's account changes once at the very time of a payment and once just after one.
    const [atOnce, justAfter] = customer.registered === "newcomer" ? [1, 0] : [0, 1];
    if (nth === atOnce) change(customer, now);
    else if (nth === justAfter) change(customer, now + 1);
    else if (luck.happens(0.05)) change(customer, now + luck.oneOf([0, 1, luck.between(2, 5 * minute)]));
    else if (luck.happens(0.01)) {
      // Two versions for the same moment: the one that arrives later is to count.
      change(customer, now);
      change(customer, now);
    }
  };

  const several = (now: number): boolean => {
    // Nobody with a payment at this very millisecond: its id might come between those of the episode.
    const customer = somebody(
      luck,
      world.customers,
      (one) => one.busyUntil < now && one.paidAt < now && world.speaks(one.partition, now, now),
    );
    if (customer === undefined) return false;
    const first = luck.between(0, customer.cards.length - 1);
    const scene = { chance: luck, card: customer.cards[first]!, other: customer.cards[first + 1] ?? customer.cards[first - 1], from: now };
    const plot = episode(scene, luck.happens(0.25));
    const end = plot.steps[plot.steps.length - 1]!.at;
    // It has to fit in what is left, and not to reach into a time when its partition is quiet.
    if (plot.steps.length > left || end > now + left * gapMs || !world.speaks(customer.partition, now, end)) return false;
    left -= plot.steps.length;
    customer.busyUntil = end + 31 * minute;
    const ids = idsOf(plot, () => transactionId(numbered++));
    for (const fraud of plot.frauds) {
      const subject = fraud.kind === "velocity" ? customer.accountId : fraud.steps[0]!.card.cardId;
      const transactionIds = fraud.steps.map((step) => ids[plot.steps.indexOf(step)]!);
      onPlanted?.({
        kind: fraud.kind,
        alertId: `${fraud.kind}:${subject}`,
        transactionIds,
        from: fraud.steps[0]!.at,
        to: fraud.steps[fraud.steps.length - 1]!.at,
      });
    }
    const barelyInTime = luck.happens(0.3) && overtake(customer, now, end);
    plot.steps.forEach((step, i) => {
      step.card.lockedUntil = end;
      const line = payment(customer, step.card, step.at, step.cents, ids[i]!);
      if (barelyInTime && step.at === end) way.send(end + outOfOrderMs, { customer, line });
      else send(customer, line, step.at);
    });
    if (luck.happens(0.5)) change(customer, end + luck.oneOf([0, 1]));
    return true;
  };
  /**
   * Somebody else's payment in the same partition, newer than `end` by as much as is allowed: what happened at `end` and arrives behind it is still in time, though a
   * millisecond more would be too late.
   */
  const overtake = (customer: Customer, now: number, end: number): boolean => {
    const at = end + outOfOrderMs;
    const other = somebody(luck, world.customers, (one) => one !== customer && one.partition === customer.partition && one.busyUntil < now);
    if (other === undefined || left === 0 || !world.speaks(other.partition, at, at)) return false;
    left--;
    other.busyUntil = at;
    way.send(at, { customer: other, line: payment(other, luck.oneOf(other.cards), at, everyday(luck), transactionId(numbered++)) });
    return true;
  };

  const late = (now: number): boolean => {
    const customer = somebody(luck, world.latecomers, (one) => newest.has(one.partition) && world.speaks(one.partition, now, now));
    if (customer === undefined) return false;
    way.send(now, { customer });
    left--;
    return true;
  };
  /** A late transaction gets its time when it arrives: more than ten seconds behind the newest of its partition, and not in the hour of a pause. */
  const overdue = (customer: Customer): Line => {
    const { pause } = world;
    let timestamp = newest.get(customer.partition)! - outOfOrderMs - luck.between(1, 10 * minute);
    if (customer.partition === pause.partition && timestamp >= pause.from && timestamp < pause.to) timestamp -= hour;
    return payment(customer, luck.oneOf(customer.cards), timestamp, everyday(luck), transactionId(numbered++));
  };

  function* arrivedBefore(time: number): Generator<Line, void, undefined> {
    for (let next = way.before(time); next !== undefined; next = way.before(time)) {
      const { customer, line = overdue(customer) } = next.what;
      if ("transaction" in line)
        newest.set(customer.partition, Math.max(newest.get(customer.partition) ?? Number.NEGATIVE_INFINITY, line.transaction.timestamp));
      yield line;
    }
  }

  // The known accounts are told of in the minute before the first payment.
  for (const customer of [...world.customers, ...world.latecomers]) {
    const since = start - luck.between(1, minute);
    if (customer.registered === "known") send(customer, { account: versionOf(customer, since) }, since);
  }
  for (let now = start; left > 0; now += luck.between(0, 2 * gapMs)) {
    yield* arrivedBefore(now);
    const what = luck.next();
    if (what < 0.003 && late(now)) continue;
    if (what > 0.98 && several(now)) continue;
    single(now);
  }
  yield* arrivedBefore(Number.POSITIVE_INFINITY);
}

/** How many transactions one step of the generator sends on average: an episode has more than one. */
const paymentsPerStep = 1.03;

/** How long a record is on its way: mostly two seconds at most, sometimes as long as is allowed. */
const delay = (luck: Chance): number => {
  const kind = luck.next();
  return kind < 0.7 ? luck.between(0, 2000) : kind < 0.97 ? luck.between(0, outOfOrderMs) : outOfOrderMs;
};

/** Cents of an ordinary payment, 10.00 to 1000.00, the lower the likelier. */
const everyday = (luck: Chance): number => 1000 + Math.min(luck.between(0, 99_000), luck.between(0, 99_000), luck.between(0, 99_000));

/** Anyone of whom it holds; looks at everybody only when chance finds nobody. */
const somebody = (luck: Chance, customers: readonly Customer[], holds: (customer: Customer) => boolean): Customer | undefined => {
  for (let attempt = 0; attempt < 20; attempt++) {
    const one = luck.oneOf(customers);
    if (holds(one)) return one;
  }
  return customers.find(holds);
};

/** An id for each step; steps of the same time get theirs in ascending order. */
const idsOf = ({ steps }: Episode, fresh: () => string): string[] => {
  const ids = steps.map(fresh);
  for (let from = 0, to = 0; from < steps.length; from = to) {
    while (to < steps.length && steps[to]!.at === steps[from]!.at) to++;
    ids.splice(from, to - from, ...ids.slice(from, to).sort());
  }
  return ids;
};

const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Each number's own id, in no visible order, so that ids do not tell the time: the number goes through the last steps of MurmurHash3, which lose nothing of its 32 bits. */
const transactionId = (number: number): string => {
  let mixed = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  let rest = (mixed ^ (mixed >>> 16)) >>> 0;
  let id = number < 2 ** 32 ? "" : `-${Math.floor(number / 2 ** 32)}`;
  for (let digit = 0; digit < 6; digit++) {
    id = digits[rest % digits.length]! + id;
    rest = Math.floor(rest / digits.length);
  }
  return `tx-${id}`;
};

const merchants: readonly string[] = [
  "Bäckerei Huber",
  "Book Nook",
  "Café Zoë",
  "City Transit",
  "Electro World",
  "Farm Shop",
  "Grand Hotel",
  "Jeweller & Sons",
  "Lyon Voyages",
  "Petrol 24",
];
