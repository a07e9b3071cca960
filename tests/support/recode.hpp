#pragma once

#include "core/sync/batch.hpp"
#include "core/sync/messages.hpp"

namespace topgun {

/// Decodes and encodes again. What is accepted must come out as it went in: equal messages have
/// equal bytes.

inline Result<Bytes> recode_operations(ByteView bytes, Values values = Values::Validate) {
  OperationBatch batch;
  if (const Result<void> decoded = decode_operations(bytes, values, batch); !decoded.ok()) {
    return decoded.error();
  }
  OperationBatchBuilder builder;
  builder.begin(batch.header);
  for (const Operation& operation : batch.operations) builder.add(operation);
  return builder.finish();
}

inline Result<Bytes> recode_records(ByteView bytes, Values values = Values::Validate) {
  RecordBatch batch;
  if (const Result<void> decoded = decode_records(bytes, values, batch); !decoded.ok()) {
    return decoded.error();
  }
  RecordBatchBuilder builder;
  builder.begin(batch.kind, batch.map);
  for (const Record& record : batch.records) builder.add(record);
  return builder.finish();
}

/// Writes what `decoded` holds with `write`, or passes its error on.
template <typename T, typename Write>
Result<Bytes> rewrite_message(const Result<T>& decoded, Write write) {
  if (!decoded.ok()) return decoded.error();
  Bytes frame;
  MessageWriter writer(frame);
  (writer.*write)(*decoded);
  return frame;
}

/// The frame of this one message; `UnknownMessage` for a kind that does not exist. Batches inside
/// messages are carried, not looked into.
inline Result<Bytes> recode_message(const MessageView& message) {
  using Writer = MessageWriter;
  const ByteView payload = message.payload;
  switch (static_cast<MessageKind>(message.kind)) {
    case MessageKind::Hello:
      return rewrite_message(decode_hello(payload), &Writer::hello);
    case MessageKind::Operations:
      return rewrite_message(Result<ByteView>(payload), &Writer::operations);
    case MessageKind::Subscribe:
      return rewrite_message(decode_subscribe(payload), &Writer::subscribe);
    case MessageKind::Unsubscribe:
      return rewrite_message(decode_unsubscribe(payload), &Writer::unsubscribe);
    case MessageKind::Diff:
      return rewrite_message(decode_diff(payload), &Writer::diff);
    case MessageKind::Records:
      return rewrite_message(decode_records_message(payload), &Writer::records);
    case MessageKind::Ping:
      return rewrite_message(decode_nonce(payload), &Writer::ping);
    case MessageKind::Pong:
      return rewrite_message(decode_nonce(payload), &Writer::pong);
    case MessageKind::Credit:
      return rewrite_message(decode_credit(payload), &Writer::credit);
    case MessageKind::Authenticate:
      return rewrite_message(decode_authenticate(payload), &Writer::authenticate);
    case MessageKind::Resume: {
      const Result<void> resume = decode_resume(payload);
      if (!resume.ok()) return resume.error();
      Bytes frame;
      MessageWriter(frame).resume();
      return frame;
    }
    case MessageKind::Exchange:
      return rewrite_message(decode_exchange(payload), &Writer::exchange);
    case MessageKind::Welcome:
      return rewrite_message(decode_welcome(payload), &Writer::welcome);
    case MessageKind::Ack:
      return rewrite_message(decode_ack(payload), &Writer::ack);
    case MessageKind::Reject:
      return rewrite_message(decode_reject(payload), &Writer::reject);
    case MessageKind::Subscribed:
      return rewrite_message(decode_subscribed(payload), &Writer::subscribed);
    case MessageKind::Changes:
      return rewrite_message(decode_changes(payload), &Writer::changes);
    case MessageKind::Synced:
      return rewrite_message(decode_synced(payload), &Writer::synced);
    case MessageKind::Cloned:
      return rewrite_message(decode_cloned(payload), &Writer::cloned);
    case MessageKind::More:
      return rewrite_message(decode_more(payload), &Writer::more);
    case MessageKind::Query:
      return rewrite_message(decode_query_message(payload), &Writer::query);
    case MessageKind::EndQuery:
      return rewrite_message(decode_end_query(payload), &Writer::end_query);
    case MessageKind::Answer:
      return rewrite_message(decode_answer(payload), &Writer::answer);
    case MessageKind::Steps:
      return rewrite_message(decode_steps(payload), &Writer::steps);
    case MessageKind::QueryFailed:
      return rewrite_message(decode_query_failed(payload), &Writer::query_failed);
    case MessageKind::Error:
      return rewrite_message(decode_error(payload), &Writer::error);
  }
  return Error::UnknownMessage;
}

}  // namespace topgun
