import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

/**
 * Runs a topology over the input that is there, until all of it is committed, and prints what it has cost as a line of JSON:
 * java MeasuredRun BROKERS RECORDS TOPOLOGY GUARANTEE APPLICATION INPUT[,INPUT] OUTPUT STATE_FOLDER.
 */
public final class MeasuredRun {
  private static final long LOOK_EVERY_MS = 20;

  public static void main(String[] args) throws Exception {
    String brokers = args[0], topology = args[2], guarantee = args[3], application = args[4], output = args[6];
    long records = Long.parseLong(args[1]);
    List<String> inputs = Arrays.asList(args[5].split(","));
    StreamsBuilder builder = new StreamsBuilder();
    Topologies.byName(topology).describe(builder, inputs, output);
    Properties settings = settings(brokers, application, guarantee, args[7]);
    Meter meter = new Meter();
    try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, brokers));
        KafkaStreams streams = new KafkaStreams(builder.build(settings), settings)) {
      Map<TopicPartition, Long> ends = ends(admin, inputs);
      streams.setStateListener((to, from) -> {
        if (to == KafkaStreams.State.RUNNING) meter.begin();
        if (to == KafkaStreams.State.ERROR) Runtime.getRuntime().halt(1);
      });
      streams.start();
      while (!isCommitted(admin, application, ends)) Thread.sleep(LOOK_EVERY_MS);
      System.out.println("{" + meter.read(records) + "}");
      streams.close(Duration.ofSeconds(20));
    }
  }

  /** What an operator would set, and the defaults where they serve: state in RocksDB, a cache of 10 MiB, no compression. */
  private static Properties settings(String brokers, String application, String guarantee, String stateFolder) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    settings.put(
        StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
        guarantee.equals("exactly-once") ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, -1);
    // A table's own topic serves as its changelog.
    settings.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    settings.put(StreamsConfig.STATE_DIR_CONFIG, stateFolder);
    return settings;
  }

  private static Map<TopicPartition, Long> ends(Admin admin, List<String> topics) throws ExecutionException, InterruptedException {
    Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
    for (TopicDescription topic : admin.describeTopics(topics).allTopicNames().get().values())
      for (TopicPartitionInfo partition : topic.partitions()) asked.put(new TopicPartition(topic.name(), partition.partition()), OffsetSpec.latest());
    Map<TopicPartition, Long> ends = new HashMap<>();
    admin.listOffsets(asked).all().get().forEach((partition, end) -> ends.put(partition, end.offset()));
    return ends;
  }

  private static boolean isCommitted(Admin admin, String group, Map<TopicPartition, Long> ends) throws InterruptedException, ExecutionException {
    Map<TopicPartition, OffsetAndMetadata> committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    return ends.entrySet().stream().allMatch(end -> {
      OffsetAndMetadata at = committed.get(end.getKey());
      return end.getValue() == 0 || (at != null && at.offset() >= end.getValue());
    });
  }
}
