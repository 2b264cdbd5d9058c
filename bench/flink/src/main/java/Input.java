import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/** The payments of a file that bench/fraud/payments.ts has written: each the length of a record, in four bytes, and the record. */
final class Input {
  private final byte[] bytes;
  private final int[] at;
  private int found;

  Input(Path file, int records) throws IOException {
    bytes = Files.readAllBytes(file);
    at = new int[records];
    ByteBuffer all = ByteBuffer.wrap(bytes);
    while (all.hasRemaining()) {
      int length = all.getInt();
      at[found++] = all.position();
      all.position(all.position() + length);
    }
    if (found != records) throw new IllegalArgumentException("There are " + found + " records in " + file + " instead of " + records);
  }

  Payment payment(int place) {
    return Payment.read(ByteBuffer.wrap(bytes).position(at[place]));
  }
}
