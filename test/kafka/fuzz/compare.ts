import type { ConformanceWorld } from "../../conformance_log/world.ts";
import { type Call, onlyLooks, shownCall } from "./call.ts";
import { Player } from "./player.ts";

/** Where two logs begin to differ. */
export interface Difference {
  readonly call: Call;
  readonly index: number;
  readonly inMemory: string;
  readonly onBroker: string;
}

/** What a broker says yes to may be seen a little later. */
const laterMs = 2_500;

/** Plays a sequence in memory and on a broker, call by call; the first difference, or undefined. */
export const compare = async (
  calls: readonly Call[],
  memory: () => ConformanceWorld,
  broker: ConformanceWorld,
  tell: (index: number, call: Call, onBroker: string) => void = () => {},
): Promise<Difference | undefined> => {
  const all = [...calls, ...Player.everything()];
  const expected = await playAll(all, memory());
  const player = await Player.begin(broker);
  try {
    for (const [index, call] of all.entries()) {
      const inMemory = expected[index]!;
      let onBroker = await player.play(call);
      for (let waited = 0; onBroker !== inMemory && onlyLooks(call) && waited < laterMs; waited += 50) {
        await broker.sleep(50);
        onBroker = await player.play(call);
      }
      tell(index, call, onBroker);
      if (onBroker !== inMemory) return { call, index, inMemory, onBroker };
    }
    return undefined;
  } finally {
    await player.end();
  }
};

const playAll = (calls: readonly Call[], world: ConformanceWorld): Promise<string[]> => {
  const work = async (): Promise<string[]> => {
    const player = await Player.begin(world);
    const said: string[] = [];
    for (const call of calls) said.push(await player.play(call));
    await player.end();
    return said;
  };
  return world.run === undefined ? work() : world.run(work);
};

/**
 * A short sequence that still shows a difference: parts are left out, larger ones first, as long as one remains. The difference that remains may be another one
 * than in the beginning.
 */
export const shrink = async (
  calls: readonly Call[],
  differs: (calls: readonly Call[]) => Promise<boolean>,
  triesMax = 200,
): Promise<readonly Call[]> => {
  let best = calls;
  let tries = 0;
  for (let size = Math.ceil(best.length / 2); size >= 1; ) {
    let smaller = false;
    for (let at = 0; at < best.length && tries < triesMax; ) {
      const candidate = [...best.slice(0, at), ...best.slice(at + size)];
      tries++;
      if (await differs(candidate)) {
        best = candidate;
        smaller = true;
      } else at += size;
    }
    if (!smaller || size > 1) size = size === 1 ? 0 : Math.floor(size / 2);
  }
  return best;
};

/** Two differences that are probably the same one: the same call, and answers that begin alike. */
export const isLike = (one: Difference, other: Difference | undefined): boolean => other !== undefined && kind(one) === kind(other);

const kind = ({ call, inMemory, onBroker }: Difference): string =>
  [call.do, inMemory, onBroker].map((words) => words.split(/[^A-Za-z_]/)[0]).join();

export const shownDifference = ({ call, index, inMemory, onBroker }: Difference): string =>
  `at call ${index}, ${shownCall(call)}\n  in memory: ${inMemory}\n  on Kafka:  ${onBroker}`;
