#include "core/base/probe.hpp"
#include "core/node/home.hpp"

namespace topgun::node {
namespace {

std::vector<std::optional<uint64_t>> as_positions(const std::vector<uint64_t>& versions) {
  return {versions.begin(), versions.end()};
}

}  // namespace

bool Home::may_read(const Session& session, std::string_view map) const {
  if (is_reserved_map(map) || context_.options.is_view(map)) return false;
  const AccessPolicy* access = context_.options.access;
  return access == nullptr || access->allows(*session.principal, map, Permission::Read);
}

void Home::drop_forbidden_subscriptions(Session& session) {
  for (auto it = session.subscriptions.begin(); it != session.subscriptions.end();) {
    if (may_read(session, channels_.at(it->second.channel).map)) {
      ++it;
      continue;
    }
    leave_channel(session.connection, it->second);
    it = session.subscriptions.erase(it);
    send_error(session, Error::Forbidden);
  }
}

Channel& Home::channel_for(MapKind kind, ByteView map) {
  const auto key = std::make_pair(kind, std::string(as_text(map)));
  const auto found = channel_ids_.find(key);
  if (found != channel_ids_.end()) return channels_.at(found->second);
  Channel channel;
  channel.id = ++last_channel_;
  channel.kind = kind;
  channel.map = key.second;
  channel_ids_.emplace(key, channel.id);
  return channels_.emplace(channel.id, std::move(channel)).first->second;
}

void Home::leave_channel(ConnectionId connection, const Subscription& subscription) {
  Channel& channel = channels_.at(subscription.channel);
  std::erase_if(channel.listeners, [&](const Channel::Listener& listener) {
    return listener.connection == connection && listener.subscription == subscription.id;
  });
  if (!channel.listeners.empty()) return;
  const SharedBytes payload = share(encode_map(channel));
  for (uint16_t shard = 0; shard < context_.options.shard_count; ++shard) {
    context_.post(shard, ShardMessageKind::Unlisten, {channel.id}, payload);
  }
  channel_ids_.erase({channel.kind, channel.map});
  channels_.erase(channel.id);
}

Subscription* Home::find_subscription(Session& session, uint64_t id) {
  const auto found = session.subscriptions.find(id);
  return found == session.subscriptions.end() ? nullptr : &found->second;
}

Result<void> Home::on_subscribe(Session& session, ByteView payload) {
  const Result<SubscribeMessage> message = decode_subscribe(payload);
  if (!message.ok()) return message.error();
  if (!may_read(session, as_text(message->map))) {
    send_error(session, Error::Forbidden);
    return {};
  }
  // A known id is a client that asks for repair: it starts over.
  const bool known = find_subscription(session, message->subscription) != nullptr;
  if (!known && session.subscriptions.size() >= context_.options.limits.subscriptions_max) {
    send_error(session, Error::LimitExceeded);
    return {};
  }
  Channel& channel = channel_for(message->kind, message->map);
  Subscription& subscription = session.subscriptions[message->subscription];
  if (known && subscription.channel != channel.id) return Error::Malformed;
  if (!known) {
    subscription.id = message->subscription;
    subscription.channel = channel.id;
    channel.listeners.push_back({session.connection, subscription.id});
  }
  subscription.client_root = message->root;
  subscription.client_records = message->records;
  subscription.in_step_ms = message->synced_ms;
  take_cursor(subscription, message->cursor);
  subscription.versions.assign(context_.options.shard_count, 0);
  subscription.pulls.clear();
  subscription.diff.reset();
  subscription.continued_diff = {};
  subscription.lagging = false;
  describe(session, subscription, DescribePurpose::Start);
  return {};
}

void Home::take_cursor(Subscription& subscription, ByteView bytes) const {
  subscription.client_versions.clear();
  subscription.continuation.reset();
  std::optional<Cursor> cursor = decode_cursor(bytes, context_.options);
  if (!cursor.has_value()) return;
  if (cursor->continuation.has_value()) {
    // Tombstones from before may be gone, and what they overruled would come back.
    if (cursor->continuation->started_ms < owner_.horizon_ms()) return;
    subscription.continuation = std::move(cursor->continuation);
  }
  subscription.client_versions = std::move(cursor->versions);
}

Result<void> Home::on_unsubscribe(Session& session, ByteView payload) {
  const Result<uint64_t> id = decode_unsubscribe(payload);
  if (!id.ok()) return id.error();
  const Subscription* subscription = find_subscription(session, *id);
  if (subscription == nullptr) return {};
  leave_channel(session.connection, *subscription);
  session.subscriptions.erase(*id);
  return {};
}

void Home::ask_owners(Session& session, Subscription& subscription, ShardMessageKind kind,
                      const Bytes& payload) {
  const SharedBytes shared = share(payload);
  subscription.answers_missing = context_.options.shard_count;
  subscription.step = ++last_step_;
  for (uint16_t shard = 0; shard < context_.options.shard_count; ++shard) {
    context_.post(shard, kind, {session.connection.value, subscription.id, subscription.step},
                  shared);
  }
}

void Home::describe(Session& session, Subscription& subscription, DescribePurpose purpose) {
  subscription.phase = purpose == DescribePurpose::Finish ? SubscriptionPhase::Finishing
                                                          : SubscriptionPhase::Describing;
  subscription.step = ++last_step_;
  subscription.answers_missing = context_.options.shard_count;
  subscription.total = {};
  subscription.described_versions.assign(context_.options.shard_count, 0);
  const Channel& channel = channels_.at(subscription.channel);
  // Half a kilobyte a shard, of use only where trees are compared.
  const bool may_compare =
      purpose == DescribePurpose::Repair ||
      (purpose == DescribePurpose::Start && subscription.client_versions.empty() &&
       subscription.client_records > 0);
  Bytes bytes = encode_map(channel);
  ByteWriter(bytes).u8(may_compare ? 1 : 0);
  const SharedBytes payload = share(std::move(bytes));
  const StepNumber step{subscription.step, static_cast<uint8_t>(purpose)};
  for (uint16_t shard = 0; shard < context_.options.shard_count; ++shard) {
    context_.post(shard, ShardMessageKind::Describe,
                  {session.connection.value, subscription.id, channel.id, step.encode()}, payload);
  }
}

void Home::on_described(const ShardMessage& message) {
  Session* session = find({message.numbers[0]});
  if (session == nullptr) return;
  Subscription* subscription = find_subscription(*session, message.numbers[1]);
  const StepNumber step = StepNumber::decode(message.numbers[2]);
  if (subscription == nullptr || subscription->step != step.step) return;
  const auto purpose = static_cast<DescribePurpose>(step.detail);
  const Description part = decode_description(*message.payload);
  Description& total = subscription->total;
  total.root.add(part.root);
  total.records += part.records;
  total.root_children.resize(part.root_children.size(), 0);
  for (size_t i = 0; i < part.root_children.size(); ++i) {
    total.root_children[i] += part.root_children[i];
  }
  subscription->described_versions[message.from] = part.version;
  if (--subscription->answers_missing > 0) return;
  switch (purpose) {
    case DescribePurpose::Start:
      return start_sync(*session, *subscription);
    case DescribePurpose::Repair:
      if (is_behind(*subscription)) return start_sync(*session, *subscription);
      return start_repair(*session, *subscription);
    case DescribePurpose::Finish:
      if (is_behind(*subscription)) return start_sync(*session, *subscription);
      return send_synced(*session, *subscription);
  }
}

bool Home::is_behind(const Subscription& subscription) const {
  return subscription.in_step_ms != 0 && subscription.in_step_ms < owner_.horizon_ms() &&
         !TG_MUTANT(33) && !(TG_MUTANT(49) && subscription.phase != SubscriptionPhase::Describing);
}

void Home::start_sync(Session& session, Subscription& subscription) {
  if (subscription.continuation.has_value()) return continue_subscription(session, subscription);
  const bool behind = is_behind(subscription);
  TG_SOMETIMES(behind, NodeResync);
  SubscribedMessage subscribed{subscription.id, SyncMode::Current, owner_.collect_horizon_ms()};
  // Whatever way the client is brought up to date, it then has everything up to here.
  subscription.versions = subscription.described_versions;
  if (behind || subscription.in_step_ms == 0) subscription.in_step_ms = context_.now.wall_ms;
  if (behind) {
    ++context_.stats.resyncs_forced;
    subscribed.mode = SyncMode::Resync;
  } else if (subscription.client_root == subscription.total.root) {
    subscribed.mode = SyncMode::Current;
  } else if (!subscription.client_versions.empty()) {
    subscribed.mode = SyncMode::Delta;
  } else if (subscription.client_records == 0) {
    subscribed.mode = SyncMode::Snapshot;
  } else {
    return start_repair(session, subscription);
  }
  if (session.exchange != nullptr) {
    const bool is_current = subscribed.mode == SyncMode::Current;
    session.exchange->has_news = session.exchange->has_news || !is_current;
    const bool has_cursor = subscription.client_versions == subscription.versions;
    const bool is_in_step = (is_current && has_cursor) || TG_MUTANT(62);
    if (session.exchange->quiet && is_in_step) {
      subscription.phase = SubscriptionPhase::Live;
      return;
    }
  }
  MessageWriter(output(session)).subscribed(subscribed);
  subscription.stage_started_ms = context_.now.wall_ms;
  const std::vector<std::optional<uint64_t>> from_start(context_.options.shard_count, 0);
  switch (subscribed.mode) {
    case SyncMode::Current:
      return send_synced(session, subscription);
    case SyncMode::Delta:
      TG_SOMETIMES(true, NodeDelta);
      return start_pulls(session, subscription, PullMode::Delta,
                         as_positions(subscription.client_versions));
    case SyncMode::Snapshot:
    case SyncMode::Resync:
    case SyncMode::Repair:
      TG_SOMETIMES(true, NodeSnapshot);
      return start_pulls(session, subscription, PullMode::Snapshot, from_start);
  }
}

void Home::start_pulls(Session& session, Subscription& subscription, PullMode mode,
                       const std::vector<std::optional<uint64_t>>& positions) {
  subscription.phase = SubscriptionPhase::Pulling;
  subscription.step = ++last_step_;
  subscription.pulls.assign(context_.options.shard_count, {});
  for (uint16_t shard = 0; shard < context_.options.shard_count; ++shard) {
    subscription.pulls[shard] = {mode, positions[shard].value_or(0), !positions[shard].has_value(),
                                 false};
    if (positions[shard].has_value()) pull(session, subscription, shard);
  }
}

void Home::pull(Session& session, Subscription& subscription, uint16_t shard) {
  Subscription::Pull& state = subscription.pulls[shard];
  state.stalled = !has_credit(session);
  TG_SOMETIMES(state.stalled, NodeStalls);
  if (state.stalled) return;
  Bytes request = encode_map(channels_.at(subscription.channel));
  ByteWriter out(request);
  out.u64(session.replica.value);
  out.varint(credit_max(session));
  const StepNumber step{subscription.step, static_cast<uint8_t>(state.mode)};
  context_.post(shard, ShardMessageKind::Pull,
                {session.connection.value, subscription.id, step.encode(), state.position},
                share(std::move(request)));
}

void Home::on_pulled(const ShardMessage& message) {
  Session* session = find({message.numbers[0]});
  if (session == nullptr) return;
  Subscription* subscription = find_subscription(*session, message.numbers[1]);
  const StepNumber step = StepNumber::decode(message.numbers[2]);
  if (subscription == nullptr || subscription->step != step.step) return;
  const auto outcome = static_cast<PullOutcome>(step.detail);
  if (outcome == PullOutcome::NotCovered) {
    TG_SOMETIMES(true, NodeNotCovered);
    return describe(*session, *subscription, DescribePurpose::Repair);
  }
  for (const ByteView batch : decode_batches(*message.payload)) {
    send_records(*session, *subscription, batch);
  }
  Subscription::Pull& state = subscription->pulls[message.from];
  state.position = message.numbers[3];
  if (outcome == PullOutcome::More) {
    // Should the connection break, the next one goes on from here.
    if (session->exchange == nullptr) send_more(*session, *subscription);
    return pull(*session, *subscription, message.from);
  }
  state.done = true;
  if (state.mode == PullMode::Delta) subscription->versions[message.from] = state.position;
  finish_pulls(*session, *subscription);
}

void Home::finish_pulls(Session& session, Subscription& subscription) {
  for (const Subscription::Pull& state : subscription.pulls) {
    if (!state.done) return;
  }
  subscription.pulls.clear();
  describe(session, subscription, DescribePurpose::Finish);
}

void Home::send_synced(Session& session, Subscription& subscription) {
  if (subscription.lagging) {
    // Changes were dropped while this went on; get them before saying so.
    subscription.lagging = false;
    return start_pulls(session, subscription, PullMode::Delta, as_positions(subscription.versions));
  }
  subscription.phase = SubscriptionPhase::Live;
  subscription.in_step_ms = context_.now.wall_ms;
  const Bytes cursor = encode_cursor({subscription.versions, std::nullopt}, context_.options);
  MessageWriter(output(session))
      .synced({subscription.id, cursor, context_.now.wall_ms, subscription.total.root});
}

void Home::send_records(Session& session, const Subscription& subscription, ByteView batch) {
  ++context_.stats.records_sent;
  if (session.exchange != nullptr) session.exchange->has_news = true;
  Bytes& out = output(session);
  const size_t before = out.size();
  MessageWriter(out).records({subscription.id, batch});
  session.unacknowledged_bytes += out.size() - before;
}

size_t Home::credit_max(const Session& session) const {
  return session.exchange != nullptr ? session.exchange->answer_bytes_max
                                     : context_.options.limits.credit_bytes;
}

bool Home::has_credit(const Session& session) const {
  return session.unacknowledged_bytes < credit_max(session);
}

void Home::on_changes(const ShardMessage& message) {
  const auto found = channels_.find(message.numbers[0]);
  if (found == channels_.end()) return;
  const uint64_t version = message.numbers[1];
  const ReplicaId author{message.numbers[2]};
  for (const Channel::Listener& listener : found->second.listeners) {
    Session* session = find(listener.connection);
    TG_ASSERT(session != nullptr);
    Subscription& subscription = session->subscriptions.at(listener.subscription);
    const bool live = subscription.phase == SubscriptionPhase::Live && !subscription.lagging;
    const bool is_author = session->replica == author;
    const bool has_batch = !message.payload->empty();
    if (!is_author && (!has_batch || !has_credit(*session))) {
      if (live) subscription.in_step_ms = context_.now.wall_ms;
      TG_SOMETIMES(has_batch, NodeLags);
      subscription.lagging = true;
    } else if (!is_author && !subscription.lagging) {
      session->unacknowledged_bytes += message.payload->size();
      ++context_.stats.changes_sent;
      flush(*session);  // What was said before goes before.
      context_.effects.sends.push_back({listener.connection, message.payload});
      if (session->exchange != nullptr) session->exchange->has_news = true;
    }
    if (live && !subscription.lagging) subscription.versions[message.from] = version;
    if (live && subscription.lagging) resume(*session);
    touch(*session);
  }
}

Result<void> Home::on_credit(Session& session, ByteView payload) {
  const Result<uint64_t> bytes = decode_credit(payload);
  if (!bytes.ok()) return bytes.error();
  session.unacknowledged_bytes -= std::min(session.unacknowledged_bytes, *bytes);
  resume(session);
  return {};
}

void Home::resume(Session& session) {
  if (!has_credit(session) || TG_MUTANT(42)) return;
  resume_queries(session);
  for (auto& [id, subscription] : session.subscriptions) {
    if (subscription.phase == SubscriptionPhase::Pulling) {
      for (uint16_t shard = 0; shard < subscription.pulls.size(); ++shard) {
        if (subscription.pulls[shard].stalled) pull(session, subscription, shard);
      }
    } else if (subscription.phase == SubscriptionPhase::Live && subscription.lagging) {
      subscription.lagging = false;
      if (is_behind(subscription)) {
        describe(session, subscription, DescribePurpose::Start);
        continue;
      }
      start_pulls(session, subscription, PullMode::Delta, as_positions(subscription.versions));
    }
  }
}

}  // namespace topgun::node
