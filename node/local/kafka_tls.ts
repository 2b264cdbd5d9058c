import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** A key store for a broker on the loopback address, and the certificate in it that clients are to trust. */
export interface KafkaTls {
  readonly keyStore: string;
  readonly password: string;
  /** In PEM form. */
  readonly certificate: string;
}

/** Makes a self-signed certificate for localhost and 127.0.0.1 with the `keytool` that comes with Java. */
export const kafkaTls = async (folder: string): Promise<KafkaTls> => {
  const keyStore = join(folder, "broker.p12");
  const pem = join(folder, "broker.pem");
  const store = ["-keystore", keyStore, "-storetype", "PKCS12", "-storepass", password, "-alias", "broker"];
  if (!existsSync(pem)) {
    const names = ["-dname", "CN=localhost", "-ext", "san=dns:localhost,ip:127.0.0.1"];
    await keytool("keytool", ["-genkeypair", ...store, ...names, "-keyalg", "RSA", "-keysize", "2048", "-validity", "3650"]);
    await keytool("keytool", ["-exportcert", "-rfc", ...store, "-file", pem]);
  }
  return { keyStore, password, certificate: await readFile(pem, "utf8") };
};

const keytool = promisify(execFile);

/** Guards a key that is made for one test broker. */
const password = "local-only";
