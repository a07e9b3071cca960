#include "core/client/engine.hpp"

#include "core/base/prng.hpp"
#include "core/client/link.hpp"
#include "core/value/value.hpp"

namespace topgun::client {
namespace {

constexpr uint8_t kOpenWithoutStorage = 1;
constexpr uint8_t kOpenStoresAtOnce = 2;
constexpr size_t kRowBytesMax = size_t{256} << 20;
constexpr size_t kRowKeyBytesMax = 256;
constexpr uint64_t kPollIntervalMsMax = 24 * 3600 * 1000;
constexpr ValueLimits kValueLimits{.bytes_max = kValueBytesMax};

/// What a command answers besides its error.
using Answer = Result<void>;

MapKind take_kind(ByteReader& in) {
  const uint8_t kind = in.u8();
  if (in.ok() && !is_map_kind(kind)) in.fail(Error::InvalidArgument);
  return static_cast<MapKind>(kind);
}

Answer finish(const ByteReader& in) {
  if (!in.ok()) return in.error();
  if (!in.at_end()) return Error::Malformed;
  return {};
}

}  // namespace

class Engine::Impl {
 public:
  explicit Impl(MakeQueries make_queries) : replica_(events), link_(events, replica_) {
    if (make_queries != nullptr) queries_ = make_queries(replica_, events);
  }

  void run(ByteView request);

  EventQueue events;
  Bytes response;
  Bytes polled;

 private:
  Answer execute(Command command, ByteReader& in, ByteWriter& out, Now now);
  Answer ask_node(ByteReader& in);
  Answer open(ByteReader& in);
  Answer load_row(ByteReader& in);
  Answer start(ByteReader& in, ByteWriter& out);
  Answer open_map(ByteReader& in, Now now);
  Answer set(ByteReader& in, Now now);
  Answer remove(ByteReader& in, Now now);
  Answer or_add(ByteReader& in, ByteWriter& out, Now now);
  Answer or_remove(ByteReader& in, ByteWriter& out, Now now);
  Answer counter_add(ByteReader& in, Now now);
  Answer root(ByteReader& in, ByteWriter& out);
  Answer unsubscribe(ByteReader& in);
  Answer transport_opened(ByteReader& in, Now now);
  Answer set_polling(ByteReader& in);
  Answer persisted(ByteReader& in);
  Answer relay(ByteReader& in, ByteWriter& out, Now now);
  Answer tab_cursor(ByteReader& in, ByteWriter& out);
  Answer forget_tab(ByteReader& in);
  Answer mirror(ByteReader& in, Now now);
  Answer watch(ByteReader& in);
  Answer query(Command command, ByteReader& in, ByteWriter& out, Now now);
  Result<ClientMap*> take_map(ByteReader& in);
  void respond(const Answer& answer, size_t length_at, size_t error_at);

  ClientReplica replica_;
  Link link_;
  std::unique_ptr<QueryPort> queries_;
  bool opened_ = false;
};

void Engine::Impl::respond(const Answer& answer, size_t length_at, size_t error_at) {
  const uint16_t code = answer.ok() ? 0 : static_cast<uint16_t>(answer.error());
  response[error_at] = static_cast<uint8_t>(code);
  response[error_at + 1] = static_cast<uint8_t>(code >> 8);
  if (!answer.ok()) response.resize(error_at + 2);
  ByteWriter(response).end_u32_length(length_at);
}

void Engine::Impl::run(ByteView request) {
  response.clear();
  ByteReader in(request);
  const uint8_t version = in.u8();
  Now now;
  now.wall_ms = in.u64();
  now.mono_ms = in.u64();
  if (in.ok() && version != kEngineProtocolVersion) in.fail(Error::UnsupportedVersion);
  bool ran_any = false;
  while (in.ok() && !in.at_end()) {
    const uint32_t size = in.u32();
    const ByteView command = in.raw(size);
    if (in.ok() && command.empty()) in.fail(Error::Malformed);
    if (!in.ok()) break;
    ByteWriter out(response);
    const size_t length_at = out.begin_u32_length();
    const size_t error_at = response.size();
    out.u16(0);
    ByteReader payload(command.subspan(1));
    respond(execute(static_cast<Command>(command[0]), payload, out, now), length_at, error_at);
    ran_any = true;
  }
  if (!in.ok()) {
    ByteWriter out(response);
    const size_t length_at = out.begin_u32_length();
    const size_t error_at = response.size();
    out.u16(0);
    respond(in.error(), length_at, error_at);
  }
  if (!ran_any || !replica_.started()) return;
  replica_.expire(link_.corrected(now));
  if (queries_) queries_->end_turn();
  replica_.end_turn();
  link_.end_turn(now, queries_ && queries_->has_work() ? Link::Again::Soon : Link::Again::WhenDue);
}

Answer Engine::Impl::execute(Command command, ByteReader& in, ByteWriter& out, Now now) {
  const bool is_setup =
      command == Command::Open || command == Command::LoadRow || command == Command::Start;
  if (!is_setup && !replica_.started()) return Error::NotReady;
  switch (command) {
    case Command::Open:
      return open(in);
    case Command::LoadRow:
      return load_row(in);
    case Command::Start:
      return start(in, out);
    case Command::OpenMap:
      return open_map(in, now);
    case Command::Set:
      return set(in, now);
    case Command::Remove:
      return remove(in, now);
    case Command::OrAdd:
      return or_add(in, out, now);
    case Command::OrRemove:
      return or_remove(in, out, now);
    case Command::CounterAdd:
      return counter_add(in, now);
    case Command::Root:
      return root(in, out);
    case Command::LastSequence:
      replica_.close_batch();
      out.varint(replica_.last_sequence());
      out.varint(replica_.outbox().operations());
      return finish(in);
    case Command::Unsubscribe:
      return unsubscribe(in);
    case Command::TransportOpened:
      return transport_opened(in, now);
    case Command::TransportFrame:
      // What was written before the frame arrived is stamped before it is merged.
      replica_.close_batch();
      link_.frame(in.rest(), now);
      return {};
    case Command::TransportClosed:
      link_.transport_closed(now);
      return finish(in);
    case Command::ExchangePart: {
      const uint64_t id = in.varint();
      if (!in.ok()) return in.error();
      replica_.close_batch();
      link_.exchange_part(id, in.rest(), now);
      return {};
    }
    case Command::ExchangeDone: {
      const uint64_t id = in.varint();
      const Answer done = finish(in);
      if (done.ok()) link_.exchange_done(id, now);
      return done;
    }
    case Command::SetPolling:
      return set_polling(in);
    case Command::Refresh:
      link_.refresh();
      return finish(in);
    case Command::Tick:
      link_.tick(now);
      return finish(in);
    case Command::SetOnline: {
      const uint8_t online = in.u8();
      const Answer done = finish(in);
      if (done.ok()) link_.set_online(online != 0, now);
      return done;
    }
    case Command::SetToken: {
      const ByteView token = in.blob(kTokenBytesMax);
      const Answer done = finish(in);
      if (done.ok()) link_.set_token(token);
      return done;
    }
    case Command::Persisted:
      return persisted(in);
    case Command::Relay:
      return relay(in, out, now);
    case Command::TabCursor:
      return tab_cursor(in, out);
    case Command::ForgetTab:
      return forget_tab(in);
    case Command::Watch:
      return watch(in);
    case Command::Mirror:
      return mirror(in, now);
    case Command::ExportState: {
      const Answer done = finish(in);
      return done.ok() ? replica_.export_state(out) : done;
    }
    case Command::AskNode:
      return ask_node(in);
    case Command::EndAsk: {
      const uint64_t number = in.varint();
      const Answer done = finish(in);
      if (done.ok()) link_.end_ask(number);
      return done;
    }
    case Command::Query:
    case Command::SubscribeQuery:
    case Command::UnsubscribeQuery:
    case Command::ExplainQuery:
    case Command::AddIndex:
    case Command::DropIndex:
    case Command::Indexes:
    case Command::DefineView:
    case Command::DropView:
    case Command::ForgetRows:
      return query(command, in, out, link_.corrected(now));
  }
  return Error::UnknownMessage;
}

Answer Engine::Impl::ask_node(ByteReader& in) {
  const uint64_t number = in.varint();
  const uint8_t is_live = in.u8();
  if (in.ok() && is_live > 1) in.fail(Error::Malformed);
  const ByteView map = in.blob(kMapNameBytesMax);
  if (!in.ok()) return in.error();
  return link_.ask(number, is_live != 0, map, in.rest());
}

Answer Engine::Impl::open(ByteReader& in) {
  const uint64_t seed_low = in.u64();
  const uint64_t seed_high = in.u64();
  ClientReplica::Options options;
  options.replica = {in.u64()};
  const uint64_t operations_max = in.varint();
  // The flags came later than the command; a host that does not send them has storage.
  const uint8_t flags = in.at_end() ? 0 : in.u8();
  const Answer done = finish(in);
  if (!done.ok()) return done;
  if (opened_) return Error::InvalidArgument;
  opened_ = true;
  Prng identity(seed_low, stream_id("client.identity"), seed_high);
  while (options.replica.value == 0) options.replica.value = identity.next();
  if (operations_max != 0) options.outbox_operations_max = operations_max;
  options.has_storage = (flags & kOpenWithoutStorage) == 0;
  options.stores_at_once = (flags & kOpenStoresAtOnce) != 0;
  options.draws = Prng(seed_low, stream_id("client.replacement"), seed_high);
  replica_.open(options);
  const uint64_t instance = identity.next();
  link_.open(identity.next(), instance);
  return {};
}

Answer Engine::Impl::load_row(ByteReader& in) {
  const ByteView key = in.blob(kRowKeyBytesMax);
  const ByteView row = in.blob(kRowBytesMax);
  const Answer done = finish(in);
  if (!done.ok()) return done;
  if (!opened_ || replica_.started()) return Error::NotReady;
  replica_.load_row(std::string(as_text(key)), to_bytes(row));
  return {};
}

Answer Engine::Impl::start(ByteReader& in, ByteWriter& out) {
  const Answer done = finish(in);
  if (!done.ok()) return done;
  if (!opened_ || replica_.started()) return Error::NotReady;
  const bool known = replica_.start();
  out.u64(replica_.replica().value);
  out.u8(known ? 0 : 1);
  return {};
}

Result<ClientMap*> Engine::Impl::take_map(ByteReader& in) {
  const uint64_t handle = in.varint();
  if (!in.ok()) return in.error();
  ClientMap* map = replica_.map_of(handle);
  if (map == nullptr) return Error::InvalidArgument;
  return map;
}

Answer Engine::Impl::open_map(ByteReader& in, Now now) {
  const uint64_t handle = in.varint();
  const MapKind kind = take_kind(in);
  const ByteView name = in.blob(kMapNameBytesMax);
  const Answer done = finish(in);
  if (!done.ok()) return done;
  const Result<ClientMap*> map = replica_.open_map(handle, kind, name, link_.corrected(now));
  if (!map.ok()) return map.error();
  link_.follow(**map);
  return {};
}

Answer Engine::Impl::set(ByteReader& in, Now now) {
  const Result<ClientMap*> map = take_map(in);
  if (!map.ok()) return map.error();
  const ByteView key = in.blob(kKeyBytesMax);
  const uint64_t ttl_ms = in.varint();
  if (!in.ok()) return in.error();
  const Answer valid = validate_value(in.rest(), kValueLimits);
  if (!valid.ok()) return valid;
  return replica_.set(**map, key, ttl_ms, in.rest(), link_.corrected(now));
}

Answer Engine::Impl::remove(ByteReader& in, Now now) {
  const Result<ClientMap*> map = take_map(in);
  if (!map.ok()) return map.error();
  const ByteView key = in.blob(kKeyBytesMax);
  const Answer done = finish(in);
  if (!done.ok()) return done;
  return replica_.remove(**map, key, link_.corrected(now));
}

Answer Engine::Impl::or_add(ByteReader& in, ByteWriter& out, Now now) {
  const Result<ClientMap*> map = take_map(in);
  if (!map.ok()) return map.error();
  const ByteView key = in.blob(kKeyBytesMax);
  const uint64_t ttl_ms = in.varint();
  if (!in.ok()) return in.error();
  const Answer valid = validate_value(in.rest(), kValueLimits);
  if (!valid.ok()) return valid;
  const Result<TagBytes> tag = replica_.or_add(**map, key, ttl_ms, in.rest(), link_.corrected(now));
  if (!tag.ok()) return tag.error();
  out.raw(*tag);
  return {};
}

Answer Engine::Impl::or_remove(ByteReader& in, ByteWriter& out, Now now) {
  const Result<ClientMap*> map = take_map(in);
  if (!map.ok()) return map.error();
  const ByteView key = in.blob(kKeyBytesMax);
  if (!in.ok()) return in.error();
  const Result<uint64_t> removed = replica_.or_remove(**map, key, in.rest(), link_.corrected(now));
  if (!removed.ok()) return removed.error();
  out.varint(*removed);
  return {};
}

Answer Engine::Impl::counter_add(ByteReader& in, Now now) {
  const Result<ClientMap*> map = take_map(in);
  if (!map.ok()) return map.error();
  const ByteView key = in.blob(kKeyBytesMax);
  const auto amount = static_cast<int64_t>(in.u64());
  const Answer done = finish(in);
  if (!done.ok()) return done;
  return replica_.counter_add(**map, key, amount, link_.corrected(now));
}

Answer Engine::Impl::root(ByteReader& in, ByteWriter& out) {
  const Result<ClientMap*> map = take_map(in);
  if (!map.ok()) return map.error();
  const Answer done = finish(in);
  if (!done.ok()) return done;
  const MerkleRoot& root = (*map)->table.root();
  out.u64(root.sum);
  out.u64(root.mixed_sum);
  out.varint((*map)->table.size());
  return {};
}

Answer Engine::Impl::unsubscribe(ByteReader& in) {
  const Result<ClientMap*> map = take_map(in);
  if (!map.ok()) return map.error();
  const Answer done = finish(in);
  if (!done.ok()) return done;
  link_.unfollow(**map);
  return {};
}

Answer Engine::Impl::transport_opened(ByteReader& in, Now now) {
  // The kind came later than the command; a host that does not name it opens streams.
  const uint8_t kind = in.at_end() ? 0 : in.u8();
  const Answer done = finish(in);
  if (!done.ok()) return done;
  if (kind > static_cast<uint8_t>(TransportKind::Exchanges)) return Error::InvalidArgument;
  link_.transport_opened(static_cast<TransportKind>(kind), now);
  return {};
}

Answer Engine::Impl::set_polling(ByteReader& in) {
  PollPolicy policy;
  policy.wait_ms = in.varint_max(kExchangeWaitMsMax);
  policy.interval_ms_min = in.varint_max(kPollIntervalMsMax);
  policy.interval_ms_max = in.varint_max(kPollIntervalMsMax);
  const Answer done = finish(in);
  if (!done.ok()) return done;
  if (policy.interval_ms_min == 0) return Error::InvalidArgument;
  link_.set_polling(policy);
  return {};
}

Answer Engine::Impl::persisted(ByteReader& in) {
  const uint64_t transaction = in.varint();
  const uint16_t code = in.u16();
  const Answer done = finish(in);
  if (!done.ok()) return done;
  std::optional<Error> error;
  if (code != 0) error = error_from_code(code).value_or(Error::StorageIo);
  replica_.persisted(transaction, error);
  return {};
}

Answer Engine::Impl::relay(ByteReader& in, ByteWriter& out, Now now) {
  const TabId tab = take_tab(in);
  const uint64_t number = in.varint();
  const auto command = static_cast<Command>(in.u8());
  if (!in.ok()) return in.error();
  if (number == 0 || !is_write(command)) return Error::InvalidArgument;
  const bool is_repeated = number <= replica_.tabs().of(tab);
  out.u8(is_repeated ? 1 : 0);
  if (is_repeated) return {};
  replica_.write_for(ClientReplica::Writer::Tab);
  const Answer done = execute(command, in, out, now);
  replica_.write_for(ClientReplica::Writer::Host);
  if (done.ok()) replica_.tabs().change(tab, number);
  return done;
}

Answer Engine::Impl::tab_cursor(ByteReader& in, ByteWriter& out) {
  const TabId tab = take_tab(in);
  const Answer done = finish(in);
  if (done.ok()) out.varint(replica_.tabs().of(tab));
  return done;
}

Answer Engine::Impl::forget_tab(ByteReader& in) {
  const TabId tab = take_tab(in);
  const Answer done = finish(in);
  if (done.ok() && replica_.tabs().of(tab) != 0) replica_.tabs().change(tab, 0);
  return done;
}

Answer Engine::Impl::mirror(ByteReader& in, Now now) {
  const Result<ClientMap*> map = take_map(in);
  if (!map.ok()) return map.error();
  const ByteView key = in.blob(kKeyBytesMax);
  const bool present = in.u8() != 0;
  if (!in.ok()) return in.error();
  std::optional<ByteView> value;
  if (present) {
    const Answer valid = validate_value(in.rest(), kValueLimits);
    if (!valid.ok()) return valid;
    value = in.rest();
  } else if (!in.at_end()) {
    return Error::Malformed;
  }
  return replica_.mirror(**map, key, value, link_.corrected(now));
}

Answer Engine::Impl::watch(ByteReader& in) {
  const Result<ClientMap*> map = take_map(in);
  if (!map.ok()) return map.error();
  const bool on = in.u8() != 0;
  const Answer done = finish(in);
  if (done.ok()) (*map)->watched = on;
  return done;
}

Answer Engine::Impl::query(Command command, ByteReader& in, ByteWriter& out, Now now) {
  if (!queries_) return Error::UnknownMessage;
  // An answer has nothing in it whose time has passed, however much that is.
  while (replica_.next_expiry_ms().value_or(UINT64_MAX) <= now.wall_ms) replica_.expire(now);
  return queries_->execute(command, in, out, now);
}

Engine::Engine(MakeQueries make_queries) : impl_(std::make_unique<Impl>(make_queries)) {}
Engine::~Engine() = default;

ByteView Engine::exec(ByteView request) {
  impl_->run(request);
  return impl_->response;
}

ByteView Engine::poll() {
  impl_->events.take_into(impl_->polled);
  return impl_->polled;
}

}  // namespace topgun::client
