import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.cep.CEP;
import org.apache.flink.cep.functions.PatternProcessFunction;
import org.apache.flink.cep.nfa.aftermatch.AfterMatchSkipStrategy;
import org.apache.flink.cep.pattern.Pattern;
import org.apache.flink.cep.pattern.conditions.SimpleCondition;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** The same jobs as bench/fraud/jobs.ts has for Millrace; their results are the same bytes. */
interface Jobs {
  DataStream<byte[]> results(DataStream<Payment> payments);

  static Jobs byName(String name) {
    Jobs found = ALL.get(name);
    if (found == null) throw new IllegalArgumentException("There is no job '" + name + "': there are " + ALL.keySet());
    return found;
  }

  Map<String, Jobs> ALL = Map.of(
      "tumbling", totals(TumblingEventTimeWindows.of(Duration.ofMinutes(5))),
      "sliding", totals(SlidingEventTimeWindows.of(Duration.ofMinutes(30), Duration.ofMinutes(5))),
      "session", totals(EventTimeSessionWindows.withGap(Duration.ofMinutes(10))),
      "cep", Jobs::smallThenLarge);

  private static Jobs totals(WindowAssigner<Object, TimeWindow> assigner) {
    return payments -> payments.keyBy(payment -> payment.accountId).window(assigner).aggregate(new Totals(), new Told());
  }

  private static DataStream<byte[]> smallThenLarge(DataStream<Payment> payments) {
    Pattern<Payment, Payment> pattern =
        Pattern.<Payment>begin("small", AfterMatchSkipStrategy.skipPastLastEvent())
            .where(SimpleCondition.of(payment -> payment.amount < 10))
            .next("large")
            .where(SimpleCondition.of(payment -> payment.amount > 1000))
            .within(Duration.ofMinutes(5));
    return CEP.pattern(payments.keyBy(payment -> payment.cardId), pattern, (a, b) -> a.transactionId.compareTo(b.transactionId))
        .process(new CardTest());
  }

  /** How many payments, and how much. */
  class Total implements Serializable {
    public long count;
    public long cents;
  }

  class Totals implements AggregateFunction<Payment, Total, Total> {
    @Override
    public Total createAccumulator() {
      return new Total();
    }

    @Override
    public Total add(Payment payment, Total total) {
      total.count++;
      total.cents += payment.cents();
      return total;
    }

    @Override
    public Total getResult(Total total) {
      return total;
    }

    @Override
    public Total merge(Total one, Total other) {
      one.count += other.count;
      one.cents += other.cents;
      return one;
    }
  }

  class Told extends ProcessWindowFunction<Total, byte[], String, TimeWindow> {
    @Override
    public void process(String account, Context context, Iterable<Total> totals, Collector<byte[]> out) {
      for (Total total : totals)
        out.collect(Avro.record(account, context.window().getStart(), context.window().getEnd(), total.count, total.cents));
    }
  }

  class CardTest extends PatternProcessFunction<Payment, byte[]> {
    @Override
    public void processMatch(Map<String, List<Payment>> match, Context context, Collector<byte[]> out) {
      Payment large = match.get("large").get(0);
      out.collect(Avro.record(large.cardId, match.get("small").get(0).transactionId, large.transactionId, large.timestamp));
    }
  }
}
