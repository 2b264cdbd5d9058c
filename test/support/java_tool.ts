import { spawn } from "node:child_process";
import { join } from "node:path";

/** Runs one of the programs that come with Kafka, with the Java client inside, and gives what it wrote to standard output. */
export const javaTool = (jars: string, program: string, args: readonly string[], input = ""): Promise<string> =>
  new Promise((resolve, reject) => {
    const quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"];
    const java = spawn("java", ["-Xmx128m", ...quick, "-cp", join(jars, "*"), program, ...args]);
    const output: Buffer[] = [];
    let errors = "";
    java.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    java.stderr.on("data", (chunk) => (errors += chunk));
    java.once("error", reject);
    java.once("close", (code) => {
      const written = Buffer.concat(output).toString();
      if (code === 0) resolve(written);
      else reject(new Error(`${program} ended with ${code}: ${errors}${written}`));
    });
    java.stdin.end(input);
  });
