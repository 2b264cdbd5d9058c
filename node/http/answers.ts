import { StoreError } from "../../core/errors.ts";
import type { KeyOwner, Queries, QueryOptions } from "../../core/runtime/queries.ts";
import { compareBytes } from "../../core/state/time_key.ts";
import { endpointOf } from "./addresses.ts";
import { type Cursor, readCursor, writeCursor } from "./cursor.ts";
import { Halves } from "./halves.ts";
import { jsonOf } from "./json_of.ts";
import { type Page, pageOf, pageOfWalk, type Room } from "./page.ts";
import type { Peers } from "./peers.ts";
import type { Question } from "./questions.ts";
import { Refusal, unavailable } from "./refusal.ts";

/** A question as it has come. */
export interface Asked {
  readonly store: string;
  readonly question: Question;
  readonly options: QueryOptions;
  /** What is done about what is elsewhere: it is fetched from there, the asker is sent there, or told so. */
  readonly route: "fetch" | "redirect" | "none";
  /** Of lists of many keys: what is here, or what all instances have. */
  readonly scope: "local" | "all";
  readonly limit: number;
  readonly charsMax: number;
  /** The answer is put together by another instance. */
  readonly isHop: boolean;
  readonly cursor: Cursor | undefined;
  /** The same question to somebody else, with some parameters changed. */
  pathWith(changes: Readonly<Record<string, string>>): string;
}

export interface AnswersOptions {
  readonly queries: Queries;
  readonly peers: Peers;
  /** Of this instance; empty when it has none. */
  readonly endpoint: string;
  /** Entries of a partition that a list of many keys may walk through. */
  readonly walkMax: number;
}

type Body = Readonly<Record<string, unknown>>;

/** Answers questions, from here and from where else the answer is; each as JSON. */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #halves = new Halves();

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  to(asked: Asked): Promise<string> {
    const { one, key } = asked.question;
    if (one !== undefined) return this.#one(asked, one);
    return key !== undefined || asked.options.partition !== undefined ? this.#listOfOne(asked) : this.#listOfMany(asked);
  }

  #one(asked: Asked, one: (view: any) => object): Promise<string> {
    const { queries } = this.#options;
    const local = (): string => {
      const text = jsonOf(one(queries.view(asked.store, asked.options)));
      if (text.length > asked.charsMax)
        throw new Refusal(
          500,
          "LIMIT_EXCEEDED",
          `The answer has ${text.length} characters as JSON: at most ${asked.charsMax} are sent (http.answerCharsMax)`,
        );
      return text;
    };
    return this.#routed(asked, this.#ownerOf(asked), local, (body) => jsonOf(body), asked.pathWith({}));
  }

  /** A list that one instance has: of a key, or of a partition. */
  async #listOfOne(asked: Asked): Promise<string> {
    const { key } = asked.question;
    const partition = asked.options.partition ?? 0;
    const after = asked.cursor?.partition === partition ? asked.cursor.after : undefined;
    const room: Room = { entries: asked.limit, chars: asked.charsMax, isWhole: !asked.isHop };
    const page = await this.#routed(
      asked,
      this.#ownerOf(asked),
      () => this.#page(asked, asked.options, { partition, after }, room),
      (body) => remotePage(body, partition, room),
      asked.pathWith({}),
    );
    return listed(page.entries, page.isCut ? { partition, after: page.after } : undefined, key === undefined ? [partition] : undefined);
  }

  /** Partition after partition, so that a cursor means the same whoever has them when it comes back. */
  async #listOfMany(asked: Asked): Promise<string> {
    const { queries } = this.#options;
    const { partitions } = queries.describe(asked.store);
    const entries: string[] = [];
    const asking: number[] = [];
    let chars = asked.charsMax;
    let { partition, after }: Cursor = asked.cursor ?? { partition: 0, after: undefined };
    for (; partition < partitions; partition++, after = undefined) {
      const room: Room = { entries: asked.limit - entries.length, chars, isWhole: entries.length === 0 && !asked.isHop };
      if (room.entries === 0) return listed(entries, { partition, after }, asking);
      const page = await this.#part(asked, { partition, after }, room);
      if (page === undefined) continue;
      asking.push(partition);
      entries.push(...page.entries);
      chars = Math.max(0, chars - page.entries.reduce((sum, { length }) => sum + length, 0));
      if (page.isCut) return listed(entries, { partition, after: page.after }, asking);
    }
    return listed(entries, undefined, asking);
  }

  /** What a partition gives; undefined when it is elsewhere and only what is here was asked for. */
  async #part(asked: Asked, from: Cursor, room: Room): Promise<Page | undefined> {
    const { queries } = this.#options;
    const { partition } = from;
    const local = (): Promise<Page> => this.#page(asked, { ...asked.options, partition }, from, room);
    if (asked.scope === "local")
      try {
        return await local();
      } catch (error) {
        if (error instanceof StoreError && error.code === "KEY_ELSEWHERE") return undefined;
        throw error;
      }
    const path = asked.pathWith({ scope: "local", partition: String(partition), limit: String(room.entries), cursor: writeCursor(from) });
    const owner = (): KeyOwner => queries.ownerOfPartition(asked.store, partition);
    return this.#routed({ ...asked, charsMax: room.chars }, owner, local, (body) => remotePage(body, partition, room), path);
  }

  /** Of many keys no more is read than is wanted where the store can be walked, and else all that the partition holds. */
  async #page(asked: Asked, options: QueryOptions, { after }: Cursor, room: Room): Promise<Page> {
    const { queries, walkMax } = this.#options;
    const { store, question } = asked;
    const bytesOf = (key: unknown): Uint8Array => queries.keyBytes(store, key);
    if (question.span !== undefined) {
      const { from, goesOn } = question.span(bytesOf);
      // A cursor may be anybody's.
      const begin = after !== undefined && (from === undefined || compareBytes(after.key, from) > 0) ? after.key : from;
      const page = await this.#halves.run(() => {
        const walk = queries.walk(store, options.partition ?? 0, options, begin);
        return walk === undefined ? undefined : pageOfWalk(walk, goesOn, after, room, walkMax);
      });
      if (page !== undefined) return page;
    }
    const page = (): Page => pageOf(question.list!(queries.view(store, options)), after, room, bytesOf);
    if (question.key !== undefined) return page();
    const entries = queries.entriesOf(store, options.partition ?? 0);
    if (entries > walkMax)
      throw new Refusal(
        500,
        "LIMIT_EXCEEDED",
        `Partition ${options.partition} of store '${store}' holds about ${entries} entries, and a list walks through at most ${walkMax}: ask for single keys, or raise the option 'http.walkMax'`,
      );
    return this.#halves.run(page);
  }

  #ownerOf({ store, question: { key }, options: { partition } }: Asked): () => KeyOwner {
    const { queries } = this.#options;
    return key === undefined ? () => queries.ownerOfPartition(store, partition ?? 0) : () => queries.ownerOf(store, key.key);
  }

  /** Answers from here, or else by asking who has it. */
  async #routed<T>(asked: Asked, owner: () => KeyOwner, local: () => T | Promise<T>, remote: (body: Body) => T, path: string): Promise<T> {
    try {
      return await local();
    } catch (error) {
      const isElsewhere = error instanceof StoreError && (error.code === "KEY_ELSEWHERE" || error.code === "STORE_NOT_READY");
      if (!isElsewhere || asked.route === "none") throw error;
      const places = this.#places(owner(), asked, error);
      if (asked.route === "redirect") {
        const { host, port } = this.#options.peers.target(places[0]!);
        throw new Refusal(307, error.code, error.message, { location: `http://${endpointOf(host, port)}${path}` });
      }
      return this.#firstOf(places, (endpoint) => this.#options.peers.ask(endpoint, path, asked.charsMax).then(remote));
    }
  }

  /** Where else it can be had: at its owner, and at who follows it where that is enough. */
  #places({ instance, endpoint, local, standbys }: KeyOwner, { options }: Asked, error: StoreError): readonly string[] {
    const followed = options.maxLag === undefined ? [] : standbys.map((standby) => standby.endpoint);
    const others = [...(local ? [] : [endpoint]), ...followed];
    const places = others.filter((place) => place !== "" && place !== this.#options.endpoint);
    if (places.length > 0) return places;
    if (local) throw error;
    throw unavailable(
      "OWNER_UNKNOWN",
      endpoint === ""
        ? `Instance '${instance}' has it, which has not said where it can be asked: start it with the option 'http', or 'endpoint'`
        : `Instance '${instance}' has it and says that it is asked at ${endpoint}, which is this one: give each an address that the others can reach, by 'http.host' or 'endpoint'`,
    );
  }

  async #firstOf<T>(places: readonly string[], ask: (endpoint: string) => Promise<T>): Promise<T> {
    let last: unknown;
    for (const place of places)
      try {
        return await ask(place);
      } catch (error) {
        if (!(error instanceof Refusal) || (error.status !== 502 && error.status !== 503)) throw error;
        last ??= error;
      }
    throw last;
  }
}

const listed = (entries: readonly string[], next: Cursor | undefined, partitions: readonly number[] | undefined): string => {
  const more = `${partitions === undefined ? "" : `,"partitions":${jsonOf(partitions)}`}${next === undefined ? "" : `,"next":${jsonOf(writeCursor(next))}`}`;
  return `{"entries":[${entries.join(",")}]${more}}`;
};

/** What another instance says of a partition: of the right form, or it is none. */
const remotePage = ({ entries, next }: Body, partition: number, room: Room): Page => {
  const cursor = typeof next === "string" ? readRemote(next) : undefined;
  const isCut = next !== undefined;
  if (
    !Array.isArray(entries) ||
    entries.length > room.entries ||
    (isCut && cursor?.partition !== partition) ||
    (isCut && room.isWhole && entries.length === 0)
  )
    throw new Refusal(502, "PEER_GARBLED", `An instance was asked for partition ${partition}, and has answered with something else`);
  return { entries: entries.map((entry) => jsonOf(entry)), after: cursor?.after, isCut };
};

const readRemote = (next: string): Cursor | undefined => {
  try {
    return readCursor(next);
  } catch {
    return undefined;
  }
};
