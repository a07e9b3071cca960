#include "core/base/probe.hpp"
#include "core/node/home.hpp"

namespace topgun::node {
void Home::start_repair(Session& session, Subscription& subscription) {
  ++context_.stats.repairs_started;
  TG_SOMETIMES(true, NodeRepair);
  subscription.phase = SubscriptionPhase::Repairing;
  subscription.versions = subscription.described_versions;
  subscription.stage_started_ms = context_.now.wall_ms;
  if (session.exchange != nullptr) session.exchange->has_news = true;
  subscription.diff = std::make_unique<Subscription::DiffState>();
  // Each comparison looks at other bits of the hashes; an exchange knows of none before it.
  if (session.exchange != nullptr) {
    subscription.slice = static_cast<uint8_t>(context_.now.mono_ms % kDiffSlices);
  }
  MessageWriter out(output(session));
  out.subscribed({subscription.id, SyncMode::Repair, owner_.collect_horizon_ms()});
  out.diff(first_diff(subscription.id, subscription.slice, subscription.total.root_children));
  subscription.slice = static_cast<uint8_t>((subscription.slice + 1) % kDiffSlices);
}

Result<void> Home::on_diff(Session& session, ByteView payload) {
  Result<DiffMessage> diff = decode_diff(payload);
  if (!diff.ok()) return diff.error();
  Subscription* subscription = find_subscription(session, diff->subscription);
  if (subscription != nullptr && subscription->continuation.has_value()) {
    subscription->continued_diff = to_bytes(payload);
    return {};
  }
  // A conversation that was given up meanwhile, by Unsubscribe or a new Subscribe.
  if (subscription == nullptr || subscription->phase != SubscriptionPhase::Repairing) return {};
  if (subscription->answers_missing > 0) return Error::Malformed;  // One step at a time.
  take_diff(session, *subscription, std::move(*diff), payload);
  return {};
}

void Home::take_diff(Session& session, Subscription& subscription, DiffMessage diff,
                     ByteView payload) {
  if (diff.empty()) {
    subscription.diff.reset();
    return describe(session, subscription, DescribePurpose::Finish);
  }
  if (is_behind(subscription)) return describe(session, subscription, DescribePurpose::Start);
  Subscription::DiffState& state = *subscription.diff;
  state = {};
  state.received = to_bytes(payload);
  state.message = std::move(diff);
  Bytes request = encode_map(channels_.at(subscription.channel));
  ByteWriter(request).raw(payload);
  ask_owners(session, subscription, ShardMessageKind::DiffChildren, request);
}

void Home::on_diff_children(const ShardMessage& message) {
  Session* session = find({message.numbers[0]});
  if (session == nullptr) return;
  Subscription* subscription = find_subscription(*session, message.numbers[1]);
  if (subscription == nullptr || subscription->step != message.numbers[2]) return;
  Subscription::DiffState& state = *subscription->diff;
  const std::vector<uint64_t> part = decode_sequences(*message.payload);
  state.children.resize(part.size(), 0);
  for (size_t i = 0; i < part.size(); ++i) state.children[i] += part[i];
  if (--subscription->answers_missing > 0) return;
  Bytes request = encode_map(channels_.at(subscription->channel));
  ByteWriter out(request);
  put_prefixes(out, differing_children(state.message, state.children));
  out.raw(state.received);
  ask_owners(*session, *subscription, ShardMessageKind::DiffExpand, request);
}

void Home::on_diff_expand(const ShardMessage& message) {
  Session* session = find({message.numbers[0]});
  if (session == nullptr) return;
  Subscription* subscription = find_subscription(*session, message.numbers[1]);
  if (subscription == nullptr || subscription->step != message.numbers[2]) return;
  Subscription::DiffState& state = *subscription->diff;
  DiffExpansion part = decode_expansion(*message.payload);
  for (const Bytes& batch : part.batches) send_records(*session, *subscription, batch);
  if (state.regions.empty()) {
    state.regions = std::move(part.regions);
  } else {
    for (size_t i = 0; i < part.regions.size(); ++i) {
      add_region(state.regions[i], part.regions[i]);
    }
  }
  state.leaves.resize(part.leaves.size());
  for (size_t i = 0; i < part.leaves.size(); ++i) add_leaf_part(state.leaves[i], part.leaves[i]);
  state.lost.resize(part.lost.size());
  for (size_t i = 0; i < part.lost.size(); ++i) {
    state.lost[i].insert(state.lost[i].end(), part.lost[i].begin(), part.lost[i].end());
  }
  if (--subscription->answers_missing == 0) finish_diff(*session, *subscription);
}

void Home::finish_diff(Session& session, Subscription& subscription) {
  Subscription::DiffState& state = *subscription.diff;
  const DiffMessage& received = state.message;
  DiffMessage answer = begin_answer(received);
  for (const DiffRegion& region : state.regions) answer_region(region, answer);
  for (size_t i = 0; i < received.leaves.size(); ++i) {
    answer_leaf(received.leaves[i], state.leaves[i], answer);
  }
  for (size_t i = 0; i < received.claims.size(); ++i) {
    answer_claim(received.claims[i], state.lost[i], answer);
  }
  limit_answer(answer);
  MessageWriter(output(session)).diff(answer);
  if (!answer.empty()) return;
  subscription.diff.reset();
  describe(session, subscription, DescribePurpose::Finish);
}

}  // namespace topgun::node
