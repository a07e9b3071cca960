#include "tests/server/crash/ledger.hpp"

#include <algorithm>

namespace topgun::test {
namespace {

constexpr uint64_t kKeysOfAWriter = 97;
// Every so many batches the writer counts instead.
constexpr uint64_t kCounterEvery = 5;

std::string key_of(ReplicaId replica, uint64_t sequence) {
  return "w" + std::to_string(replica.value) + "-" + std::to_string(sequence % kKeysOfAWriter);
}

Bytes stored_sequence(uint64_t sequence) {
  // A MessagePack uint 64, whatever the size of the number.
  Bytes value{0xcf};
  for (int shift = 56; shift >= 0; shift -= 8) {
    value.push_back(static_cast<uint8_t>(sequence >> shift));
  }
  return value;
}

uint64_t read_sequence(ByteView value) {
  uint64_t sequence = 0;
  for (size_t i = 1; i < value.size(); ++i) sequence = sequence << 8 | value[i];
  return sequence;
}

}  // namespace

bool Writer::connect(uint16_t port) {
  socket_.emplace(port);
  welcomed_ = false;
  if (!socket_->connected()) return false;
  Bytes frame;
  HelloMessage hello;
  hello.replica = replica_;
  hello.instance = ++instance_;
  hello.client_ms = last_ms_;
  MessageWriter(frame).hello(hello);
  if (!socket_->send(frame)) return false;
  while (!welcomed_) {
    if (!read(5000)) return false;
  }
  offer_again();
  return true;
}

void Writer::offer_again() {
  if (is_put_off_ && socket_) {
    Bytes frame;
    MessageWriter(frame).resume();
    socket_->send(frame);
  }
  is_put_off_ = false;
  for (const Sent& sent : outbox_) send(sent);
}

void Writer::write(uint64_t count, uint64_t now_ms) {
  // A stamp of its own for every write, above all before it.
  last_ms_ = std::max(now_ms, last_ms_ + 1);
  const bool counts = (sequence_ / 8) % kCounterEvery == 0;
  Sent sent;
  OperationBatchBuilder builder;
  builder.begin({counts ? MapKind::Counter : MapKind::Lww, replica_, sequence_ + 1, last_ms_,
                 as_bytes(counts ? kCounterMap : kMap)});
  for (uint64_t i = 0; i < count; ++i) {
    Operation operation;
    operation.sequence = ++sequence_;
    operation.time = stamp_time(last_ms_, static_cast<uint16_t>(i));
    Bytes payload;
    std::string key = "total";
    if (counts) {
      counter_ += 1;
      operation.kind = OperationKind::CounterAdd;
      ByteWriter writer(payload);
      writer.varint(counter_);
      writer.varint(0);
    } else {
      key = key_of(replica_, sequence_);
      operation.kind = OperationKind::LwwSet;
      payload = stored_sequence(sequence_);
      sent.writes.emplace_back(key, sequence_);
      offered_[key] = sequence_;
    }
    operation.key = as_bytes(key);
    operation.payload = payload;
    builder.add(operation);
  }
  sent.last_sequence = sequence_;
  sent.counter = counter_;
  sent.batch = builder.finish();
  if (!is_put_off_) send(sent);
  outbox_.push_back(std::move(sent));
}

void Writer::send(const Sent& sent) {
  if (!socket_) return;
  Bytes frame;
  MessageWriter(frame).operations(sent.batch);
  socket_->send(frame);
}

bool Writer::read(int timeout_ms) {
  if (!socket_) return false;
  std::optional<Bytes> frame = socket_->receive(timeout_ms);
  if (!frame) return timeout_ms == 0;
  while (frame) {
    take_frame(*frame);
    frame = socket_->receive(0);
  }
  return true;
}

void Writer::take_frame(ByteView frame) {
  FrameReader reader(frame);
  while (const auto message = reader.next()) {
    switch (static_cast<MessageKind>(message->kind)) {
      case MessageKind::Welcome:
        welcomed_ = true;
        break;
      case MessageKind::Ack: {
        const Result<AckMessage> ack = decode_ack(message->payload);
        if (!ack.ok()) {
          problem_ = "a malformed ack";
        } else if (ack->level >= AckLevel::Local) {
          take_ack(ack->sequence);
        }
        break;
      }
      case MessageKind::Error:
        take_error(message->payload);
        break;
      case MessageKind::Reject:
        problem_ = "the server refused a write";
        break;
      default:
        break;
    }
  }
  if (!reader.ok()) problem_ = "a malformed frame";
}

void Writer::take_error(ByteView payload) {
  const Result<ErrorMessage> error = decode_error(payload);
  if (!error.ok()) {
    problem_ = "a malformed error";
  } else if (error->error == static_cast<uint16_t>(Error::ReadOnly) && !error->fatal) {
    is_put_off_ = true;
    put_offs_ += 1;
  } else {
    problem_ = "the server refused a write with error " + std::to_string(error->error);
  }
}

void Writer::take_ack(uint64_t sequence) {
  acknowledged_ = std::max(acknowledged_, sequence);
  while (!outbox_.empty() && outbox_.front().last_sequence <= acknowledged_) {
    for (const auto& [key, written] : outbox_.front().writes) promised_[key] = written;
    counter_promised_ = outbox_.front().counter;
    outbox_.pop_front();
  }
}

std::optional<Snapshot> read_snapshot(uint16_t port) {
  WebSocketClient socket(port);
  if (!socket.connected()) return std::nullopt;
  Bytes request;
  MessageWriter writer(request);
  HelloMessage hello;
  hello.replica = {0xfeed};
  hello.instance = 1;
  writer.hello(hello);
  writer.credit(0);
  SubscribeMessage subscribe;
  subscribe.subscription = 1;
  subscribe.map = as_bytes(Writer::kMap);
  writer.subscribe(subscribe);
  subscribe.subscription = 2;
  subscribe.kind = MapKind::Counter;
  subscribe.map = as_bytes(Writer::kCounterMap);
  writer.subscribe(subscribe);
  if (!socket.send(request)) return std::nullopt;

  Snapshot snapshot;
  RecordBatch batch;
  for (int synced = 0; synced < 2;) {
    const std::optional<Bytes> frame = socket.receive(5000);
    if (!frame) return std::nullopt;
    FrameReader reader(*frame);
    while (const auto message = reader.next()) {
      const auto kind = static_cast<MessageKind>(message->kind);
      if (kind == MessageKind::Synced) synced += 1;
      if (kind == MessageKind::Error) return std::nullopt;
      if (kind != MessageKind::Records) continue;
      const Result<RecordsMessage> records = decode_records_message(message->payload);
      if (!records.ok()) return std::nullopt;
      if (!decode_records(records->batch, Values::Validate, batch).ok()) return std::nullopt;
      for (const Record& record : batch.records) {
        if (batch.kind == MapKind::Counter) {
          uint64_t replica = 0;
          for (size_t i = 8; i > 0; --i) replica = replica << 8 | record.tag[i - 1];
          snapshot.totals[replica] = decode_counter(record.value).positive;
        } else {
          snapshot.values[std::string(as_text(record.key))] = read_sequence(record.value);
        }
      }
    }
  }
  return snapshot;
}

std::string find_loss(const Writer& writer, const Snapshot& snapshot) {
  const std::string who = "replica " + std::to_string(writer.replica().value) + ": ";
  for (const auto& [key, promised] : writer.promised()) {
    const auto found = snapshot.values.find(key);
    const uint64_t stored = found == snapshot.values.end() ? 0 : found->second;
    if (stored < promised || stored > writer.offered().at(key)) {
      return who + "key " + key + " holds write " + std::to_string(stored) + ", but write " +
             std::to_string(promised) + " was acknowledged";
    }
  }
  const auto found = snapshot.totals.find(writer.replica().value);
  const uint64_t total = found == snapshot.totals.end() ? 0 : found->second;
  if (total < writer.counter_promised() || total > writer.counter_offered()) {
    return who + "the counter stands at " + std::to_string(total) + ", but " +
           std::to_string(writer.counter_promised()) + " was acknowledged";
  }
  return {};
}

}  // namespace topgun::test
