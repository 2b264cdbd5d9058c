import { describe, expect, it } from "@jest/globals";
import { Halves } from "../../../node/http/halves.ts";

const hold = (ms: number): number => {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs) {}
  return endMs;
};

describe("work that holds the event loop", () => {
  it("is done in the order in which it came, and in between others have their turn", async () => {
    const halves = new Halves();
    const done: string[] = [];
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (done.length < 4) setImmediate(turn);
    };
    const work = ["a", "b", "c", "d"].map((name) =>
      halves.run(() => {
        hold(5);
        done.push(`${name}${turns > 0 ? " after others" : ""}`);
        return name;
      }),
    );
    setImmediate(turn);
    expect(await Promise.all(work)).toEqual(["a", "b", "c", "d"]);
    expect(done).toEqual(["a", "b after others", "c after others", "d after others"]);
  });

  it("that fails keeps none that follows from being done", async () => {
    const halves = new Halves();
    const failing = halves.run(() => {
      throw new Error("no");
    });
    const following = halves.run(() => 5);
    await expect(failing).rejects.toThrow("no");
    expect(await following).toBe(5);
  });
});
