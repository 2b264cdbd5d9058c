import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { elasticsearch } from "../../../node/sink/elasticsearch.ts";

const withOpenssl = spawnSync("openssl", ["version"], { stdio: "ignore" }).error === undefined ? describe : describe.skip;

withOpenssl("the search sink over https (needs openssl to make a certificate)", () => {
  let folder: string;
  let server: Server;
  let url: string;
  let requests = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "search-tls-"));
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
      ],
      { cwd: folder, stdio: "ignore" },
    );
    server = createServer(
      { key: readFileSync(join(folder, "key.pem")), cert: readFileSync(join(folder, "cert.pem")) },
      (request, response) => {
        requests++;
        request.resume();
        response.end(JSON.stringify({ errors: false, items: [{ index: { _id: "a", status: 201 } }] }));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  it("says at once that a certificate is not trusted, and what to do", async () => {
    const sink = elasticsearch<{ id: string }>({ url, index: "alerts", id: ({ id }) => id });
    await expect(sink.write([{ key: null, value: { id: "a" } }], new AbortController().signal)).rejects.toThrow(
      /^Search server at https:\/\/127\.0\.0\.1:\d+ shows a certificate that is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT: .*\): name the file of its authority in NODE_EXTRA_CA_CERTS$/,
    );
    expect(requests).toBe(0);
  });

  it("writes when the authority is named in NODE_EXTRA_CA_CERTS", async () => {
    const program = `
      import { elasticsearch } from ${JSON.stringify(new URL("../../../node/sink/elasticsearch.ts", import.meta.url).href)};
      await elasticsearch({ url: ${JSON.stringify(url)}, index: "alerts", id: ({ id }) => id }).write([{ key: null, value: { id: "a" } }], new AbortController().signal);
      console.log("written");
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, "cert.pem") },
    });
    expect(stdout).toBe("written\n");
    expect(requests).toBe(1);
  });
});
