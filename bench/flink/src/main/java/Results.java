import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** Keeps the results in this process, as the log in memory does on the other side. */
final class Results implements Sink<byte[]> {
  private static final List<byte[]> KEPT = new ArrayList<>();

  @Override
  public SinkWriter<byte[]> createWriter(WriterInitContext context) {
    return new SinkWriter<>() {
      @Override
      public void write(byte[] result, Context context) {
        KEPT.add(result);
      }

      @Override
      public void flush(boolean endOfInput) {}

      @Override
      public void close() {}
    };
  }

  /** How many there are, and the sum of their CRC-32, in which their order makes no difference: fields of a JSON object. */
  static String summary() {
    long sum = 0;
    CRC32 crc = new CRC32();
    for (byte[] result : KEPT) {
      crc.reset();
      crc.update(result);
      sum += crc.getValue();
    }
    return String.format("\"results\":%d,\"checksum\":%d", KEPT.size(), sum);
  }
}
