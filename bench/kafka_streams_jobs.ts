import { type JavaPrograms, javaPrograms } from "./java_programs.ts";

/** The programs of bench/kafka-streams, ready to be started; or what is missing here. On two cores the serial collector costs the least; the heap is enough for all the jobs. */
export const kafkaStreamsJobs = (): Promise<JavaPrograms | { readonly missing: string }> =>
  javaPrograms({ folder: "kafka-streams", versionProperty: "kafka.version", machine: ["-Xmx384m", "-XX:+UseSerialGC"] });
