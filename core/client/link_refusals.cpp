#include <algorithm>

#include "core/base/probe.hpp"
#include "core/client/link.hpp"

namespace topgun::client {
namespace {

bool is_cured_by_waiting(Error error) {
  return error == Error::Draining || error == Error::Overloaded || error == Error::TimedOut ||
         error == Error::NotReady || error == Error::TakenOver;
}

}  // namespace

// The part of `Link` that is told no.

Result<void> Link::on_reject(ByteView payload, Now now) {
  const Result<RejectMessage> reject = decode_reject(payload);
  if (!reject.ok()) return reject.error();
  const Error error = error_from_code(reject->error).value_or(Error::Internal);
  if (error == Error::BehindHorizon) note_late_clock(now);
  replica_.reject(reject->sequence, reject->count, error, reject->detail, corrected(now));
  replica_.for_each_map([&](ClientMap& map) {
    if (map.wants_repair && map.phase == SyncPhase::Live) subscribe(map);
  });
  return {};
}

Result<void> Link::on_error(ByteView payload, Now now) {
  const Result<ErrorMessage> message = decode_error(payload);
  if (!message.ok()) return message.error();
  const Error error = error_from_code(message->error).value_or(Error::Internal);
  // An older node passed over a message, and answers the others as if it had not been there.
  const bool is_passed_over = !message->fatal && error == Error::UnknownMessage;
  if (is_passed_over) queries_.on_unknown_message();
  if (!is_passed_over) note_error();
  if (message->fatal && error == Error::TooLarge && can_say_less()) {
    say_less();
    events_.push(Event::Disconnect);
    lose(now, 0);
    return {};
  }
  report_error(error, message->detail);
  if (error == Error::RateLimited || error == Error::ReadOnly) {
    put_off_until_ms_ = now.mono_ms + std::max<uint64_t>(message->retry_after_ms, 1);
    replica_.outbox().mark_unsent();
    is_put_off_ = true;
  }
  if (!message->fatal) return {};
  // Whoever took over may be a copy of us: once this run is stored, the node can tell us apart.
  if (error == Error::TakenOver) replica_.store_run();
  events_.push(Event::Disconnect);
  lose(now, is_cured_by_waiting(error) ? 0 : refusals_.next_wait_ms(now.mono_ms));
  return {};
}

/// Something on the way takes less than the node.
bool Link::can_say_less() {
  const auto* exchange = answering_.has_value() ? exchanges_.find(*answering_) : nullptr;
  return exchange != nullptr && exchange->request_bytes > kRequestBytesMin &&
         request_bytes_max_ > kRequestBytesMin;
}

void Link::say_less() {
  const size_t refused = exchanges_.find(*answering_)->request_bytes;
  const size_t half = std::min(refused, request_bytes_max_) / 2;
  request_bytes_max_ = std::max(half, kRequestBytesMin);
}

Result<void> Link::on_cloned(ByteView payload, Now now) {
  const Result<uint64_t> common_sequence = decode_cloned(payload);
  if (!common_sequence.ok()) return common_sequence.error();
  if (state_ != State::Greeting && !uses_exchanges_) return Error::Malformed;
  replica_.replace(*common_sequence, corrected(now));
  events_.push(Event::Disconnect);
  lose(now, 0);
  // Nothing has to be waited for, unless the node should say so again and again.
  if (attempts_ <= 1) deadline_ms_ = now.mono_ms;
  return {};
}

}  // namespace topgun::client
