import java.net.URI;
import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/** Reads a stream with the Kinesis Client Library, says what it gets, and ends with its standard input. */
public class Reader {
    public static void main(String[] arguments) throws Exception {
        String stream = arguments[0];
        boolean polling = arguments[1].equals("polling");
        URI endpoint = URI.create(System.getenv("AWS_ENDPOINT_URL"));
        KinesisAsyncClient kinesis =
                KinesisClientUtil.createKinesisAsyncClient(KinesisAsyncClient.builder().endpointOverride(endpoint));
        DynamoDbAsyncClient dynamoDb = DynamoDbAsyncClient.builder().endpointOverride(endpoint).build();
        CloudWatchAsyncClient cloudWatch = CloudWatchAsyncClient.builder().endpointOverride(endpoint).build();
        SingleStreamTracker tracker = new SingleStreamTracker(
                stream, InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON));
        ConfigsBuilder configs = new ConfigsBuilder(
                tracker, "kcl-" + arguments[1], kinesis, dynamoDb, cloudWatch, "worker", Processor::new);
        var retrieval = configs.retrievalConfig();
        if (polling) {
            retrieval = retrieval.retrievalSpecificConfig(new PollingConfig(stream, kinesis));
        }
        Scheduler scheduler = new Scheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig(),
                configs.leaseManagementConfig(),
                configs.lifecycleConfig(),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(),
                retrieval);
        Thread worker = new Thread(scheduler);
        worker.setDaemon(true);
        worker.start();
        while (System.in.read() >= 0) {}
        scheduler.startGracefulShutdown().get();
        System.exit(0);
    }

    static class Processor implements ShardRecordProcessor {
        private String shard;

        public void initialize(InitializationInput input) {
            shard = input.shardId();
            say("begin", "");
        }

        public void processRecords(ProcessRecordsInput input) {
            input.records().forEach(record ->
                    say("record", record.partitionKey() + " " + StandardCharsets.UTF_8.decode(record.data())));
            try {
                input.checkpointer().checkpoint();
            } catch (Exception error) {
                throw new RuntimeException(error);
            }
        }

        public void leaseLost(LeaseLostInput input) {
            say("lost", "");
        }

        public void shardEnded(ShardEndedInput input) {
            say("end", "");
            try {
                input.checkpointer().checkpoint();
            } catch (Exception error) {
                throw new RuntimeException(error);
            }
        }

        public void shutdownRequested(ShutdownRequestedInput input) {
            try {
                input.checkpointer().checkpoint();
            } catch (Exception error) {
                throw new RuntimeException(error);
            }
        }

        private void say(String what, String more) {
            synchronized (System.out) {
                System.out.println(what + " " + shard + " " + more);
                System.out.flush();
            }
        }
    }
}
