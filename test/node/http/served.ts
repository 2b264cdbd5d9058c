import { request } from "node:http";
import { seconds } from "../../../core/duration.ts";
import type { Logger } from "../../../core/ports/logger.ts";
import { silent } from "../../../core/ports/logger.ts";
import type { StartedApp } from "../../../core/runtime/app.ts";
import { type HttpOptions, httpSettings, QueryServer } from "../../../node/http/mod.ts";
import type { RunOptions } from "../../../topology/run_options.ts";
import type { Topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly body: any;
}

/** One GET, with headers that a browser would not let one choose. */
export const ask = (
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  more: { readonly method?: string; readonly body?: string } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", port, path, headers, method: more.method ?? "GET", agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("error", reject);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = String(response.headers["content-type"]).startsWith("application/json");
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          body: isJson && text !== "" ? JSON.parse(text) : undefined,
        });
      });
    });
    asking.on("error", reject);
    asking.end(more.body);
  });

/** Instances on virtual time, each with a server that listens on this machine. */
export class Served extends Cluster {
  readonly servers: QueryServer[] = [];

  /** Starts an instance; its endpoint is where its server listens. */
  async serve(
    topology: Topology,
    options: RunOptions = {},
    http: Partial<HttpOptions> = {},
    logger: Logger = silent,
  ): Promise<{ readonly app: StartedApp; readonly server: QueryServer; ask(path: string): Promise<Answer> }> {
    const settings = httpSettings({ port: 0, peerTimeout: seconds(20), ...http });
    const server = await QueryServer.listen(settings, options.endpoint, logger);
    this.servers.push(server);
    const app = await this.start(topology, { endpoint: server.endpoint, ...options });
    server.serve(app.queries);
    return { app, server, ask: (path) => ask(server.port, path) };
  }

  override async close(): Promise<void> {
    await super.close();
    for (const server of this.servers) await server.close();
  }
}
