import { bounded } from "../examples/fraud-detection/bounded.ts";
import { embedded } from "../examples/fraud-detection/embedded.ts";
import type { BenchCase } from "./bench_case.ts";
import { meter } from "./meter.ts";

/** The fraud-detection job as `npm run fraud` runs it, its generated input included: a temporal join, sliding windows, a pattern, and two shuffles. */
export const cases: readonly BenchCase[] = [
  {
    name: "fraud job, embedded, exactly-once",
    run: async ({ share }) => {
      const transactions = share(50_000);
      const measuring = meter();
      let alerts = 0;
      const options = { speed: 1, forever: false, seed: 1, json: true, produce: false, prefix: "", transactions };
      const app = await bounded(options, embedded(), () => {
        alerts++;
      });
      await app.finished;
      if (alerts === 0) throw new Error("The fraud job found nothing: the input has planted frauds");
      return { ...measuring.read(transactions), alerts };
    },
  },
];
