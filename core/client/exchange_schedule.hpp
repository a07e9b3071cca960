#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace topgun::client {

/// How a client that holds no connection asks for changes. Milliseconds.
struct PollPolicy {
  /// How long the node may hold an answer back while there is no news; 0 = it answers at once.
  uint64_t wait_ms = 0;
  /// Pause between two questions right after news or own writes; it doubles while nothing happens.
  uint64_t interval_ms_min = 500;
  /// Where the doubling ends; 0 = nothing is asked unless there is another reason to.
  uint64_t interval_ms_max = 30'000;
};

/// Which requests of a client are under way, and when it asks for changes next. At most two at a
/// time: one that carries operations, one that asks for changes; both may be one and the same. Owns
/// no bytes and knows no messages.
class ExchangeSchedule {
 public:
  /// An answer that takes this long beyond the time it may be held back does not come any more.
  static constexpr uint64_t kAnswerTimeoutMs = 20'000;
  /// An answer without news that came back sooner was not held back: whoever sent it does not wait.
  static constexpr uint64_t kHeldMsMin = 1'000;

  struct Exchange {
    uint64_t id = 0;
    bool carries_operations = false;
    bool asks_for_changes = false;
    uint64_t started_ms = 0;
    uint64_t give_up_ms = 0;
    /// How long the node may hold the answer back; such an exchange may be called off for something
    /// more urgent.
    uint64_t wait_ms = 0;
    size_t request_bytes = 0;
    /// Up to which operations had been acknowledged when it began.
    uint64_t acknowledged = 0;
    /// Of the first operation carried.
    uint64_t first_sequence = 0;
    bool was_welcomed = false;
    bool brought_news = false;
    bool met_error = false;
    uint64_t node_ms = 0;
  };

  PollPolicy policy;

  /// Forgets everything under way, and asks at the next opportunity.
  void restart() {
    under_way_.clear();
    next_question_ms_.reset();
    interval_ms_ = policy.interval_ms_min;
    wants_changes_ = true;
  }
  void stop() { under_way_.clear(); }

  Exchange& begin(Exchange exchange, uint64_t now_ms) {
    exchange.id = ++last_id_;
    exchange.started_ms = now_ms;
    exchange.give_up_ms = now_ms + exchange.wait_ms + kAnswerTimeoutMs;
    if (exchange.asks_for_changes) wants_changes_ = false;
    under_way_.push_back(exchange);
    return under_way_.back();
  }

  Exchange* find(uint64_t id) {
    for (Exchange& exchange : under_way_) {
      if (exchange.id == id) return &exchange;
    }
    return nullptr;
  }

  uint64_t latest_id() const { return last_id_; }

  void heard(Exchange& exchange, uint64_t now_ms) {
    exchange.give_up_ms = now_ms + exchange.wait_ms + kAnswerTimeoutMs;
  }

  /// Takes the exchange out, and plans the next question if it was one.
  Exchange end(uint64_t id, uint64_t now_ms) {
    const Exchange ended = *find(id);
    remove(id);
    if (ended.asks_for_changes) plan(ended, now_ms);
    return ended;
  }

  void remove(uint64_t id) {
    std::erase_if(under_way_, [&](const Exchange& exchange) { return exchange.id == id; });
  }

  const Exchange* carrier() const {
    return first([](const Exchange& e) { return e.carries_operations; });
  }
  const Exchange* question() const {
    return first([](const Exchange& e) { return e.asks_for_changes; });
  }
  bool idle() const { return under_way_.empty(); }

  /// Something is to be asked as soon as possible.
  void want_changes() { wants_changes_ = true; }
  bool wants_changes() const { return wants_changes_; }
  bool question_is_due(uint64_t now_ms) const {
    return wants_changes_ || (next_question_ms_.has_value() && *next_question_ms_ <= now_ms);
  }

  /// The moment at which something has to be done, if there is one.
  std::optional<uint64_t> next_ms() const {
    std::optional<uint64_t> next;
    if (question() == nullptr) next = next_question_ms_;
    for (const Exchange& exchange : under_way_) {
      next = std::min(next.value_or(UINT64_MAX), exchange.give_up_ms);
    }
    return next;
  }
  bool has_timed_out(uint64_t now_ms) const {
    return first([&](const Exchange& e) { return e.give_up_ms <= now_ms; }) != nullptr;
  }

 private:
  template <typename Matches>
  const Exchange* first(Matches&& matches) const {
    for (const Exchange& exchange : under_way_) {
      if (matches(exchange)) return &exchange;
    }
    return nullptr;
  }

  void plan(const Exchange& ended, uint64_t now_ms) {
    const bool was_held = now_ms - ended.started_ms >= std::min(ended.wait_ms, kHeldMsMin);
    const bool says_nothing_of_waiting = ended.wait_ms == 0 || ended.brought_news;
    if (policy.wait_ms > 0 && (says_nothing_of_waiting || was_held)) {
      next_question_ms_ = now_ms;
      return;
    }
    next_question_ms_.reset();
    if (policy.interval_ms_max == 0) return;
    const uint64_t doubled = std::min(interval_ms_ * 2, policy.interval_ms_max);
    const bool is_lively = ended.brought_news || ended.carries_operations;
    interval_ms_ = is_lively ? policy.interval_ms_min : doubled;
    next_question_ms_ = now_ms + interval_ms_;
  }

  std::vector<Exchange> under_way_;
  std::optional<uint64_t> next_question_ms_;
  uint64_t interval_ms_ = 0;
  uint64_t last_id_ = 0;
  bool wants_changes_ = false;
};

}  // namespace topgun::client
