/** Kafka as a Log. */
export type { Compression } from "./compression.ts";
export { kafkaLog } from "./kafka_log.ts";
export type { KafkaOptions } from "./kafka_options.ts";
export type { KafkaSasl } from "./kafkajs_connection.ts";
export type { OAuthProvider, OAuthToken } from "./oauth_bearer.ts";
export { withoutSecrets } from "./secrets.ts";
