/** Avro values, with and without a schema registry; published as `millrace/avro`. */
export { type AvroOptions, avro } from "./avro.ts";
export type { AvroField, AvroPrimitives, AvroRecord, AvroSchema, AvroValue } from "./avro_schema.ts";
export { type ConfluentRegistryOptions, confluentRegistry } from "./confluent_registry.ts";
export type { RegisteredSchema, SchemaRegistry } from "./schema_registry.ts";
