/* SPDX-License-Identifier: Apache-2.0 */
package beamc;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.beam.fn.harness.FnHarness;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.GetProvisionInfoRequest;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.ProvisionInfo;
import org.apache.beam.model.fnexecution.v1.ProvisionServiceGrpc;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.reflect.DoFnInvokers;
import org.apache.beam.sdk.util.construction.PipelineOptionsTranslation;
import org.apache.beam.vendor.grpc.v1p60p1.com.google.protobuf.TextFormat;
import org.apache.beam.vendor.grpc.v1p60p1.com.google.protobuf.util.JsonFormat;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.ManagedChannel;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.ManagedChannelBuilder;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.Metadata;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.stub.MetadataUtils;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Beam's Java worker on a fixed class path, with the arguments that a worker container gets:
 * {@code --id=WORKER --provision_endpoint=HOST:PORT}. The endpoints and pipeline options come
 * from the provision service; staged artifacts are not fetched, since all classes are here.
 *
 * <p>{@code --handover=FILE} instead: a spare worker, which gets ready and waits until the file is
 * there with these two arguments, one a line.
 *
 * <p>Ends with 0 when the runner closes the control stream, with 1 and one line on any failure,
 * and with 2 on wrong arguments.
 */
public final class WorkerBoot {
    private static final int PROVISION_TIMEOUT_S = 60;

    private WorkerBoot() {}

    public static void main(String[] args) {
        Map<String, String> flags = parse(args);
        if (flags.containsKey("handover")) {
            flags = parse(await(Paths.get(flags.get("handover"))));
        }
        String id = flags.get("id");
        String provision = flags.get("provision_endpoint");
        if (id == null || provision == null) {
            System.err.println("Java worker: --id=WORKER and --provision_endpoint=HOST:PORT are needed");
            System.exit(2);
        }
        try {
            Map<String, String> settings = settings(id, ask(id, provision));
            FnHarness.main(settings::get);
        } catch (Throwable failure) {
            System.err.println("Java worker " + id + ": " + failure);
            failure.printStackTrace();
            System.exit(1);
        }
        // The harness leaves threads behind that would keep the process alive.
        System.exit(0);
    }

    private static Map<String, String> parse(String[] args) {
        Map<String, String> flags = new HashMap<>();
        for (String arg : args) {
            int equals = arg.indexOf('=');
            if (arg.startsWith("--") && equals > 2) {
                flags.put(arg.substring(2, equals), arg.substring(equals + 1));
            }
        }
        return flags;
    }

    private static String[] await(Path handover) {
        try {
            warm();
        } catch (Throwable failure) {
            // What does not work will be said when it is needed.
        }
        try {
            while (!Files.exists(handover)) {
                Thread.sleep(5);
            }
            return Files.readAllLines(handover, StandardCharsets.UTF_8).toArray(new String[0]);
        } catch (Exception failure) {
            throw new IllegalStateException("cannot read " + handover, failure);
        }
    }

    /** Loads what every worker of Kafka's transforms will need. */
    private static void warm() throws Exception {
        ManagedChannel channel = ManagedChannelBuilder.forTarget("localhost:1").usePlaintext().build();
        GetProvisionInfoRequest.getDefaultInstance().toByteString();
        channel.getState(true);
        channel.shutdownNow();
        PipelineOptionsTranslation.fromJson("{}");
        for (String name : new String[] {
            "org.apache.beam.fn.harness.FnHarness",
            "org.apache.beam.fn.harness.control.ProcessBundleHandler",
            "org.apache.beam.sdk.io.kafka.KafkaIO"
        }) {
            Class.forName(name);
        }
        DoFnInvokers.invokerFor(new Nothing());
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", "localhost:1");
        new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())
                .close(Duration.ZERO);
    }

    /** Beam makes the code that calls a DoFn while it runs; making the first takes longest. */
    private static final class Nothing extends DoFn<String, String> {
        @ProcessElement
        public void process(@Element String element, OutputReceiver<String> out) {}
    }

    private static ProvisionInfo ask(String id, String endpoint) {
        Metadata headers = new Metadata();
        headers.put(Metadata.Key.of("worker_id", Metadata.ASCII_STRING_MARSHALLER), id);
        ManagedChannel channel = ManagedChannelBuilder.forTarget(endpoint).usePlaintext().build();
        try {
            return ProvisionServiceGrpc.newBlockingStub(channel)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                    .withWaitForReady()
                    .withDeadlineAfter(PROVISION_TIMEOUT_S, TimeUnit.SECONDS)
                    .getProvisionInfo(GetProvisionInfoRequest.getDefaultInstance())
                    .getInfo();
        } finally {
            channel.shutdownNow();
        }
    }

    /** What the harness would find in its environment variables inside a container. */
    private static Map<String, String> settings(String id, ProvisionInfo info) throws Exception {
        Map<String, String> settings = new HashMap<>(System.getenv());
        settings.put("HARNESS_ID", id);
        settings.put("PIPELINE_OPTIONS", JsonFormat.printer().print(info.getPipelineOptions()));
        settings.put("RUNNER_CAPABILITIES", String.join(" ", info.getRunnerCapabilitiesList()));
        put(settings, "CONTROL_API_SERVICE_DESCRIPTOR", info.getControlEndpoint());
        put(settings, "LOGGING_API_SERVICE_DESCRIPTOR", info.getLoggingEndpoint());
        put(settings, "STATUS_API_SERVICE_DESCRIPTOR", info.getStatusEndpoint());
        return settings;
    }

    private static void put(Map<String, String> settings, String name, ApiServiceDescriptor at) {
        if (!at.getUrl().isEmpty()) {
            settings.put(name, TextFormat.printer().printToString(at));
        }
    }
}
