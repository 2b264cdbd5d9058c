import fc from "fast-check";
import type { Seen, Sketch, SketchGroup, SketchItem, SketchLoop, SketchTake } from "./sketch.ts";

// What must not come, and what ends a loop, has letters of its own: no event can be wanted and unwanted at once.
const wanted = ["a", "b"];
const unwanted = ["m", "n"];
const ending = "u";

/** Events in the order of their timestamps; each letter comes often, so that short inputs have matches. */
export const someEvents = (maxLength: number): fc.Arbitrary<readonly Seen[]> =>
  fc
    .array(fc.tuple(fc.constantFrom(...wanted, ...wanted, ...wanted, ...wanted, "x", ...unwanted, ending), fc.nat(3)), {
      minLength: 1,
      maxLength,
    })
    .map((parts) => {
      // Partial matches that begin at time zero have no timer, as in Flink.
      let time = 1;
      return parts.map(([letter, gap], n) => ({ letter, n, time: (time += gap) }));
    });

const follow = fc.constantFrom("next" as const, "followedBy" as const, "followedBy" as const, "followedByAny" as const);
const between = fc.constantFrom("nothing" as const, "others" as const, "others" as const, "anything" as const);

const loop: fc.Arbitrary<SketchLoop> = fc
  .record({
    min: fc.integer({ min: 1, max: 2 }),
    more: fc.constantFrom(0, 1, 2, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
    between,
    until: fc.constantFrom(undefined, undefined, ending),
    greedy: fc.boolean(),
  })
  .map(({ min, more, between, until, greedy }) => ({
    min,
    max: min + more,
    between,
    until: more === Number.POSITIVE_INFINITY ? until : undefined,
    greedy: greedy && between !== "anything",
  }));

const take = (options: { readonly optional: boolean; readonly loops: boolean }): fc.Arbitrary<SketchTake> =>
  fc.record({
    kind: fc.constant("take" as const),
    follow,
    letter: fc.constantFrom(...wanted, ...wanted, ...wanted, undefined),
    counts: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    optional: options.optional
      ? fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) })
      : fc.constant(false),
    loop: options.loops
      ? fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: loop })
      : fc.constant(undefined),
    neighboursMs: fc.constantFrom(undefined, undefined, undefined, 4),
  });

const not: fc.Arbitrary<SketchItem> = fc.record({
  kind: fc.constant("not" as const),
  follow: fc.constantFrom("notNext" as const, "notFollowedBy" as const),
  letter: fc.constantFrom(...unwanted),
  neighboursMs: fc.constantFrom(undefined, undefined, undefined, 4),
});

const group: fc.Arbitrary<SketchGroup> = fc
  .record({
    kind: fc.constant("group" as const),
    follow,
    items: fc
      .array(fc.oneof({ weight: 4, arbitrary: take({ optional: true, loops: true }) }, { weight: 1, arbitrary: not }), {
        minLength: 1,
        maxLength: 3,
      })
      .map(sound(true)),
    optional: fc.boolean(),
    loop: fc.oneof(
      { weight: 1, arbitrary: fc.constant(undefined) },
      { weight: 2, arbitrary: loop.map((repeated) => ({ ...repeated, greedy: false })) },
    ),
  })
  // A group that repeats for ever must not end with a greedy loop.
  .map((item) => (item.loop?.max === Number.POSITIVE_INFINITY ? { ...item, items: item.items.map(modest) } : item));

const modest = (item: SketchItem): SketchItem =>
  item.kind === "take" && item.loop !== undefined ? { ...item, loop: { ...item.loop, greedy: false } } : item;

/** Leaves out what the builder refuses: a negative first or behind something optional, notNext behind a negative, and the like. */
function sound(inGroup: boolean): (items: readonly SketchItem[]) => readonly SketchItem[] {
  return (items) => {
    const kept: SketchItem[] = [];
    for (const item of items) {
      const before = kept.at(-1);
      if (item.kind === "not") {
        if (before === undefined || (before.kind === "not" ? item.follow === "notNext" : endsOptional(before))) continue;
        kept.push(item);
      } else if (before?.kind === "take" && before.loop?.greedy) kept.push({ ...item, optional: false });
      else if (before === undefined && inGroup) kept.push({ ...item, optional: false });
      else kept.push(item);
    }
    while (inGroup && endsOpen(kept)) kept.pop();
    return kept.length > 0
      ? kept.map((item, i) => (item.kind === "group" || (!inGroup && isMeasurable(kept, i)) ? item : { ...item, neighboursMs: undefined }))
      : [{ kind: "take", follow: "next", letter: "a", counts: false, optional: false, loop: undefined, neighboursMs: undefined }];
  };
}

/** Where time between neighbours may be measured. */
const isMeasurable = (items: readonly SketchItem[], i: number): boolean => {
  const item = items[i]!;
  if (i === 0 || item.kind === "group") return false;
  if (item.kind === "take") return item.loop === undefined && !item.optional;
  const taken = items.slice(0, i).findLast((before) => before.kind !== "not");
  return (item.follow === "notNext" || i === items.length - 1) && taken?.kind === "take" && taken.loop === undefined;
};

const endsOptional = (item: SketchItem): boolean =>
  item.kind !== "not" && (item.optional || (item.kind === "group" && endsOptional(item.items.at(-1)!)));

/** Ends with a negative, or with optional steps behind notFollowedBy. */
const endsOpen = (items: readonly SketchItem[]): boolean => {
  const certain = items.findLast((item) => item.kind === "not" || !item.optional);
  return items.at(-1)?.kind === "not" || (certain?.kind === "not" && certain.follow === "notFollowedBy");
};

const within = fc.constantFrom(undefined, undefined, 6, 12, 24);

/** Patterns of steps that follow each other, and nothing else. */
export const plainSketches: fc.Arbitrary<Sketch> = fc.record({
  items: fc.array(take({ optional: false, loops: false }), { minLength: 1, maxLength: 4 }).map(sound(false)),
  withinMs: within,
});

/** Like these, and an event leaves each partial match one way to go on. */
export const linearSketches: fc.Arbitrary<Sketch> = plainSketches.map(({ items, withinMs }) => ({
  items: (items as readonly SketchTake[]).map((item) => ({
    ...item,
    follow: item.follow === "followedByAny" ? ("followedBy" as const) : item.follow,
  })),
  withinMs,
}));

/** Patterns with everything. */
export const fullSketches: fc.Arbitrary<Sketch> = fc
  .record({
    items: fc
      .array(
        fc.oneof(
          { weight: 5, arbitrary: take({ optional: true, loops: true }) },
          { weight: 2, arbitrary: not },
          { weight: 1, arbitrary: group },
        ),
        { minLength: 1, maxLength: 4 },
      )
      .map(sound(false)),
    withinMs: within,
  })
  .map(({ items, withinMs }) => {
    const last = items.at(-1)!;
    return {
      items: hasUnwanted(items) ? items.map(choosy) : items,
      withinMs: last.kind === "not" && last.follow === "notFollowedBy" && last.neighboursMs === undefined ? (withinMs ?? 8) : withinMs,
    };
  });

/**
 * Patterns of which the words alone say what they find: without greedy loops, without groups that repeat or begin with a loop, and with what must not come only between two steps that are required. In others that depends on how they are
 * written, and Flink's results are the measure.
 */
export const clearSketches: fc.Arbitrary<Sketch> = fullSketches.map(({ items, withinMs }) => ({ items: clear(items), withinMs }));

const clear = (items: readonly SketchItem[]): readonly SketchItem[] =>
  items.flatMap((item, i): readonly SketchItem[] => {
    const isRequired = (other: SketchItem | undefined): boolean => other?.kind === "take" && !other.optional && other.loop === undefined;
    if (item.kind === "not") return isRequired(items[i - 1]) && isRequired(items[i + 1]) ? [{ ...item, neighboursMs: undefined }] : [];
    if (item.kind === "group") {
      const [head, ...rest] = clear(item.items);
      return [{ ...item, items: [head?.kind === "take" ? { ...head, loop: undefined } : head!, ...rest], loop: undefined }];
    }
    const modesty = modest(item) as SketchTake;
    return [isRequired(items[i - 1]) ? modesty : { ...modesty, neighboursMs: undefined }];
  });

const hasUnwanted = (items: readonly SketchItem[]): boolean =>
  items.some((item) => item.kind === "not" || item.loop?.until !== undefined || (item.kind === "group" && hasUnwanted(item.items)));

/** A step that takes any event would take the unwanted ones too. */
const choosy = (item: SketchItem): SketchItem =>
  item.kind === "take"
    ? { ...item, letter: item.letter ?? "b" }
    : item.kind === "group"
      ? { ...item, items: item.items.map(choosy) }
      : item;
