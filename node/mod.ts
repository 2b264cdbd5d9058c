/** What touches a machine: running on Kafka, logging, sinks; published as `millrace/node`. */
export type { HttpOptions } from "./http/mod.ts";
export type { Compression, KafkaOptions, KafkaSasl, OAuthProvider, OAuthToken } from "./kafka/mod.ts";
export { withoutSecrets } from "./kafka/mod.ts";
export { kafkaLog } from "./kafka_log.ts";
export { pinoLogger } from "./pino_logger.ts";
export { type RunOptions, run } from "./run.ts";
export { DocumentsRefusedError, type RefusedDocument } from "./sink/documents_refused_error.ts";
export { type ElasticsearchOptions, elasticsearch, type SearchWriter } from "./sink/elasticsearch.ts";
export type { SearchAuth } from "./sink/search_client.ts";
