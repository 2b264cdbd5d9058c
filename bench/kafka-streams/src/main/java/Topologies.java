import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/** The same jobs as bench/tables/topologies.ts has for Millrace. */
interface Topologies {
  void describe(StreamsBuilder builder, List<String> inputs, String output);

  Serde<String> TEXT = Serdes.String();
  Serde<byte[]> BYTES = Serdes.ByteArray();
  Duration WINDOW = Duration.ofSeconds(10);
  Duration APART = Duration.ofMillis(500);

  static Topologies byName(String name) {
    Topologies found = ALL.get(name);
    if (found == null) throw new IllegalArgumentException("There is no topology '" + name + "': there are " + ALL.keySet());
    return found;
  }

  Map<String, Topologies> ALL = Map.of(
      "map",
      (builder, inputs, output) ->
          builder
              .stream(inputs.get(0), Consumed.with(BYTES, BYTES))
              .mapValues(value -> Arrays.copyOfRange(value, 1, value.length))
              .to(output, Produced.with(BYTES, BYTES)),
      "count",
      (builder, inputs, output) -> count(builder, inputs.get(0), output, Materialized.as("count")),
      "window",
      (builder, inputs, output) ->
          builder
              .stream(inputs.get(0), Consumed.with(TEXT, BYTES))
              .groupByKey()
              .windowedBy(TimeWindows.ofSizeWithNoGrace(WINDOW))
              .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("count").withKeySerde(TEXT).withValueSerde(Serdes.Long()))
              .toStream()
              .mapValues(Long::intValue)
              .to(output, Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, WINDOW.toMillis()), Serdes.Integer())),
      "stream-join",
      (builder, inputs, output) ->
          builder
              .stream(inputs.get(0), Consumed.with(TEXT, TEXT))
              .join(
                  builder.stream(inputs.get(1), Consumed.with(TEXT, TEXT)),
                  (left, right) -> left + right,
                  JoinWindows.ofTimeDifferenceWithNoGrace(APART),
                  StreamJoined.with(TEXT, TEXT, TEXT))
              .to(output, Produced.with(TEXT, TEXT)),
      "table-join",
      (builder, inputs, output) ->
          builder
              .stream(inputs.get(0), Consumed.with(TEXT, TEXT))
              .join(
                  builder.table(inputs.get(1), Consumed.with(TEXT, TEXT)),
                  (payment, user) -> payment + user,
                  Joined.with(TEXT, TEXT, TEXT))
              .to(output, Produced.with(TEXT, TEXT)));

  static void count(StreamsBuilder builder, String input, String output, Materialized<String, Long, KeyValueStore<Bytes, byte[]>> store) {
    builder
        .stream(input, Consumed.with(TEXT, BYTES))
        .groupByKey()
        .count(store.withKeySerde(TEXT).withValueSerde(Serdes.Long()))
        .toStream()
        .mapValues(Long::intValue)
        .to(output, Produced.with(TEXT, Serdes.Integer()));
  }
}
