import * as m from "../../../mod.ts";
import {
  days,
  hours,
  json,
  type KeyedStream,
  millis,
  minutes,
  type Stream,
  seconds,
  type Topology,
  text,
  topic,
  topology,
} from "../../../mod.ts";
import { fraudDetection, memory } from "./fraud.ts";

// ---------------------------------------------------------------- word count
const lines = topic("lines", { value: text });
const counts = topic("counts", { key: text, value: m.integer });
const wordCount = topology("word-count", ({ from }) => {
  from(lines)
    .flatMap((line) => line.toLowerCase().split(/\W+/))
    .keyBy((word) => word)
    .count("count")
    .to(counts);
});

// ---------------------------------------------------------------- page views per region
const views = topic("views", { key: text, value: json<{ page: string }>() });
const users = topic("users", { key: text, value: json<{ region: string }>() });
const perRegion = topic("per-region", { key: text, value: json<{ region: string; until: number; n: number }>() });
const pageViews = topology("page-views", ({ from, table }) => {
  from(views)
    .keyBy()
    .leftJoin("user", table(users), (view, user) => ({ page: view.page, region: user?.region ?? "unknown" }))
    .keyBy((view) => view.region)
    .window(m.sliding({ size: minutes(5), every: minutes(1) }), { lateness: seconds(10) })
    .count("views-per-region", (n, { key, window }) => ({ region: key, until: window.end, n }))
    .to(perRegion);
});

// ---------------------------------------------------------------- sessions with triggers of one's own
interface Click {
  readonly user: string;
  readonly page: string;
  readonly gap: number;
  readonly price: number;
  readonly category: string;
  readonly product: string;
}
const clicks = topic("clicks", { key: text, value: json<Click>() });
const onPurchase = m.trigger<Click>({
  onRecord: (click) => (click.page === "/thanks" ? "fire" : "continue"),
  onMerge() {},
});
const onEvery = (n: number): m.Trigger<Click> =>
  m.trigger({
    state: { seen: m.valueState({ initial: 0 }) },
    onRecord(_click: Click, _at, { state, window, watermark, timers }) {
      if (window.end - 1 <= watermark) return "fire";
      timers.event.set(window.end - 1);
      if (state.seen.update((k) => k + 1) < n) return "continue";
      state.seen.set(0);
      return "fire";
    },
    onTimer: ({ timestamp }, { window }) => (timestamp === window.end - 1 ? "fire" : "continue"),
    onMerge() {},
  });
const sessions = topology("sessions", ({ from }) => {
  const byUser = from(clicks)
    .keyBy((click) => click.user)
    .repartition("by-user");
  const visits = byUser
    .window(m.session<Click>({ gap: (click) => minutes(click.gap) }), { emit: onPurchase, lateness: hours(1), evict: m.keepLast(100) })
    .process("visits", (pages, { key, window }) => [{ user: key, from: window.start, pages: pages.map((click) => click.page) }]);
  visits.print();
  visits.side.late.map((click) => click.user).print();
  byUser
    .window(m.session({ gap: minutes(30) }), { emit: onEvery(3) })
    .aggregate(
      "spend",
      m.sum((click) => click.price),
      (total, pane) => ({ ...pane.window, total }),
    )
    .print();
});

// ---------------------------------------------------------------- the best of each category
const best = topology("best", ({ from }) => {
  from(clicks)
    .keyBy((click) => click.category)
    .window(m.tumbling({ size: hours(1) }))
    .aggregate(
      "top-3",
      m.top(3, (click) => click.price),
      (found, { key, window }) => ({ category: key, hour: window.start, best: found.map((click) => click.product) }),
    )
    .print();
  from(clicks)
    .keyBy((click) => click.product)
    .aggregate(
      "revenue",
      m.sum((click) => click.price),
    )
    .to(topic("revenue", { key: text, value: m.float64 }));
});

// ---------------------------------------------------------------- an operator of one's own: each event once
interface Order {
  readonly id: string;
  readonly customerId: string;
  readonly at: number;
  readonly total: number;
}
const orders = topic("orders", { key: text, value: json<Order>() });
const once = <V, K extends m.SimpleKey>(events: Stream<V>, id: (value: V) => K, within: m.Duration): KeyedStream<V, K> =>
  events.keyBy(id).process("once", {
    state: { seen: m.valueState({ initial: false, ttl: { after: within } }) },
    onRecord(event, { state }) {
      if (state.seen.get()) return;
      state.seen.set(true);
      return [event];
    },
  });
const deduplicated = topology("deduplicated", ({ from }) => {
  from(orders)
    .pipe((stream) => once(stream, (order) => order.id, days(1)))
    .to(topic("orders-once", { key: text, value: json<Order>() }));
});

// ---------------------------------------------------------------- rules by broadcast
interface Rule {
  readonly id: string;
  readonly above: number;
  readonly deleted?: boolean;
}
const rules = topic("rules", { key: text, value: json<Rule>() });
const ruled = topology("ruled", ({ from }) => {
  const hits = from(orders)
    .keyBy((order) => order.customerId)
    .connectBroadcast("rules-of-customers", from(rules), {
      broadcast: { rules: m.broadcastState<string, Rule>() },
      state: { seen: m.listState<number>() },
      side: { checked: m.output<string>() },
      *onRecord(order, { key, state, broadcast, side, timers }) {
        state.seen.add(order.total);
        side.checked(order.id);
        if (order.total < 0) timers.event.set(order.at - order.total);
        for (const [id, rule] of broadcast.rules) if (order.total > rule.above) yield { customer: key, rule: id };
      },
      onBroadcast(rule, { broadcast, forEachKey }) {
        if (rule.deleted) {
          broadcast.rules.delete(rule.id);
          forEachKey((_key, state) => state.seen.clear());
        } else broadcast.rules.set(rule.id, rule);
      },
      onTimer: ({ timestamp }, { broadcast }) => [{ at: timestamp, rules: [...broadcast.rules.keys()].length }],
    });
  hits
    .filter((hit) => "rule" in hit)
    .map((hit) => hit.rule)
    .print();
  hits.side.checked.map((id) => id.length).print();
});

// ---------------------------------------------------------------- patterns
interface Login {
  readonly user: string;
  readonly type: "fail" | "ok" | "buy" | "logout";
  readonly amount: number;
  readonly at: number;
}
const logins = topic("logins", { key: text, value: json<Login>() });
const takeover = topology("takeover", ({ from }) => {
  const byUser = from(logins)
    .keyBy((login) => login.user)
    .repartition("by-user");
  const found = byUser.match(
    "takeover",
    ({ begin }) =>
      begin("fails", (event) => event.type === "fail")
        .oneOrMore({ greedy: true, consecutive: true })
        .next("login", (event) => event.type === "ok")
        .followedBy("small", (event) => event.type === "buy" && event.amount < 10)
        .optional()
        .followedBy("buy", (event, { fails, login }) => event.amount > fails.length * 100 && event.at > login.at)
        .within(minutes(30)),
    { skip: { toLast: "fails" } },
  );
  found
    .map(({ fails, login, small, buy }) => ({ user: login.user, tries: fails.length, small: small?.amount, amount: buy.amount }))
    .print();
  found.side.timedOut.map(({ fails = [] }) => fails.length).print();
  found.side.late.map((event) => event.at).print();
});

// ---------------------------------------------------------------- a temporal join
const rates = topic("rates", { key: text, value: json<{ rate: number; validFrom: number }>() });
const converted = topology("converted", ({ from, table }) => {
  const rate = table(rates, { history: days(7), timestamp: (row) => row.validFrom });
  from(orders, { timestamp: (order) => order.at })
    .keyBy((order) => order.customerId)
    .join("rate", rate, { asOf: "watermark" }, (order, row) => order.total * row.rate)
    .print();
});

// ---------------------------------------------------------------- a function over a whole task, and what it rewrites
const tallied = topology("tallied", ({ from }) => {
  const tally = from(orders).process("tally", {
    state: { offsets: m.operatorState<number>({ restore: "union" }) },
    side: { big: m.output<Order>() },
    onRecord(order, { key, state, side, offset }) {
      state.offsets.add(offset);
      if (order.total > 1e6) side.big(order);
      return [{ key: key ?? order.customerId, value: state.offsets.get().length }];
    },
  });
  tally.rewrite((draft) => draft).to(topic("tallies", { key: text, value: m.nullable(m.integer) }));
  tally.side.big.to(topic("big-orders", { key: text, value: json<Order>() }));
});

// ---------------------------------------------------------------- branches
type Shape = { readonly kind: "circle"; readonly r: number } | { readonly kind: "square"; readonly side: number };
const shapes = topic("shapes", { key: text, value: json<Shape>() });
const isCircle = (shape: Shape): shape is Extract<Shape, { kind: "circle" }> => shape.kind === "circle";
const routing = topology("routing", ({ from }) => {
  const { circles, big, rest } = from(shapes).split({ circles: isCircle, big: (shape) => shape.kind === "square" && shape.side > 10 });
  circles
    .map((circle) => circle.r)
    .union(big.map(() => "big" as const))
    .map((x: number | "big") => x)
    .print("large");
  rest.to(topic("small-shapes", { key: text, value: json<Shape>() }));
});

// ---------------------------------------------------------------- errors; two outputs in one transaction
const careful = topology(
  "careful",
  ({ from }) => {
    const parsed = from(lines, { onError: m.deadLetter("lines-dlq") })
      .map((line) => JSON.parse(line) as Order)
      .with({ name: "parse", onError: m.retry({ attempts: 3, backoff: seconds(1), then: m.deadLetter("orders-dlq") }) })
      .keyBy((order) => order.id);
    parsed.to(orders);
    parsed.map((order) => order.total).to(topic("totals", { key: text, value: m.float64 }), { onError: m.skip() });
  },
  { onError: (error) => (error instanceof m.DecodeError ? m.skip() : m.fail()) },
);

// ---------------------------------------------------------------- bounded input
const inMemory = topology("in-memory", ({ from }) => {
  from(m.records([3, 1, 2]))
    .single()
    .window(m.globalWindow(), { emit: m.onWatermark() })
    .aggregate(
      "all",
      m.sum((n) => n),
    )
    .print();
});

/** Programs that must compile and can be planned. */
// ---------------------------------------------------------------- streams that are joined with streams
interface Purchase {
  readonly id: string;
  readonly customer: string;
  readonly total: number;
  readonly at: number;
}
interface Payment {
  readonly orderId: string;
  readonly amount: number;
  readonly at: number;
}
const purchases = topic("purchases", { key: text, value: json<Purchase>() });
const payments = topic("payments", { key: text, value: json<Payment>() });
const paid = topic("paid", { key: text, value: json<{ id: string; missing: number }>() });
const latePayments = topic("late-payments", { key: text, value: json<Payment>() });
const perHour = topic("per-hour", { key: text, value: json<{ orders: number; payments: number; until: number }>() });
const streamJoins = topology("stream-joins", ({ from }) => {
  const all = from(purchases, { timestamp: (order) => order.at });
  const ordered = all.keyBy((order) => order.id);
  const payment = from(payments, { timestamp: (one) => one.at }).keyBy((one) => one.orderId);
  const joined = ordered.join("paid", payment, { before: minutes(0), after: hours(1), exclusive: "after" }, (order, one) => ({
    id: order.id,
    missing: order.total - one.amount,
  }));
  joined.to(paid);
  joined.side.lateRight.to(latePayments);
  const ofCustomer = all.keyBy((order) => order.customer);
  const byCustomer = m.tagged({ order: ofCustomer, click: from(clicks).keyBy((click) => click.user) });
  byCustomer.map((event) => (event.from === "order" ? event.value.total : event.value.price)).print("spent");
});
const coGroups = topology("co-groups", ({ from }) => {
  const ordered = from(purchases).keyBy();
  const payment = from(payments).keyBy();
  ordered
    .coGroup("per-hour", payment, { window: m.tumbling({ size: hours(1) }), lateness: minutes(1) }, (left, right, { window }) => [
      { orders: left.length, payments: right.length, until: window.end },
    ])
    .to(perHour);
  ordered
    .join("pairs", payment, { window: m.session({ gap: minutes(5) }) }, (order, one, { key }) => ({
      id: `${key}`,
      missing: order.total - one.amount,
    }))
    .to(paid);
});

// ---------------------------------------------------------------- asking something outside; a time of its own
const score = async (order: Purchase, _signal: AbortSignal): Promise<number> => order.total;
const asking = topology("asking", ({ from }) => {
  from(purchases)
    .mapAsync("score", async (order, { signal }) => ({ ...order, score: await score(order, signal) }), {
      order: "key",
      capacity: 100,
      timeout: seconds(2),
      onTimeout: (order) => ({ ...order, score: -1 }),
      retry: {
        attempts: 3,
        backoff: (n) => millis(50 * 2 ** n),
        when: ({ error, result }) => error instanceof TypeError || result?.score === 0,
      },
    })
    .withTime("scored", { timestamp: (order) => order.at, watermarks: m.boundedOutOfOrderness(seconds(5)), idleness: minutes(1) })
    .keyBy((order) => order.customer)
    .window(m.tumbling({ size: hours(1) }))
    .aggregate(
      "scores",
      m.sum((order) => order.score),
      (total, { key, window }) => ({ id: key, missing: total - window.end }),
    )
    .to(paid);
});

export const programs: readonly Topology[] = [
  streamJoins,
  coGroups,
  asking,
  wordCount,
  pageViews,
  sessions,
  best,
  deduplicated,
  ruled,
  takeover,
  converted,
  tallied,
  routing,
  careful,
  inMemory,
  fraudDetection(memory),
];

// ---------------------------------------------------------------- every step once, as an operator: compiled, not run
interface E {
  readonly key: string;
  readonly id: string;
  readonly amount: number;
  readonly type: string;
}

export const windowVocabulary = (s: Stream<E>, o: Stream<E>): void => {
  const w = s
    .union(o)
    .keyBy((e) => e.key)
    .window(m.tumbling({ size: millis(10), offset: millis(3) }), {
      emit: m.purging(m.onCount(2)),
      evict: m.keepLast(3, { after: true }),
      lateness: millis(4),
    });
  w.reduce("a", (a, b) => (a.amount < b.amount ? b : a)).side.late.map((e) => e.id);
  w.reduce(
    "a2",
    (a) => a,
    (r, { key, window }) => ({ key, ...window, result: r.amount }),
  );
  w.reduce("a3", (a) => a, {
    windowState: { firings: m.valueState({ initial: 0 }) },
    onPane: (r, { windowState }) => [r.amount + windowState.firings.get()],
  });
  w.aggregate(
    "b",
    m.average((e) => e.amount),
    (result, { key, window, watermark, processingTime }) => ({ key, ...window, result, watermark, processingTime }),
  );
  w.process("c", {
    state: { global: m.valueState({ initial: 0 }) },
    windowState: { firings: m.valueState({ initial: 0 }) },
    side: { seen: m.output<number>() },
    onPane: (es, { state, windowState, side }) => {
      side.seen(es.length);
      return [{ sum: es.length, window: windowState.firings.update((n) => n + 1), all: state.global.update((n) => n + 1) }];
    },
    clear({ windowState }) {
      windowState.firings.clear();
    },
  }).side.seen.map((n: number) => n);
  w.aggregate("d", m.count(), {
    windowState: { f: m.valueState({ initial: 0 }) },
    onPane: (n, { windowState }) => [n + windowState.f.get()],
  }).map((n: number) => n);
  w.count("e").map((n: number) => n);
  s.single()
    .window(m.counting({ size: 3 }))
    .aggregate(
      "all",
      m.sum((e) => e.amount),
    )
    .map((n: number) => n);
  s.keyBy((e) => e.key)
    .scan(
      "roll",
      m.reducing<E>((a, b) => ({ ...a, amount: Math.max(a.amount, b.amount) })),
    )
    .map((e) => e.amount);
  s.keyBy((e) => e.key)
    .scan(
      "rollBy",
      m.maxBy((e) => e.amount, "last"),
    )
    .map((e) => e.amount);
};

export const triggers: readonly m.Trigger<E>[] = [
  m.onWatermark(),
  m.onProcessingTime(),
  m.onCount(3),
  m.purging(m.onCount(3)),
  m.onInterval(millis(5)),
  m.onInterval(millis(5), { time: "processing" }),
  m.onDelta<E>(2, (a, b) => b.amount - a.amount),
  m.orTimeout(m.onCount(3), millis(9)),
  m.onNever,
];
export const evictors: readonly m.Evictor<E>[] = [
  m.keepLast(3),
  m.keepNear<E>(2, (v, l) => l.amount - v.amount, { after: true }),
  m.keepRecent(millis(5)),
];

export const processVocabulary = (s: KeyedStream<E, string>, o: KeyedStream<E, string>): void => {
  const ttl = { after: millis(100), refreshOn: "read-and-write", expired: "until-cleaned" } as const;
  const r = s.process("p", {
    state: {
      v: m.valueState<number>({ ttl }),
      l: m.listState<number>({ ttl }),
      mp: m.mapState<string, number>({ ttl }),
      red: m.foldingState(m.sum((n: number) => n)),
      agg: m.foldingState(m.average((n: number) => n)),
    },
    side: { side: m.output<string>() },
    *onRecord(e, { key, state, timers, side, watermark }) {
      timers.event.set(e.amount);
      timers.event.delete(e.amount);
      timers.processing.set(e.amount);
      timers.processing.delete(e.amount);
      side.side(e.id);
      state.v.set(1);
      state.v.clear();
      state.l.add(1, 2);
      state.l.set([3]);
      state.mp.set("a", 1);
      state.mp.delete("a");
      state.red.add(4);
      state.agg.add(4);
      yield { key, result: state.v.get() ?? null };
      yield { key, result: [...state.l.get(), ...state.mp.keys()].length + watermark };
      yield { key, result: state.mp.has("a") || state.mp.isEmpty() };
      yield { key, result: state.agg.get() };
    },
    onTimer: ({ timestamp, domain }, { key, watermark, timers }) => {
      timers.event.set(timestamp + 5);
      return [{ key, timer: timestamp, domain, watermark }];
    },
  });
  r.side.side.map((x) => x.length);
  s.connect("c", o, {
    state: { n: m.valueState({ initial: 0 }) },
    onLeft: (e, { state }) => [{ via: 1, n: state.n.update((n) => n + e.amount) }],
    onRight: (_e, { state, timers }) => {
      timers.event.set(3);
      return [{ via: "2", n: state.n.get() }];
    },
    onTimer: (t) => [t.timestamp],
  }).map((x: number | { via: number | string; n: number }) => x);
  (s as Stream<E>)
    .connectBroadcast("b", o, {
      broadcast: { rules: m.broadcastState<string, number>() },
      onRecord: (e, { broadcast }) => [
        [...broadcast.rules]
          .filter(([, least]) => least <= e.amount)
          .map(([n]) => n)
          .sort(),
      ],
      onBroadcast(rule, { broadcast }) {
        broadcast.rules.set(rule.id, rule.amount);
      },
    })
    .map((names) => names.length);
  s.repartition("spread", { by: "round-robin" })
    .rewrite((e, { key }) => ({ key: e.id, value: e.amount, timestamp: 3, headers: { a: key, b: undefined } }))
    .keyBy()
    .count("n")
    .toStream()
    .map((n: number | null, { key }) => `${key}: ${n}`);
  s.repartition("same-keys", { partitions: 4 }).scan("again", m.count());
  s.repartition("halves", { by: (e, { key }, partitions) => (e.id === key ? "all" : [0, partitions - 1]) }).print();
};
