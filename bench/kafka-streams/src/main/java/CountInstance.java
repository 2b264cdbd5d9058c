import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.Stores;

/** The same job as count_instance.ts on Kafka Streams: exactly once, state in memory, one thread, no cache, so that every record gives a result. */
public final class CountInstance {
  public static void main(String[] args) {
    String brokers = args[0], applicationId = args[1], input = args[2], output = args[3];
    int standbys = Integer.parseInt(args[4]), sessionMs = Integer.parseInt(args[5]), heartbeatMs = Integer.parseInt(args[6]);
    long commitMs = Long.parseLong(args[7]);
    StreamsBuilder builder = new StreamsBuilder();
    Topologies.count(builder, input, output, Materialized.as(Stores.inMemoryKeyValueStore("count")));
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, applicationId);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commitMs);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    settings.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, standbys);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, -1);
    settings.put(StreamsConfig.PROBING_REBALANCE_INTERVAL_MS_CONFIG, 60_000);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    settings.put(StreamsConfig.consumerPrefix("session.timeout.ms"), sessionMs);
    settings.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), heartbeatMs);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[8]);
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.setStateListener((to, from) -> System.out.println("state " + to.name().toLowerCase()));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
    streams.start();
  }
}
