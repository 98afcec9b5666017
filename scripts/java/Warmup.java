/* SPDX-License-Identifier: Apache-2.0 */
package beamc;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StartWorkerRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StartWorkerResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StopWorkerRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StopWorkerResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnExternalWorkerPoolGrpc;
import org.apache.beam.model.jobmanagement.v1.JobApi.CancelJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobStateRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobStateEvent;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.RunJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc;
import org.apache.beam.model.pipeline.v1.ExternalTransforms.ExternalConfigurationPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.apache.beam.runners.flink.FlinkRunner;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.RowCoder;
import org.apache.beam.sdk.io.kafka.KafkaIO;
import org.apache.beam.sdk.options.ExperimentalOptions;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.options.PortablePipelineOptions;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.SchemaTranslation;
import org.apache.beam.sdk.transforms.Count;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.util.CoderUtils;
import org.apache.beam.sdk.util.construction.External;
import org.apache.beam.sdk.util.construction.PipelineOptionsTranslation;
import org.apache.beam.sdk.util.construction.PipelineTranslation;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.vendor.grpc.v1p60p1.com.google.protobuf.ByteString;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.ManagedChannel;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.ManagedChannelBuilder;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.Server;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.ServerBuilder;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.stub.StreamObserver;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Runs two small jobs, a batch and a streaming one, that write to Kafka and read it again, so
 * that the JVMs taking part can note the classes they load.
 *
 * <p>Arguments: JOB-SERVICE EXPANSION-SERVICE KAFKA (each HOST:PORT) POOL-PORT WORKER-COMMAND...
 */
public final class Warmup {
    private static final int RECORDS = 20;
    private static final long ENDLESS_MS = 5000;
    private static final Set<JobState.Enum> ENDED = EnumSet.of(
            JobState.Enum.DONE, JobState.Enum.FAILED, JobState.Enum.CANCELLED);
    private static final String TOPIC = "warmup";
    private static final String READ =
            "beam:transform:org.apache.beam:kafka_read_without_metadata:v1";

    private Warmup() {}

    public static void main(String[] args) throws Exception {
        int poolPort = Integer.parseInt(args[3]);
        Pool pool = new Pool(Arrays.asList(args).subList(4, args.length));
        Server server = ServerBuilder.forPort(poolPort).addService(pool).build().start();
        fill(args[2]);
        boolean done = true;
        for (boolean streaming : new boolean[] {false, true}) {
            done = done && run(pipeline(args[1], args[2], poolPort, streaming), args[0], streaming);
        }
        server.shutdownNow();
        pool.await();
        System.exit(done ? 0 : 1);
    }

    /** Makes the topic that the jobs read; a missing one would fail them. */
    private static void fill(String kafka) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", kafka);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                config, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (KV<byte[], byte[]> record : records()) {
                producer.send(new ProducerRecord<>(TOPIC, 0, record.getKey(), record.getValue()));
            }
        }
    }

    private static Pipeline pipeline(String expansion, String kafka, int poolPort, boolean streaming)
            throws Exception {
        PipelineOptions options = PipelineOptionsFactory.fromArgs("--streaming=" + streaming)
                .as(org.apache.beam.sdk.options.StreamingOptions.class);
        options.setJobName("warmup");
        options.setRunner(FlinkRunner.class);
        ExperimentalOptions.addExperiment(options.as(ExperimentalOptions.class), "beam_fn_api");
        PortablePipelineOptions portable = options.as(PortablePipelineOptions.class);
        portable.setDefaultEnvironmentType("EXTERNAL");
        portable.setDefaultEnvironmentConfig("localhost:" + poolPort);
        Pipeline pipeline = Pipeline.create(options);
        PCollection<KV<byte[], byte[]>> records = pipeline.apply("Records", Create.of(records())
                .withCoder(KvCoder.of(ByteArrayCoder.of(), ByteArrayCoder.of())));
        records.apply("Write", KafkaIO.<byte[], byte[]>write()
                .withBootstrapServers(kafka)
                .withTopic(TOPIC + "-out")
                .withKeySerializer(ByteArraySerializer.class)
                .withValueSerializer(ByteArraySerializer.class));
        pipeline.apply("Read",
                External.<PBegin, KV<byte[], byte[]>>of(READ, reading(kafka, streaming), expansion));
        pipeline.apply("Words", Create.of("a", "b", "a")).apply("Count", Count.perElement());
        return pipeline;
    }

    private static List<KV<byte[], byte[]>> records() {
        List<KV<byte[], byte[]>> records = new ArrayList<>();
        for (byte i = 0; i < RECORDS; i++) {
            records.add(KV.of(new byte[] {i}, new byte[] {i}));
        }
        return records;
    }

    private static byte[] reading(String kafka, boolean streaming) throws Exception {
        Schema schema = Schema.builder()
                .addMapField("consumer_config", Schema.FieldType.STRING, Schema.FieldType.STRING)
                .addArrayField("topics", Schema.FieldType.STRING)
                .addStringField("key_deserializer")
                .addStringField("value_deserializer")
                .addNullableField("max_num_records", Schema.FieldType.INT64)
                .addBooleanField("commit_offset_in_finalize")
                .addStringField("timestamp_policy")
                .build();
        String bytes = ByteArrayDeserializer.class.getName();
        Map<String, String> config = new HashMap<>();
        config.put("bootstrap.servers", kafka);
        config.put("group.id", TOPIC);
        config.put("auto.offset.reset", "earliest");
        return payload(Row.withSchema(schema)
                .addValues(config, Collections.singletonList(TOPIC), bytes, bytes,
                        streaming ? null : (long) RECORDS, false, "ProcessingTime")
                .build());
    }

    private static byte[] payload(Row row) throws Exception {
        return ExternalConfigurationPayload.newBuilder()
                .setSchema(SchemaTranslation.schemaToProto(row.getSchema(), true))
                .setPayload(ByteString.copyFrom(
                        CoderUtils.encodeToByteArray(RowCoder.of(row.getSchema()), row)))
                .build()
                .toByteArray();
    }

    /** Nothing is staged, since the workers have all classes. */
    private static RunnerApi.Pipeline withoutArtifacts(RunnerApi.Pipeline pipeline) {
        RunnerApi.Pipeline.Builder result = pipeline.toBuilder();
        pipeline.getComponents().getEnvironmentsMap().forEach((id, environment) ->
                result.getComponentsBuilder().putEnvironments(
                        id, environment.toBuilder().clearDependencies().build()));
        return result.build();
    }

    private static boolean run(Pipeline pipeline, String jobService, boolean endless)
            throws Exception {
        ManagedChannel channel = ManagedChannelBuilder.forTarget(jobService).usePlaintext().build();
        JobServiceGrpc.JobServiceBlockingStub jobs = JobServiceGrpc.newBlockingStub(channel);
        String preparation = jobs.prepare(PrepareJobRequest.newBuilder()
                .setJobName("warmup")
                .setPipeline(withoutArtifacts(PipelineTranslation.toProto(pipeline)))
                .setPipelineOptions(PipelineOptionsTranslation.toProto(pipeline.getOptions()))
                .build()).getPreparationId();
        String job = jobs.run(RunJobRequest.newBuilder().setPreparationId(preparation).build()).getJobId();
        JobState.Enum last = JobState.Enum.UNSPECIFIED;
        Iterator<JobStateEvent> states =
                jobs.getStateStream(GetJobStateRequest.newBuilder().setJobId(job).build());
        while (states.hasNext() && !ENDED.contains(last)) {
            last = states.next().getState();
            if (endless && last == JobState.Enum.RUNNING) {
                Thread.sleep(ENDLESS_MS);
                jobs.cancel(CancelJobRequest.newBuilder().setJobId(job).build());
            }
        }
        System.err.println("warmup job: " + last);
        channel.shutdownNow();
        return last == (endless ? JobState.Enum.CANCELLED : JobState.Enum.DONE);
    }

    /** Starts a process for each worker that is asked for. */
    private static final class Pool
            extends BeamFnExternalWorkerPoolGrpc.BeamFnExternalWorkerPoolImplBase {
        private final List<String> command;
        private final List<Process> workers = new CopyOnWriteArrayList<>();

        Pool(List<String> command) {
            this.command = command;
        }

        @Override
        public void startWorker(StartWorkerRequest request, StreamObserver<StartWorkerResponse> reply) {
            List<String> line = new ArrayList<>(command);
            // Only one JVM can write the list of classes.
            if (!workers.isEmpty()) {
                line.removeIf(word -> word.startsWith("-XX:DumpLoadedClassList"));
            }
            line.add("--id=" + request.getWorkerId());
            line.add("--provision_endpoint=" + request.getProvisionEndpoint().getUrl());
            try {
                workers.add(new ProcessBuilder(line)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(new File("worker.log")))
                        .start());
                reply.onNext(StartWorkerResponse.getDefaultInstance());
            } catch (java.io.IOException failure) {
                reply.onNext(StartWorkerResponse.newBuilder().setError(failure.toString()).build());
            }
            reply.onCompleted();
        }

        @Override
        public void stopWorker(StopWorkerRequest request, StreamObserver<StopWorkerResponse> reply) {
            reply.onNext(StopWorkerResponse.getDefaultInstance());
            reply.onCompleted();
        }

        void await() throws InterruptedException {
            for (Process worker : workers) {
                if (!worker.waitFor(3, TimeUnit.SECONDS)) {
                    worker.destroy();
                    worker.waitFor();
                }
            }
        }
    }
}
