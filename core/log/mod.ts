/** A log in memory with Kafka's semantics: for embedded applications, tests and simulations. */
export { dispositionOf, logError } from "./disposition.ts";
export { directLink, type Link, type RequestKind } from "./link.ts";
export { type MemoryLog, type MemoryLogOptions, memoryLog } from "./memory_log.ts";
