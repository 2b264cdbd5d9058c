import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Time and CPU, of all threads, user and system, from the first call of begin on. The same as meter.ts. */
public final class Meter {
  private final OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private long beganNanos;
  private long cpuNanos;

  public synchronized void begin() {
    if (beganNanos != 0) return;
    beganNanos = System.nanoTime();
    cpuNanos = system.getProcessCpuTime();
  }

  /** What so many records have cost, as fields of a JSON object. */
  public synchronized String read(long records) throws IOException {
    double seconds = (System.nanoTime() - beganNanos) / 1e9;
    double cpuSeconds = (system.getProcessCpuTime() - cpuNanos) / 1e9;
    return String.format(
        Locale.ROOT,
        "\"n\":%d,\"recordsPerSecond\":%d,\"cpuSecondsPerMillion\":%.3f,\"peakRssMb\":%d",
        records, Math.round(records / seconds), cpuSeconds * 1e6 / records, peakRssMb());
  }

  /** As Linux tells it. */
  private static long peakRssMb() throws IOException {
    String line = Files.readAllLines(Path.of("/proc/self/status")).stream().filter(one -> one.startsWith("VmHWM:")).findFirst().orElseThrow();
    return Math.round(Long.parseLong(line.replaceAll("\\D", "")) / 1024.0);
  }
}
