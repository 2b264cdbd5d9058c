import java.nio.ByteBuffer;

/** A card payment of examples/fraud-detection; public fields, so that Flink has a serializer of its own for it. */
public class Payment {
  public String transactionId;
  public String accountId;
  public String cardId;
  public String merchant;
  public double amount;
  public String currency;
  public long timestamp;

  /** Reads one as its Avro schema, transactionSchema in examples/fraud-detection/model.ts, says. */
  static Payment read(ByteBuffer from) {
    Payment payment = new Payment();
    payment.transactionId = Avro.text(from);
    payment.accountId = Avro.text(from);
    payment.cardId = Avro.text(from);
    payment.merchant = Avro.text(from);
    payment.amount = Avro.real(from);
    payment.currency = Avro.text(from);
    payment.timestamp = Avro.whole(from);
    return payment;
  }

  long cents() {
    return Math.round(amount * 100);
  }
}
