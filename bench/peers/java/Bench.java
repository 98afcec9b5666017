// SPDX-License-Identifier: Apache-2.0

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.state.BagState;
import org.apache.beam.sdk.state.StateSpec;
import org.apache.beam.sdk.state.StateSpecs;
import org.apache.beam.sdk.state.ValueState;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.Impulse;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.Sum;
import org.apache.beam.sdk.transforms.windowing.FixedWindows;
import org.apache.beam.sdk.transforms.windowing.Window;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.joda.time.Duration;

/** The benchmark's pipeline for Beam's Java SDK; see ../../beam_bench_pipeline.c. */
public class Bench {
  static class Nothing<T> extends DoFn<byte[], T> {
    @ProcessElement
    public void process(@Element byte[] in, OutputReceiver<T> out) {}
  }

  static class Pass<T> extends DoFn<T, T> {
    @ProcessElement
    public void process(@Element T in, OutputReceiver<T> out) {
      out.output(in);
    }
  }

  static class Tokenize extends DoFn<String, KV<String, Long>> {
    private static final Pattern WORDS = Pattern.compile("[A-Za-z']+");

    @ProcessElement
    public void process(@Element String line, OutputReceiver<KV<String, Long>> out) {
      for (Matcher words = WORDS.matcher(line); words.find(); ) {
        out.output(KV.of(words.group(), 1L));
      }
    }
  }

  static class CountAndSum extends DoFn<KV<String, Long>, KV<String, Long>> {
    @StateId("count")
    private final StateSpec<ValueState<Long>> countSpec = StateSpecs.value(VarLongCoder.of());

    @StateId("values")
    private final StateSpec<BagState<Long>> valuesSpec = StateSpecs.bag(VarLongCoder.of());

    @ProcessElement
    public void process(
        @Element KV<String, Long> in,
        OutputReceiver<KV<String, Long>> out,
        @StateId("count") ValueState<Long> count,
        @StateId("values") BagState<Long> values) {
      Long before = count.read();
      long n = (before == null ? 0 : before) + 1;
      count.write(n);
      if (n % 100 != 0) {
        values.add(in.getValue());
        return;
      }
      long total = in.getValue();
      for (long value : values.read()) {
        total += value;
      }
      values.clear();
      out.output(KV.of(in.getKey(), total));
    }
  }

  private static <T> PCollection<T> source(PCollection<byte[]> start, String name, Coder<T> coder) {
    return start.apply(name, ParDo.of(new Nothing<T>())).setCoder(coder);
  }

  public static void main(String[] args) {
    Pipeline p = Pipeline.create(PipelineOptionsFactory.fromArgs(args).create());
    KvCoder<String, Long> pair = KvCoder.of(StringUtf8Coder.of(), VarLongCoder.of());
    PCollection<byte[]> start = p.apply(Impulse.create());
    PCollection<KV<String, Long>> pairs = source(start, "Pairs", pair);
    PCollection<String> lines = source(start, "Lines", StringUtf8Coder.of());
    PCollection<byte[]> blobs = source(start, "Blobs", ByteArrayCoder.of());

    pairs.apply("BenchIdentity", ParDo.of(new Pass<KV<String, Long>>())).setCoder(pair);
    lines.apply("BenchTokenize", ParDo.of(new Tokenize())).setCoder(pair);
    pairs.apply("BenchState", ParDo.of(new CountAndSum())).setCoder(pair);
    blobs.apply("BenchLarge", ParDo.of(new Pass<byte[]>())).setCoder(ByteArrayCoder.of());
    pairs
        .apply("BenchSumWindow", Window.into(FixedWindows.of(Duration.standardSeconds(20))))
        .apply("BenchSum", Sum.longsPerKey());
    p.run().waitUntilFinish();
  }
}
