import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** A key with its self-signed certificate. */
export interface KeyPair {
  /** PKCS#12, which Java and Node read alike. */
  readonly keyStore: string;
  readonly password: string;
  /** In PEM form, for those who are to trust it. */
  readonly certificate: string;
}

/** The certificates of a broker on the loopback address. */
export interface KafkaTls {
  /** Of the listeners that are as they should be. */
  readonly broker: KeyPair;
  /** Of listeners that a client has to refuse. */
  readonly expired: KeyPair;
  readonly elsewhere: KeyPair;
  /** Of a client, for the listener that asks for one. */
  readonly client: KeyPair;
  /** A store with the client's certificate in it. */
  readonly trustStore: string;
}

/** Makes the certificates with the `keytool` that comes with Java, or takes those that the folder holds already. */
export const kafkaTls = async (folder: string): Promise<KafkaTls> => {
  const [broker, expired, elsewhere, client] = await Promise.all([
    keyPair(folder, "broker", here),
    keyPair(folder, "expired", [...here, "-startdate", "-10d"], 5),
    keyPair(folder, "elsewhere", ["-dname", "CN=kafka.example.org", "-ext", "san=dns:kafka.example.org"]),
    keyPair(folder, "client", ["-dname", "CN=carol"]),
  ]);
  const trustStore = join(folder, "trusted.p12");
  if (!existsSync(trustStore)) {
    const store = ["-keystore", trustStore, "-storetype", "PKCS12", "-storepass", password];
    await keytool("keytool", ["-importcert", "-noprompt", ...store, "-alias", "client", "-file", join(folder, "client.pem")]);
  }
  return { broker, expired, elsewhere, client, trustStore };
};

const here = ["-dname", "CN=localhost", "-ext", "san=dns:localhost,ip:127.0.0.1"];

const keyPair = async (folder: string, name: string, subject: readonly string[], days = 3650): Promise<KeyPair> => {
  const keyStore = join(folder, `${name}.p12`);
  const pem = join(folder, `${name}.pem`);
  const store = ["-keystore", keyStore, "-storetype", "PKCS12", "-storepass", password, "-alias", name];
  if (!existsSync(pem)) {
    await keytool("keytool", ["-genkeypair", ...store, ...subject, "-keyalg", "EC", "-groupname", "secp256r1", "-validity", String(days)]);
    await keytool("keytool", ["-exportcert", "-rfc", ...store, "-file", pem]);
  }
  return { keyStore, password, certificate: await readFile(pem, "utf8") };
};

const keytool = promisify(execFile);

/** Guards keys that are made for one test broker. */
const password = "local-only";
