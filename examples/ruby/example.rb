# Opens a session, watches the network over a restart of the server, and reads a refusal.
#
#   example.rb HOST:PORT
require 'grpc'
require 'google/protobuf/well_known_types'
require 'google/rpc/error_details_pb'
require 'google/rpc/status_pb'
require 'switchyard/v1/network_service_services_pb'
require 'switchyard/v1/session_service_services_pb'

include Switchyard::V1

# How long to wait before a watch is opened again when the server does not say.
DEFAULT_RETRY_S = 0.5

# A detail of a refusal; nil when it has none of the kind.
def find_detail(error, kind)
  packed = error.metadata['grpc-status-details-bin'] or return nil
  status = Google::Rpc::Status.decode(packed)
  status.details.map { |detail| detail.unpack(kind) }.compact.first
end

# How long the server asks to wait, in seconds.
def retry_delay(error)
  info = find_detail(error, Google::Rpc::RetryInfo) or return DEFAULT_RETRY_S
  info.retry_delay.seconds + info.retry_delay.nanos / 1e9
end

# Watches until the server has gone away and come back, and the watch has gone on from where it was.
def watch_over_restart(network)
  after = nil
  loop do
    request = WatchNetworkDeltaRequest.new(after: after)
    nodes = 0
    network.watch_network_delta(request).each do |message|
      case message.kind
      when :WATCH_KIND_SNAPSHOT
        nodes += message.deltas.sum { |delta| delta.node_added.size }
        next
      when :WATCH_KIND_RESET
        abort 'the server does not know our position: forget everything, a snapshot follows'
      when :WATCH_KIND_SNAPSHOT_END
        puts "watching #{nodes} nodes"
      else
        if request.after
          puts "resumed after revision #{after.revision}"
          return
        end
      end
      # Where to go on: only a message that completes something moves it.
      after = message.position
    end
  rescue GRPC::Unavailable => e
    sleep retry_delay(e)
  end
end

$stdout.sync = true
address = ARGV.fetch(0)
sessions = SessionService::Stub.new(address, :this_channel_is_insecure)
network = NetworkService::Stub.new(address, :this_channel_is_insecure)
session = sessions.session(
  SessionRequest.new(
    instance_uuid: '6f1d2c3b-0000-4000-8000-00000000900d',
    instance_type: :INSTANCE_TYPE_AGENT,
    name: 'an example in Ruby',
    labels: { 'language' => 'ruby' }
  )
)
puts "session #{session.instance_sid}"
watch_over_restart(network)
begin
  network.get_node(GetNodeRequest.new(cvid: 1))
rescue GRPC::BadStatus => e
  info = find_detail(e, Google::Rpc::ErrorInfo)
  puts "refused #{e.class.name.split('::').last} #{info.reason}: #{e.details}"
end
sessions.terminate_session(TerminateSessionRequest.new, metadata: { 'switchyard-session' => session.session_token })
