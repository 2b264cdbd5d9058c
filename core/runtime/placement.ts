import { isComplete } from "./subscription.ts";

/** A task that is to be given to somebody. */
export interface PlaceableTask {
  readonly id: string;
  readonly subtopology: number;
  /** It has stores that come back from changelogs. */
  readonly stateful: boolean;
  /** How heavy it is beside tasks of other sub-topologies. */
  readonly weight: number;
}

/** Somebody who takes tasks. */
export interface PlaceableMember {
  readonly id: string;
  readonly processId: string;
  readonly rack: string;
  /** Tasks that were given to it in the last generation. */
  readonly tasks: readonly string[];
  /** Sums of changelog offsets by task, `isComplete` for a task that runs there. */
  readonly stored: ReadonlyMap<string, number>;
}

export interface PlacementOptions {
  /** How many members follow the changelogs of each stateful task beside the one that runs it. */
  readonly standbys: number;
  /** At most so many tasks at a time are being prepared where they are to go. */
  readonly warmupsMax: number;
  /** So many changelog records may be missing to whoever takes a task over. */
  readonly acceptableLag: number;
  /** Sums of the ends of their changelogs, by task; undefined when they are not known. */
  readonly ends: ReadonlyMap<string, number> | undefined;
}

/** What one member gets, each list in the order of the tasks. */
export interface Place {
  readonly tasks: readonly string[];
  readonly standbys: readonly string[];
  readonly warmups: readonly string[];
}

export interface Placement {
  /** By member id; everybody is in it. */
  readonly places: ReadonlyMap<string, Place>;
  /** False while a task runs somewhere because the member it belongs to is not far enough yet. */
  readonly settled: boolean;
}

interface Seat extends PlaceableMember {
  /** Its place in the order that decides where nothing else does. */
  readonly order: number;
  readonly own: PlaceableTask[];
  readonly standbys: string[];
  readonly warmups: string[];
}

/**
 * Who runs which task, and who prepares for which.
 *
 * First, where tasks belong: of each sub-topology one member has at most one task more than another, and so of all stateful tasks and of all tasks; heavy sub-topologies are spread before light ones, and within that a task stays where it is. Then, where they run for now: a stateful task
 * whose own place is too far behind stays with, or goes to, whoever is closest, and its place is warmed up. Then standbys: on other racks first, where the state is already, where there are fewest.
 *
 * The answer depends on the arguments only and not on their order, so every leader gives the same one; and given to those who have it already it is the same again. The idea is that of Kafka Streams' high-availability assignor (KIP-441).
 */
export const placeTasks = (tasks: readonly PlaceableTask[], members: readonly PlaceableMember[], options: PlacementOptions): Placement => {
  const seats = [...members]
    .sort((a, b) => compare(a.processId, b.processId) || compare(a.id, b.id))
    .map((member, order): Seat => ({ ...member, order, own: [], standbys: [], warmups: [] }));
  if (seats.length === 0) return { places: new Map(), settled: true };
  const lags = new Lags(options);
  const belongs = shareOut(tasks, seats, lags);
  const settled = settle(tasks, seats, belongs, lags, options.warmupsMax);
  giveStandbys(tasks, seats, lags, options.standbys);
  const places = new Map(
    seats.map(({ id, own, standbys, warmups }) => [id, { tasks: sorted(own.map((task) => task.id)), standbys, warmups }]),
  );
  return { places, settled };
};

/** How far behind members are. */
class Lags {
  readonly #options: PlacementOptions;

  constructor(options: PlacementOptions) {
    this.#options = options;
  }

  /** Changelog records that a member would have to read. Where the ends are not known, one who has something counts as close and one who has nothing as far. */
  of(task: PlaceableTask, member: PlaceableMember): number {
    if (!task.stateful) return 0;
    const { ends } = this.#options;
    const sum = member.stored.get(task.id);
    if (sum === isComplete) return 0;
    const end = ends?.get(task.id);
    if (end === undefined) return sum === undefined ? Number.POSITIVE_INFINITY : 1;
    return Math.max(0, end - (sum ?? 0));
  }

  /** The same, where nothing matters that is acceptable. */
  rank(task: PlaceableTask, member: PlaceableMember): number {
    const lag = this.of(task, member);
    return lag <= this.#options.acceptableLag ? 0 : lag;
  }
}

// ---------------------------------------------------------------- where tasks belong

const shareOut = (tasks: readonly PlaceableTask[], seats: readonly Seat[], lags: Lags): ReadonlyMap<string, Seat> => {
  const belongs = new Map<string, Seat>();
  /** How many tasks more than the others a member has got so far, sub-topology by sub-topology, and what they weigh. */
  const extras = new Map(seats.map((seat) => [seat, { count: 0, weight: 0 }]));
  const step = Math.max(1, tasks.reduce((sum, task) => sum + task.weight, 0) / seats.length / 10);
  for (const own of bySubtopology(tasks)) {
    const owners = ownersOf(own, seats, lags);
    const held = (seat: Seat): number => own.filter((task) => owners.get(task.id) === seat).length;
    const heaviness = (seat: Seat): number => Math.round(extras.get(seat)!.weight / step);
    const more = [...seats]
      .sort((a, b) => extras.get(a)!.count - extras.get(b)!.count || heaviness(a) - heaviness(b) || held(b) - held(a) || a.order - b.order)
      .slice(0, own.length % seats.length);
    for (const seat of more) {
      const extra = extras.get(seat)!;
      extra.count++;
      extra.weight += own[0]!.weight;
    }
    const least = Math.floor(own.length / seats.length);
    const room = new Map(seats.map((seat) => [seat, least + (more.includes(seat) ? 1 : 0)]));
    const give = (task: PlaceableTask, seat: Seat): void => {
      belongs.set(task.id, seat);
      room.set(seat, room.get(seat)! - 1);
    };
    const ready = (task: PlaceableTask): number =>
      seats.filter((seat) => seat !== owners.get(task.id) && lags.rank(task, seat) === 0).length;
    const closest = (task: PlaceableTask): number =>
      Math.min(...seats.map((seat) => (seat === owners.get(task.id) ? Number.POSITIVE_INFINITY : lags.of(task, seat))));
    // Who has too many gives away what others are closest to having: so a move that was begun is the one that is gone on with.
    const keeping = [...own].sort((a, b) => order(closest(b), closest(a)) || partitionOf(a) - partitionOf(b));
    const homeless: PlaceableTask[] = [];
    for (const task of keeping) {
      const owner = owners.get(task.id);
      if (owner !== undefined && room.get(owner)! > 0) give(task, owner);
      else homeless.push(task);
    }
    // Those that few are ready for choose first.
    homeless.sort((a, b) => ready(a) - ready(b) || partitionOf(a) - partitionOf(b));
    for (const task of homeless) {
      const free = seats.filter((seat) => room.get(seat)! > 0);
      give(
        task,
        firstOf(free, (seat) => [lags.rank(task, seat), task.stateful && seat.stored.has(task.id) ? 0 : 1, seat.order]),
      );
    }
  }
  return belongs;
};

/** Who has each task now. Two may say so of one task, after a member was away: then the one that is further. */
const ownersOf = (own: readonly PlaceableTask[], seats: readonly Seat[], lags: Lags): ReadonlyMap<string, Seat> => {
  const owners = new Map<string, Seat>();
  for (const task of own) {
    const claiming = seats.filter((seat) => seat.tasks.includes(task.id));
    if (claiming.length > 0)
      owners.set(
        task.id,
        firstOf(claiming, (seat) => [lags.of(task, seat), seat.order]),
      );
  }
  return owners;
};

/** Stateful ones first, then heavy ones. */
const bySubtopology = (tasks: readonly PlaceableTask[]): readonly (readonly PlaceableTask[])[] => {
  const groups = new Map<number, PlaceableTask[]>();
  for (const task of [...tasks].sort((a, b) => a.subtopology - b.subtopology || partitionOf(a) - partitionOf(b))) {
    const group = groups.get(task.subtopology);
    if (group === undefined) groups.set(task.subtopology, [task]);
    else group.push(task);
  }
  return [...groups.values()].sort(
    ([a], [b]) => Number(b!.stateful) - Number(a!.stateful) || b!.weight - a!.weight || a!.subtopology - b!.subtopology,
  );
};

// ---------------------------------------------------------------- where they run for now

/** A place has to be so much closer than the one a task belongs to, when neither is close enough, to be worth the way. */
const muchCloser = 2;

const settle = (
  tasks: readonly PlaceableTask[],
  seats: readonly Seat[],
  belongs: ReadonlyMap<string, Seat>,
  lags: Lags,
  warmupsMax: number,
): boolean => {
  const waiting: { readonly task: PlaceableTask; readonly place: Seat }[] = [];
  const later: PlaceableTask[] = [];
  for (const task of inOrder(tasks)) {
    const place = belongs.get(task.id)!;
    const best = Math.min(...seats.map((seat) => lags.rank(task, seat)));
    const rank = lags.rank(task, place);
    if (rank === best || (best > 0 && rank < best * muchCloser)) place.own.push(task);
    else later.push(task);
  }
  for (const task of later) {
    const place = belongs.get(task.id)!;
    const best = Math.min(...seats.map((seat) => lags.rank(task, seat)));
    const close = seats.filter((seat) => lags.rank(task, seat) === best);
    firstOf(close, (seat) => [seat.tasks.includes(task.id) ? 0 : 1, seat.own.length, lags.of(task, seat), seat.order]).own.push(task);
    waiting.push({ task, place });
  }
  // Those that are furthest are finished first.
  waiting.sort((a, b) => order(lags.of(a.task, a.place), lags.of(b.task, b.place)) || compareTasks(a.task, b.task));
  for (const { task, place } of waiting.slice(0, warmupsMax)) place.warmups.push(task.id);
  for (const seat of seats) sortIds(seat.warmups);
  return waiting.length === 0;
};

// ---------------------------------------------------------------- standbys

const giveStandbys = (tasks: readonly PlaceableTask[], seats: readonly Seat[], lags: Lags, standbys: number): void => {
  const stateful = inOrder(tasks).filter((task) => task.stateful);
  const share = Math.ceil((stateful.length * Math.min(standbys, seats.length - 1)) / seats.length);
  for (const task of stateful) {
    const racks = new Set(seats.filter((seat) => seat.own.includes(task)).map(({ rack }) => rack));
    for (let n = 0; n < standbys; n++) {
      const free = seats.filter((seat) => !seat.own.includes(task) && !seat.warmups.includes(task.id) && !seat.standbys.includes(task.id));
      if (free.length === 0) break;
      const chosen = firstOf(free, (seat) => [
        racks.has(seat.rack) ? 1 : 0,
        seat.standbys.length < share ? 0 : 1,
        seat.stored.has(task.id) ? 0 : 1,
        seat.standbys.length,
        lags.rank(task, seat),
        seat.order,
      ]);
      chosen.standbys.push(task.id);
      racks.add(chosen.rack);
    }
  }
};

// ---------------------------------------------------------------- orders

/** The one whose numbers come first, compared one after the other. */
const firstOf = (seats: readonly Seat[], numbers: (seat: Seat) => readonly number[]): Seat => {
  let [least, its] = [seats[0]!, numbers(seats[0]!)];
  for (const seat of seats.slice(1)) {
    const other = numbers(seat);
    const at = other.findIndex((number, i) => number !== its[i]);
    if (at >= 0 && other[at]! < its[at]!) [least, its] = [seat, other];
  }
  return least;
};

/** Like a difference, for numbers that may be infinite. */
const order = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);

const inOrder = (tasks: readonly PlaceableTask[]): readonly PlaceableTask[] => [...tasks].sort(compareTasks);
const compareTasks = (a: PlaceableTask, b: PlaceableTask): number => a.subtopology - b.subtopology || partitionOf(a) - partitionOf(b);
const partitionOf = ({ id }: PlaceableTask): number => partitionIn(id);
const partitionIn = (id: string): number => Number(id.slice(id.indexOf("_") + 1));
const sortIds = (ids: string[]): string[] =>
  ids.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || partitionIn(a) - partitionIn(b));
const sorted = (ids: readonly string[]): readonly string[] => sortIds([...ids]);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
