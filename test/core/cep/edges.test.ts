import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Edge, Edges } from "../../../core/cep/edges.ts";
import { buildsUpon, type Version } from "../../../core/cep/version.ts";

// Few numbers and lengths, so that many begin alike.
const versions: fc.Arbitrary<Version> = fc.array(fc.nat(2), { minLength: 1, maxLength: 4 });
const edgeOf = (label: Version, uses = 1): Edge => ({ label, behind: undefined, uses });

const found = (edges: Edges, version: Version): readonly number[] => {
  const places: number[] = [];
  for (let place = edges.upon(version, 0); place >= 0; place = edges.upon(version, place + 1)) places.push(place);
  return places;
};

describe("edges of a node", () => {
  it("are found as a look at every label finds them, whatever has come, changed and gone", () => {
    const changes = fc.array(fc.tuple(fc.constantFrom("add", "replace", "remove"), versions, fc.nat(20)), { maxLength: 30 });
    fc.assert(
      fc.property(changes, versions, (all, version) => {
        const edges = new Edges();
        const labels: Version[] = [];
        for (const [change, label, at] of all) {
          const place = at % Math.max(1, labels.length);
          if (change === "add" || labels.length === 0) {
            edges.add(edgeOf(label));
            labels.push(label);
          } else if (change === "replace") edges.replace(place, edgeOf(labels[place]!, 2));
          else {
            edges.remove(place);
            labels.splice(place, 1);
          }
        }
        const wanted = labels.flatMap((label, place) => (buildsUpon(version, label) ? [place] : []));
        expect(found(edges, version)).toEqual(wanted);
        expect(found(new Edges(labels.map((label) => edgeOf(label))), version)).toEqual(wanted);
      }),
    );
  });

  it("stay what they are when a copy changes", () => {
    const edges = new Edges([edgeOf([1, 0])]);
    const copy = edges.copy();
    copy.remove(0);
    copy.add(edgeOf([2, 0, 0]));
    expect([found(edges, [1, 0, 0]), found(edges, [2, 0, 0, 0])]).toEqual([[0], []]);
    expect([found(copy, [1, 0, 0]), found(copy, [2, 0, 0, 0])]).toEqual([[], [0]]);
  });
});
