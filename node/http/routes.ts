import type { Queries, QueryOptions } from "../../core/runtime/queries.ts";
import type { Answers } from "./answers.ts";
import { readCursor } from "./cursor.ts";
import { jsonOf } from "./json_of.ts";
import { keyReader } from "./key_forms.ts";
import { Parameters, shortened } from "./parameters.ts";
import { questions } from "./questions.ts";
import { badRequest, Refusal } from "./refusal.ts";

export interface RoutesOptions {
  readonly queries: Queries;
  readonly answers: Answers;
  readonly entriesMax: number;
  readonly answerCharsMax: number;
}

/** Entries in an answer when nobody says how many. */
const entriesByDefault = 100;

/** What a URL asks for, as JSON. With `hop`, the characters that another instance has room for, what is elsewhere is not fetched. */
export const answer = async (url: string, hop: number | undefined, options: RoutesOptions): Promise<string> => {
  const { queries } = options;
  const [path, query] = halves(url);
  const [version, what, name, how, ...more] = path.split("/").slice(1).map(segment);
  const parameters = new Parameters(query);
  if (version === "v1" && more.length === 0) {
    if (what === "instances" && name === undefined) {
      parameters.end();
      return jsonOf({
        instances: queries.instances().map((one) => ({ ...one, stores: named(one.stores), standbys: named(one.standbys) })),
      });
    }
    if (what === "stores" && name === undefined) {
      parameters.end();
      return jsonOf({ stores: queries.stores() });
    }
    if (what === "stores" && name !== undefined) return ofStore(name, how, parameters, url, hop, options);
  }
  throw new Refusal(404, "NOT_FOUND", "There is nothing here: ask /v1/stores, /v1/instances, or /v1/stores/NAME/get?key=KEY");
};

const ofStore = async (
  name: string,
  how: string | undefined,
  parameters: Parameters,
  url: string,
  hop: number | undefined,
  { queries, answers, entriesMax, answerCharsMax }: RoutesOptions,
): Promise<string> => {
  const info = queries.describe(name);
  const readKey = keyReader(parameters);
  if (how === undefined) {
    parameters.end();
    return jsonOf({ ...info, questions: [...questions[info.kind].keys(), "owner", "positions"] });
  }
  if (how === "owner") {
    const { key } = parameters.needed("key", readKey("key"));
    parameters.end();
    return jsonOf(queries.ownerOf(name, key));
  }
  if (how === "positions") {
    parameters.end();
    return jsonOf({ positions: Object.fromEntries(queries.positions(name)) });
  }
  const questionOf = questions[info.kind].get(how);
  if (questionOf === undefined)
    throw new Refusal(
      404,
      "NOT_FOUND",
      `Store '${name}' cannot be asked for '${shortened(how)}', being of kind ${info.kind}: ask ${[...questions[info.kind].keys()].join(", ")}, owner or positions`,
    );
  const question = questionOf(parameters, readKey);
  const route = parameters.choice("route", ["fetch", "redirect", "none"]);
  const many = question.one === undefined && question.key === undefined;
  const scope = many ? parameters.choice("scope", ["local", "all"]) : "local";
  const limit = question.one === undefined ? limitOf(parameters, entriesMax) : 1;
  const cursor = question.one === undefined ? parameters.text("cursor") : undefined;
  const options = queryOptions(parameters, many);
  parameters.end();
  if (scope === "all" && route !== "fetch")
    throw badRequest("Parameter 'scope' is 'all', which is fetched from several instances: leave 'route' out");
  return answers.to({
    store: name,
    question,
    options,
    route: hop === undefined ? route : "none",
    scope: hop === undefined ? scope : "local",
    limit,
    charsMax: Math.min(answerCharsMax, hop ?? answerCharsMax),
    isHop: hop !== undefined && hop < answerCharsMax,
    cursor: cursor === undefined ? undefined : readCursor(cursor),
    pathWith: (changes) => pathWith(url, changes),
  });
};

const limitOf = (parameters: Parameters, entriesMax: number): number => {
  const limit = parameters.count("limit") ?? Math.min(entriesByDefault, entriesMax);
  if (limit < 1 || limit > entriesMax) throw badRequest(`Parameter 'limit' is ${limit}: give 1 to ${entriesMax}, and go on with 'cursor'`);
  return limit;
};

const queryOptions = (parameters: Parameters, many: boolean): QueryOptions => {
  const read = parameters.choice("read", ["committed", "latest"]);
  const [maxLag, atLeast] = [parameters.count("maxLag"), positionsOf(parameters.text("atLeast"))];
  const partition = many ? parameters.count("partition") : undefined;
  return {
    read,
    ...(maxLag === undefined ? {} : { maxLag }),
    ...(atLeast === undefined ? {} : { atLeast }),
    ...(partition === undefined ? {} : { partition }),
  };
};

/** "words/0:17,words/1:4". */
const positionsOf = (text: string | undefined): ReadonlyMap<string, number> | undefined => {
  if (text === undefined) return undefined;
  return new Map(
    text.split(",").map((one): readonly [string, number] => {
      const parts = /^([A-Za-z0-9._-]{1,249}\/\d{1,9}):(\d{1,15})$/.exec(one);
      if (parts === null)
        throw badRequest(`Parameter 'atLeast' has '${shortened(one)}': give topic/partition:offset, and commas in between`);
      return [parts[1]!, Number(parts[2])];
    }),
  );
};

const halves = (url: string): readonly [string, string] => {
  const at = url.indexOf("?");
  return at < 0 ? [url, ""] : [url.slice(0, at), url.slice(at + 1)];
};

const segment = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest(`'${shortened(text)}' is no percent-encoded UTF-8`);
  }
};

const pathWith = (url: string, changes: Readonly<Record<string, string>>): string => {
  const [path, query] = halves(url);
  const kept = query.split("&").filter((part) => part !== "" && changes[part.replace(/=.*$/s, "")] === undefined);
  const all = [...kept, ...Object.entries(changes).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)];
  return all.length === 0 ? path : `${path}?${all.join("&")}`;
};

/** A store may be called like anything, also `__proto__`. */
const named = (parts: ReadonlyMap<string, readonly number[]>): object =>
  Object.fromEntries([...parts].map(([name, partitions]) => [name, partitions]));
