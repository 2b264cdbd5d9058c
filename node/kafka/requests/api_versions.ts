import { brokerError } from "../error_codes.ts";
import { api, type WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";

/** What a broker can do. */
export interface BrokerAbilities {
  /** By the number of the request. */
  readonly versions: ReadonlyMap<number, { readonly min: number; readonly max: number }>;
  /** The levels of features that are in force in the cluster, by name (KIP-584). */
  readonly features: ReadonlyMap<string, number>;
}

export const apiVersions = (): WireRequest<BrokerAbilities> => ({
  api: api.apiVersions,
  flexible: true,
  body: [new WireWriter(true).string("millrace").string("1").end().bytes],
  read: (answer) => {
    const error = answer.int16();
    if (error !== 0) throw brokerError(error, "Cannot talk to the broker");
    const versions = new Map(
      answer.array(() => {
        const entry = [answer.int16(), { min: answer.int16(), max: answer.int16() }] as const;
        answer.end();
        return entry;
      }),
    );
    answer.int32(); // throttle time
    const features = new Map<string, number>();
    answer.tagged((tag, field) => {
      if (tag !== finalizedFeatures) return;
      for (const [name, level] of field.array(() => {
        const entry = [field.string(), field.int16()] as const;
        field.int16(); // the lowest level in force
        field.end();
        return entry;
      }))
        features.set(name, level);
    });
    return { versions, features };
  },
});

const finalizedFeatures = 2;
