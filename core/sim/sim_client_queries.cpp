#include "core/sim/sim_client_queries.hpp"

#include "core/base/byte_io.hpp"
#include "core/base/hash.hpp"
#include "core/base/mix.hpp"
#include "core/base/probe.hpp"
#include "core/query/query.hpp"
#include "core/sim/invariant_checker.hpp"

namespace topgun::sim {

using client::Command;

namespace {

/// One turn in so many compares the answers with what is shown; looks and ends of phases always do.
constexpr uint64_t kTurnsPerCheck = 4;
constexpr size_t kLiveMax = 4;

// Numbers of the engine protocol: how rows are told, sides of combinations, steps.
constexpr uint8_t kRowsOfMap = 0;
constexpr uint8_t kGroups = 1;
constexpr uint8_t kRowsOfView = 2;
constexpr uint8_t kCombinations = 3;
constexpr uint8_t kAbsent = 0;
constexpr uint8_t kWithValue = 2;
constexpr uint8_t kEnter = 0;
constexpr uint8_t kUpdate = 1;
constexpr uint8_t kMove = 2;
constexpr uint8_t kLeave = 3;
constexpr uint8_t kGroupLeaves = 2;

uint8_t rows_told_as(const Question& question) {
  if (question.is_grouped()) return kGroups;
  if (question.partner != Partner::None) return kCombinations;
  return question.over == Relation::Notes ? kRowsOfMap : kRowsOfView;
}

/// What steps of queries ask for in `b`.
constexpr uint64_t kScans = 2;
constexpr uint64_t kPages = 4;

}  // namespace

SimClientQueries::SimClientQueries(const Options& options, InvariantChecker& checker, Run run)
    : options_(options),
      checker_(checker),
      run_(std::move(run)),
      draws_(options.seed, stream_id("client.queries"), options.client) {}

void SimClientQueries::fail(const Question& question, std::string_view what) {
  const Invariant invariant =
      question.looks_at_view() ? Invariant::ViewIsTrue : Invariant::LiveIsTrue;
  checker_.fail(invariant, name() + ": " + question_text(question) + ": " + std::string(what));
}

// --- the life of the process ---

void SimClientQueries::restart() {
  TG_SOMETIMES(!live_.empty() && !shown_.empty(), LiveSurvivesRestart);
  for (size_t i = 1; i < kRelationCount; ++i) {
    if (std::exchange(is_defined_[i], false)) define(static_cast<Relation>(i));
  }
  for (size_t i = 0; i < kIndexCount; ++i) {
    if (std::exchange(is_declared_[i], false)) declare(i);
  }
  for (const auto& [number, live] : live_) subscribe(number);
}

void SimClientQueries::stop() {
  shown_.clear();
  known_.clear();
  for (auto& [number, live] : live_) live = {live.question, false, false, {}, {}, {}};
}

// --- what the application does ---

bool SimClientQueries::is_defined(Relation relation) const {
  return relation == Relation::Notes || is_defined_[static_cast<size_t>(relation)];
}

/// A view that is not there is not asked.
Question SimClientQueries::resolve(Question question) const {
  if (!is_defined(question.over)) question.over = Relation::Notes;
  if (!is_defined(question.partners)) question.partners = Relation::Notes;
  return question;
}

void SimClientQueries::carry_out(const Step& step, bool is_online) {
  switch (step.kind) {
    case StepKind::Query:
      return ask(resolve(question_of(step.a)), (step.b & kScans) != 0, (step.b & kPages) != 0);
    case StepKind::SubscribeQuery: {
      TG_SOMETIMES(!is_online, LiveBeginsOffline);
      if (live_.size() >= kLiveMax) unsubscribe(live_.begin()->first);
      const uint64_t number = ++last_number_;
      live_[number].question = resolve(question_of(step.a));
      return subscribe(number);
    }
    case StepKind::UnsubscribeQuery: {
      if (live_.empty()) return;
      auto live = live_.begin();
      std::advance(live, static_cast<std::ptrdiff_t>(step.a % live_.size()));
      return unsubscribe(live->first);
    }
    case StepKind::ToggleIndex:
      for (size_t i = 0; i < kIndexCount; ++i) {
        if ((step.a >> i) % 2 == 1) declare(i);
      }
      return;
    case StepKind::ToggleView: {
      const auto view = static_cast<Relation>(1 + step.a % (kRelationCount - 1));
      return is_defined(view) ? drop(view) : define(view);
    }
    default:
      return;
  }
}

void SimClientQueries::define(Relation view) {
  const Question question = question_of_view(view);
  const Relation source = question.over;
  if (!is_defined(source)) define(source);
  Bytes payload;
  ByteWriter out(payload);
  out.blob(as_bytes(relation_name(view)));
  write_relation(out, source);
  out.raw(encode_query(query_of(question)));
  run_({Command::DefineView, std::move(payload), [&](const CommandAnswer& answer) {
          if (answer.error != 0) fail({.over = view}, "the view is refused");
        }});
  is_defined_[static_cast<size_t>(view)] = true;
}

void SimClientQueries::drop(Relation view) {
  if (view == Relation::Big && is_defined(Relation::OfBig)) drop(Relation::OfBig);
  std::vector<uint64_t> followers;
  for (const auto& [number, live] : live_) {
    const Question& question = live.question;
    const bool is_joined = question.partner != Partner::None && question.partners == view;
    if (question.over == view || is_joined) followers.push_back(number);
  }
  // What joins it has to go before, what follows it alone may go afterwards.
  std::erase_if(followers, [&](uint64_t number) {
    const bool joins = live_.at(number).question.partner != Partner::None;
    if (joins) unsubscribe(number);
    return joins;
  });
  Bytes payload;
  ByteWriter(payload).blob(as_bytes(relation_name(view)));
  run_({Command::DropView, std::move(payload), [&](const CommandAnswer& answer) {
          if (answer.error != 0) fail({.over = view}, "the view cannot be dropped");
        }});
  is_defined_[static_cast<size_t>(view)] = false;
  if (view == Relation::Big) is_declared_[kIndexCount - 1] = false;
  for (const uint64_t number : followers) unsubscribe(number);
}

/// Declares the index, or drops it if it is there.
void SimClientQueries::declare(size_t index) {
  const Relation relation = relation_of_index(index);
  if (!is_defined(relation)) return;
  const query::IndexDefinition definition = index_of(index);
  bool& is_declared = is_declared_[index];
  Bytes payload;
  ByteWriter out(payload);
  write_relation(out, relation);
  if (is_declared) {
    out.blob(as_bytes(definition.name));
    // A live join that goes through it keeps it.
    run_({Command::DropIndex, std::move(payload),
          [&](const CommandAnswer& answer) { is_declared = answer.error != 0; }});
    return;
  }
  query::write_index_definition(out, definition);
  run_({Command::AddIndex, std::move(payload), [&](const CommandAnswer& answer) {
          if (answer.error != 0) fail({.over = relation}, "the index is refused");
        }});
  is_declared = true;
}

Bytes SimClientQueries::query_bytes(const Question& question, bool scans, ByteView after) const {
  query::Query query = query_of(question);
  query.hints.force_scan = scans;
  query.after = to_bytes(after);
  Bytes bytes;
  ByteWriter out(bytes);
  write_relation(out, question.over);
  out.raw(encode_query(query));
  return bytes;
}

void SimClientQueries::subscribe(uint64_t number) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(number);
  out.raw(query_bytes(live_.at(number).question, false, {}));
  run_({Command::SubscribeQuery, std::move(payload), [this, number](const CommandAnswer& answer) {
          Live& live = live_.at(number);
          if (answer.error != 0) return fail(live.question, "the subscription is refused");
          live.is_running = live.is_new = true;
          ByteReader in(answer.payload);
          if (in.u8() != rows_told_as(live.question)) return fail(live.question, "told otherwise");
          if (live.question.partner != Partner::None && !live.question.is_grouped()) in.varint();
          for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
            if (!live.question.is_grouped()) {
              live.rows.push_back(read_told_row(live.question, in));
              continue;
            }
            std::string key(as_text(in.blob(answer.payload.size())));
            live.groups[std::move(key)] = to_bytes(in.blob(answer.payload.size()));
          }
          if (!in.ok() || !in.at_end()) fail(live.question, "the answer cannot be read");
        }});
  has_changed_ = true;
}

void SimClientQueries::unsubscribe(uint64_t number) {
  Bytes payload;
  ByteWriter(payload).varint(number);
  const Question question = live_.at(number).question;
  run_({Command::UnsubscribeQuery, std::move(payload), [&](const CommandAnswer& answer) {
          if (answer.error != 0) fail(question, "the subscription cannot be ended");
          live_.erase(number);
        }});
}

/// Asks once and compares; `pages` go on behind the last row until there is nothing left.
void SimClientQueries::ask(const Question& question, bool scans, bool pages) {
  Question page = question;
  Live whole;
  const bool goes_on = pages && page.limit != 0;
  if (goes_on) page.offset = 0;
  whole.question = page;
  if (goes_on) whole.question.limit = 0;
  const bool may_scan = page.partner == Partner::None;
  Bytes cursor;
  for (size_t asked = 0; asked <= shown_.size() + 1; ++asked) {
    CommandAnswer answer;
    run_({Command::Query, query_bytes(page, scans && may_scan, cursor),
          [&](const CommandAnswer& given) { answer = given; }});
    if (answer.error != 0) return fail(page, "the question is refused");
    if (!read_answer(page, answer.payload, whole, cursor)) {
      return fail(page, "the answer cannot be read");
    }
    if (!goes_on || cursor.empty()) break;
  }
  compare(whole, "asked once");
}

// --- answers ---

SimClientQueries::Side SimClientQueries::read_side(ByteReader& in, bool has_value) const {
  Side side;
  side.is_there = true;
  side.key = as_text(in.blob(kKeyBytesMax));
  if (has_value) {
    side.value = to_bytes(in.blob(kValueBytesDefault));
  } else if (const auto entry = shown_.find(side.key); entry != shown_.end()) {
    side.value = entry->second.value;
  }
  return side;
}

SimClientQueries::Row SimClientQueries::read_row(const Question& question, ByteReader& in) const {
  if (question.partner == Partner::None) {
    return {read_side(in, question.over != Relation::Notes)};
  }
  Row row(2);
  for (Side& side : row) {
    const uint8_t kind = in.u8();
    if (kind != kAbsent) side = read_side(in, kind == kWithValue);
  }
  return row;
}

/// Rows of a map are told by number in answers, and the key only where it is not known yet.
SimClientQueries::Row SimClientQueries::read_told_row(const Question& question, ByteReader& in) {
  if (rows_told_as(question) != kRowsOfMap) return read_row(question, in);
  const uint64_t told = in.varint();
  std::string& key = known_[told / 2];
  if (told % 2 == 1) key = as_text(in.blob(kKeyBytesMax));
  TG_SOMETIMES(told % 2 == 0, QueryRowIsKnown);
  Side side;
  side.is_there = true;
  side.key = key;
  if (const auto entry = shown_.find(key); entry != shown_.end()) side.value = entry->second.value;
  return {side};
}

/// Appends rows or groups to `answer`.
bool SimClientQueries::read_answer(const Question& question, ByteView payload, Live& answer,
                                   Bytes& cursor) {
  ByteReader in(payload);
  if (in.u8() != rows_told_as(question)) return false;
  if (!question.is_grouped() && question.partner != Partner::None) in.varint();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    if (!question.is_grouped()) {
      answer.rows.push_back(read_told_row(question, in));
      continue;
    }
    // In the order in which they come.
    const auto place = static_cast<char>(answer.groups.size());
    answer.groups[std::string(1, place)] = to_bytes(in.blob(payload.size()));
  }
  cursor.clear();
  if (!question.is_grouped()) cursor = to_bytes(in.blob(payload.size()));
  return in.ok() && in.at_end();
}

void SimClientQueries::change(const std::string& key, ShownRecord record) {
  shown_[key] = std::move(record);
  has_changed_ = true;
}

void SimClientQueries::hide(const std::string& key) {
  shown_.erase(key);
  has_changed_ = true;
}

void SimClientQueries::on_rows(ByteView payload, Command turn) {
  digest_ = absorb64(digest_, hash64(payload));
  ByteReader in(payload);
  std::vector<Live*> followers;
  for (uint64_t left = in.varint(); left > 0; --left) {
    const auto live = live_.find(in.varint());
    // What ended within the turn may have been told of before.
    if (live != live_.end()) followers.push_back(&live->second);
  }
  has_changed_ = true;
  if (followers.empty()) return;
  const Question& question = followers[0]->question;
  const bool is_remote = turn == Command::TransportFrame || turn == Command::ExchangePart;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    StepOfRows step;
    step.kind = in.u8();
    step.from = static_cast<size_t>(in.varint());
    step.to = static_cast<size_t>(in.varint());
    if (step.kind != kLeave && in.u8() != 0) step.row = read_row(question, in);
    TG_SOMETIMES(is_remote, LiveSeesRemote);
    TG_SOMETIMES(turn == Command::Tick && step.kind == kLeave, LiveEntryExpires);
    for (Live* const live : followers) take_step(*live, step);
  }
  if (!in.ok() || !in.at_end()) fail(question, "the steps cannot be read");
}

void SimClientQueries::take_step(Live& live, const StepOfRows& step) {
  std::vector<Row>& rows = live.rows;
  const bool takes_out = step.kind == kMove || step.kind == kLeave;
  const size_t left = rows.size() - (takes_out && !rows.empty() ? 1 : 0);
  const bool is_from_there = !takes_out || step.from < rows.size();
  const bool is_to_there = step.kind == kLeave || step.to < left + (step.kind == kUpdate ? 0 : 1);
  if (step.kind > kLeave || !is_from_there || !is_to_there) {
    return fail(live.question, "a step lies beyond the list");
  }
  if (takes_out) rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(step.from));
  if (step.kind == kLeave) return;
  if (step.kind == kEnter || step.kind == kMove) {
    rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(step.to), Row());
  }
  rows[step.to] = step.row;
}

void SimClientQueries::on_groups(ByteView payload) {
  digest_ = absorb64(digest_, hash64(payload));
  ByteReader in(payload);
  std::vector<Live*> followers;
  for (uint64_t left = in.varint(); left > 0; --left) {
    const auto live = live_.find(in.varint());
    if (live != live_.end()) followers.push_back(&live->second);
  }
  has_changed_ = true;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const uint8_t kind = in.u8();
    const std::string key(as_text(in.blob(payload.size())));
    const Bytes group = to_bytes(in.blob(payload.size()));
    for (Live* const live : followers) {
      const bool was_there = live->groups.erase(key) != 0;
      if (was_there != (kind != kEnter)) fail(live->question, "a group comes or goes twice");
      TG_SOMETIMES(kind == kEnter && live->left.count(key) != 0, LiveGroupReturns);
      if (kind == kGroupLeaves) {
        live->left.insert(key);
      } else {
        live->groups[key] = group;
      }
    }
  }
  if (!in.ok() || !in.at_end()) checker_.fail(Invariant::LiveIsTrue, name() + ": broken groups");
}

// --- comparisons ---

/// A write in front of the question may have been overruled, which the events of the turn tell.
void SimClientQueries::look_up_values(Live& live) const {
  const Relation relations[] = {live.question.over, live.question.partners};
  for (Row& row : live.rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const auto entry = shown_.find(row[i].key);
      const bool is_of_map = row[i].is_there && relations[i] == Relation::Notes;
      if (is_of_map && entry != shown_.end()) row[i].value = entry->second.value;
    }
  }
}

void SimClientQueries::end_turn() {
  ++turns_;
  for (auto& [number, live] : live_) {
    if (std::exchange(live.is_new, false)) look_up_values(live);
  }
  if (!has_changed_ || draws_.at(turns_) % kTurnsPerCheck != 0) return;
  has_changed_ = false;
  for (const auto& [number, live] : live_) {
    if (live.is_running) compare(live, "live");
  }
}

void SimClientQueries::check(bool thorough) {
  has_changed_ = false;
  const uint64_t chosen = draws_.at(~++questions_);
  uint64_t place = 0;
  std::vector<Question> asked;
  for (const auto& [number, live] : live_) {
    if (!live.is_running) continue;
    compare(live, "live");
    if (thorough || place++ == chosen % live_.size()) asked.push_back(live.question);
  }
  // Every other time a question that nobody follows.
  if (chosen >> 63 == 0 && !thorough) asked = {resolve(question_of(draws_.at(~++questions_)))};
  for (const Question& question : asked) ask(question, false, false);
  for (size_t view = 1; view < kRelationCount; ++view) {
    const bool is_chosen = thorough || view == 1 + chosen % (kRelationCount - 1);
    if (is_defined_[view] && is_chosen) check_view(static_cast<Relation>(view));
  }
}

void SimClientQueries::compare(const Live& answer, std::string_view how) {
  checker_.count_check(Invariant::LiveIsTrue);
  if (!answer.question.is_grouped()) return compare_rows(answer, how);
  const std::vector<Bytes> expected = naive_groups(answer.question, shown_);
  auto group = answer.groups.begin();
  bool is_equal = expected.size() == answer.groups.size();
  for (size_t i = 0; is_equal && i < expected.size(); ++i, ++group) {
    is_equal = group->second == expected[i];
  }
  if (is_equal) return;
  fail(answer.question, std::string(how) + ", has other groups than the entries that are shown");
}

void SimClientQueries::compare_rows(const Live& answer, std::string_view how) {
  const std::vector<NaiveRow> expected = naive_rows(answer.question, shown_);
  const size_t sides = answer.question.partner == Partner::None ? 1 : 2;
  bool is_equal = expected.size() == answer.rows.size();
  for (size_t i = 0; is_equal && i < expected.size(); ++i) {
    is_equal = answer.rows[i].size() == sides;
    for (size_t side = 0; is_equal && side < sides; ++side) {
      const Shown::value_type* const entry = expected[i].sides[side];
      const Side& told = answer.rows[i][side];
      is_equal = told.is_there == (entry != nullptr);
      if (!is_equal || entry == nullptr) continue;
      is_equal = told.key == entry->first && told.value == entry->second.value;
    }
  }
  if (is_equal) return;
  fail(answer.question, std::string(how) + ", has " + std::to_string(answer.rows.size()) +
                            " rows, not the " + std::to_string(expected.size()) +
                            " that the entries shown make");
}

void SimClientQueries::check_view(Relation view) {
  checker_.count_check(Invariant::ViewIsTrue);
  Bytes payload;
  ByteWriter out(payload);
  write_relation(out, view);
  out.raw(encode_query(query::Query()));
  CommandAnswer answer;
  run_({Command::Query, std::move(payload), [&](const CommandAnswer& given) { answer = given; }});
  ByteReader in(answer.payload);
  bool is_equal = answer.error == 0 && in.u8() == kRowsOfView;
  std::vector<Bytes> values;
  for (uint64_t left = is_equal ? in.varint() : 0; left > 0 && in.ok(); --left) {
    in.blob(kKeyBytesMax);
    values.push_back(to_bytes(in.blob(answer.payload.size())));
  }
  is_equal = is_equal && in.ok() && values == naive_view(view, shown_);
  if (!is_equal) fail({.over = view}, "is not what it is defined as");
}

}  // namespace topgun::sim
