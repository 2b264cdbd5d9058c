import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A schema registry for tests, with the part of Confluent's protocol that is used, which fails as it is told to. */
export interface RegistryServer {
  readonly host: string;
  /** What has been asked for, in order: "GET /schemas/ids/1". */
  readonly asked: string[];
  /** Headers of the last request. */
  headers: IncomingMessage["headers"];
  /** How requests are answered from now on. */
  mood: "well" | "failing" | "silent" | "dripping" | "hanging-up" | "html" | "unauthorized" | "forbidden" | "incompatible";
  /** Puts a schema under an id of its own choice. */
  put(id: number, schema: string, extra?: object): void;
  close(): Promise<void>;
}

export const startRegistryServer = async (): Promise<RegistryServer> => {
  const schemas = new Map<number, object>();
  const subjects = new Map<string, number[]>();
  const textOf = (id: number): unknown => (schemas.get(id) as { schema: unknown }).schema;

  const answer = (request: IncomingMessage, body: string, send: (status: number, value: object) => unknown): unknown => {
    const path = decodeURIComponent(request.url ?? "");
    const byId = /^\/schemas\/ids\/(\d+)$/.exec(path);
    if (byId !== null) {
      const found = schemas.get(Number(byId[1]));
      if (found === undefined) return send(404, { error_code: 40403, message: "Schema not found" });
      return send(200, found);
    }
    const byVersion = /^\/subjects\/([^/]+)\/versions\/(\d+)$/.exec(path);
    if (byVersion !== null) {
      const id = subjects.get(byVersion[1]!)?.[Number(byVersion[2]) - 1];
      if (id === undefined) return send(404, { error_code: 40402, message: "Version not found" });
      return send(200, { subject: byVersion[1], id, version: Number(byVersion[2]), ...schemas.get(id) });
    }
    const subject = /^\/subjects\/([^/]+)(\/versions)?$/.exec(path);
    if (subject === null) return send(404, { error_code: 404, message: "HTTP 404 Not Found" });
    const { schema } = JSON.parse(body) as { schema: string };
    const ids = subjects.get(subject[1]!) ?? [];
    const known = ids.find((id) => textOf(id) === schema);
    if (known !== undefined) return send(200, { subject: subject[1], id: known, version: ids.indexOf(known) + 1, schema });
    if (subject[2] === undefined) return send(404, { error_code: 40403, message: "Schema not found" });
    const id = [...schemas.keys()].find((each) => textOf(each) === schema) ?? Math.max(0, ...schemas.keys()) + 1;
    schemas.set(id, { schema });
    subjects.set(subject[1]!, [...ids, id]);
    return send(200, { id });
  };

  const state: Omit<RegistryServer, "host" | "close"> = {
    asked: [],
    headers: {},
    mood: "well",
    put: (id, schema, extra = {}) => {
      schemas.set(id, { schema, ...extra });
    },
  };
  const server = createServer((request, response: ServerResponse) => {
    state.asked.push(`${request.method} ${request.url}`);
    state.headers = request.headers;
    const send = (status: number, value: object): unknown => {
      response.writeHead(status, { "content-type": "application/vnd.schemaregistry.v1+json" });
      return response.end(JSON.stringify(value));
    };
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", (): unknown => {
      switch (state.mood) {
        case "failing":
          return send(500, { error_code: 50001, message: "Error in the backend datastore" });
        case "silent":
          return undefined;
        case "dripping":
          response.writeHead(200, { "content-type": "application/json" });
          response.write("{");
          return undefined;
        case "hanging-up":
          response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
          response.write("{");
          return setImmediate(() => response.destroy());
        case "html":
          response.writeHead(200, { "content-type": "text/html" });
          return response.end("<html>Please log in</html>");
        case "unauthorized":
          return send(401, { error_code: 40101, message: "Unauthorized" });
        case "forbidden":
          return send(403, { error_code: 40301, message: "Forbidden" });
        case "incompatible":
          return request.url?.endsWith("/versions")
            ? send(409, { error_code: 409, message: "Schema being registered is incompatible" })
            : send(404, { error_code: 40401, message: "Subject not found" });
        default:
          return answer(request, body, send);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(state, {
    host: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
};
