#include "tests/server/support/native_client.hpp"

#include <chrono>

#include "core/value/value_writer.hpp"

namespace topgun::test {

namespace {

uint64_t wall_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

NativeClient::NativeClient(uint16_t port, uint64_t replica, std::string_view token)
    : socket_(port), replica_(replica) {
  if (!socket_.connected()) return;
  Bytes frame;
  MessageWriter(frame).hello({.replica = ReplicaId{replica},
                              .instance = replica,
                              .client_ms = wall_ms(),
                              .token = as_bytes(token)});
  send(frame);
  while (!welcomed_ && !error_ && step()) {
  }
}

bool NativeClient::step() {
  const auto frame = socket_.receive();
  if (!frame) return false;
  FrameReader reader(*frame);
  while (const auto message = reader.next()) take(*message);
  return true;
}

void NativeClient::take(const MessageView& message) {
  switch (static_cast<MessageKind>(message.kind)) {
    case MessageKind::Welcome:
      welcomed_ = true;
      break;
    case MessageKind::Synced:
      synced_ = true;
      break;
    case MessageKind::Error:
      error_ = error_from_code(decode_error(message.payload).value().error);
      break;
    case MessageKind::Reject: {
      const auto reject = decode_reject(message.payload).value();
      rejected_with_ = error_from_code(reject.error);
      rejected_to_ = reject.sequence + reject.count - 1;
      break;
    }
    case MessageKind::Ack: {
      const auto ack = decode_ack(message.payload).value();
      acked_[ack.level] = ack.sequence;
      break;
    }
    case MessageKind::Records: {
      RecordBatch batch;
      const auto records = decode_records_message(message.payload).value();
      if (!decode_records(records.batch, Values::Validate, batch).ok()) break;
      for (const Record& record : batch.records) {
        if (record.tombstone) continue;
        // Short texts have one byte of head.
        records_[std::string(as_text(record.key))] = as_text(record.value.subspan(1));
      }
      break;
    }
    default:
      break;
  }
}

uint64_t NativeClient::set(std::string_view map, std::string_view key, std::string_view value) {
  Bytes encoded;
  ValueWriter(encoded).text(value);
  const uint64_t now_ms = wall_ms();
  OperationBatchBuilder builder;
  builder.begin({MapKind::Lww, ReplicaId{replica_}, ++sequence_, now_ms, as_bytes(map)});
  builder.add({.kind = OperationKind::LwwSet,
               .sequence = sequence_,
               .time = (now_ms << 16) | (sequence_ & 0xffff),
               .ttl_ms = 0,
               .key = as_bytes(key),
               .payload = encoded});
  Bytes frame;
  MessageWriter(frame).operations(builder.finish());
  send(frame);
  return sequence_;
}

bool NativeClient::wait_ack(uint64_t sequence, AckLevel level) {
  while (acked_[level] < sequence) {
    if (rejected_to_ >= sequence || error_ || !step()) return false;
  }
  return rejected_to_ < sequence;
}

std::map<std::string, std::string> NativeClient::read_map(std::string_view map) {
  records_.clear();
  synced_ = false;
  SubscribeMessage subscribe;
  subscribe.subscription = 1;
  subscribe.map = as_bytes(map);
  Bytes frame;
  MessageWriter(frame).subscribe(subscribe);
  send(frame);
  while (!synced_ && !error_ && step()) {
  }
  return records_;
}

std::optional<Error> NativeClient::wait_error() {
  while (!error_ && step()) {
  }
  return error_;
}

}  // namespace topgun::test
