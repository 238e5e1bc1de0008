import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import io.switchyard.v1.GetNodeRequest;
import io.switchyard.v1.InstanceType;
import io.switchyard.v1.NetworkServiceGrpc;
import io.switchyard.v1.Position;
import io.switchyard.v1.SessionRequest;
import io.switchyard.v1.SessionResponse;
import io.switchyard.v1.SessionServiceGrpc;
import io.switchyard.v1.TerminateSessionRequest;
import io.switchyard.v1.WatchKind;
import io.switchyard.v1.WatchNetworkDeltaRequest;
import io.switchyard.v1.WatchNetworkDeltaResponse;
import java.util.Iterator;
import java.util.Optional;

/** Opens a session, watches the network over a restart of the server, and reads a refusal: Example HOST:PORT. */
public final class Example {
  /** How long to wait before a watch is opened again when the server does not say. */
  private static final long DEFAULT_RETRY_MS = 500;

  private static final Metadata.Key<String> SESSION =
      Metadata.Key.of("switchyard-session", Metadata.ASCII_STRING_MARSHALLER);

  public static void main(String[] args) throws Exception {
    ManagedChannel channel = ManagedChannelBuilder.forTarget(args[0]).usePlaintext().build();
    try {
      run(channel);
    } finally {
      channel.shutdownNow();
    }
  }

  private static void run(Channel channel) throws Exception {
    SessionServiceGrpc.SessionServiceBlockingStub sessions = SessionServiceGrpc.newBlockingStub(channel);
    NetworkServiceGrpc.NetworkServiceBlockingStub network = NetworkServiceGrpc.newBlockingStub(channel);
    SessionResponse session =
        sessions.session(
            SessionRequest.newBuilder()
                .setInstanceUuid("6f1d2c3b-0000-4000-8000-00000000900f")
                .setInstanceType(InstanceType.INSTANCE_TYPE_AGENT)
                .setName("an example in Java")
                .putLabels("language", "java")
                .build());
    System.out.println("session " + session.getInstanceSid());
    watchOverRestart(network);
    try {
      network.getNode(GetNodeRequest.newBuilder().setCvid(1).build());
    } catch (StatusRuntimeException refusal) {
      String reason = findDetail(refusal, ErrorInfo.class).map(ErrorInfo::getReason).orElse("");
      Status status = refusal.getStatus();
      System.out.println("refused " + status.getCode() + " " + reason + ": " + status.getDescription());
    }
    Metadata token = new Metadata();
    token.put(SESSION, session.getSessionToken());
    sessions
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(token))
        .terminateSession(TerminateSessionRequest.getDefaultInstance());
  }

  /** Watches until the server has gone away and come back, and the watch has gone on from where it was. */
  private static void watchOverRestart(NetworkServiceGrpc.NetworkServiceBlockingStub network) throws Exception {
    Position after = null;
    while (true) {
      WatchNetworkDeltaRequest.Builder request = WatchNetworkDeltaRequest.newBuilder();
      if (after != null) request.setAfter(after);
      try {
        Iterator<WatchNetworkDeltaResponse> watch = network.watchNetworkDelta(request.build());
        int nodes = 0;
        while (watch.hasNext()) {
          WatchNetworkDeltaResponse message = watch.next();
          if (message.getKind() == WatchKind.WATCH_KIND_SNAPSHOT) {
            nodes += message.getDeltasList().stream().mapToInt(delta -> delta.getNodeAddedCount()).sum();
            continue;
          }
          if (message.getKind() == WatchKind.WATCH_KIND_RESET) {
            throw new IllegalStateException("the server does not know our position: forget everything");
          }
          if (message.getKind() == WatchKind.WATCH_KIND_SNAPSHOT_END) {
            System.out.println("watching " + nodes + " nodes");
          } else if (request.hasAfter()) {
            System.out.println("resumed after revision " + after.getRevision());
            return;
          }
          // Where to go on: only a message that completes something moves it.
          after = message.getPosition();
        }
      } catch (StatusRuntimeException refusal) {
        if (refusal.getStatus().getCode() != Status.Code.UNAVAILABLE) throw refusal;
        Thread.sleep(retryDelay(refusal));
      }
    }
  }

  /** A detail of a refusal; empty when it has none of the kind. */
  private static <T extends Message> Optional<T> findDetail(StatusRuntimeException refusal, Class<T> kind) {
    com.google.rpc.Status status = StatusProto.fromThrowable(refusal);
    if (status == null) return Optional.empty();
    for (Any packed : status.getDetailsList()) {
      try {
        if (packed.is(kind)) return Optional.of(packed.unpack(kind));
      } catch (InvalidProtocolBufferException cutShort) {
        return Optional.empty();
      }
    }
    return Optional.empty();
  }

  /** How long the server asks to wait, in milliseconds. */
  private static long retryDelay(StatusRuntimeException refusal) {
    return findDetail(refusal, RetryInfo.class)
        .map(info -> info.getRetryDelay().getSeconds() * 1_000 + info.getRetryDelay().getNanos() / 1_000_000)
        .orElse(DEFAULT_RETRY_MS);
  }

  private Example() {}
}
