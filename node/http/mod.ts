/** Questions to the stores of a running app over HTTP: the server, what may be asked of it, and how it asks other instances. */
export { type HttpOptions, type HttpSettings, httpSettings } from "./http_options.ts";
export { QueryServer } from "./query_server.ts";
