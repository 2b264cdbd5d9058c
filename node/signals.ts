import type { App } from "../core/runtime/app.ts";

const signals = ["SIGTERM", "SIGINT"] as const;

/** The first signal closes the app, so that what is done is committed and the group knows at once; a second one ends the process with the signal's exit code. */
export const closeOnSignals = (app: App): void => {
  let asked = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
    asked = true;
    void app.close();
  };
  for (const signal of signals) process.on(signal, onSignal);
  const release = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  app.finished.then(release, release);
};
