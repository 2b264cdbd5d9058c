import type { KafkaTls, KeyPair } from "./kafka_tls.ts";

/** The ports of one node. */
export interface KafkaPorts {
  readonly plain: number;
  readonly controller: number;
  readonly sasl: number;
  readonly tls: number;
  readonly saslTls: number;
  /** TLS that asks the client for a certificate. */
  readonly mutualTls: number;
  /** TLS with a certificate that has expired, and with one of another host. */
  readonly expiredTls: number;
  readonly elsewhereTls: number;
  /** Listens here, and tells clients to connect to `proxied.advertised`. */
  readonly proxied?: { readonly listen: number; readonly advertised: number };
}

export interface KafkaNode {
  readonly index: number;
  readonly ports: readonly KafkaPorts[];
  /** The folder for the log. */
  readonly data: string;
  readonly users: Readonly<Record<string, string>>;
  /** Those that may do everything; the others may do nothing. */
  readonly superUsers: readonly string[];
  readonly tls: KafkaTls | undefined;
  readonly properties: Readonly<Record<string, string>>;
}

/** The configuration of one node that is broker and controller at once, made for quick starts and little memory. */
export const kafkaProperties = ({ index, ports, data, users, superUsers, tls, properties }: KafkaNode): string => {
  const own = ports[index]!;
  const withSasl = Object.keys(users).length > 0;
  const brokers = ports.length;
  const listeners: [name: string, protocol: string, port: number, advertised: number][] = [
    ["PLAINTEXT", "PLAINTEXT", own.plain, own.plain],
  ];
  if (own.proxied !== undefined) listeners.push(["PROXIED", "PLAINTEXT", own.proxied.listen, own.proxied.advertised]);
  if (withSasl) listeners.push(["SASL_PLAINTEXT", "SASL_PLAINTEXT", own.sasl, own.sasl]);
  if (tls !== undefined) {
    const kinds = { SSL: own.tls, MUTUAL: own.mutualTls, EXPIRED: own.expiredTls, ELSEWHERE: own.elsewhereTls };
    for (const [name, port] of Object.entries(kinds)) listeners.push([name, "SSL", port, port]);
  }
  if (tls !== undefined && withSasl) listeners.push(["SASL_SSL", "SASL_SSL", own.saslTls, own.saslTls]);
  const replication = Math.min(3, brokers);
  const inSync = brokers < 3 ? 1 : 2;
  const settings: Record<string, string | number> = {
    "process.roles": "broker,controller",
    "node.id": index + 1,
    "controller.quorum.voters": ports.map(({ controller }, other) => `${other + 1}@127.0.0.1:${controller}`).join(","),
    listeners: [...listeners.map(([name, , port]) => `${name}://127.0.0.1:${port}`), `CONTROLLER://127.0.0.1:${own.controller}`].join(","),
    "advertised.listeners": listeners.map(([name, , , advertised]) => `${name}://127.0.0.1:${advertised}`).join(","),
    "listener.security.protocol.map": [...listeners.map(([name, protocol]) => `${name}:${protocol}`), "CONTROLLER:PLAINTEXT"].join(","),
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": data,
    "default.replication.factor": replication,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": replication,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": replication,
    "transaction.state.log.min.isr": inSync,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": replication,
    "share.coordinator.state.topic.min.isr": inSync,
    "group.initial.rebalance.delay.ms": 0,
    "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
    ...(withSasl ? saslSettings(users, tls !== undefined) : {}),
    ...(withSasl ? aclSettings(superUsers) : {}),
    ...(tls === undefined ? {} : tlsSettings(tls)),
    ...properties,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
};

const tlsSettings = ({ broker, expired, elsewhere, trustStore }: KafkaTls): Record<string, string> => ({
  ...keySettings("", broker),
  ...keySettings("listener.name.expired.", expired),
  ...keySettings("listener.name.elsewhere.", elsewhere),
  "listener.name.mutual.ssl.client.auth": "required",
  "listener.name.mutual.ssl.truststore.type": "PKCS12",
  "listener.name.mutual.ssl.truststore.location": trustStore,
  "listener.name.mutual.ssl.truststore.password": broker.password,
  // A user who comes with a certificate is called by its common name.
  "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
});

const keySettings = (listener: string, { keyStore, password }: KeyPair): Record<string, string> => ({
  [`${listener}ssl.keystore.type`]: "PKCS12",
  [`${listener}ssl.keystore.location`]: keyStore,
  [`${listener}ssl.keystore.password`]: password,
  [`${listener}ssl.key.password`]: password,
});

const saslSettings = (users: Readonly<Record<string, string>>, withTls: boolean): Record<string, string> => {
  const plainUsers = Object.entries(users).map(([user, password]) => `user_${user}="${password}"`);
  const settings: Record<string, string> = { "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER" };
  for (const listener of withTls ? ["sasl_plaintext", "sasl_ssl"] : ["sasl_plaintext"]) {
    settings[`listener.name.${listener}.plain.sasl.jaas.config`] =
      `org.apache.kafka.common.security.plain.PlainLoginModule required ${plainUsers.join(" ")};`;
    for (const scram of ["scram-sha-256", "scram-sha-512"]) {
      settings[`listener.name.${listener}.${scram}.sasl.jaas.config`] = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    }
    // Tokens without a signature, which anybody can write: good enough on the loopback address. A login ends with its token.
    settings[`listener.name.${listener}.oauthbearer.sasl.jaas.config`] =
      'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";';
    settings[`listener.name.${listener}.oauthbearer.connections.max.reauth.ms`] = "3600000";
  }
  return settings;
};

const aclSettings = (superUsers: readonly string[]): Record<string, string> => ({
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  // Whoever comes without a login is on a listener that asks for none.
  "super.users": ["ANONYMOUS", ...superUsers].map((user) => `User:${user}`).join(";"),
});
