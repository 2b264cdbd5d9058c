import type { Random } from "../../core/ports/random.ts";
import type { LocalKafka } from "../../node/local/kafka_broker.ts";
import type { Fleet, Instance } from "./fleet.ts";
import { moveLeaders } from "./leaders.ts";
import { sessionMs } from "./names.ts";
import type { TcpProxy, Trouble } from "./tcp_proxy.ts";

/** What faults are done to. */
export interface Scene {
  readonly random: Random;
  readonly kafka: LocalKafka;
  readonly proxies: readonly TcpProxy[];
  readonly fleet: Fleet;
  /** Says what is done, and what is expected of it. */
  tell(what: string, expected: string): void;
  /** Says how something went on. */
  say(line: string): void;
  /** Instances that a fault is busy with. */
  readonly taken: Set<Instance>;
}

export interface Fault {
  readonly name: string;
  /** How often it is chosen, compared with the others. */
  readonly weight: number;
  /** Faults that need the same thing do not come at the same time. */
  readonly needs: "brokers" | "network" | "instance" | "fleet";
  /** Undefined when there is nothing that it could be done to now. */
  prepare(scene: Scene): (() => Promise<void>) | undefined;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const between = (random: Random, from: number, to: number): number => Math.round(from + random.next() * (to - from));
const oneOf = <T>(random: Random, all: readonly T[]): T | undefined => all[Math.floor(random.next() * all.length)];
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const called = ({ name, seat }: Instance): string => (seat === undefined ? name : `${name} as ${seat}`);

/** Long enough for one that has lost its seat to find out while brokers are away. */
const replacedMs = 60_000;
const fleetMin = 2;
const fleetMax = 4;

/** Takes an instance that no other fault is busy with, for as long as the fault lasts. */
const withInstance = (
  scene: Scene,
  work: (instance: Instance) => Promise<void>,
  instance: Instance | undefined = oneOf(
    scene.random,
    scene.fleet.alive.filter((one) => !scene.taken.has(one)),
  ),
): (() => Promise<void>) | undefined => {
  if (instance === undefined) return undefined;
  return async () => {
    scene.taken.add(instance);
    try {
      await work(instance);
    } finally {
      scene.taken.delete(instance);
    }
  };
};

/** A trouble of some or all proxies for some time. */
const troubled = async (scene: Scene, trouble: Trouble, ms: number, nodes: readonly number[]): Promise<void> => {
  const ends = nodes.map((node) => scene.proxies[node]!.trouble(trouble));
  await sleep(ms);
  for (const end of ends) end();
};

/** One node, or all of them. */
const someNodes = (scene: Scene): readonly number[] => {
  const all = scene.proxies.map((_, node) => node);
  return scene.random.next() < 0.3 ? all : [oneOf(scene.random, all)!];
};
const named = (nodes: readonly number[]): string => (nodes.length === 1 ? `broker ${nodes[0]! + 1}` : "all brokers");

const killInstance: Fault = {
  name: "kill an instance",
  weight: 8,
  needs: "instance",
  prepare: (scene) =>
    withInstance(scene, async (instance) => {
      const pauseMs = between(scene.random, 0, 4_000);
      scene.tell(
        `kill -9 ${called(instance)} (process ${instance.pid}), a new one after ${seconds(pauseMs)}`,
        "what it left open is aborted, its tasks go on elsewhere from their last commit",
      );
      await scene.fleet.kill(instance);
      await sleep(pauseMs);
      scene.say(`${scene.fleet.start(instance.seat).name} starts in place of ${instance.name}`);
    }),
};

const freezeInstance: Fault = {
  name: "freeze an instance",
  weight: 5,
  needs: "instance",
  prepare: (scene) =>
    withInstance(scene, async (instance) => {
      const ms = sessionMs + between(scene.random, 1_000, 6_000);
      scene.tell(
        `SIGSTOP ${called(instance)} (process ${instance.pid}) for ${seconds(ms)}, longer than its session of ${seconds(sessionMs)}`,
        "others take its tasks; when it wakes up nothing that it still commits is taken",
      );
      scene.fleet.freeze(instance);
      await sleep(ms);
      scene.fleet.thaw(instance);
      scene.say(`SIGCONT ${instance.name}`);
    }),
};

const isolateInstance: Fault = {
  name: "cut off an instance",
  weight: 4,
  needs: "instance",
  prepare: (scene) =>
    withInstance(scene, async (instance) => {
      const ms = sessionMs + between(scene.random, 1_000, 6_000);
      scene.tell(
        `nothing gets from or to ${instance.name} for ${seconds(ms)}, then what was held arrives`,
        "others take its tasks; its late requests change nothing",
      );
      await troubled(
        scene,
        { kind: "apart", clientId: instance.name },
        ms,
        scene.proxies.map((_, node) => node),
      );
      scene.say(`${instance.name} is reached again`);
    }),
};

const restartInstance: Fault = {
  name: "restart an instance cleanly",
  weight: 4,
  needs: "instance",
  prepare: (scene) =>
    withInstance(scene, async (instance) => {
      scene.tell(
        `SIGTERM ${called(instance)}, then a new one`,
        instance.seat === undefined
          ? "it commits, leaves the group and ends with 0"
          : "it commits and ends with 0, and the new one has its tasks again",
      );
      const ms = await scene.fleet.close(instance);
      scene.say(`${instance.name} ended after ${seconds(ms)}; ${scene.fleet.start(instance.seat).name} starts`);
    }),
};

const usurp: Fault = {
  name: "take a seat",
  weight: 2,
  needs: "instance",
  prepare: (scene) => {
    const seated = scene.fleet.alive.filter((one) => one.seat !== undefined && one.running && !scene.taken.has(one));
    const instance = oneOf(scene.random, seated);
    if (instance === undefined) return undefined;
    return withInstance(
      scene,
      async () => {
        instance.doomed = instance.replaced = true;
        const usurper = scene.fleet.start(instance.seat);
        scene.taken.add(usurper);
        scene.tell(
          `${usurper.name} starts as ${instance.seat} as well, where ${instance.name} sits`,
          "the older one learns it and stops, the newer one goes on",
        );
        await Promise.race([instance.ended, sleep(replacedMs)]);
        scene.taken.delete(usurper);
        if (!scene.fleet.has(instance)) return scene.say(`${instance.name} has stopped`);
        scene.say(`${instance.name} does not stop within ${seconds(replacedMs)} and is killed`);
        await scene.fleet.kill(instance);
      },
      instance,
    );
  },
};

const scale: Fault = {
  name: "scale",
  weight: 4,
  needs: "fleet",
  prepare: (scene) => {
    const size = scene.fleet.alive.length;
    if (size < fleetMax && (size <= fleetMin || scene.random.next() < 0.5))
      return async () => {
        const instance = scene.fleet.start();
        scene.tell(`scale out to ${size + 1}: ${instance.name} starts`, "it gets its share of the tasks; the others go on with theirs");
      };
    if (size <= fleetMin) return undefined;
    return withInstance(scene, async (instance) => {
      scene.tell(
        `scale in to ${size - 1}: SIGTERM ${called(instance)}`,
        instance.seat === undefined
          ? "the others take its tasks at once"
          : "its seat is kept for its session, then the others take its tasks",
      );
      const ms = await scene.fleet.close(instance);
      scene.say(`${instance.name} ended after ${seconds(ms)}`);
    });
  },
};

const killBroker: Fault = {
  name: "kill a broker",
  weight: 6,
  needs: "brokers",
  prepare: (scene) => async () => {
    const node = between(scene.random, 0, scene.proxies.length - 1);
    const ms = between(scene.random, 1_000, 9_000);
    scene.tell(`kill -9 broker ${node + 1} for ${seconds(ms)}`, "its partitions and coordinators move; what was acknowledged stays");
    await scene.kafka.kill(node);
    await sleep(ms);
    await scene.kafka.restart(node);
    scene.say(`broker ${node + 1} is back`);
  },
};

const freezeBroker: Fault = {
  name: "freeze a broker",
  weight: 3,
  needs: "brokers",
  prepare: (scene) => async () => {
    const node = between(scene.random, 0, scene.proxies.length - 1);
    const pid = scene.kafka.pidOf(node);
    if (pid === undefined) return;
    const ms = between(scene.random, 1_000, 9_000);
    scene.tell(
      `SIGSTOP broker ${node + 1} (process ${pid}) for ${seconds(ms)}`,
      "the others lead in its place once they miss it; when it wakes up it is told so",
    );
    process.kill(pid, "SIGSTOP");
    await sleep(ms);
    process.kill(pid, "SIGCONT");
    scene.say(`SIGCONT broker ${node + 1}`);
  },
};

const stopCluster: Fault = {
  name: "stop the cluster",
  weight: 1,
  needs: "brokers",
  prepare: (scene) => async () => {
    const ms = between(scene.random, 3_000, 10_000);
    scene.tell(`kill -9 all brokers, back after ${seconds(ms)}`, "nothing moves meanwhile, and all goes on afterwards");
    const nodes = scene.proxies.map((_, node) => node);
    await Promise.all(nodes.map((node) => scene.kafka.kill(node)));
    await sleep(ms);
    await Promise.all(nodes.map((node) => scene.kafka.restart(node)));
    scene.say("all brokers are back");
  },
};

const leaders: Fault = {
  name: "move leaders",
  weight: 3,
  needs: "brokers",
  prepare: (scene) => async () => {
    scene.tell("every partition gets another leader", "clients find the new ones, no batch is lost or doubled");
    scene.say(await moveLeaders(scene.kafka, scene.random));
  },
};

const cutConnections: Fault = {
  name: "cut connections",
  weight: 6,
  needs: "network",
  prepare: (scene) => async () => {
    const share = scene.random.next() < 0.5 ? 1 : 0.5;
    const cut = scene.proxies.reduce((sum, proxy) => sum + proxy.cut(() => scene.random.next() < share), 0);
    scene.tell(
      `${cut} connections break, with all that is on its way`,
      "commits in doubt are cleared up by a new epoch and the committed offsets",
    );
  },
};

const slowNetwork: Fault = {
  name: "slow the network",
  weight: 3,
  needs: "network",
  prepare: (scene) => async () => {
    const nodes = someNodes(scene);
    const [ms, forMs] = [between(scene.random, 50, 600), between(scene.random, 3_000, 8_000)];
    scene.tell(`${ms} ms more each way to ${named(nodes)} for ${seconds(forMs)}`, "slower, and nothing else");
    await troubled(scene, { kind: "slow", ms }, forMs, nodes);
  },
};

const loseAnswers: Fault = {
  name: "lose answers",
  weight: 4,
  needs: "network",
  prepare: (scene) => async () => {
    const nodes = someNodes(scene);
    const ms = between(scene.random, 300, 5_000);
    scene.tell(
      `answers of ${named(nodes)} are held for ${seconds(ms)}, then connections break`,
      "what was done and not answered is neither lost nor done twice",
    );
    const ends = nodes.map((node) => scene.proxies[node]!.trouble({ kind: "mute" }));
    await sleep(ms);
    for (const node of nodes) scene.proxies[node]!.cut(() => true);
    for (const end of ends) end();
  },
};

const refuseConnections: Fault = {
  name: "refuse connections",
  weight: 3,
  needs: "network",
  prepare: (scene) => async () => {
    const nodes = someNodes(scene);
    const ms = between(scene.random, 1_000, 8_000);
    scene.tell(`no instance can connect to ${named(nodes)} for ${seconds(ms)}`, "partitions led there wait, the others go on");
    await troubled(scene, { kind: "closed" }, ms, nodes);
  },
};

export const faults: readonly Fault[] = [
  killInstance,
  freezeInstance,
  isolateInstance,
  restartInstance,
  usurp,
  scale,
  killBroker,
  freezeBroker,
  stopCluster,
  leaders,
  cutConnections,
  slowNetwork,
  loseAnswers,
  refuseConnections,
];
