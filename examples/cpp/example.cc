// Opens a session, watches the network over a restart of the server, and reads a refusal.
//
//   example HOST:PORT
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>

#include <grpcpp/grpcpp.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "switchyard/v1/network_service.grpc.pb.h"
#include "switchyard/v1/session_service.grpc.pb.h"

namespace pb = switchyard::v1;

namespace {

// How long to wait before a watch is opened again when the server does not say.
constexpr std::chrono::milliseconds kDefaultRetry{500};

// A detail of a refusal; empty when it has none of the kind.
template <typename Detail>
std::optional<Detail> FindDetail(const grpc::Status& refusal) {
  google::rpc::Status status;
  status.ParseFromString(refusal.error_details());
  for (const auto& packed : status.details()) {
    Detail detail;
    if (packed.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

// How long the server asks to wait.
std::chrono::milliseconds RetryDelay(const grpc::Status& refusal) {
  const auto info = FindDetail<google::rpc::RetryInfo>(refusal);
  if (!info) return kDefaultRetry;
  return std::chrono::milliseconds(info->retry_delay().seconds() * 1000 + info->retry_delay().nanos() / 1'000'000);
}

[[noreturn]] void Fail(const grpc::Status& refusal) {
  std::cerr << refusal.error_message() << std::endl;
  std::exit(1);
}

// Watches until the server has gone away and come back, and the watch has gone on from where it was.
void WatchOverRestart(pb::NetworkService::Stub& network) {
  std::optional<pb::Position> after;
  for (;;) {
    grpc::ClientContext context;
    pb::WatchNetworkDeltaRequest request;
    if (after) *request.mutable_after() = *after;
    const auto watch = network.WatchNetworkDelta(&context, request);
    pb::WatchNetworkDeltaResponse message;
    int nodes = 0;
    while (watch->Read(&message)) {
      if (message.kind() == pb::WATCH_KIND_SNAPSHOT) {
        for (const auto& delta : message.deltas()) nodes += delta.node_added_size();
        continue;
      }
      if (message.kind() == pb::WATCH_KIND_RESET) {
        std::cerr << "the server does not know our position: forget everything, a snapshot follows" << std::endl;
        std::exit(1);
      }
      if (message.kind() == pb::WATCH_KIND_SNAPSHOT_END) {
        std::cout << "watching " << nodes << " nodes" << std::endl;
      } else if (request.has_after()) {
        std::cout << "resumed after revision " << after->revision() << std::endl;
        context.TryCancel();
        return;
      }
      // Where to go on: only a message that completes something moves it.
      after = message.position();
    }
    const auto ended = watch->Finish();
    if (ended.error_code() != grpc::StatusCode::UNAVAILABLE) Fail(ended);
    std::this_thread::sleep_for(RetryDelay(ended));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: example HOST:PORT" << std::endl;
    return 2;
  }
  const auto channel = grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials());
  const auto sessions = pb::SessionService::NewStub(channel);
  const auto network = pb::NetworkService::NewStub(channel);

  pb::SessionRequest request;
  request.set_instance_uuid("6f1d2c3b-0000-4000-8000-00000000900e");
  request.set_instance_type(pb::INSTANCE_TYPE_AGENT);
  request.set_name("an example in C++");
  (*request.mutable_labels())["language"] = "c++";
  pb::SessionResponse session;
  grpc::ClientContext opening;
  if (const auto status = sessions->Session(&opening, request, &session); !status.ok()) Fail(status);
  std::cout << "session " << session.instance_sid() << std::endl;

  WatchOverRestart(*network);

  grpc::ClientContext asking;
  pb::GetNodeRequest no_node;
  no_node.set_cvid(1);
  pb::GetNodeResponse node;
  const auto refusal = network->GetNode(&asking, no_node, &node);
  const auto info = FindDetail<google::rpc::ErrorInfo>(refusal);
  std::cout << "refused " << refusal.error_code() << ' ' << (info ? info->reason() : "") << ": "
            << refusal.error_message() << std::endl;

  grpc::ClientContext ending;
  ending.AddMetadata("switchyard-session", session.session_token());
  pb::TerminateSessionResponse ended;
  const auto status = sessions->TerminateSession(&ending, pb::TerminateSessionRequest(), &ended);
  if (!status.ok()) Fail(status);
}
