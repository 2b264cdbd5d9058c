import { createServer } from "node:net";

/** A port of 127.0.0.1 on which nobody listens at this moment. Who wants it should take it soon. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("Cannot find a free port: the system gave no address"));
        else resolve(address.port);
      });
    });
  });
