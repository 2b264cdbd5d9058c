/** What touches a machine: running on Kafka, logging, sinks; published as `millrace/node`. */
export { kafkaLog, type Compression, type KafkaOptions, type KafkaSasl } from "./kafka/mod.ts";
export { pinoLogger } from "./pino_logger.ts";
export { run, type RunOptions } from "./run.ts";
export { DocumentsRefusedError, type RefusedDocument } from "./sink/documents_refused_error.ts";
export { elasticsearch, type ElasticsearchOptions, type SearchWriter } from "./sink/elasticsearch.ts";
export type { SearchAuth } from "./sink/search_client.ts";
