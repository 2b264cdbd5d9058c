import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Runs a job over the payments of a file in a cluster of this process, and prints what it has cost and what came out as a line of JSON:
 * java MeasuredRun FILE RECORDS JOB CHECKPOINT_MS STATE_FOLDER, where 0 is no checkpoints.
 */
public final class MeasuredRun {
  private static final Meter METER = new Meter();
  private static Input input;

  public static void main(String[] args) throws Exception {
    int records = Integer.parseInt(args[1]);
    long checkpointMs = Long.parseLong(args[3]);
    input = new Input(Path.of(args[0]), records);
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1, settings(Path.of(args[4])));
    if (checkpointMs > 0) environment.enableCheckpointing(checkpointMs, CheckpointingMode.EXACTLY_ONCE);
    DataStream<Payment> payments =
        environment.fromSource(
            new DataGeneratorSource<>(MeasuredRun::payment, records, TypeInformation.of(Payment.class)),
            WatermarkStrategy.<Payment>forBoundedOutOfOrderness(Duration.ofSeconds(10)).withTimestampAssigner((payment, at) -> payment.timestamp),
            "payments");
    Jobs.byName(args[2]).results(payments).sinkTo(new Results());
    environment.execute();
    System.out.println("{" + METER.read(records) + "," + Results.summary() + "}");
    // What the cluster leaves open shall not keep anybody waiting.
    System.exit(0);
  }

  private static Payment payment(Long place) {
    if (place == 0) METER.begin();
    return input.payment(place.intValue());
  }

  /** What an operator would set for one core and little state, and the defaults where they serve. */
  private static Configuration settings(Path stateFolder) {
    Configuration settings = new Configuration();
    settings.set(PipelineOptions.OBJECT_REUSE, true);
    settings.set(StateBackendOptions.STATE_BACKEND, "hashmap");
    settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, stateFolder.toUri().toString());
    // What fails is no measurement.
    settings.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
    return settings;
  }
}
