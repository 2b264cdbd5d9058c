import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** What records are made of, as the Avro specification writes it. Of no schema but those known here, so that nothing is looked up. */
final class Avro {
  private Avro() {}

  static long whole(ByteBuffer from) {
    long bits = 0;
    int shift = 0;
    int part;
    do {
      part = from.get();
      bits |= (part & 127L) << shift;
      shift += 7;
    } while (part < 0);
    return (bits >>> 1) ^ -(bits & 1);
  }

  static String text(ByteBuffer from) {
    int length = (int) whole(from);
    String text = new String(from.array(), from.arrayOffset() + from.position(), length, StandardCharsets.UTF_8);
    from.position(from.position() + length);
    return text;
  }

  static double real(ByteBuffer from) {
    return Double.longBitsToDouble(Long.reverseBytes(from.order(ByteOrder.BIG_ENDIAN).getLong()));
  }

  /** The bytes of a record whose fields are texts and longs. */
  static byte[] record(Object... fields) {
    ByteBuffer to = ByteBuffer.allocate(128);
    for (Object field : fields)
      if (field instanceof String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        whole(to, bytes.length);
        to.put(bytes);
      } else whole(to, (Long) field);
    return Arrays.copyOf(to.array(), to.position());
  }

  private static void whole(ByteBuffer to, long value) {
    long bits = (value << 1) ^ (value >> 63);
    for (; (bits & ~127L) != 0; bits >>>= 7) to.put((byte) (bits & 127 | 128));
    to.put((byte) bits);
  }
}
