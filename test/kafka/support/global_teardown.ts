import "./global_setup.ts";

export default async (): Promise<void> => {
  await globalThis.millraceTestKafka?.stop();
};
