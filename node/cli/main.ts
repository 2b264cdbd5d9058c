#!/usr/bin/env node
import { millrace } from "./millrace.ts";

const { argv, env, stdout, stderr } = process;

// Whoever reads the output may have seen enough: `millrace doctor | head -1`.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await millrace(argv.slice(2), {
  out: (text) => void stdout.write(text),
  err: (text) => void stderr.write(text),
  env,
});
